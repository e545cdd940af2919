"""What a check finds, before it is a verdict; and chains of evidence over time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple, cast

from intendance.catalogue.moving import RESOLUTION, Elapsed
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Citation, Fact, Param, State


@dataclass(frozen=True, slots=True)
class Finding:
    """A state with its reason code and parameters, when it began, the facts it rests on, and when it may change."""

    state: State
    code: str
    params: Mapping[str, Param] = field(default_factory=dict)
    since: datetime | None = None
    cites: tuple[Fact[Any] | Citation, ...] = ()
    attested_by: Attestor | None = None
    next_change_at: datetime | None = None


class Span(NamedTuple):
    """A stretch of time during which evidence held, both ends included."""

    start: datetime
    end: datetime


def chain_start(spans: Iterable[Span], now: datetime) -> datetime | None:
    """When the unbroken chain of spans that holds at `now` began; None when none does."""
    start: datetime | None = None
    end: datetime | None = None
    ordered = sorted(spans, key=_start)
    while ordered and ordered[-1].start > now:
        ordered.pop()
    for begins, ends in ordered:
        if ends < begins:
            continue
        if end is None or begins > end:
            start, end = begins, ends
        elif ends > end:
            end = ends
    return start if end is not None and now <= end else None


_start = itemgetter(0)


def after(at: datetime) -> datetime:
    """The first instant at which a bound that ends at `at` is broken: it is kept up to and including that."""
    return at + RESOLUTION


def seconds_lost(length: timedelta | Elapsed) -> int:
    """Whole seconds, rounded up, for what is broken: a bound just broken never looks kept."""
    if isinstance(length, Elapsed):
        return cast(int, length.told(lost=True))
    return -int(-length.total_seconds() // 1)


def seconds_held(length: timedelta | Elapsed) -> int:
    """Whole seconds, rounded down, for what holds; never below 0."""
    if isinstance(length, Elapsed):
        return cast(int, length.told(lost=False))
    return max(0, int(length.total_seconds()))
