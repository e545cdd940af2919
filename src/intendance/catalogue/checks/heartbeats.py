"""How many heartbeats of a node its manager heard (MAINT_001). Pure.

A minute is counted once its beat can come no more. One in which the manager could hear nobody is nobody's fault, and no
proof either.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from intendance.catalogue.finding import Finding
from intendance.catalogue.rule import Rule
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, State

MINUTE = timedelta(minutes=1)
WINDOW = timedelta(hours=24)
SETTLED = MINUTE
"""A minute is counted so long after its end: its beat may come, by its last try, in the next one."""
_PER_HOUR = 60
_MAY_MISS = 1
"""59 of 60."""
_LOOK_AGAIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeats:
    """What a manager heard of a node, minute by minute on its own clock.

    Bit n is the minute that begins n minutes after `began_at`, which is a full hour: of `heard`, that a beat came; of
    `blind`, that nobody could be heard. From `expected_at` on the node was to beat.
    """

    expected_at: datetime
    began_at: datetime
    heard: int
    blind: int


@dataclass(frozen=True, slots=True)
class _Span:
    """Minutes [first, end) of a node: `seen` are those in which it could be heard."""

    beats: Heartbeats
    first: int
    end: int

    @property
    def minutes(self) -> int:
        return max(0, self.end - self.first)

    @property
    def _mask(self) -> int:
        return ((1 << self.minutes) - 1) << self.first

    @property
    def seen(self) -> int:
        return (self._mask & ~self.beats.blind).bit_count()

    @property
    def lost(self) -> int:
        return self._missing.bit_count()

    @property
    def _missing(self) -> int:
        return self._mask & ~self.beats.blind & ~self.beats.heard

    def nth_lost(self, count: int) -> datetime:
        """The end of the minute that was lost as the one of that number, counted from 1."""
        bits = [at for at in range(self.first, self.end) if self._missing >> at & 1]
        return self.beats.began_at + (bits[count - 1] + 1) * MINUTE

    def counted_at(self, end: int) -> datetime:
        """When the minutes up to a number can be counted."""
        return self.beats.began_at + end * MINUTE + SETTLED

    def part(self, first: int, end: int) -> _Span:
        return _Span(self.beats, max(self.first, first), min(self.end, end))


def heard(rule: Rule, subject: Heartbeats, now: datetime) -> Finding:
    """Enough beats arrived: one may be lost in an hour, and in 24 hours as many as the bound allows."""
    span = _counted(subject, now)
    if span.minutes < _PER_HOUR:
        due = span.counted_at(span.first + _PER_HOUR)
        return Finding(
            State.PENDING, "first_hour", {"due_at": due}, subject.expected_at, (), Attestor.MANAGER, next_change_at=due
        )
    return _blind(span, now) or _hours(span, now) or _day(rule, span, now)


def _counted(subject: Heartbeats, now: datetime) -> _Span:
    end = (now - SETTLED - subject.began_at) // MINUTE
    first = max((subject.expected_at - subject.began_at) // MINUTE + 1, end - WINDOW // MINUTE, 0)
    return _Span(subject, first, end)


def unobserved(subject: Heartbeats, now: datetime) -> Finding | None:
    """That the manager itself could not hear for too long to say anything of a node; None when it could."""
    span = _counted(subject, now)
    return _blind(span, now) if span.minutes >= _PER_HOUR else None


def _blind(span: _Span, now: datetime) -> Finding | None:
    """Where the manager could hear for less than half of the time, or not at all these two hours, nobody knows."""
    recent = span.part(span.end - 2 * _PER_HOUR, span.end)
    if span.seen * 2 >= span.minutes and recent.seen:
        return None
    blind = span.beats.blind & ~((1 << span.first) - 1)
    first = (blind & -blind).bit_length() - 1
    return Finding(
        State.UNKNOWN,
        "not_observed",
        {"blind": span.minutes - span.seen, "minutes": span.minutes},
        min(now, span.beats.began_at + first * MINUTE),
        next_change_at=now + _LOOK_AGAIN,
    )


def _hours(span: _Span, now: datetime) -> Finding | None:
    """Whether the last two full hours both lost more than one."""
    running: list[_Span] = []
    for hour in _full_hours(span):
        if hour.lost <= _MAY_MISS:
            break
        running.append(hour)
    if len(running) < 2:
        return None
    return Finding(
        State.FAIL,
        "hours_lost",
        {"lost": sum(hour.lost for hour in running[:2])},
        span.beats.began_at + running[-2].end * MINUTE,
        (),
        Attestor.MANAGER,
        next_change_at=_next_hour(span, now),
    )


def _full_hours(span: _Span) -> Iterator[_Span]:
    """The full hours of the span, the newest first."""
    end = span.end - span.end % _PER_HOUR
    while end - _PER_HOUR >= span.first:
        yield span.part(end - _PER_HOUR, end)
        end -= _PER_HOUR


def _day(rule: Rule, span: _Span, now: datetime) -> Finding:
    allowed = span.seen * (1000 - rule.permille("heartbeat.received_min")) // 1000
    counted = {"minutes": span.seen}
    if span.lost > allowed:
        return Finding(
            State.FAIL,
            "day_lost",
            {"lost": span.lost, "allowed": allowed} | counted,
            min(now, span.nth_lost(allowed + 1)),
            (),
            Attestor.MANAGER,
            next_change_at=_next_hour(span, now),
        )
    soonest = span.counted_at(span.end + allowed - span.lost + 1)
    return Finding(
        State.PASS,
        "heard",
        {"heard": span.seen - span.lost} | counted,
        span.beats.began_at + span.first * MINUTE,
        (),
        Attestor.MANAGER,
        next_change_at=min(soonest, _next_hour(span, now)),
    )


def _next_hour(span: _Span, now: datetime) -> datetime:
    """When the hour that is running can be counted, or a quarter of one from now."""
    return min(now + _LOOK_AGAIN, span.counted_at(span.end - span.end % _PER_HOUR + _PER_HOUR))
