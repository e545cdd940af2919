"""The fleet log as people read it: its head, its records, and what verifying it says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
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
from intendance.model.frozen import dataclass
from intendance.model.plan import Witness
from intendance.system.clock import Clock

NAME = ".log"
"""Where a record says of which node it is. No node has such a name."""
_VERIFIED_EVERY = timedelta(minutes=1)


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


class OwnLog:
    """Reads the fleet log of one manager, whose plan has these witnesses `named`. Each method raises what opening and
    reading a ledger raises."""

    def __init__(self, log: FleetLog, clock: Clock, named: Callable[[], Sequence[Witness]] = tuple) -> None:
        self._named = named
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._verified: tuple[int, Verified] | None = None
        self._report = Report()

    def held(self, *, before: int | None = None) -> HeldLog:
        """Its head, and its latest records or those before one of them. It is verified when it grew, and once a minute
        while somebody looks."""
        size = self._log.size()
        end = size if before is None else min(before, size)
        verified, report = self._verify(size)
        signed = report.signed_size or 0
        kept = self._log.contents(max(0, end - PAGE), end)
        found = []
        for seq, content in kept:
            record = envelope.decode(content, seq)
            brief = RecordBrief(seq=seq, kind=record.kind, asset=record.actor, at=record.ts, covered=seq < signed)
            found.append(brief)
        cosigned = [content for _, content in witnessed.kept(Layout(self._log.folder))]
        note = self._log.note()  # after the cosignatures: what comes between is not cosigned yet, never too much
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

    def _verify(self, size: int) -> tuple[Verified, Report]:
        with self._lock:
            now = self._clock.read().at
            if self._verified is None or self._verified[0] != size or not self._fresh(now):
                report = self._log.verify()
                told = Verified(
                    at=now,
                    outcome="verified" if report.worst is None else report.worst.value,
                    records=report.records,
                    faults=tuple(f"{each.where}: {each.detail}" for each in report.findings),
                    not_checked=tuple(report.not_checked),
                )
                self._verified, self._report = (size, told), report
            return self._verified[1], self._report

    def _fresh(self, now: datetime) -> bool:
        return self._verified is not None and self._verified[1].at <= now < self._verified[1].at + _VERIFIED_EVERY


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
