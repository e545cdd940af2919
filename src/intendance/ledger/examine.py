"""One record under the glass: its form, its columns, its kind."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, fields
from typing import Any

import msgspec

from intendance.ledger import canonical, envelope
from intendance.ledger.report import Fault
from intendance.ledger.rows import Row
from intendance.model.errors.ledger import NotCanonical
from intendance.model.evidence import KINDS
from intendance.model.record import Attachment, Record

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_LONG_NUMBER = re.compile(rb"[0-9]{16}")
_ENVELOPE = frozenset(field.name for field in fields(Record))
_encoder = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class Examined:
    """What a record says of its place, and what is wrong with it, if anything."""

    prev: str
    attachments: list[Attachment]
    data: Any = None
    fault: Fault | None = None
    detail: str = ""


def examine(row: Row, node: str) -> Examined:
    """Look at one record of `node`'s log by itself; chain and tree are the caller's."""
    return _quick(row, node) or _thorough(row, node)


def _quick(row: Row, node: str) -> Examined | None:
    """The answer for a faultless record in its usual form, by decoding it typed and encoding it again; else None."""
    if row.kind not in KINDS:
        return None
    try:
        typed = envelope.decoder(row.kind).decode(row.content)
    except (ValueError, RecursionError):
        return None
    same = (
        typed.v == envelope.VERSION
        and typed.node == node
        and (typed.seq, typed.kind, typed.asset, typed.ts) == (row.seq, row.kind, row.asset, row.ts)
        and len(row.content) <= canonical.LIMIT_BYTES
        and (row.content.isascii() or unicodedata.is_normalized("NFC", row.content.decode()))
        and _LONG_NUMBER.search(row.content) is None
        and _TIME.fullmatch(typed.ts) is not None
        and _encoder.encode(typed) == row.content
    )
    return Examined(typed.prev, typed.attachments, typed.data) if same else None


def _thorough(row: Row, node: str) -> Examined:
    try:
        value = canonical.decode(row.content)
    except NotCanonical as error:
        return _wrong(f"it is not canonical JSON: {error.params['detail']}")
    if not isinstance(value, dict) or value.get("v") != envelope.VERSION or isinstance(value["v"], bool):
        return _unclear("its version is not known to this program")
    if set(value) != _ENVELOPE:
        return _unclear("it has not the members of a record of version 1")
    try:
        record = msgspec.convert(value, Record)
    except msgspec.ValidationError as error:
        return _unclear(f"it is not a record of version 1: {error}")
    for name, written, found in (
        ("seq", record.seq, row.seq),
        ("kind", record.kind, row.kind),
        ("asset", record.asset, row.asset),
        ("ts", record.ts, row.ts),
        ("node", record.node, node),
    ):
        if written != found:
            return _wrong(f"it says {name} {written!r}, its place says {found!r}", record)
    if _TIME.fullmatch(record.ts) is None:
        return _unclear(f"its time {record.ts!r} is not RFC 3339 in UTC with microseconds", record)
    return _of_kind(record)


def _of_kind(record: Record) -> Examined:
    if record.kind not in KINDS:
        return _unclear(f"its kind {record.kind!r} is not known to this program", record)
    try:
        data = msgspec.convert(record.data, KINDS[record.kind])
    except msgspec.ValidationError as error:
        return _unclear(f"its data is not that of {record.kind!r}: {error}", record)
    if not _covers(msgspec.to_builtins(data), record.data):
        return _unclear(f"its data has members that {record.kind!r} does not have in this program", record)
    return Examined(record.prev, record.attachments, data)


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


def _wrong(detail: str, record: Record | None = None) -> Examined:
    return _faulty(Fault.TAMPERED, detail, record)


def _unclear(detail: str, record: Record | None = None) -> Examined:
    return _faulty(Fault.UNDETERMINED, detail, record)


def _faulty(fault: Fault, detail: str, record: Record | None) -> Examined:
    return Examined(
        prev=record.prev if record else "", attachments=record.attachments if record else [], fault=fault, detail=detail
    )
