"""A lasting copy of each closed year, locked and tried, for as long as the law asks (ASBL_014). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from intendance.catalogue.checks.retained import DAY_SECONDS
from intendance.catalogue.finding import Finding, after, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Inspection, Subject, Views, attestor
from intendance.model.evidence.inspection import SetSeen
from intendance.model.verdict import Attestor, Param, State

YEARS = 7
"""The rule's seven years, as calendar years."""


def yearly(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """Each closed year of the last seven in which the asset was kept has a copy that lasts."""
    declared = subject.declared
    data = declared.data
    asked_s = rule.seconds("retention.legal_min")
    years, ends_at = _closed(subject, now)
    if not years:
        first: dict[str, Param] = {"due_at": ends_at}
        since = subject.first_declared
        return Finding(State.PENDING, "first_year", first, since, (declared,), Attestor.SELF, ends_at)
    if not data.legal_select:
        return Finding(State.FAIL, "not_planned", {}, declared.at, (declared,), Attestor.SELF)
    kept_s = data.legal_days * DAY_SECONDS
    if kept_s < asked_s:
        params: dict[str, Param] = {"kept_s": kept_s, "bound_s": asked_s}
        return Finding(State.FAIL, "plan_short", params, declared.at, (declared,), Attestor.SELF)
    return _judged(rule, subject, now, years, ends_at)


def _closed(subject: Subject, now: datetime) -> tuple[list[int], datetime]:
    """The closed years (UTC) since the asset was declared, the last seven; and when the year under way ends."""
    year = subject.first_declared.astimezone(UTC).year
    years = []
    while now >= (end := datetime(year + 1, 1, 1, tzinfo=UTC)):
        years.append(year)
        year += 1
    return years[-YEARS:], end


def _judged(rule: Rule, subject: Subject, now: datetime, years: Iterable[int], ends_at: datetime) -> Finding:
    bound = timedelta(seconds=rule.seconds("inspection.age_max"))
    views = Views.of(subject.inspections).at(now)
    if not views:
        closed_at = max(datetime(max(years) + 1, 1, 1, tzinfo=UTC), subject.first_declared + bound)
        cites = (subject.declared,)
        return Finding(State.UNKNOWN, "not_inspected", {}, min(closed_at, ends_at), cites, next_change_at=None)
    newest = max(views.values(), key=lambda view: view.at)
    who = attestor(subject.node, newest)
    broken = _broken(rule, subject, views, years)
    if broken is not None:
        code, params = broken
        return Finding(State.FAIL, code, params, newest.at, (newest,), who)
    fresh = [view for view in views.values() if now <= view.at + bound]
    if not fresh or _broken(rule, subject, {view.data.store: view for view in fresh}, years) is not None:
        oldest = min(views.values(), key=lambda view: view.at)
        age: dict[str, Param] = {"age_s": seconds_lost(now - oldest.at), "bound_s": int(bound.total_seconds())}
        return Finding(State.UNKNOWN, "inspection_old", age, oldest.at + bound, (oldest,))
    until = min(after(min(view.at for view in fresh) + bound), ends_at)
    count = len(list(years))
    return Finding(State.PASS, "archived", {"count": count}, newest.at, (newest,), who, until)


def _broken(
    rule: Rule, subject: Subject, views: Mapping[str, Inspection], years: Iterable[int]
) -> tuple[str, dict[str, Param]] | None:
    """What is wrong with the first year that is not kept as it must be, by the best of its copies."""
    for year in years:
        copies = [seen for view in views.values() for seen in _trusted(view) if seen.recovers_to[:4] == str(year)]
        if not copies:
            return "year_missing", {"year": str(year)}
        locked = [seen for seen in copies if _locked(rule, seen)]
        if not locked:
            return "unlocked", {"year": str(year)}
        tried = {fact.data.set for fact in subject.drills}
        if not any(seen.set in tried for seen in locked):
            return "untried", {"year": str(year), "set": locked[0].set}
    return None


def _trusted(view: Inspection) -> tuple[SetSeen, ...]:
    """A store whose clock is wrong says nothing of years, nor of locks."""
    return () if view.data.clock_off_s else view.data.yearly


def _locked(rule: Rule, seen: SetSeen) -> bool:
    if not seen.lock_until:
        return False
    asked = timedelta(seconds=rule.seconds("retention.legal_min"))
    return datetime.fromisoformat(seen.lock_until) >= datetime.fromisoformat(seen.recovers_to) + asked
