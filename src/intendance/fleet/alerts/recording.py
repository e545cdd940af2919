"""Alerts as they are written down: many at once, each with its event, in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from sqlalchemy import Connection, Row, select, update

from intendance.fleet.alerts import decide, rows
from intendance.fleet.alerts.decide import Move, Standing
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.rows import Step
from intendance.fleet.database.lease import LEADER
from intendance.fleet.database.tables import alert, escalation, lease, outbox
from intendance.model.alerting import Urgency
from intendance.model.frozen import dataclass

CHUNK = 5_000
"""Values in one statement: SQLite takes 32,766, PostgreSQL 65,535."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Something that is wrong, seen now. `labels` tell it apart from others of the cause and node; `group` is what it
    is told together with; `params` are what its sentence needs. It fires after `lasting_us`."""

    cause: str
    urgency: Urgency
    node: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    site: str = ""
    params: tuple[tuple[str, str | int], ...] = ()
    lasting_us: int = 0
    parent: int | None = None
    suppressed: str | None = None

    @property
    def key(self) -> str:
        """The alert that it is a sighting of."""
        return decide.key_of(self.cause, self.node, dict(self.labels))

    @property
    def group(self) -> str:
        """What is told in one message: a cause at one site."""
        return "|".join((self.site, self.cause, self.urgency))


def in_chunks(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Values in lists that one statement takes."""
    source = iter(values)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def standing_of(row: Row[Any]) -> Standing:
    """How an alert of the table stands."""
    return Standing(
        state=row.state,
        episode=row.episode,
        started_us=row.started_us,
        fired_us=row.fired_us,
        acked_by=row.acked_by,
        acked_until_us=row.acked_until_us,
        resolved_us=row.resolved_us,
    )


def latest(connection: Connection, keys: Iterable[str]) -> dict[str, Row[Any]]:
    """The newest row of each key."""
    found: dict[str, Row[Any]] = {}
    for chunk in in_chunks(keys):
        for row in connection.execute(select(alert).where(alert.c.key.in_(chunk)).order_by(alert.c.id)):
            found[row.key] = row
    return found


def raise_many(connection: Connection, sightings: Iterable[Sighting], policy: Policy, now_us: int) -> dict[str, int]:
    """Write down what is wrong; what fires gets its first step. Gives the ids of the alerts that are open now."""
    by_key = {each.key: each for each in sightings}
    known = latest(connection, by_key)
    fresh: dict[str, tuple[Sighting, Move]] = {}
    moved: list[tuple[Row[Any], Sighting, Move]] = []
    new: dict[int, Move | None] = {}
    for key, sighting in by_key.items():
        row = known.get(key)
        if row is None:
            move = new.get(sighting.lasting_us) or decide.observed(None, now_us, lasting_us=sighting.lasting_us)
            new[sighting.lasting_us] = move
        else:
            move = decide.observed(standing_of(row), now_us, lasting_us=sighting.lasting_us)
        if move is None:
            continue
        if row is None or move.change == "opened":
            fresh[key] = sighting, move
        else:
            moved.append((row, sighting, move))
    ids = {key: int(row.id) for key, row in known.items() if row.state != "resolved"}
    ids |= _opened(connection, fresh, now_us)
    ids |= {row.key: int(row.id) for row, _, _ in moved}
    _moved(connection, moved, now_us)
    firing = [(ids[key], each, move.standing) for key, (each, move) in fresh.items() if move.standing.state == "firing"]
    firing += [(row.id, each, move.standing) for row, each, move in moved if move.change == "fired"]
    _first_steps(connection, firing, policy, now_us)
    again = {
        int(row.id): move.standing for row, each, move in moved if move.change == "reopened" and each.suppressed is None
    }
    resume_many(connection, again, now_us)
    return ids


def _opened(connection: Connection, fresh: Mapping[str, tuple[Sighting, Move]], now_us: int) -> dict[str, int]:
    labels = {place: _labels(*place) for place in {(each.labels, each.site) for each, _ in fresh.values()}}
    made = [
        (
            key, each.cause, each.node, labels[each.labels, each.site], each.urgency, each.group, params_of(each),
            each.parent, each.suppressed, move.standing.acked_by, *rows.times(move.standing),
        )
        for key, (each, move) in fresh.items()
    ]  # fmt: skip
    ids = rows.insert_alerts(connection, made)
    opened = ((ids[key], "opened", {"suppressed": each.suppressed}) for key, (each, _) in fresh.items())
    add_events(connection, opened, now_us)
    return ids


def _labels(told: tuple[tuple[str, str], ...], site: str) -> str:
    """What tells a sighting apart, and where it is, as the table keeps it."""
    return json.dumps(dict(told) | ({"site": site} if site else {}))


def params_of(sighting: Sighting) -> str:
    """What the sentence of a sighting needs, as the table keeps it."""
    return json.dumps(dict(sighting.params)) if sighting.params else "{}"


def _moved(connection: Connection, moved: Sequence[tuple[Row[Any], Sighting, Move]], now_us: int) -> None:
    changed = [
        (int(row.id), params_of(each), each.parent, each.suppressed, *rows.moved_times(move.standing))
        for row, each, move in moved
    ]
    rows.change_alerts(connection, changed)
    events = ((int(row.id), move.change, {"suppressed": each.suppressed}) for row, each, move in moved)
    add_events(connection, events, now_us)
    _drop_waiting(connection, [int(row.id) for row, _, move in moved if move.change == "reopened"])


def _first_steps(
    connection: Connection, firing: Iterable[tuple[int, Sighting, Standing]], policy: Policy, now_us: int
) -> None:
    """A step that nobody may be told waits as `dropped`: `resume_many` takes it up when the reason is gone."""
    first = []
    waits: dict[tuple[Any, ...], int] = {}
    for number, sighting, standing in firing:
        alike = (sighting.cause, sighting.urgency, sighting.labels)
        if alike not in waits:
            steps = policy.steps(sighting.cause, sighting.urgency, dict(sighting.labels))
            waits[alike] = decide.first_wait_us(steps, sighting.urgency)
        next_us = now_us + waits[alike]
        state = "waiting" if sighting.suppressed is None else "dropped"
        first.append(_step(number, standing.episode, 0, next_us, state))
    put_steps(connection, first)


def resume_many(connection: Connection, standings: Mapping[int, Standing], now_us: int) -> None:
    """Let people be told again of alerts that fire: from where it was left, or anew when they believe it over."""
    firing = {number: standing for number, standing in standings.items() if standing.state == "firing"}
    before: dict[int, list[Row[Any]]] = {number: [] for number in firing}
    for chunk in in_chunks(firing):
        steps = select(escalation).where(escalation.c.alert.in_(chunk)).order_by(escalation.c.step.desc())
        for row in connection.execute(steps):
            if row.episode == firing[row.alert].episode:
                before[row.alert].append(row)
    resumed = ((number, _resumed(before[number], now_us)) for number in firing)
    put_steps(
        connection,
        [_step(number, firing[number].episode, *step) for number, step in resumed if step is not None],
    )


def _resumed(before: Sequence[Row[Any]], now_us: int) -> tuple[int, int] | None:
    """The step of an alert that waits from now on, and until when, by those it had, the last first; None: one does."""
    if any(row.state == "waiting" and not decide.is_resolved(row.step) for row in before):
        return None
    next_us = now_us + decide.WAIT_US["critical"]
    if before and decide.is_resolved(before[0].step) and before[0].state == "done":
        return decide.step_number(decide.spell_of(before[0].step) + 1, 0), next_us
    left = next((row for row in before if row.state == "dropped" and not decide.is_resolved(row.step)), None)
    return (0, next_us) if left is None else (left.step, max(next_us, left.next_us))


def _step(number: int, episode: int, step: int, next_us: int, state: str = "waiting") -> Step:
    return number, episode, step, next_us, state


def put_steps(connection: Connection, steps: Iterable[Step]) -> None:
    """Steps as they stand now, each once, whether or not they stood otherwise before."""
    rows.put_steps(connection, list(steps))


def _drop_waiting(connection: Connection, numbers: Iterable[int]) -> None:
    for chunk in in_chunks(numbers):
        waiting = escalation.c.alert.in_(chunk) & (escalation.c.state == "waiting")
        connection.execute(update(escalation).where(waiting).values(state="dropped"))


def clear_many(connection: Connection, keys: Iterable[str], now_us: int, *, quietly: bool = False) -> list[int]:
    """What was wrong is no more: whoever was told so is told this too, half a minute later if it lasts, unless
    `quietly`."""
    ended = [row for row in latest(connection, keys).values() if row.state != "resolved"]
    numbers = [int(row.id) for row in ended]
    for chunk in in_chunks(numbers):
        over = {"state": "resolved", "resolved_us": now_us, "suppressed": None}
        connection.execute(update(alert).where(alert.c.id.in_(chunk)).values(**over))
    add_events(connection, ((number, "resolved", {}) for number in numbers), now_us)
    _drop_waiting(connection, numbers)
    if not quietly:
        _tell_resolved(connection, ended, now_us)
    return numbers


def _tell_resolved(connection: Connection, ended: Sequence[Row[Any]], now_us: int) -> None:
    """A last step for those alerts of which somebody was told in this spell."""
    episodes = {int(row.id): int(row.episode) for row in ended}
    last_done: dict[int, int] = {}
    for chunk in in_chunks(episodes):
        done = select(escalation).where(escalation.c.alert.in_(chunk), escalation.c.state == "done")
        for row in connection.execute(done.order_by(escalation.c.step)):
            if row.episode == episodes[row.alert]:
                last_done[row.alert] = row.step
    due = now_us + decide.RESOLVED_WAIT_US
    put_steps(
        connection,
        [
            _step(number, episodes[number], decide.resolved_number(decide.spell_of(step)), due)
            for number, step in last_done.items()
            if not decide.is_resolved(step)
        ],
    )


def add_events(
    connection: Connection,
    events: Iterable[tuple[int, str, Mapping[str, Any]]],
    now_us: int,
    actor: str = "",
) -> None:
    """What happened to alerts: (alert, event, data)."""
    said: dict[str, str] = {}
    happened = []
    for number, event, data in events:
        told = repr(data)  # a storm says the same ten thousand times
        if told not in said:
            said[told] = json.dumps(data)
        happened.append((number, now_us, event, actor, said[told]))
    rows.insert_events(connection, happened)


def suppress_many(
    connection: Connection, reasons: Mapping[int, str | None], standings: Mapping[int, Standing], now_us: int
) -> None:
    """Change why nobody is told (None: people are, from now on)."""
    if not reasons:
        return
    rows.change_reasons(connection, list(reasons.items()))
    named = ((number, "suppressed" if why else "told_again", {"reason": why}) for number, why in reasons.items())
    add_events(connection, named, now_us)
    _drop_waiting(connection, [number for number, why in reasons.items() if why])
    resume_many(connection, {number: standings[number] for number, why in reasons.items() if why is None}, now_us)


def bring_forward(connection: Connection, back_us: int) -> None:
    """What waits for an instant of a clock that was set back since waits no longer for that."""
    if back_us <= 0:
        return
    waiting = escalation.c.state == "waiting"
    connection.execute(update(escalation).where(waiting).values(next_us=escalation.c.next_us - back_us))
    times = (outbox.c.made_us, outbox.c.next_us, outbox.c.expires_us, outbox.c.lease_until_us)
    earlier = {each.name: each - back_us for each in times}
    connection.execute(update(outbox).where(outbox.c.state.in_(("queued", "failed", "sending"))).values(**earlier))


def alone(connection: Connection) -> None:
    """Nobody else changes alerts until this transaction ends: neither the leader's tick, nor a worker, nor a person.
    On SQLite whoever writes is alone."""
    connection.execute(select(lease.c.name).where(lease.c.name == LEADER).with_for_update())


def urgency_of(row: Row[Any]) -> Urgency:
    """An alert's urgency."""
    return cast(Urgency, row.severity)
