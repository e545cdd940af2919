"""The points of several assets that are restored together: the nearest ones, and how far apart they are. Pure.

Assets are backed up at different times, so a site comes back at instants that differ. What is chosen keeps them close,
and the difference is always said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from intendance.model.frozen import dataclass
from intendance.sets.points import RecoveryPoint, choose


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """One point for each asset, in the site's order. `newer` names the assets of which a newer point is left out, and
    that point, so that the others are not too far behind."""

    points: tuple[RecoveryPoint, ...]
    newer: tuple[RecoveryPoint, ...]

    @property
    def first(self) -> datetime:
        """The instant of what is furthest back."""
        return min(point.recovers_to for point in self.points)

    @property
    def last(self) -> datetime:
        """The instant of what is furthest on."""
        return max(point.recovers_to for point in self.points)

    @property
    def skew(self) -> timedelta:
        """How much later the latest of them was backed up than the earliest."""
        return self.last - self.first


def choose_together(
    candidates: Mapping[str, Sequence[RecoveryPoint]], target: datetime | None, zone: str = "UTC"
) -> Together:
    """One point for each asset (`candidates`, by name), of those that nobody found faulty.

    With a target: of each asset the newest at or before it, since what happened after it is what somebody wants to be
    rid of. Without: the newest group that belongs together. The asset that was backed up longest ago sets the time; the
    others take the points that lie closest around its newest one. Raises NoPointReachable, whose times are
    those of a zone.
    """
    newest = {asset: choose(points, asset, target, zone) for asset, points in candidates.items()}
    if target is not None:
        return Together(points=tuple(newest.values()), newer=())
    anchor = min(point.recovers_to for point in newest.values())
    usable = {
        asset: sorted((point for point in points if not point.complaint), key=_order)
        for asset, points in candidates.items()
    }
    begin, end = _closest(anchor, list(usable.values()))
    chosen = {
        asset: max((point for point in points if begin <= point.recovers_to <= end), key=_order)
        for asset, points in usable.items()
    }
    newer = tuple(newest[asset] for asset in chosen if newest[asset].recovers_to > chosen[asset].recovers_to)
    return Together(points=tuple(chosen.values()), newer=newer)


def _closest(anchor: datetime, assets: Sequence[Sequence[RecoveryPoint]]) -> tuple[datetime, datetime]:
    """The shortest time around `anchor` in which every asset has a point; of equally short ones the latest."""
    instants = [[point.recovers_to for point in points] for points in assets]
    begins = {each for group in instants for each in group if each <= anchor}
    windows = [(begin, max(anchor, *(group[bisect_left(group, begin)] for group in instants))) for begin in begins]
    return max(windows, key=lambda window: (window[0] - window[1], window[0]))


def _order(point: RecoveryPoint) -> tuple[datetime, datetime, str]:
    return (point.recovers_to, point.completed_at, point.set)
