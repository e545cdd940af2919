"""When the manager looks into the stores of an asset. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from intendance.model.frozen import dataclass

EVERY = timedelta(hours=20)
"""So long after a look the next one is due: no calendar day is left out, and each re-reads its thirtieth."""
AGAIN = timedelta(hours=1)
"""Between two looks at one asset, whatever happened meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """An asset of a node: when it was last looked at, when that was last tried, and when its newest backup was made."""

    node: str
    asset: str
    looked_at: datetime | None = None
    tried_at: datetime | None = None
    backed_up_at: datetime | None = None


def due(watched: Iterable[Watched], now: datetime) -> tuple[Watched, ...]:
    """Those to look at now, what was never looked at first, then what waited for longest."""
    found = [each for each in watched if _is_due(each, now)]
    return tuple(sorted(found, key=_oldest))


def _oldest(each: Watched) -> tuple[bool, float, str, str]:
    at = each.looked_at
    return at is not None, 0.0 if at is None else at.timestamp(), each.node, each.asset


def _is_due(each: Watched, now: datetime) -> bool:
    """A clock that was set back leaves instants that are still to come: they keep nobody from looking."""
    recent = [at for at in (each.looked_at, each.tried_at) if at is not None]
    if any(at <= now < at + AGAIN for at in recent):
        return False
    if each.looked_at is None or not each.looked_at <= now < each.looked_at + EVERY:
        return True
    return each.backed_up_at is not None and each.backed_up_at > each.looked_at
