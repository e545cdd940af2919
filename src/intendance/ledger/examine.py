"""One record under the glass: its form, its columns, its kind."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from intendance.ledger import canonical, envelope
from intendance.ledger.report import Case, Fault
from intendance.ledger.rows import Block, Row
from intendance.model.errors.ledger import NotCanonical
from intendance.model.evidence import KINDS
from intendance.model.record import Attachment, Record

_ENVELOPE = frozenset(field.name for field in fields(Record))


class Examined(NamedTuple):
    """What a record says of its place (`prev` None: it cannot be read), and what is wrong with it, if anything."""

    prev: str | None
    attachments: list[Attachment]
    case: Case | None = None
    detail: str = ""

    @property
    def fault(self) -> Fault | None:
        """How bad it is, if anything is."""
        return None if self.case is None else self.case.fault


def examine(row: Row, node: str) -> Examined:
    """Look at one record of `node`'s log by itself; chain and tree are the caller's."""
    return _quick(row, node) or _thorough(row, node)


Attached = tuple[int, Attachment]
"""An attachment, and the number of the record that names it."""


def faultless(block: Block, node: str, first: int, previous: str) -> tuple[str, list[Attached]] | None:
    """The last record's digest and all attachments, when nothing at all is wrong with records that stand together.

    They are numbered from `first`; the record before them has the digest `previous`. None: look at each by itself.
    The same as `examine` of each, and the chain, with less work in between.
    """
    attached: list[Attached] = []
    contents = [row[4] for row in block]
    try:
        for place, (seq, kind, asset, ts, content) in enumerate(block, first):
            typed = envelope.same_again(kind, content)
            if (
                typed is None
                or not (seq == typed.seq == place)
                or typed.prev != previous
                or typed.kind != kind
                or typed.asset != asset
                or typed.ts != ts
                or typed.node != node
                or typed.v != envelope.VERSION
                or kind == "genesis"
                or len(content) > canonical.LIMIT_BYTES
                or not _is_time(ts)
            ):
                return None
            if typed.attachments:
                attached += ((seq, attachment) for attachment in typed.attachments)
            previous = envelope.digest(content)
        together = b"".join(contents)  # records begin and end with braces: nothing new arises where two of them meet
        if not canonical.is_normal(together) or (
            canonical.has_long_numbers(together) and any(examine(Row._make(row), node).fault for row in block)
        ):
            return None
    except (ValueError, RecursionError, OverflowError):
        return None
    return previous, attached


def _quick(row: Row, node: str) -> Examined | None:
    """The answer for a faultless record in its usual form, by decoding it typed and encoding it again; else None."""
    seq, kind, asset, ts, content = row
    try:
        typed = envelope.same_again(kind, content)
        sound = (
            typed is not None
            and typed.seq == seq
            and typed.kind == kind
            and typed.asset == asset
            and typed.ts == ts
            and typed.node == node
            and typed.v == envelope.VERSION
            and len(content) <= canonical.LIMIT_BYTES
            and canonical.is_normal(content)
            and not canonical.has_long_numbers(content)
            and _is_time(ts)
        )
    except (ValueError, RecursionError, OverflowError):
        return None
    return Examined(typed.prev, typed.attachments) if typed is not None and sound else None


def _thorough(row: Row, node: str) -> Examined:
    try:
        value = canonical.decode(row.content)
    except NotCanonical as error:
        return _faulty(Case.RECORD_NOT_CANONICAL, f"it is not canonical JSON: {error.params['detail']}")
    if not isinstance(value, dict) or value.get("v") != envelope.VERSION or isinstance(value["v"], bool):
        return _faulty(Case.RECORD_VERSION_UNKNOWN, "its version is not known to this program")
    if set(value) != _ENVELOPE:
        return _faulty(Case.RECORD_MALFORMED, "it has not the members of a record of version 1")
    try:
        record = msgspec.convert(value, Record)
    except msgspec.ValidationError as error:
        return _faulty(Case.RECORD_MALFORMED, f"it is not a record of version 1: {error}")
    for name, written, found in (
        ("seq", record.seq, row.seq),
        ("kind", record.kind, row.kind),
        ("asset", record.asset, row.asset),
        ("ts", record.ts, row.ts),
        ("node", record.node, node),
    ):
        if written != found:
            return _faulty(Case.RECORD_MISPLACED, f"it says {name} {written!r}, its place says {found!r}", record)
    if not _is_time(record.ts):
        return _faulty(
            Case.RECORD_TIME_MALFORMED, f"its time {record.ts!r} is not RFC 3339 in UTC with microseconds", record
        )
    return _of_kind(record)


def _of_kind(record: Record) -> Examined:
    if record.kind not in KINDS:
        return _faulty(Case.RECORD_KIND_UNKNOWN, f"its kind {record.kind!r} is not known to this program", record)
    try:
        data = msgspec.convert(record.data, KINDS[record.kind])
    except msgspec.ValidationError as error:
        return _faulty(Case.RECORD_DATA_UNKNOWN, f"its data is not that of {record.kind!r}: {error}", record)
    if not _covers(msgspec.to_builtins(data), record.data):
        return _faulty(
            Case.RECORD_DATA_UNKNOWN, f"its data has members that {record.kind!r} does not have in this program", record
        )
    return Examined(record.prev, record.attachments)


def _is_time(text: str) -> bool:
    """Whether this is `2026-11-21T08:00:00.123456Z`: RFC 3339, UTC, microseconds."""
    if len(text) != 27 or text[4] != "-" or text[7] != "-" or text[10] != "T" or text[19] != "." or text[26] != "Z":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _covers(known: Any, written: Any) -> bool:
    """Whether all that is written was understood; members added since then may be absent."""
    if isinstance(written, dict):
        return isinstance(known, dict) and all(
            key in known and _covers(known[key], item) for key, item in written.items()
        )
    if isinstance(written, list):
        return (
            isinstance(known, list | tuple)
            and len(known) == len(written)
            and all(_covers(*pair) for pair in zip(known, written, strict=True))
        )
    return bool(known == written)


def _faulty(case: Case, detail: str, record: Record | None = None) -> Examined:
    return Examined(
        prev=record.prev if record else None,
        attachments=record.attachments if record else [],
        case=case,
        detail=detail,
    )
