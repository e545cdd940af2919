"""The heads of nodes' ledgers that a fleet log binds (`heads.bound`): read out of any source of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec

from intendance.ledger import envelope
from intendance.ledger.note import Checkpoint, Note, VerifierKey, read_checkpoint, verify_note
from intendance.ledger.origin import node_of
from intendance.ledger.report import Bound, Case, Report
from intendance.ledger.source import Source, Unreadable
from intendance.model.errors.ledger import NoteMalformed, RecordUnreadable
from intendance.model.frozen import dataclass

KIND = "heads.bound"
LIMIT_SHEET_BYTES = 16 * 2**20
"""Of one attachment, unpacked: a thousand heads take less than one."""


@dataclass(frozen=True, slots=True)
class BoundHead:
    """A head that record `seq` of the fleet log binds, as its own ledger's key is said to have signed it."""

    seq: int
    head: Checkpoint
    note: Note


class _Line(msgspec.Struct, frozen=True):
    node: str
    incarnation: int
    note: str


def bound_heads(source: Source, report: Report) -> tuple[BoundHead, ...]:
    """The heads that a fleet log binds, oldest first, as far as a quorum, where one was asked for, vouches for them.

    What cannot be read, and two heads that do not agree, goes into the fleet log's report, with how many there are.
    """
    found: list[BoundHead] = []
    newest: dict[str, Checkpoint] = {}
    end = report.signed_size or 0
    if report.quorum is not None and report.quorum.size is not None:
        end = min(end, report.quorum.size)
    try:
        for bound in _all(source, report, end):
            _compare(newest.get(bound.head.origin), bound, report)
            newest[bound.head.origin] = bound.head
            found.append(bound)
    except Unreadable as error:
        report.add(Case.UNREADABLE, "ledger", str(error))
    report.bound = Bound(ledgers=len(newest), heads=len(found))
    return tuple(found)


def of_ledger(key: VerifierKey, bound: tuple[BoundHead, ...], report: Report) -> list[tuple[str, Checkpoint]]:
    """The bound heads of one ledger, by its key, each with where it stands; what does not fit goes into its report."""
    known: list[tuple[str, Checkpoint]] = []
    for each in bound:
        if each.head.origin != key.name:
            continue
        where = f"fleet log, record {each.seq}"
        genuine = verify_note(each.note, key)
        if genuine is None:
            report.add(Case.PIN_OF_ANOTHER_KEY, where, "another key signed it: one of the two ledgers is not genuine")
        elif not genuine:
            report.add(Case.BOUND_NOT_GENUINE, where, "the head that it binds is not signed: the fleet log made it up")
        else:
            known.append((where, each.head))
            report.bound_size = max(report.bound_size or 0, each.head.size)
    if not known:
        node = node_of(key.name)
        others = len({each.head.origin for each in bound if node_of(each.head.origin) == node} - {key.name})
        detail = "it binds no head of this ledger: export it again, an hour after the manager first heard the node"
        if others:
            detail = (
                f"it binds {others} other ledgers of this node and not this one: another incarnation, or not its own"
            )
        report.add(Case.NOT_BOUND, "fleet log", detail)
    return known


def _compare(former: Checkpoint | None, bound: BoundHead, report: Report) -> None:
    head, where = bound.head, f"record {bound.seq}"
    if former is None:
        return
    if head.size < former.size:
        detail = f"it binds {head.size} records of {head.origin}, an earlier one bound {former.size}: rolled back"
        report.add(Case.BOUND_CONTRADICTED, where, detail)
    elif head.size == former.size and head.root != former.root:
        detail = (
            f"it binds another history of {head.origin} than an earlier one: two forks, compare with the node's own"
        )
        report.add(Case.BOUND_CONTRADICTED, where, detail)


def _all(source: Source, report: Report, end: int) -> Iterator[BoundHead]:
    for row in source.rows(0, end):
        if row.kind != KIND:
            continue
        try:
            attached = envelope.decode(row.content, row.seq).attachments
        except RecordUnreadable:
            continue  # the verification of the log says so
        for attachment in attached:
            content = source.attachment(attachment.sha256)
            if content is not None:
                yield from _of_sheet(content, row.seq, report)


def _of_sheet(content: bytes, seq: int, report: Report) -> Iterator[BoundHead]:
    try:
        unpacking = zlib.decompressobj(wbits=31)
        text = unpacking.decompress(content, LIMIT_SHEET_BYTES)
        if not unpacking.eof:
            raise ValueError  # larger than any is, or cut
        for line in text.splitlines():
            checkpoint, note = read_checkpoint(msgspec.json.decode(line, type=_Line).note.encode())
            yield BoundHead(seq, checkpoint, note)
    except (zlib.error, ValueError, msgspec.DecodeError, NoteMalformed, RecursionError):
        report.add(Case.BOUND_UNREADABLE, f"record {seq}", "the heads that it binds cannot be read")
