"""An instant that moves: `now` for a check whose finding is to be looked at again later. Pure.

A check that is given a `Now` in place of an instant finds the same, and all that it compares `now` with is noted. Until
`now` reaches the first of these instants, each comparison has the same outcome, so that the check would take the same
path to the same finding. What it says of ages stays open (`Age`). Anything else that a check might do with `now` is an
error here: it cannot be overlooked.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from intendance.model.frozen import dataclass

RESOLUTION = timedelta(microseconds=1)
"""What instants are told apart by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How long ago an instant is, in whole seconds: rounded up for what is `lost`, so that a bound just broken never
    looks kept; rounded down and never below 0 for what holds."""

    since: datetime
    lost: bool

    def seconds(self, now: datetime) -> int:
        """What it is at `now`."""
        length = (now - self.since).total_seconds()
        return -int(-length // 1) if self.lost else max(0, int(length))


class Watch:
    """Up to when (exclusive) every comparison that was made with `now` has the same outcome; None: for ever."""

    __slots__ = ("at", "until")

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.until: datetime | None = None

    def now(self) -> Now:
        """What stands for `now`."""
        return Now(self, timedelta())

    def reaches(self, instant: datetime, offset: timedelta) -> int:
        """Whether `now`, moved by `offset`, is before an instant (-1), at it (0) or after it (1), from here on."""
        here = self.at + offset
        if here > instant:
            return 1
        changes = instant - offset if here < instant else self.at + RESOLUTION
        self.until = changes if self.until is None else min(self.until, changes)
        return -1 if here < instant else 0


class Now:
    """`now`, moved by a length of time. It can be compared, moved, and an instant can be taken from it; no more."""

    __slots__ = ("offset", "watch")

    def __init__(self, watch: Watch, offset: timedelta) -> None:
        self.watch = watch
        self.offset = offset

    def _beside(self, other: object) -> int:
        if isinstance(other, Now) and other.watch is self.watch:
            return (self.offset > other.offset) - (self.offset < other.offset)
        if not isinstance(other, datetime):
            raise TypeError(f"now is compared with {other!r}")
        return self.watch.reaches(other, self.offset)

    def __lt__(self, other: object) -> bool:
        return self._beside(other) < 0

    def __le__(self, other: object) -> bool:
        return self._beside(other) <= 0

    def __gt__(self, other: object) -> bool:
        return self._beside(other) > 0

    def __ge__(self, other: object) -> bool:
        return self._beside(other) >= 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Now, datetime)) and self._beside(other) == 0

    def __hash__(self) -> int:
        return hash((Now, self.offset))

    def __add__(self, length: timedelta) -> Now:
        return Now(self.watch, self.offset + length)

    __radd__ = __add__

    def __sub__(self, other: timedelta | datetime) -> Now | Elapsed:
        if isinstance(other, timedelta):
            return Now(self.watch, self.offset - other)
        return Elapsed(self, other)

    def since(self, instant: datetime, *, lost: bool) -> Age:
        """How long ago an instant was, as long as nobody has said when that is asked."""
        return Age(since=instant - self.offset, lost=lost)


class Elapsed:
    """The time from an instant to `now`: it can be compared with a length of time, and told in seconds."""

    __slots__ = ("_instant", "_now")

    def __init__(self, now: Now, instant: datetime) -> None:
        self._now = now
        self._instant = instant

    def __lt__(self, length: timedelta) -> bool:
        return self._now < self._instant + length

    def __le__(self, length: timedelta) -> bool:
        return self._now <= self._instant + length

    def __gt__(self, length: timedelta) -> bool:
        return self._now > self._instant + length

    def __ge__(self, length: timedelta) -> bool:
        return self._now >= self._instant + length

    __hash__ = None  # type: ignore[assignment]  # nothing may look it up

    def told(self, *, lost: bool) -> Age:
        """The seconds that it has, once `now` is known."""
        return self._now.since(self._instant, lost=lost)
