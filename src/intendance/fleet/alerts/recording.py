"""Alerts as they are written down: many at once, each with its event, in the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy import bindparam as bound
from sqlalchemy.dialects import postgresql, sqlite

from intendance.fleet.alerts import decide
from intendance.fleet.alerts.decide import Move, Standing
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.database.lease import LEADER
from intendance.fleet.database.tables import alert, alert_event, escalation, lease, outbox
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
    fresh: list[tuple[Sighting, Move]] = []
    moved: list[tuple[Row[Any], Sighting, Move]] = []
    for key, sighting in by_key.items():
        row = known.get(key)
        move = decide.observed(None if row is None else standing_of(row), now_us, lasting_us=sighting.lasting_us)
        if move is None:
            continue
        if row is None or move.change == "opened":
            fresh.append((sighting, move))
        else:
            moved.append((row, sighting, move))
    ids = {key: int(row.id) for key, row in known.items() if row.state != "resolved"}
    ids |= _opened(connection, fresh, now_us)
    for row, sighting, move in moved:
        ids[row.key] = row.id
        _moved(connection, row, sighting, move, now_us)
    firing = [(ids[each.key], each, move.standing) for each, move in fresh if move.standing.state == "firing"]
    firing += [(row.id, each, move.standing) for row, each, move in moved if move.change == "fired"]
    _first_steps(connection, firing, policy, now_us)
    again = [
        (row.id, move.standing) for row, each, move in moved if move.change == "reopened" and each.suppressed is None
    ]
    for number, standing in again:
        resume(connection, number, standing, now_us)
    return ids


def _opened(connection: Connection, fresh: Sequence[tuple[Sighting, Move]], now_us: int) -> dict[str, int]:
    ids: dict[str, int] = {}
    for chunk in in_chunks(fresh):
        rows = [_row(sighting, move.standing) for sighting, move in chunk]
        made = connection.execute(insert(alert).returning(alert.c.id, alert.c.key), rows)
        ids |= {key: number for number, key in made}
    add_events(connection, ((ids[each.key], "opened", {"suppressed": each.suppressed}) for each, _ in fresh), now_us)
    return ids


def _row(sighting: Sighting, standing: Standing) -> dict[str, Any]:
    return {
        "key": sighting.key,
        "cause": sighting.cause,
        "node": sighting.node,
        "labels": json.dumps(dict(sighting.labels) | ({"site": sighting.site} if sighting.site else {})),
        "severity": sighting.urgency,
        "group_key": sighting.group,
        "params": params_of(sighting),
        "parent": sighting.parent,
        "suppressed": sighting.suppressed,
        "acked_by": standing.acked_by,
        **_times(standing),
    }


def params_of(sighting: Sighting) -> str:
    """What the sentence of a sighting needs, as the table keeps it."""
    return json.dumps(dict(sighting.params))


def _times(standing: Standing) -> dict[str, Any]:
    return {
        "state": standing.state,
        "episode": standing.episode,
        "started_us": standing.started_us,
        "fired_us": standing.fired_us,
        "acked_until_us": standing.acked_until_us,
        "resolved_us": standing.resolved_us,
    }


def _moved(connection: Connection, row: Row[Any], sighting: Sighting, move: Move, now_us: int) -> None:
    values = {**_times(move.standing), "params": params_of(sighting), "parent": sighting.parent}
    values["suppressed"] = sighting.suppressed
    connection.execute(update(alert).where(alert.c.id == row.id).values(**values))
    add_events(connection, [(row.id, move.change, {"suppressed": sighting.suppressed})], now_us)
    if move.change == "reopened":
        _drop_waiting(connection, [row.id])


def _first_steps(
    connection: Connection, firing: Iterable[tuple[int, Sighting, Standing]], policy: Policy, now_us: int
) -> None:
    """A step that nobody may be told waits as `dropped`: `resume` takes it up when the reason is gone."""
    rows = []
    for number, sighting, standing in firing:
        steps = policy.steps(sighting.cause, sighting.urgency, dict(sighting.labels))
        next_us = now_us + decide.first_wait_us(steps, sighting.urgency)
        state = "waiting" if sighting.suppressed is None else "dropped"
        rows.append(_step(number, standing.episode, 0, next_us, state))
    put_steps(connection, rows)


def resume(connection: Connection, number: int, standing: Standing, now_us: int) -> None:
    """Let people be told again of an alert that fires: from where it was left, or anew when they believe it over."""
    if standing.state != "firing":
        return
    ours = (escalation.c.alert == number) & (escalation.c.episode == standing.episode)
    rows = connection.execute(select(escalation).where(ours).order_by(escalation.c.step.desc())).all()
    if any(row.state == "waiting" and not decide.is_resolved(row.step) for row in rows):
        return
    next_us = now_us + decide.WAIT_US["critical"]
    if rows and decide.is_resolved(rows[0].step) and rows[0].state == "done":
        step = decide.step_number(decide.spell_of(rows[0].step) + 1, 0)
    else:
        left = next((row for row in rows if row.state == "dropped" and not decide.is_resolved(row.step)), None)
        step = 0 if left is None else left.step
        next_us = next_us if left is None else max(next_us, left.next_us)
    put_steps(connection, [_step(number, standing.episode, step, next_us)])


def _step(number: int, episode: int, step: int, next_us: int, state: str = "waiting") -> dict[str, Any]:
    return {"alert": number, "episode": episode, "step": step, "next_us": next_us, "state": state}


def put_steps(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Steps as they stand now, whether or not they stood otherwise before."""
    dialect = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    made = dialect(escalation)
    put = made.on_conflict_do_update(
        index_elements=[escalation.c.alert, escalation.c.episode, escalation.c.step],
        set_={"next_us": made.excluded.next_us, "state": made.excluded.state},
    )
    for chunk in in_chunks(rows):
        connection.execute(put, chunk)


def _drop_waiting(connection: Connection, numbers: Iterable[int]) -> None:
    for chunk in in_chunks(numbers):
        waiting = escalation.c.alert.in_(chunk) & (escalation.c.state == "waiting")
        connection.execute(update(escalation).where(waiting).values(state="dropped"))


def clear_many(connection: Connection, keys: Iterable[str], now_us: int, *, quietly: bool = False) -> list[int]:
    """What was wrong is no more: whoever was told so is told this too, half a minute later if it lasts, unless
    `quietly`."""
    rows = [row for row in latest(connection, keys).values() if row.state != "resolved"]
    numbers = [int(row.id) for row in rows]
    for chunk in in_chunks(numbers):
        over = {"state": "resolved", "resolved_us": now_us, "suppressed": None}
        connection.execute(update(alert).where(alert.c.id.in_(chunk)).values(**over))
    add_events(connection, ((number, "resolved", {}) for number in numbers), now_us)
    _drop_waiting(connection, numbers)
    if not quietly:
        _tell_resolved(connection, rows, now_us)
    return numbers


def _tell_resolved(connection: Connection, rows: Sequence[Row[Any]], now_us: int) -> None:
    """A last step for those alerts of which somebody was told in this spell."""
    episodes = {int(row.id): int(row.episode) for row in rows}
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
    rows = (
        {"alert": number, "at_us": now_us, "event": event, "actor": actor, "data": json.dumps(data)}
        for number, event, data in events
    )
    for chunk in in_chunks(rows):
        connection.execute(insert(alert_event), chunk)


def suppress_many(
    connection: Connection, reasons: Mapping[int, str | None], standings: Mapping[int, Standing], now_us: int
) -> None:
    """Change why nobody is told (None: people are, from now on)."""
    if not reasons:
        return
    changed = update(alert).where(alert.c.id == bound("of")).values(suppressed=bound("why"))
    connection.execute(changed, [{"of": number, "why": why} for number, why in reasons.items()])
    named = ((number, "suppressed" if why else "told_again", {"reason": why}) for number, why in reasons.items())
    add_events(connection, named, now_us)
    _drop_waiting(connection, [number for number, why in reasons.items() if why])
    for number in (number for number, why in reasons.items() if why is None):
        resume(connection, number, standings[number], now_us)


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
