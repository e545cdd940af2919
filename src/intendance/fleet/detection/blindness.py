"""Our own blindness as an alert: the manager that was not running, stood still or could not write says so itself."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from intendance.fleet.alerts.owner import BLIND
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.recording import Sighting, clear_many, latest, params_of, raise_many
from intendance.fleet.database.tables import alert, observability_gap
from intendance.fleet.detection import decide
from intendance.fleet.detection.decide import Blind

_KEY = Sighting(cause=BLIND, urgency="critical").key


def tell(connection: Connection, blind: Blind, back_us: int, policy: Policy, now_us: int) -> bool:
    """Raise it where it was long enough, in the transaction that records it; whether it was."""
    former = latest(connection, [_KEY]).get(_KEY)
    total_us = decide.blind_us(_gaps(connection, now_us), None if former is None else former.resolved_us, now_us)
    open_now = former is not None and former.state != "resolved"
    if not open_now and not decide.must_tell_blindness(blind, total_us, back_us):
        return False
    seconds = max(total_us, back_us, blind.to_us - blind.from_us) // decide.SECOND_US
    seen = Sighting(cause=BLIND, urgency="critical", params=(("seconds", seconds), ("reason", blind.cause)))
    raise_many(connection, [seen], policy, now_us)
    if open_now:
        still = (alert.c.key == _KEY) & (alert.c.state != "resolved")
        connection.execute(update(alert).where(still).values(params=params_of(seen)))
    return True


def end(connection: Connection, now_us: int) -> None:
    """End it once every node had its time to be heard again."""
    last = select(observability_gap.c.to_us).order_by(observability_gap.c.id.desc()).limit(1)
    until_us = connection.execute(last).scalar()
    if until_us is None or decide.sees_again(until_us, now_us):
        clear_many(connection, [_KEY], now_us)


def _gaps(connection: Connection, now_us: int) -> list[Blind]:
    gap = observability_gap.c
    recent = select(gap.from_us, gap.to_us, gap.cause).where(gap.to_us > now_us - decide.BLIND_WITHIN_US)
    return [Blind(*row) for row in connection.execute(recent)]
