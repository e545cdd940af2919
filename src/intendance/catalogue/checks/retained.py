"""Whether sets are kept as long as a rule asks (MAINT_013, and a part of ASBL_010 and ASBL_011). Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import accumulate

from intendance.catalogue.finding import Finding
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import (
    Inspection,
    Subject,
    day_sets,
    instants,
    local_day,
    made_days,
    recovered,
    told,
)
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact, Param, State

DAY_SECONDS = 86_400


def judge_retention(rule: Rule, subject: Subject) -> Finding:
    """The plan keeps sets long enough, and none that is younger is gone with its whole day.

    As of the last inspection, so that time alone changes nothing. `since`: when it last was otherwise (None: never).
    """
    kept_s = rule.seconds("retention.kept_min")
    short = plan_too_short(rule, subject)
    if short is not None:
        return short
    looks, made, listing = subject.once(told), _Made(subject), subject.once(day_sets)
    kept = timedelta(seconds=kept_s // DAY_SECONDS * DAY_SECONDS)
    healed: datetime | None = None
    broken: Finding | None = None
    for inspection, views in reversed(looks):
        moment = inspection.at
        lost = _lost_days(made, views, listing, moment, kept)
        if not lost:
            if broken is not None:
                return broken
            healed = moment
            continue
        if healed is not None:
            return Finding(State.PASS, "", since=healed)
        params: Mapping[str, Param] = {"first_day": min(lost).isoformat(), "count": len(lost), "bound_s": kept_s}
        params = broken.params if broken else params
        cites = tuple(looks[-1][1].values())
        broken = Finding(State.FAIL, "young_gone", params, since=moment, cites=cites, attested_by=Attestor.SELF)
    return broken or Finding(State.PASS, "")


def plan_too_short(rule: Rule, subject: Subject) -> Finding | None:
    """A finding when the plan keeps sets for less than the rule asks."""
    asked_s = rule.seconds("retention.kept_min")
    kept_s = subject.declared.data.retention_days * DAY_SECONDS
    if kept_s >= asked_s:
        return None
    declared = subject.declared
    params = {"kept_s": kept_s, "bound_s": asked_s}
    return Finding(State.FAIL, "plan_short", params, since=declared.at, cites=(declared,), attested_by=Attestor.SELF)


@dataclass(frozen=True, slots=True)
class _Days:
    """The sets that were made by local day, and the days in order: of which days up to any moment each may be lost.

    `until` is the last instant that a set of a day or of one before it recovers to, `since` the first instant at which
    one of a day or of any after it was recorded. Both only grow from day to day.
    """

    made: Mapping[str, list[Fact[BackupCompleted]]]
    names: Sequence[str]
    until: Sequence[datetime]
    since: Sequence[datetime]

    @classmethod
    def of(cls, made: Mapping[str, list[Fact[BackupCompleted]]], at: Mapping[int, datetime | None]) -> _Days:
        """Of sets by day, with the instants that they recover to by record."""
        names = sorted(made)
        last = [max(known for fact in made[day] if (known := at[fact.seq]) is not None) for day in names]
        first = [min(fact.at for fact in made[day]) for day in reversed(names)]
        return cls(made, names, list(accumulate(last, max)), list(accumulate(first, min))[::-1])


class _Made:
    """The sets that were made, by the first of their stores and the local day that they recover to."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._by_store: dict[str, list[Fact[BackupCompleted]]] = {}
        for fact in subject.completed:
            for store in fact.data.stores[:1]:
                self._by_store.setdefault(store, []).append(fact)
        self._by_day: dict[tuple[str, str], _Days] = {}
        self.stores: Sequence[str] = tuple(self._by_store)

    def by_day(self, store: str, zone: str) -> _Days:
        """Worked out once for each zone in which a store was inspected, which is the same for years."""
        found = self._by_day.get((store, zone))
        if found is None:
            made: dict[str, list[Fact[BackupCompleted]]] = {}
            days = self._subject.once(made_days, zone)
            for fact in self._by_store[store]:
                day = days[fact.seq]
                if day is not None:
                    made.setdefault(day, []).append(fact)
            found = self._by_day[store, zone] = _Days.of(made, self._subject.once(instants))
        return found


def _lost_days(
    made: _Made,
    views: Mapping[str, Inspection],
    listing: Mapping[tuple[str, int], frozenset[str]],
    moment: datetime,
    kept: timedelta,
) -> set[date]:
    """Local days younger than `kept` at `moment` of which a set was made and no store has one left."""
    lost: set[date] = set()
    begin = moment - kept
    for store in made.stores:
        view = views.get(store)
        if view is None:
            continue
        by_day = made.by_day(store, view.data.zone)
        # All days of which a set was made before the moment and could be younger than `kept` then, and maybe others.
        asked = by_day.names[bisect_left(by_day.until, begin) : bisect_right(by_day.since, moment)]
        if listing[view.node, view.seq].issuperset(asked):  # a day that this store lists is not lost
            continue
        listed = {name: listing[each.node, each.seq] for name, each in views.items()}
        for day in set(asked) - listed[store]:
            for fact in by_day.made[day]:
                if fact.at <= moment:
                    lost.update(_day_lost(fact, views, listed, moment, kept))
    return lost


def _day_lost(
    fact: Fact[BackupCompleted],
    views: Mapping[str, Inspection],
    listed: Mapping[str, frozenset[str]],
    moment: datetime,
    kept: timedelta,
) -> Iterator[date]:
    at = recovered(fact.data.recovers_to, fact.at)
    if at is None or at < moment - kept or fact.at > moment:
        return
    day: date | None = None
    for store in fact.data.stores:
        view = views.get(store)
        if view is None or view.at < fact.at:
            return
        day = local_day(at, view.data.zone)
        if day.isoformat() in listed[store]:
            return
    if day is not None:
        yield day
