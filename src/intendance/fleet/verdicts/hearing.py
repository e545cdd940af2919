"""Rules that the manager judges by what it heard and did itself: beats, silences, alerts, and messages that left.

What is heard is kept by minute and judged anew from there; of what was found before, only since when is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from intendance.catalogue import checks
from intendance.catalogue.checks.channels import Deliveries, Told
from intendance.catalogue.checks.heartbeats import WINDOW, Heartbeats
from intendance.catalogue.finding import Finding
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rule
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.beats.decide import HOUR_US, MINUTE_US
from intendance.fleet.beats.summing import SUMMED_SEQ, SUMMED_UNTIL
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.settings import read_setting
from intendance.fleet.database.tables import beat_slot, node, observability_gap, verdict
from intendance.fleet.detection import canary
from intendance.fleet.verdicts import decide, rows, writing
from intendance.fleet.verdicts.decide import FLEET_RULES
from intendance.fleet.verdicts.deliveries import deliveries
from intendance.fleet.verdicts.silences import silent_lately, watched
from intendance.ledger.origin import FLEET_LOG
from intendance.model.frozen import dataclass
from intendance.model.verdict import Citation, Reason, State, Verdict

_HEARD = ("MAINT_001", "MAINT_002")
"""Of these, those that are judged by minutes."""
_CATALOGUE = "MAINT!_%"
_NEXT_SHEET = timedelta(hours=1)
"""A day is recorded so long after it, at most: until then the one before is cited."""
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


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The record of the fleet log that names every minute of the newest whole day, which ended at `until`."""

    record: Citation
    until: datetime

    def tells_of(self, member: _Expected, now: datetime) -> bool:
        """Whether it says something of what a node is judged by now."""
        return max(now - WINDOW - _NEXT_SHEET, from_us(member.since_us)) < self.until


class Hearing:
    """Judges these rules, for nodes whose plan follows their catalogue. `policy`: whom the plan has told of what."""

    def __init__(self, database: Database, policy: Callable[[], Policy] | None = None) -> None:
        self._database = database
        self._policy = policy or _nobody
        self._rules = tuple(load().rules[name] for name in FLEET_RULES)
        self._again: dict[tuple[str, int], datetime] = {}
        self._looked_at: datetime | None = None
        self._common: object = None

    def judge_due(self, now: datetime) -> int:
        """Judge the nodes whose instant came; how many. Raises DatabaseUnreachable."""
        before = self._looked_at
        if before is not None and before <= now < before + _LOOK_EVERY:
            return 0
        self._looked_at = now
        if before is not None and now < before:
            self._again = {}  # instants of a clock that was ahead
        with self._database.read() as connection:
            expected = [_Expected(*row) for row in connection.execute(_MEMBERS)]
            silent = set() if before is None else silent_lately(connection, before - _LOOK_EVERY, now)
            done = read_setting(connection, canary.DONE)
            told = deliveries(connection, self._policy(), now)
            sheet = _sheet(connection)
        common = (done, told.named, told.given_up, frozenset(told.accepted), sheet)
        if common != self._common:  # it concerns every node
            self._again, self._common = {}, common
        self._again = {
            key: at for each in expected if (at := self._again.get(key := (each.node, each.since_us))) is not None
        }
        due = [
            each for each in expected
            if each.node in silent or self._again.get((each.node, each.since_us), now) <= now
        ]  # fmt: skip
        for first in range(0, len(due), _TOGETHER):
            self._judge(due[first : first + _TOGETHER], told, sheet, now)
        return len(due)

    def _judge(self, some: Sequence[_Expected], told: Deliveries, sheet: _Sheet | None, now: datetime) -> None:
        with self._database.read() as connection:
            under = _following(connection, [each.node for each in some])
            heard = heartbeats(connection, [each for each in some if each.node in under], now)
            silences = watched(connection, heard, now)
            before = _told(connection, [each.node for each in some])
        changes = []
        for each in some:
            found: list[Verdict] = []
            if each.node in heard:
                subjects = {
                    "MAINT_001": heard[each.node],
                    "MAINT_002": silences[each.node],
                    "MAINT_005": Told(expected_at=from_us(each.since_us), deliveries=told),
                }
                for rule in self._rules:
                    finding = _found(rule, subjects[rule.id], now)
                    if rule.id in _HEARD and sheet is not None and sheet.tells_of(each, now):
                        finding = replace(finding, cites=(*finding.cites, sheet.record))
                    found.append(_verdict(rule, each.node, finding, before.get((each.node, rule.id, ""))))
            known = {key: said for key, said in before.items() if key[0] == each.node}
            changes.append(decide.compare(known, found))
            again = [at for at in (verdict_now.next_change_at for verdict_now in found) if at is not None]
            self._again[each.node, each.since_us] = min([now + timedelta(minutes=1), *again] if not found else again)
        with self._database.begin(durable=False) as connection:
            writing.write_changes(connection, changes, to_us(now))


def _sheet(connection: Connection) -> _Sheet | None:
    seq, until = read_setting(connection, SUMMED_SEQ), read_setting(connection, SUMMED_UNTIL)
    if seq is None or until is None:
        return None
    return _Sheet(Citation(node=FLEET_LOG, seq=seq), from_us(until))


def _nobody() -> Policy:
    return Policy(fleet="", organisation="", zone="UTC", language="en")


def _found(rule: Rule, subject: object, now: datetime) -> Finding:
    """What a check finds; one that fails has found nothing out."""
    try:
        return checks.find(rule.check or "")(rule, subject, now)
    except Exception as error:  # noqa: BLE001 -- whatever a check did wrong, the answer is that nothing is known
        again = now + timedelta(minutes=1)
        return Finding(State.ERROR, "check_failed", {"error": type(error).__name__}, next_change_at=again)


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
        cites=tuple(Citation(node=each.node, seq=each.seq) for each in finding.cites),
        attested_by=finding.attested_by,
        next_change_at=finding.next_change_at,
        since_at_least=finding.state is State.PASS,
    )
    if before is None or before.state is not finding.state or before.since is None or finding.since is None:
        return verdict_now
    if before.since > finding.since:
        return verdict_now
    return replace(verdict_now, since=before.since, since_at_least=before.since_at_least)
