"""Findings that a person looked into: settled by somebody, for a reason, in the fleet log; never taken away."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from sqlalchemy import select, update

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import finding
from intendance.fleet.ledgers.decide import Doubt
from intendance.fleet.ledgers.service import doubt_of
from intendance.model.errors.findings import FindingSettledBefore, FindingUnexplained, FindingUnknown
from intendance.model.evidence import Evidence
from intendance.model.evidence.finding import FindingSettled
from intendance.system.clock import Clock, rfc3339

SHORTEST, LONGEST = 10, 500
"""A reason that somebody reads in a year says more than `ok`."""

Log = Callable[[Evidence, str], int]


class Settling:
    """Findings of one manager, for whoever answers for them. Each method raises DatabaseUnreachable."""

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database = database
        self._clock = clock
        self._log = log

    def listed(self, node: str = "", *, settled: bool = False) -> tuple[Doubt, ...]:
        """Findings, newest first: those that stand, or all of them; of a node, or of all."""
        asked = select(finding).order_by(finding.c.found_us.desc(), finding.c.id.desc())
        if node:
            asked = asked.where(finding.c.node == node)
        if not settled:
            asked = asked.where(finding.c.settled_us.is_(None))
        with self._database.read() as connection:
            return tuple(map(doubt_of, connection.execute(asked)))

    def settle(self, number: int, *, by: str, reason: str) -> Doubt:
        """Say that a finding was looked into. The fleet log has it before the database does.

        Raises FindingUnknown, FindingSettledBefore, FindingUnexplained, and what writing a ledger raises.
        """
        told = " ".join(reason.split())
        if not SHORTEST <= len(told) <= LONGEST:
            raise FindingUnexplained(shortest=SHORTEST, longest=LONGEST)
        this = finding.c.id == number
        with self._database.begin() as connection:
            row = connection.execute(select(finding).where(this).with_for_update()).one_or_none()
            if row is None:
                raise FindingUnknown(number=number)
            doubt = doubt_of(row)
            if doubt.settled_at is not None:
                raise FindingSettledBefore(number=number, person=doubt.settled_by)
            evidence = FindingSettled(
                node=doubt.node,
                incarnation=doubt.incarnation,
                finding=doubt.kind,
                subject=doubt.subject,
                detail=doubt.detail,
                found_at=rfc3339(doubt.found_at),
                exhibit_sha256=sha256(doubt.exhibit.encode()).hexdigest(),
                reason=told,
            )
            values = {"settled_us": to_us(self._clock.read().at), "settled_by": by, "settled_why": told}
            values["settled_seq"] = self._log(evidence, by)
            connection.execute(update(finding).where(this).values(**values))
            return doubt_of(connection.execute(select(finding).where(this)).one())
