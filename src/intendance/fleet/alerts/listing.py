"""Alerts by where they stand, the most urgent first, a part at a time: as pages and the command line list them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, case, func, select

from intendance.fleet.alerts.policy import CANARY
from intendance.fleet.alerts.seen import AlertSeen
from intendance.fleet.database.tables import alert
from intendance.model.frozen import dataclass

Kind = Literal["ringing", "acked", "held", "pending", "over"]
SIZES: Mapping[Kind, int] = {"ringing": 125, "acked": 40, "held": 20, "pending": 20, "over": 100}
"""How many alerts of each kind make a part of it."""
KEPT_FOR = timedelta(days=30)
_KEPT_US = int(KEPT_FOR.total_seconds()) * 1_000_000

OPEN = (alert.c.state != "resolved") & alert.c.parent.is_(None) & (alert.c.cause != CANARY)
KIND = case(
    ((alert.c.state == "firing") & alert.c.suppressed.is_(None), "ringing"),
    (alert.c.state == "firing", "held"),
    else_=alert.c.state,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """Part `number` of the alerts of a kind, counted from 1, of `count` in all; `begin` are before it."""

    kind: Kind
    number: int
    begin: int
    count: int
    found: tuple[AlertSeen, ...]

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.begin + SIZES[self.kind] >= self.count


def place(kind: Kind, number: int, count: int) -> tuple[int, int]:
    """Which part it is, and how many alerts come before it: the last one for a number that is too large. Pure."""
    size = SIZES[kind]
    number = min(max(number, 1), max(1, -(-count // size)))
    return number, (number - 1) * size


def count_of(connection: Connection, kind: Kind, now_us: int) -> int:
    """How many alerts are of a kind; over: in the last 30 days."""
    asked = select(func.count()).select_from(alert).where(_of(kind, now_us))
    return int(connection.execute(asked).scalar_one())


def rows_of(connection: Connection, kind: Kind, begin: int, now_us: int) -> list[Row[Any]]:
    """One part of them, from behind the first `begin` on."""
    order = (alert.c.severity != "critical", alert.c.started_us.desc(), alert.c.id)
    asked = select(alert).where(_of(kind, now_us)).order_by(*order).limit(SIZES[kind]).offset(begin)
    return list(connection.execute(asked))


def _of(kind: Kind, now_us: int) -> ColumnElement[bool]:
    if kind == "over":
        lately = (alert.c.state == "resolved") & (alert.c.started_us > now_us - _KEPT_US)
        return lately & alert.c.parent.is_(None) & (alert.c.cause != CANARY)
    return OPEN & KIND.in_((kind,))
