"""A set for each of the last days (MAINT_013). Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from intendance.catalogue.checks.retained import DAY_SECONDS, plan_too_short
from intendance.catalogue.finding import Finding, Span, after, chain_start, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Inspection, Subject, Views, attestor, day_sets, local_day, told
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Param, State


@dataclass(frozen=True, slots=True)
class _Days:
    """The last days before an inspection: those that lack a set, how many lack one since there was nothing to keep."""

    of: int
    missing: tuple[date, ...]
    young: int
    first: date

    @property
    def state(self) -> State:
        if self.missing:
            return State.FAIL
        return State.PENDING if self.young else State.PASS


def daily(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """Each local day of the period has a set that can be restored, as the last inspection found.

    Everything is counted as of that inspection; afterwards time can only make it stale.
    """
    short = plan_too_short(rule, subject)
    if short is not None:
        return short
    bound = timedelta(seconds=rule.seconds("inspection.age_max"))
    if not subject.inspections:
        return _unseen(subject, subject.first_declared + bound, now)
    views = Views.of(subject.inspections).at(now)
    newest = max(views.values(), key=_moment)
    days = _count(rule, subject, views.values(), newest, bound)
    if days.state is State.FAIL:
        return _finding(subject, days, newest, since=_began(rule, subject, bound, days.state))
    fresh = [view for view in views.values() if now <= view.at + bound]
    if not fresh or _count(rule, subject, fresh, newest, bound).state is not days.state:
        return _stale(views, bound, now)
    since = _held_since(rule, subject, bound, days.state, now)
    return _finding(subject, days, newest, since=since, until=after(min(view.at for view in fresh) + bound))


def _unseen(subject: Subject, due: datetime, now: datetime) -> Finding:
    cites = (subject.declared,)
    if now <= due:
        since = subject.first_declared
        return Finding(State.PENDING, "first_due", {"due_at": due}, since, cites, next_change_at=after(due))
    return Finding(State.UNKNOWN, "not_inspected", {"due_at": due}, due, cites)


def _stale(views: Mapping[str, Inspection], bound: timedelta, now: datetime) -> Finding:
    oldest = min(views.values(), key=_moment)
    params: dict[str, Param] = {"age_s": seconds_lost(now - oldest.at), "bound_s": int(bound.total_seconds())}
    return Finding(State.UNKNOWN, "inspection_old", params, oldest.at + bound, (oldest,))


def _finding(
    subject: Subject, days: _Days, newest: Inspection, *, since: datetime, until: datetime | None = None
) -> Finding:
    count = days.of - len(days.missing) - days.young
    params: dict[str, Param]
    if days.state is State.FAIL:
        code, params = "day_missing", {"first_day": days.missing[0].isoformat(), "count": len(days.missing)}
    elif days.state is State.PENDING:
        code, params = "growing", {"first_day": days.first.isoformat(), "count": count}
    else:
        code, params = "kept", {"count": count}
    who: Attestor = attestor(subject.node, newest)
    return Finding(days.state, code, {**params, "of": days.of}, since, (newest,), who, until)


def _count(rule: Rule, subject: Subject, views: Iterable[Inspection], newest: Inspection, bound: timedelta) -> _Days:
    """The days before the newest inspection. The last one is asked for only once its backup had time to be made."""
    zone = newest.data.zone
    of = rule.seconds("retention.kept_min") // DAY_SECONDS
    today = local_day(newest.at, zone)
    listing = subject.once(day_sets)
    have = [listing[view.node, view.seq] for view in views]
    midnight = datetime.combine(today, time(), ZoneInfo(zone))
    asked_until = today - timedelta(days=1)
    if newest.at < midnight + bound - timedelta(seconds=DAY_SECONDS):
        asked_until -= timedelta(days=1)
    first = subject.once(_first_kept, zone)
    key = ("days", frozenset(have), today, asked_until, of, first)
    found: _Days | None = subject.notes.alike.get(key)
    if found is None:
        found = subject.notes.alike[key] = _days(frozenset().union(*have), today, asked_until, of, first)
    return found


def _first_kept(subject: Subject, zone: str) -> date:
    """The first whole day of the asset."""
    return local_day(subject.first_declared, zone) + timedelta(days=1)


def _days(have: frozenset[str], today: date, asked_until: date, of: int, first: date) -> _Days:
    asked = _last(today, of)
    young = bisect_left(asked.days, first)
    due = slice(young, max(young, bisect_right(asked.days, asked_until)))
    missing = () if have.issuperset(asked.texts[due]) else _lacking(asked, due, have)
    return _Days(of, missing, young - len(have.intersection(asked.texts[:young])), first)


def _lacking(asked: _Asked, due: slice, have: frozenset[str]) -> tuple[date, ...]:
    pairs = zip(asked.texts[due], asked.days[due], strict=True)
    return tuple(day for text, day in pairs if text not in have)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Days, oldest first, and how each is written."""

    days: list[date]
    texts: list[str]


@lru_cache(maxsize=128)
def _last(today: date, of: int) -> _Asked:
    """The days before a day; asked for again for every asset."""
    days = [today - timedelta(days=back) for back in range(of, 0, -1)]
    return _Asked(days, [day.isoformat() for day in days])


def _states(rule: Rule, subject: Subject, bound: timedelta) -> list[tuple[datetime, State]]:
    """What each inspection, with those of the other stores before it, showed at its time."""
    return [
        (inspection.at, _count(rule, subject, views.values(), inspection, bound).state)
        for inspection, views in subject.once(told)
    ]


def _began(rule: Rule, subject: Subject, bound: timedelta, state: State) -> datetime:
    since = subject.inspections[-1].at
    for at, found in reversed(_states(rule, subject, bound)):
        if found is not state:
            break
        since = at
    return since


def _held_since(rule: Rule, subject: Subject, bound: timedelta, state: State, now: datetime) -> datetime:
    states = _states(rule, subject, bound)
    ends = [at for at, _ in states[1:]] + [now]
    spans = [Span(at, min(end, at + bound)) for (at, found), end in zip(states, ends, strict=True) if found is state]
    return chain_start(spans, now) or subject.inspections[-1].at


def _moment(inspection: Inspection) -> datetime:
    return inspection.at
