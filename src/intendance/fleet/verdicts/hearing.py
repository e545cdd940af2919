"""Rules that the manager judges by what it heard itself: its beats by minute, and the times in which it heard nobody.

What is heard is kept by minute and judged anew from there; of what was found before, only since when is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from intendance.catalogue import checks
from intendance.catalogue.checks.heartbeats import Heartbeats
from intendance.catalogue.finding import Finding
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rule
from intendance.fleet.beats.decide import HOUR_US, MINUTE_US
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import beat_slot, node, observability_gap, verdict
from intendance.fleet.verdicts import decide, rows, writing
from intendance.model.frozen import dataclass
from intendance.model.verdict import Reason, State, Verdict

FLEET_RULES = ("MAINT_001",)
_CATALOGUE = "MAINT!_%"
_LOOK_EVERY = timedelta(seconds=15)
_TOGETHER = 200
_HOURS = 25
"""A day, and the hour that it began in."""
_PHANTOM = "."
"""Nodes of the manager's own begin so."""


@dataclass(frozen=True, slots=True)
class _Expected:
    node: str
    since_us: int


class Hearing:
    """Judges these rules, for nodes whose plan follows their catalogue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rules = tuple(load().rules[name] for name in FLEET_RULES)
        self._again: dict[tuple[str, int], datetime] = {}
        self._looked_at: datetime | None = None

    def judge_due(self, now: datetime) -> int:
        """Judge the nodes whose instant came; how many. Raises DatabaseUnreachable."""
        if self._looked_at is not None and self._looked_at <= now < self._looked_at + _LOOK_EVERY:
            return 0
        self._looked_at = now
        with self._database.read() as connection:
            expected = [_Expected(*row) for row in connection.execute(_MEMBERS)]
        self._again = {
            key: at for each in expected if (at := self._again.get(key := (each.node, each.since_us))) is not None
        }
        due = [each for each in expected if self._again.get((each.node, each.since_us), now) <= now]
        for first in range(0, len(due), _TOGETHER):
            self._judge(due[first : first + _TOGETHER], now)
        return len(due)

    def _judge(self, some: Sequence[_Expected], now: datetime) -> None:
        with self._database.read() as connection:
            under = _following(connection, [each.node for each in some])
            heard = heartbeats(connection, [each for each in some if each.node in under], now)
            before = _told(connection, [each.node for each in some])
        changes = []
        for each in some:
            found: list[Verdict] = []
            if each.node in heard:
                for rule in self._rules:
                    finding = checks.find(rule.check or "")(rule, heard[each.node], now)
                    found.append(_verdict(rule, each.node, finding, before.get((each.node, rule.id, ""))))
            known = {key: told for key, told in before.items() if key[0] == each.node}
            changes.append(decide.compare(known, found))
            again = [at for at in (told.next_change_at for told in found) if at is not None]
            self._again[each.node, each.since_us] = min([now + timedelta(minutes=1), *again] if not found else again)
        with self._database.begin(durable=False) as connection:
            writing.write_changes(connection, changes, to_us(now))


_MEMBERS = (
    select(node.c.node, node.c.enrolled_us)
    .where(node.c.decommissioned_us.is_(None), ~node.c.node.startswith(_PHANTOM, autoescape=True))
    .order_by(node.c.node)
)
"""A node is expected to beat from its enrolment on; what it did before it left and came back counts no more."""


def _following(connection: Connection, names: Sequence[str]) -> set[str]:
    """The nodes whose plan follows the catalogue: it is judged on them by other rules too."""
    mine = verdict.c.rule.like(_CATALOGUE, escape="!") & verdict.c.rule.not_in(FLEET_RULES)
    return set(connection.execute(select(verdict.c.node).where(verdict.c.node.in_(names), mine).distinct()).scalars())


def _told(connection: Connection, names: Sequence[str]) -> Mapping[decide.Key, Verdict]:
    wanted = select(verdict).where(verdict.c.node.in_(names), verdict.c.rule.in_(FLEET_RULES))
    return {decide.key(each): each for each in map(rows.to_verdict, connection.execute(wanted))}


def heartbeats(connection: Connection, some: Iterable[_Expected], now: datetime) -> Mapping[str, Heartbeats]:
    """What was heard of some nodes in the last day, minute by minute."""
    now_us = to_us(now)
    began_us = now_us - now_us % HOUR_US - (_HOURS - 1) * HOUR_US
    expected = {each.node: each.since_us for each in some}
    blind = blind_minutes(_gaps(connection, began_us), began_us, now_us)
    slots = select(beat_slot.c.node, beat_slot.c.hour_us, beat_slot.c.heard)
    slots = slots.where(beat_slot.c.node.in_(list(expected)), beat_slot.c.hour_us >= began_us)
    heard: dict[str, int] = dict.fromkeys(expected, 0)
    for row in connection.execute(slots):
        heard[row.node] |= row.heard << (row.hour_us - began_us) // MINUTE_US
    return {
        name: Heartbeats(expected_at=from_us(since_us), began_at=from_us(began_us), heard=heard[name], blind=blind)
        for name, since_us in expected.items()
    }


def _gaps(connection: Connection, since_us: int) -> list[tuple[int, int | None]]:
    gap = observability_gap.c
    asked = select(gap.from_us, gap.to_us).where(gap.to_us.is_(None) | (gap.to_us >= since_us))
    return [(row.from_us, row.to_us) for row in connection.execute(asked)]


def blind_minutes(gaps: Iterable[tuple[int, int | None]], began_us: int, now_us: int) -> int:
    """The minutes that a gap touches, a bit for each from `began_us` on, and the one after: a beat that could not be
    heard in its own minute comes in the next."""
    found = 0
    for first_us, last_us in gaps:
        first = max(0, (first_us - began_us) // MINUTE_US)
        last = (min(now_us, now_us if last_us is None else last_us) - began_us) // MINUTE_US + 1
        if last >= first:
            found |= ((1 << (last - first + 1)) - 1) << first
    return found


def _verdict(rule: Rule, name: str, finding: Finding, before: Verdict | None) -> Verdict:
    """The verdict; as long as the state is the same, since when it was first found."""
    verdict_now = Verdict(
        rule=rule.id,
        asset=None,
        node=name,
        state=finding.state,
        severity=rule.severity,
        since=finding.since,
        reason=Reason(code=finding.code, params=dict(finding.params)),
        attested_by=finding.attested_by,
        next_change_at=finding.next_change_at,
        since_at_least=finding.state is State.PASS,
    )
    if before is None or before.state is not finding.state or before.since is None or finding.since is None:
        return verdict_now
    if before.since > finding.since:
        return verdict_now
    return replace(verdict_now, since=before.since, since_at_least=before.since_at_least)
