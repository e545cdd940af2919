"""Runs of the fleet, read: what runs now, what ended, what is due, and one run with all its attempts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from intendance.fleet.beats.presence import presence
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.tables import evidence_head, node, node_state, run_attempt
from intendance.fleet.runs import decide, rows
from intendance.fleet.runs.decide import Attempt, Condition, Heard, Next, Usual
from intendance.fleet.verdicts.source import NodeLedger
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.errors.runs import ScheduleUnreadable
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock

PAGE = 50
DUE_NODES = 24
"""Of more nodes than that, what is due is told node by node."""
KEPT_FOR = timedelta(days=400)
_OPEN_SHOWN = 200
_FORMER = 20
_DAY = timedelta(days=1)
_LOST_SHOWN = timedelta(days=30)
_COLUMN = run_attempt.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An attempt, how it stands, and how long such a run took before."""

    attempt: Attempt
    condition: Condition
    usual: Usual | None = None
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsNow:
    """Runs at one instant: of the whole fleet, of a node, or of an asset of it. `open` did not end, the longest first;
    `ended` is one page, the newest first, and `more` the instant before which the next page begins; `counts` are of the
    last day. `due` is None where there are too many nodes to say it of all."""

    asked_at: datetime
    node: str
    asset: str
    open: tuple[Seen, ...]
    ended: tuple[Seen, ...]
    more: datetime | None
    counts: Mapping[str, int]
    due: tuple[Next, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRun:
    """A run of a node with all its attempts, the newest first, and how long such a run took before."""

    asked_at: datetime
    node: str
    run: str
    attempts: tuple[Seen, ...]
    former: tuple[Attempt, ...]
    usual: Usual | None


class Runs:
    """What the pages show of runs. Each method raises DatabaseUnreachable."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._forgot_on: date | None = None

    def now(
        self,
        *,
        name: str = "",
        asset: str = "",
        before: datetime | None = None,
        doubted: frozenset[str] = frozenset(),
    ) -> RunsNow:
        """Runs of the fleet, of a node, or of an asset of it; of nodes in `doubted` nothing is believed."""
        now = self._clock.read().at
        with self._database.read() as connection:
            heard = _heard(connection, now, doubted)
            running = _open(connection, name, asset, now, heard)
            ended = _ended(connection, name, asset, before)
            counts = _counts(connection, name, asset, now)
            due = self._due(connection, [name] if name else sorted(heard), asset, now)
        return RunsNow(
            asked_at=now,
            node=name,
            asset=asset,
            open=running,
            ended=tuple(_seen(each, heard, now) for each in ended),
            more=ended[-1].ended_at if len(ended) == PAGE else None,
            counts=counts,
            due=due,
        )

    def one(self, name: str, run: str, doubted: frozenset[str] = frozenset()) -> OneRun | None:
        """A run of a node's present ledger; None where nothing here tells of it."""
        now = self._clock.read().at
        with self._database.read() as connection:
            asked = _asked(name, "").where(_COLUMN.run == run).order_by(_COLUMN.attempt.desc())
            attempts = tuple(map(rows.read, connection.execute(asked)))
            if not attempts:
                return None
            heard = _heard(connection, now, doubted)
            former = tuple(each for each in _former(connection, attempts[0]) if each.run != run)
        return OneRun(
            asked_at=now,
            node=name,
            run=run,
            attempts=tuple(_seen(each, heard, now) for each in attempts),
            former=former,
            usual=decide.usual(each.took for each in former if each.took is not None),
        )

    def forget(self, now: datetime) -> None:
        """Drop what ended longer ago than it is kept; once a day, however often it is asked for."""
        if self._forgot_on == now.date():
            return
        with self._database.begin() as connection:
            old = to_us(now - KEPT_FOR)
            never = _COLUMN.ended_us.is_(None) & (_COLUMN.began_us < old)
            connection.execute(delete(run_attempt).where((_COLUMN.ended_us < old) | never))
        self._forgot_on = now.date()

    def _due(self, connection: Connection, names: Sequence[str], asset: str, now: datetime) -> tuple[Next, ...] | None:
        if len(names) > DUE_NODES:
            return None
        found = [each for name in names for each in _due_on(connection, name, asset, now)]
        return tuple(sorted(found, key=lambda each: (each.at is None, each.at or now, each.node, each.asset)))


def _heard(connection: Connection, now: datetime, doubted: frozenset[str]) -> dict[str, Heard]:
    state = node_state.c
    asked = (
        select(node.c.node, state.last_seen_us, state.deadline_us, state.boot)
        .join(node_state, state.node == node.c.node, isouter=True)
        .where(node.c.decommissioned_us.is_(None), ~node.c.node.startswith(".", autoescape=True))
    )
    found = {}
    for row in connection.execute(asked):
        last = None if row.last_seen_us is None else from_us(row.last_seen_us)
        deadline = None if row.deadline_us is None else from_us(row.deadline_us)
        found[row.node] = Heard(
            presence=presence(last, deadline, now), boot=row.boot or "", last_seen=last, doubted=row.node in doubted
        )
    return found


def _asked(name: str, asset: str) -> Select[Any]:
    """Attempts that a signed head of a present ledger of the fleet shows."""
    head = evidence_head.c
    joined = run_attempt.join(node, (node.c.node == _COLUMN.node) & (node.c.incarnation == _COLUMN.incarnation)).join(
        evidence_head, (head.node == _COLUMN.node) & (head.incarnation == _COLUMN.incarnation)
    )
    first_seq = func.coalesce(_COLUMN.began_seq, _COLUMN.ended_seq)
    asked = select(run_attempt, head.signed_size).select_from(joined)
    asked = asked.where(node.c.decommissioned_us.is_(None), first_seq < head.signed_size)
    if name:
        asked = asked.where(_COLUMN.node == name)
    return asked.where(_COLUMN.asset == asset) if asset else asked


def _open(connection: Connection, name: str, asset: str, now: datetime, heard: Mapping[str, Heard]) -> tuple[Seen, ...]:
    asked = _asked(name, asset).where(_COLUMN.ended_us.is_(None) | (_COLUMN.ended_seq >= evidence_head.c.signed_size))
    asked = asked.where(_COLUMN.began_us >= to_us(now - _LOST_SHOWN)).order_by(_COLUMN.began_us.desc())
    found = [_seen(rows.read(row), heard, now) for row in connection.execute(asked.limit(_OPEN_SHOWN))]
    told = [each for each in found if each.condition in (Condition.LOST, Condition.SILENT, Condition.RUNNING)]
    order = (Condition.LOST, Condition.SILENT, Condition.RUNNING)
    told.sort(key=lambda each: (order.index(each.condition), each.attempt.began_at or now))
    usual = [_usual(connection, each.attempt) for each in told[:PAGE]]
    return tuple(
        Seen(attempt=each.attempt, condition=each.condition, usual=length, last_seen=each.last_seen)
        for each, length in zip(told, usual + [None] * (len(told) - len(usual)), strict=True)
    )


def _ended(connection: Connection, name: str, asset: str, before: datetime | None) -> list[Attempt]:
    asked = _asked(name, asset).where(_COLUMN.ended_us.is_not(None), _COLUMN.ended_seq < evidence_head.c.signed_size)
    if before is not None:
        asked = asked.where(_COLUMN.ended_us < to_us(before))
    asked = asked.order_by(_COLUMN.ended_us.desc(), _COLUMN.node, _COLUMN.run, _COLUMN.attempt).limit(PAGE)
    return [rows.read(row) for row in connection.execute(asked)]


def _counts(connection: Connection, name: str, asset: str, now: datetime) -> dict[str, int]:
    belongs: ColumnElement[bool] = _COLUMN.ended_us >= to_us(now - _DAY)
    if name:
        belongs &= _COLUMN.node == name
    if asset:
        belongs &= _COLUMN.asset == asset
    asked = select(_COLUMN.outcome, func.count().label("found")).where(belongs).group_by(_COLUMN.outcome)
    return {row.outcome: row.found for row in connection.execute(asked)}


def _usual(connection: Connection, attempt: Attempt) -> Usual | None:
    return decide.usual(each.took for each in _former(connection, attempt) if each.took is not None)


def _former(connection: Connection, attempt: Attempt) -> Iterable[Attempt]:
    """The latest runs of the same activity of the same asset that succeeded, the newest first."""
    asked = _asked(attempt.node, attempt.asset).where(_COLUMN.activity == attempt.activity)
    asked = asked.where(_COLUMN.outcome == "succeeded", _COLUMN.began_us.is_not(None))
    asked = asked.where(_COLUMN.ended_seq < evidence_head.c.signed_size)
    return [rows.read(row) for row in connection.execute(asked.order_by(_COLUMN.ended_us.desc()).limit(_FORMER))]


def _seen(attempt: Attempt, heard: Mapping[str, Heard], now: datetime) -> Seen:
    node_heard = heard[attempt.node]
    return Seen(attempt=attempt, condition=decide.condition(attempt, node_heard, now), last_seen=node_heard.last_seen)


def _due_on(connection: Connection, name: str, asset: str, now: datetime) -> tuple[Next, ...]:
    """What the plan of a node has done next; nothing where its evidence cannot be read."""
    try:
        ledger = NodeLedger(connection, name)
        adopted = ledger.facts("plan.adopted", latest=1)
        if not adopted:
            return ()
        plan = adopted[0].data
        schedules = [
            (fact.asset or "", each.activity, each.cron)
            for declared in plan.assets
            if not asset or declared == asset
            for fact in ledger.facts("asset.declared", asset=declared, latest=1)
            for each in fact.data.schedules
        ]
        return decide.due_next(name, schedules, plan.timezone, now)
    except (
        RecordUnreadable,
        ScheduleUnreadable,
        LookupError,
        ValueError,
        OSError,
    ):  # a zone or a line of another world
        return ()
