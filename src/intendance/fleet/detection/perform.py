"""The detector's tick: who went silent, who came back, and whether it was them. Set by set, in one transaction with
the alerts and messages that follow, under the leader's lease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, insert, or_, select, update

from intendance.fleet.alerts import recording
from intendance.fleet.alerts.perform import FLAPPING, MISSING
from intendance.fleet.alerts.policy import CANARY, Policy
from intendance.fleet.alerts.recording import Sighting, clear_many, in_chunks, raise_many
from intendance.fleet.database.tables import alert, alert_event, node, node_state, observability_gap
from intendance.fleet.detection import decide
from intendance.fleet.detection.decide import Blind, Mass, Silent
from intendance.model.frozen import dataclass

SITE = "site.unreachable"
FLEET = "fleet.silent"
SKEW = "node.skew"
PHANTOM = "."
"""Nodes of our own, for canaries, begin so: no name that people choose does."""

_OPEN = ("pending", "firing", "acked")
_WATCHED = select(node.c.node).where(node.c.decommissioned_us.is_(None))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tick changed: nodes that are late, missing, back."""

    late: int
    missing: int
    back: int


def note_blindness(connection: Connection, blind: Blind) -> None:
    """Record a time in which we saw nothing, and give every node its time anew: nobody is missing for our sake."""
    gap = {"from_us": blind.from_us, "to_us": blind.to_us, "cause": blind.cause}
    connection.execute(insert(observability_gap).values(**gap))
    until = decide.deadline_us(0, blind.to_us)
    watched = node_state.c.state.in_(("up", "late")) & ~node_state.c.node.startswith(PHANTOM, autoescape=True)
    connection.execute(update(node_state).where(watched, node_state.c.deadline_us < until).values(deadline_us=until))


def note_lost_beats(connection: Connection, lost: Blind) -> None:
    """Record a time of which beats may be lost: a node that may have been heard in it was."""
    gap = {"from_us": lost.from_us, "to_us": lost.to_us, "cause": lost.cause}
    connection.execute(insert(observability_gap).values(**gap))
    until = decide.deadline_us(0, lost.to_us)
    before_its_next = lost.to_us + decide.NEXT_BEAT_US
    watched = node_state.c.state.in_(("up", "late")) & ~node_state.c.node.startswith(PHANTOM, autoescape=True)
    waits = node_state.c.deadline_us < before_its_next
    connection.execute(update(node_state).where(watched, waits).values(deadline_us=until))


def look(connection: Connection, policy: Policy, now_us: int) -> Seen:
    """Move every node to where it stands now, and raise and clear the alerts of that."""
    late = _late(connection, now_us)
    overdue = node_state.c.state.in_(("up", "late")) & (node_state.c.deadline_us <= now_us - decide.SETTLE_US)
    silent = _moved(connection, overdue & node_state.c.node.in_(_WATCHED), "missing", now_us)
    heard = (
        node_state.c.state.in_(("missing", "unobservable"))
        & (node_state.c.streak >= decide.RECOVERS_BY_BEATS)
        & (node_state.c.deadline_us > now_us)
    )
    back = _moved(connection, heard, "up", now_us)
    if back:
        clear_many(connection, (missing_of(each).key for each in back), now_us)
    phantoms = [name for name in silent if name.startswith(PHANTOM)]
    raise_many(connection, map(canary_of, phantoms), policy, now_us)
    silent = [name for name in silent if not name.startswith(PHANTOM)]
    if silent:
        _raise_silent(connection, silent, policy, now_us)
    if back or silent:
        _flapping(connection, [*back, *silent], policy, now_us)
    return Seen(late, len(silent), len(back))


def _late(connection: Connection, now_us: int) -> int:
    on_time = node_state.c.deadline_us - decide.GRACE_US > now_us
    late = (node_state.c.state == "up") & ~on_time & (node_state.c.deadline_us > now_us)
    count = connection.execute(update(node_state).where(late).values(state="late", state_since_us=now_us)).rowcount
    again = (node_state.c.state == "late") & on_time
    connection.execute(update(node_state).where(again).values(state="up", state_since_us=now_us))
    return count


def _moved(connection: Connection, those: Any, state: str, now_us: int) -> list[str]:
    moved = update(node_state).where(those).values(state=state, state_since_us=now_us)
    return sorted(connection.execute(moved.returning(node_state.c.node)).scalars())


def missing_of(name: str, site: str = "", **more: Any) -> Sighting:
    """That a node is silent."""
    return Sighting(cause=MISSING, urgency="critical", node=name, site=site, **more)


def canary_of(name: str) -> Sighting:
    """That a phantom is silent, as it should be: the way of its alert is the way of every alert."""
    return Sighting(cause=CANARY, urgency="critical", node=name)


def _raise_silent(connection: Connection, silent: Sequence[str], policy: Policy, now_us: int) -> None:
    """One alert for what fell silent together; each node's own is recorded under it, and nobody is told of those."""
    recent = _recent(connection, now_us)
    sites = {each.node: each.site for each in recent}
    sizes = {site: size for site, (size, _) in _counts(connection).items() if size}
    masses = decide.mass_silence(recent, sizes, now_us)
    parents = _parents(connection, masses, policy, now_us)
    children = {name for mass in masses for name in mass.nodes} | set(silent)
    raise_many(
        connection,
        (
            missing_of(name, sites.get(name, ""), parent=parent, suppressed="inhibited" if parent else None)
            for name in sorted(children)
            for parent in (parents.get("", parents.get(sites.get(name, "") or "\0")),)
        ),
        policy,
        now_us,
    )
    _adopt(connection, masses, parents, now_us)


def _recent(connection: Connection, now_us: int) -> list[Silent]:
    since = now_us - decide.GUARD_US
    rows = connection.execute(
        select(node_state.c.node, node.c.site, node_state.c.state_since_us)
        .join(node, node.c.node == node_state.c.node)
        .where(node_state.c.state == "missing", node_state.c.state_since_us >= since,
               ~node_state.c.node.startswith(PHANTOM, autoescape=True))
        .order_by(node_state.c.state_since_us, node_state.c.node)
    )  # fmt: skip
    return [Silent(*row) for row in rows]


def _counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """How many nodes are watched at each site, and how many are missing there."""
    watched = func.sum(case((node.c.decommissioned_us.is_(None), 1), else_=0))
    missing = func.sum(case((node_state.c.state == "missing", 1), else_=0))
    counted = (
        select(node.c.site, watched, missing)
        .join(node_state, node.c.node == node_state.c.node)
        .where(~node.c.node.startswith(PHANTOM, autoescape=True))
        .group_by(node.c.site)
    )
    return {site: (int(size), int(gone)) for site, size, gone in connection.execute(counted)}


def _parents(connection: Connection, masses: Sequence[Mass], policy: Policy, now_us: int) -> dict[str, int]:
    """The alerts that stand for many, by their site (empty: the fleet): those of now, and those that still hold."""
    sightings = [
        Sighting(
            cause=SITE if mass.site else FLEET,
            urgency="critical",
            site=mass.site,
            labels=(("site", mass.site),) if mass.site else (),
            params=(("count", len(mass.nodes)), ("of", mass.of)),
        )
        for mass in masses
    ]
    raise_many(connection, sightings, policy, now_us)
    return {_site_of(row): int(row.id) for row in _open_masses(connection)}


def _open_masses(connection: Connection) -> Sequence[Row[Any]]:
    holds = alert.c.cause.in_((SITE, FLEET)) & (alert.c.state != "resolved")
    return connection.execute(select(alert).where(holds).order_by(alert.c.id)).all()


def _site_of(row: Row[Any]) -> str:
    return str(row.group_key.split("|")[0])


def _adopt(connection: Connection, masses: Sequence[Mass], parents: dict[str, int], now_us: int) -> None:
    """Alerts of single nodes that were raised before it was known that many are silent."""
    for mass in masses:
        parent = parents.get(mass.site)
        if parent is None:
            continue
        alone = (alert.c.cause == MISSING) & alert.c.state.in_(_OPEN) & alert.c.parent.is_(None)
        members = set(mass.nodes)
        asked = select(alert).where(alone).order_by(alert.c.id)
        orphans = {row.id: row for row in connection.execute(asked) if row.node in members}
        for chunk in in_chunks(orphans):
            connection.execute(update(alert).where(alert.c.id.in_(chunk)).values(parent=parent))
        free = {number: row for number, row in orphans.items() if row.suppressed is None}
        standings = {number: recording.standing_of(row) for number, row in free.items()}
        recording.suppress_many(connection, dict.fromkeys(free, "inhibited"), standings, now_us)


def settle(connection: Connection, now_us: int) -> bool:
    """End the alerts about many when few are left: those few are told by themselves. Whether one ended."""
    masses = _open_masses(connection)
    counts = _counts(connection) if masses else {}
    ended = []
    for row in masses:
        site = _site_of(row)
        here = [counts.get(site, (0, 0))] if site else list(counts.values())
        size, missing = sum(each[0] for each in here), sum(each[1] for each in here)
        if not decide.mass_holds(site, missing, size):
            ended.append(row.key)
    clear_many(connection, ended, now_us)
    return bool(ended)


# --- restless nodes, wrong clocks -----------------------------------------------------------------------------------

_AT_ONCE = 500
"""More nodes than that do not flap: something common to them comes and goes."""


def _flapping(connection: Connection, names: Sequence[str], policy: Policy, now_us: int) -> None:
    if len(names) > _AT_ONCE:
        return
    restless = [
        Sighting(cause=FLAPPING, urgency="warning", node=name, params=(("percent", percent),))
        for name, percent in _percents(connection, names, now_us).items()
        if not name.startswith(PHANTOM) and decide.is_flapping(percent, was=False)
    ]
    raise_many(connection, restless, policy, now_us)


def calm(connection: Connection, now_us: int) -> bool:
    """End the alerts about nodes that came and went and now stay; whether one ended."""
    restless = select(alert).where(alert.c.cause == FLAPPING, alert.c.state != "resolved").order_by(alert.c.id)
    rows = connection.execute(restless).all()
    if not rows:
        return False
    percents = _percents(connection, [row.node for row in rows], now_us)
    still = [row.key for row in rows if not decide.is_flapping(percents.get(row.node, 0), was=True)]
    clear_many(connection, still, now_us)
    return bool(still)


def _percents(connection: Connection, names: Sequence[str], now_us: int) -> dict[str, int]:
    since = now_us - decide.SLOTS * decide.SLOT_US
    changes: dict[str, list[int]] = {name: [] for name in names}
    events = (
        select(alert.c.node, alert_event.c.at_us)
        .join(alert, alert.c.id == alert_event.c.alert)
        .where(
            and_(
                alert.c.cause == MISSING,
                alert.c.node.in_(list(names)),
                alert_event.c.event.in_(("opened", "reopened", "resolved")),
                alert_event.c.at_us > since,
            )
        )
        .order_by(alert_event.c.at_us, alert_event.c.id)
    )
    for name, at_us in connection.execute(events):
        changes[name].append(at_us)
    return {name: decide.flapping_percent(at, now_us) for name, at in changes.items()}


def end_of_those_gone(connection: Connection, now_us: int) -> None:
    """End what was raised of nodes that left the fleet, and the silence of one that was let in anew: no beat would."""
    silent = select(node_state.c.node).where(node_state.c.state == "missing")
    here = select(node_state.c.node)
    gone = or_(
        (alert.c.cause == MISSING) & alert.c.node.not_in(silent),
        alert.c.cause.in_((SKEW, FLAPPING)) & alert.c.node.not_in(here),
    )
    over = select(alert.c.key).where(alert.c.state != "resolved", gone).order_by(alert.c.id)
    rows = connection.execute(over).scalars().all()
    clear_many(connection, rows, now_us)


def check_clocks(connection: Connection, policy: Policy, now_us: int) -> None:
    """Raise nodes whose clock is too far from ours, and end what was raised of those that are right again."""
    wrong = (
        select(node_state.c.node, node.c.site, node_state.c.skew_ms)
        .join(node, node.c.node == node_state.c.node)
        .where(func.abs(node_state.c.skew_ms) > decide.SKEW_MS, node_state.c.state == "up")
        .order_by(node_state.c.node)
    )
    found = connection.execute(wrong).all()
    raise_many(
        connection,
        (
            Sighting(cause=SKEW, urgency="warning", node=row.node, site=row.site, params=(("skew_ms", row.skew_ms),))
            for row in found
        ),
        policy,
        now_us,
    )
    names = {row.node for row in found}
    known = connection.execute(
        select(alert.c.key, alert.c.node, node_state.c.state)
        .join(node_state, node_state.c.node == alert.c.node)
        .where(alert.c.cause == SKEW, alert.c.state != "resolved")
        .order_by(alert.c.id)
    ).all()
    clear_many(connection, [row.key for row in known if row.node not in names and row.state == "up"], now_us)
