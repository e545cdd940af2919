"""The fleet log as people read it: its head, its records, and what verifying it says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from intendance.fleet.ledgers.decide import PAGE, RecordBrief
from intendance.fleet.log import FleetLog
from intendance.fleet.reading.proving import ProvedRecord
from intendance.fleet.verdicts.records import HeldRecord
from intendance.fleet.witnessing.quorum import HeldQuorum, quorum
from intendance.ledger import envelope, witnessed
from intendance.ledger.layout import Layout
from intendance.ledger.note import read_checkpoint
from intendance.ledger.report import Report
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.frozen import dataclass
from intendance.model.plan import Witness
from intendance.system.clock import Clock

NAME = ".log"
"""Where a record says of which node it is. No node has such a name."""
_VERIFIED_EVERY_NS = 60 * 10**9
_REST = 19
"""For so many times as long as verifying took, it is not done again: a log of years takes minutes to read, and pages
that are open ask each minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What verifying the whole log said."""

    at: datetime
    outcome: Literal["verified", "tampered", "incomplete", "undetermined"]
    records: int
    faults: tuple[str, ...]
    not_checked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLog:
    """The fleet log; `note` is its signed checkpoint, `records` are one page, the newest first; `quorum` says which of
    the plan's witnesses cosigned that checkpoint."""

    origin: str
    key: str
    size: int
    signed_size: int
    note: str
    verified: Verified
    quorum: HeldQuorum
    records: tuple[RecordBrief, ...]


@dataclass(frozen=True, slots=True)
class _Last:
    """What was verified last, of how many records, when that ended, and how long it took."""

    size: int
    told: Verified
    report: Report
    ended_ns: int
    took_ns: int

    def is_due(self, size: int, now_ns: int) -> bool:
        """Whether it is to be verified again, now that there are so many records."""
        rested_ns = now_ns - self.ended_ns
        return rested_ns >= _REST * self.took_ns and (size != self.size or rested_ns >= _VERIFIED_EVERY_NS)


class OwnLog:
    """Reads the fleet log of one manager, whose plan has these witnesses `named`. Each method raises what opening and
    reading a ledger raises."""

    def __init__(self, log: FleetLog, clock: Clock, named: Callable[[], Sequence[Witness]] = tuple) -> None:
        self._named = named
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._last: _Last | None = None

    def held(self, *, before: int | None = None) -> HeldLog:
        """Its head, and its latest records or those before one of them. It is verified when it grew, and once a minute
        while somebody looks, where that is quickly done; who looks while it is verified is told what was found before.
        """
        size = self._log.size()
        end = size if before is None else min(before, size)
        last = self._verify(size)
        verified, report = last.told, last.report
        kept = self._log.contents(max(0, end - PAGE), end)
        cosigned = [content for _, content in witnessed.kept(Layout(self._log.folder))]
        note = self._log.note()  # after the cosignatures: what comes between is not cosigned yet, never too much
        signed = _signed(note, report)
        found = []
        for seq, content in kept:
            record = envelope.decode(content, seq)
            brief = RecordBrief(seq=seq, kind=record.kind, asset=record.actor, at=record.ts, covered=seq < signed)
            found.append(brief)
        return HeldLog(
            origin=report.origin,
            key=report.key,
            size=size,
            signed_size=signed,
            note=note,
            verified=verified,
            quorum=quorum(note.encode(), cosigned, self._named()),
            records=tuple(reversed(found)),
        )

    def page(self, before: int | None, limit: int, *, kind: str | None = None) -> tuple[HeldRecord, ...]:
        """Records of it, of a kind or all, newest first: those below a number."""
        kept = self._log.latest(kind=kind, before=before, limit=limit)
        signed = read_checkpoint(self._log.note().encode())[0].size
        return tuple(_held(seq, content, covered=seq < signed) for seq, content in kept)

    def record(self, seq: int) -> HeldRecord | None:
        """One record of it as it is here; None where there is none."""
        return next(iter(self.page(seq + 1, 1)), None) if seq < self._log.size() else None

    def proved(self, seq: int) -> ProvedRecord | None:
        """One record of it, proved; None where there is none."""
        found = self._log.proved(seq)
        if found is None:
            return None
        content, proof, key = found
        record = _held(seq, content, covered=proof is not None)
        return ProvedRecord(record=record, origin=key.name, key=key.text, proof=proof)

    def _verify(self, size: int) -> _Last:
        last = self._last
        if last is not None and not last.is_due(size, self._clock.read().mono_ns):
            return last
        if not self._lock.acquire(blocking=last is None) and last is not None:
            return last  # somebody else is at it, and takes no second thread that pages need
        try:
            last = self._last
            if last is None or last.is_due(size, self._clock.read().mono_ns):
                last = self._last = self._verified(size)
            return last
        finally:
            self._lock.release()

    def _verified(self, size: int) -> _Last:
        began = self._clock.read()
        report = self._log.verify()
        told = Verified(
            at=began.at,
            outcome="verified" if report.worst is None else report.worst.value,
            records=report.records,
            faults=tuple(f"{each.where}: {each.detail}" for each in report.findings),
            not_checked=tuple(report.not_checked),
        )
        ended_ns = self._clock.read().mono_ns
        return _Last(size, told, report, ended_ns, ended_ns - began.mono_ns)


def _signed(note: str, report: Report) -> int:
    """How many records the checkpoint covers that is told beside it, which may be newer than what was verified last."""
    try:
        return read_checkpoint(note.encode())[0].size
    except NoteMalformed:
        return report.signed_size or 0


def _held(seq: int, content: bytes, *, covered: bool) -> HeldRecord:
    record = envelope.decode(content, seq)
    return HeldRecord(
        node=NAME,
        incarnation=1,
        seq=seq,
        kind=record.kind,
        at=record.ts,
        content=content,
        digest=envelope.digest(content),
        covered=covered,
    )
