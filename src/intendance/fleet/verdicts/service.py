"""Every node judged again by the manager from the evidence it received, and how the fleet stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from intendance.catalogue.rule import Rulebook
from intendance.fleet.alerts.owner import UNWRITTEN, Owner, Trouble
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.forgetting import forget
from intendance.fleet.database.lease import Lease
from intendance.fleet.database.settings import write_setting
from intendance.fleet.database.tables import node, setting, verdict, verdict_interval
from intendance.fleet.ledgers.service import open_doubts
from intendance.fleet.verdicts import crowd, decide, rows
from intendance.fleet.verdicts.changing import LOOKED, briefs, stamps
from intendance.fleet.verdicts.hearing import Hearing
from intendance.fleet.verdicts.judge import Judge
from intendance.fleet.verdicts.records import HeldRecord, held_record
from intendance.fleet.verdicts.standing import (
    Head,
    Standing,
    Subject,
    contradicted,
    distrust,
    told_state,
    unheard,
)
from intendance.fleet.verdicts.tally import Counting
from intendance.fleet.witnessing.decide import WitnessStanding
from intendance.fleet.witnessing.standings import read_standings
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass
from intendance.model.verdict import Severity, State, Verdict
from intendance.system.clock import Clock

_NOTED_EVERY = timedelta(seconds=5)

Owners = Callable[[Connection], Mapping[tuple[str, str, str | None], Owner]]
Troubles = Callable[[Connection], tuple[Trouble, ...]]


Span = tuple[datetime, datetime | None, State]
"""From, until (None: still), in which state."""
History = tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the pages say of the fleet beside verdicts; `policy`, where there is one, is what the plan in force says of
    it, and who is told of what."""

    fleet: str
    organisation: str
    zone: str
    policy: Callable[[], Policy] | None = None

    def now(self, policy: Policy | None = None) -> About:
        """The same as a policy has it; without one, as the plan in force has it."""
        if policy is None and self.policy is not None:
            policy = self.policy()
        return self if policy is None else replace(self, organisation=policy.organisation, zone=policy.zone)

    def mark(self, policy: Policy | None = None) -> str:
        """What differs once a page would be drawn by another plan than `policy`, or the one in force."""
        return repr((self.organisation, self.zone) if self.policy is None else policy or self.policy())


class Verdicts:
    """What the rules say of each node. One process judges, the leader; every one reads."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        about: About,
        *,
        owners: Owners | None = None,
        troubles: Troubles | None = None,
        log: Callable[[], int] | None = None,
        daily: Callable[[datetime], object] | None = None,
        say: Callable[[str], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._about = about
        self._owners = owners
        self._troubles = troubles
        self._log = log
        self._daily = daily
        self._say = say
        self._judging = Judge(database, say)
        self._hearing = Hearing(database, about.policy)
        self._crowds = True
        self._rulebook = self._judging.rulebook
        self._counting = Counting(self._rulebook)
        self._noted_at: datetime | None = None

    @property
    def rulebook(self) -> Rulebook:
        """The rules that this program knows."""
        return self._rulebook

    @property
    def zone(self) -> str:
        """The fleet's time zone, in which sentences name instants."""
        return self._about.now().zone

    # --- judging ------------------------------------------------------------------------------------------------

    def tick(self, lease: Lease) -> None:
        """Judge the nodes whose evidence grew, or whose verdicts time may have changed. Raises DatabaseUnreachable."""
        del lease  # two that judge at once write the same: verdicts follow from evidence and time alone
        self.judge_due()

    def judge_due(self) -> int:
        """The same; how many nodes were judged."""
        now = self._clock.read().at
        due = self._judging.due(now)[: crowd.AT_ONCE]
        if not self._judge_as_crowd(due, now):
            self._judging.judge(due, now)
        self._hearing.judge_due(now)
        self._note(now)
        return len(due)

    def _judge_as_crowd(self, due: Sequence[str], now: datetime) -> bool:
        """Whether they were so many that other processes judged them. Where these fail, this one does it all."""
        if len(due) < crowd.MANY or not self._crowds:
            return False
        try:
            crowd.judge_many(self._database, self._judging.program, due, now)
        except IntendanceError as error:
            self._say(f"nodes are judged one after the other: {error.message}")
            self._crowds = False
        return self._crowds

    def _note(self, now: datetime) -> None:
        """Say now and then that the judge looked: a page must know when nobody does any more."""
        if self._noted_at is not None and self._noted_at <= now < self._noted_at + _NOTED_EVERY:
            return
        with self._database.begin(durable=False) as connection:
            write_setting(connection, LOOKED, to_us(now))
        before, self._noted_at = self._noted_at, now  # what cannot be recorded today is tried again in seconds
        if before is None or before.date() != now.date():
            forget(self._database, now - decide.KEPT_FOR)
        if self._daily is not None:
            self._daily(now)

    # --- reading ------------------------------------------------------------------------------------------------

    def standing(self, policy: Policy | None = None) -> Standing:
        """How the fleet stands now; named as in `policy`, where a page has one already. Raises DatabaseUnreachable."""
        now, about = self._clock.read().at, self._about.now(policy)
        with self._database.read() as connection:
            nodes = briefs(connection, now)
            tally = self._counting.tally(connection, frozenset(each.node for each in nodes), now)
            owners = self._owners(connection) if self._owners is not None else {}
            looked_us = connection.execute(select(setting.c.value).where(setting.c.name == LOOKED)).scalar()
            doubts = open_doubts(connection)
            witnesses = read_standings(connection)
            troubles = self._troubles(connection) if self._troubles is not None else ()
        doubted = contradicted(doubts)
        if any(each.cause == UNWRITTEN for each in troubles):  # who was heard since is written nowhere yet
            nodes = tuple(map(unheard, nodes))
        return Standing(
            fleet=self._about.fleet,
            organisation=about.organisation,
            zone=about.zone,
            judged_at=from_us(int(looked_us or 0)),
            asked_at=now,
            nodes=nodes,
            rulebook=self._rulebook,
            verdicts=tally.shown,
            counts=distrust(tally.counts, doubted),
            all_since=None if doubted else tally.all_since,
            owners=owners,
            doubts=doubts,
            troubles=troubles,
            head=self._head(witnesses),
        )

    def _head(self, witnesses: tuple[WitnessStanding, ...]) -> Head | None:
        """The head of the fleet log; None where it cannot be read: that is no reason to show nothing at all."""
        try:
            return None if self._log is None else Head.seen_by(self._log(), witnesses)
        except IntendanceError:
            return None

    def stamps(self, names: frozenset[str], policy: Policy | None = None) -> Mapping[str, str]:
        """What differs once a page would say something else: under the empty name for all that is judged, and for each
        of some nodes for its evidence too; for a page drawn by `policy`. Raises DatabaseUnreachable."""
        return stamps(self._database, names, self._clock.read().at, self._about.mark(policy))

    def of_node(self, name: str) -> tuple[Verdict, ...]:
        """All verdicts on one node, by the rules that this program knows. Raises DatabaseUnreachable."""
        with self._database.read() as connection:
            found = tuple(map(rows.to_verdict, _of(connection, name)))
        return tuple(each for each in found if each.rule in self._rulebook.rules)

    def subjects_of(self, rule: str) -> tuple[Subject, ...]:
        """What one rule is judged for, and how each stands as it may be told, the worst first. Raises
        DatabaseUnreachable."""
        column = verdict.c
        asked = select(column.node, column.asset, column.state, column.severity).where(column.rule == rule, _belongs())
        with self._database.read() as connection:
            found = connection.execute(asked).all()
            doubted = contradicted(open_doubts(connection))
        subjects = (
            Subject(
                node=row.node,
                asset=row.asset or None,
                state=told_state(State(row.state), doubted=row.node in doubted),
                severity=Severity(row.severity),
            )
            for row in found
        )
        return tuple(sorted(subjects, key=Subject.rank))

    def of_rule(self, rule: str, subjects: Sequence[Subject]) -> tuple[tuple[Verdict, History], ...]:
        """What one rule says of some of its subjects, in their order, with their histories. Raises
        DatabaseUnreachable."""
        places = [(each.node, each.asset or "") for each in subjects]
        if not places:
            return ()
        column, interval = verdict.c, verdict_interval.c
        now = select(verdict).where(column.rule == rule, tuple_(column.node, column.asset).in_(places))
        then = select(verdict_interval).where(interval.rule == rule, tuple_(interval.node, interval.asset).in_(places))
        with self._database.read() as connection:
            found = {(row.node, row.asset): rows.to_verdict(row) for row in connection.execute(now)}
            spans = connection.execute(then.order_by(interval.from_us)).all()
        histories: dict[tuple[str, str], list[Span]] = {}
        for row in spans:
            histories.setdefault((row.node, row.asset), []).append(_span(row))
        return tuple((found[place], tuple(histories.get(place, ()))) for place in places if place in found)

    def counts_by_rule(self) -> Mapping[str, Mapping[State, int]]:
        """How many verdicts of each rule are in each state, as it may be told. Raises DatabaseUnreachable."""
        column = verdict.c
        counts: dict[str, dict[State, int]] = {}
        with self._database.read() as connection:
            unsure = column.node.in_(contradicted(open_doubts(connection)))
            asked = select(column.rule, column.state, unsure.label("unsure"), func.count().label("found"))
            found = connection.execute(asked.where(_belongs()).group_by(column.rule, column.state, unsure)).all()
        for row in found:
            states = counts.setdefault(row.rule, {})
            state = told_state(State(row.state), doubted=bool(row.unsure))
            states[state] = states.get(state, 0) + row.found
        return counts

    def record(self, name: str, seq: int) -> HeldRecord | None:
        """A record of a node's present ledger; None where it is not here. Raises DatabaseUnreachable."""
        return held_record(self._database, name, seq)

    def history(self, name: str, rule: str, asset: str | None) -> History:
        """The states that a verdict went through, oldest first: from, until (None: still), which."""
        interval = verdict_interval.c
        wanted = select(verdict_interval).where(
            interval.node == name, interval.rule == rule, interval.asset == (asset or "")
        )
        with self._database.read() as connection:
            found = connection.execute(wanted.order_by(interval.from_us)).all()
        return tuple(map(_span, found))


def _span(row: Any) -> Span:
    return from_us(row.from_us), None if row.to_us is None else from_us(row.to_us), State(row.state)


def _belongs() -> ColumnElement[bool]:
    """That a verdict is on a node of the fleet: one that left it is judged no more."""
    return verdict.c.node.in_(select(node.c.node).where(node.c.decommissioned_us.is_(None)))


def _of(connection: Connection, name: str) -> Iterable[Any]:
    return connection.execute(select(verdict).where(verdict.c.node == name)).all()
