"""A restore was tried in time, and its content compared (MAINT_014, ASBL_016). Pure.

A drill that failed or could not run is no drill: only what came back counts. Under `maint` it must have come from a
store off this site.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from intendance.catalogue.finding import Finding, Span, after, chain_start, seconds_held, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Subject, attestor, in_order
from intendance.model.evidence.drill import DrillCompleted
from intendance.model.verdict import Attestor, Fact, Param, State

_ON_SITE = frozenset({"directory"})


def monthly(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """Any completed drill of the asset counts."""
    return _judged(rule, subject, list(subject.drills), now)


def monthly_off_site(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """Only a drill from a store that is no folder counts: whoever has a folder at hand has the node's own disk."""
    apart = [fact for fact in subject.drills if fact.data.store_kind not in _ON_SITE]
    if subject.drills and not apart:
        last = max(subject.drills, key=in_order)
        found = _judged(rule, subject, apart, now)
        if found.code in ("never_drilled", "never_succeeded"):
            params: dict[str, Param] = {"store": last.data.store, "seen_at": last.at}
            who = attestor(subject.node, last)
            return Finding(State.FAIL, "not_off_site", params, found.since, (last,), who, found.next_change_at)
        return found
    return _judged(rule, subject, apart, now)


def _judged(rule: Rule, subject: Subject, drills: list[Fact[DrillCompleted]], now: datetime) -> Finding:
    bound = timedelta(seconds=rule.seconds("drill.age_max"))
    failed = max(subject.drills_failed, key=in_order, default=None)
    if not drills:
        return _never(subject, subject.first_declared + bound, now)
    last = max(drills, key=in_order)
    who = attestor(subject.node, last)
    if now > last.at + bound:
        params: dict[str, Param] = {"age_s": seconds_lost(now - last.at), "bound_s": int(bound.total_seconds())}
        if failed is not None and in_order(failed) > in_order(last):
            params["message"] = failed.data.message
            return Finding(State.FAIL, "drill_failed", params, last.at + bound, (failed, last), who)
        return Finding(State.FAIL, "drill_old", params, last.at + bound, (last,), who)
    since = chain_start([Span(fact.at, fact.at + bound) for fact in drills], now)
    params = {"age_s": seconds_held(now - last.at), "set": last.data.set, "rto_s": -(-last.data.rto_ms // 1000)}
    until = after(last.at + bound)
    if failed is not None and in_order(failed) > in_order(last):
        params["message"] = failed.data.message
        return Finding(State.PASS, "drilled_then_failed", params, since, (last, failed), who, until)
    return Finding(State.PASS, "drilled", params, since, (last,), who, until)


def _never(subject: Subject, due: datetime, now: datetime) -> Finding:
    failed = max(subject.drills_failed, key=in_order, default=None)
    params: dict[str, Param] = {"due_at": due}
    cites: tuple[Fact[Any], ...] = (subject.declared,)
    if now <= due:
        return Finding(State.PENDING, "first_due", params, subject.first_declared, cites, Attestor.SELF, after(due))
    if failed is not None:
        params["message"] = failed.data.message
        return Finding(State.FAIL, "never_succeeded", params, due, (failed,), attestor(subject.node, failed))
    return Finding(State.FAIL, "never_drilled", params, due, cites, Attestor.SELF)
