"""Every store is inspected each day, and the inspection finds what it should (ASBL_012). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from intendance.catalogue.finding import Finding, Span, after, chain_start, seconds_held, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import SKEW, Inspection, Subject, attestor, in_order
from intendance.model.verdict import Attestor, Fact, Param, State

WORST = (State.FAIL, State.UNKNOWN, State.PENDING, State.PASS)


def daily(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """The worst of the asset's stores, each judged by its last inspection."""
    declared = subject.declared
    if not declared.data.stores:
        return Finding(State.FAIL, "no_store", since=declared.at, cites=(declared,), attested_by=Attestor.SELF)
    found = [_store(rule, subject, store, now) for store in sorted(declared.data.stores)]
    worst = min(found, key=lambda each: (WORST.index(each.state), each.since or now))
    changes = [each.next_change_at for each in found if each.next_change_at is not None]
    since = max((each.since or now) for each in found) if worst.state is State.PASS else worst.since
    return Finding(
        worst.state,
        worst.code,
        worst.params,
        since,
        tuple(fact for each in found if each.state is worst.state for fact in each.cites),
        worst.attested_by,
        min(changes, default=None) if worst.state is not State.FAIL else None,
    )


def set_age_bound(rule: Rule, subject: Subject) -> timedelta:
    """How old the newest set may be, by what the asset is."""
    return timedelta(seconds=rule.seconds("database.set_age_max" if subject.is_database else "files.set_age_max"))


def _store(rule: Rule, subject: Subject, store: str, now: datetime) -> Finding:
    bound = timedelta(seconds=rule.seconds("inspection.age_max"))
    everything: list[Fact[Any]] = [*subject.inspections, *subject.inspections_failed]
    looks = sorted([each for each in everything if each.data.store == store], key=in_order)
    due = subject.first_declared + bound
    if not looks:
        return _never(subject, store, due, now)
    age_bound, ages = set_age_bound(rule, subject), subject.once(_ages)
    sound = [_is_sound(look, ages, age_bound) for look in looks]
    ends = [look.at for look in looks[1:]] + [now]
    spans = [
        Span(look.at, min(end, look.at + bound)) for look, well, end in zip(looks, sound, ends, strict=True) if well
    ]
    last = looks[-1]
    finding = _look(rule, subject, last)
    if finding.state is State.PASS and now <= last.at + bound:
        params: dict[str, Param] = {"age_s": seconds_held(now - last.at), **finding.params}
        until = after(last.at + bound)
        return Finding(State.PASS, "inspected", params, chain_start(spans, now), (last,), finding.attested_by, until)
    if finding.state is State.PASS:
        params = {"store": store, "age_s": seconds_lost(now - last.at), "bound_s": int(bound.total_seconds())}
        return Finding(State.FAIL, "inspection_old", params, last.at + bound, (last,), finding.attested_by)
    return _broken(rule, subject, [(look, _look(rule, subject, look)) for look in looks], spans, now)


def _is_sound(look: Fact[Any], ages: Mapping[tuple[str, int], timedelta | None], bound: timedelta) -> bool:
    """Whether `_look` finds nothing wrong."""
    if look.kind == "inspection.failed" or look.data.faulty:
        return False
    age = ages[look.node, look.seq]
    return age is not None and age <= bound


def _ages(subject: Subject) -> Mapping[tuple[str, int], timedelta | None]:
    """How old the newest whole set was that each inspection saw, by its record."""
    return {(look.node, look.seq): _age_of_newest(look) for look in subject.inspections}


def _never(subject: Subject, store: str, due: datetime, now: datetime) -> Finding:
    params: dict[str, Param] = {"store": store, "due_at": due}
    cites = (subject.declared,)
    if now <= due:
        since = subject.first_declared
        return Finding(State.PENDING, "first_due", params, since, cites, Attestor.SELF, after(due))
    return Finding(State.FAIL, "never_inspected", params, due, cites, Attestor.SELF)


def _look(rule: Rule, subject: Subject, look: Fact[Any]) -> Finding:
    """What one inspection says by itself, as of its own time."""
    who = attestor(subject.node, look)
    store: str = look.data.store
    if look.kind == "inspection.failed":
        params: dict[str, Param] = {"store": store, "message": look.data.message}
        return Finding(State.FAIL, "inspection_failed", params, cites=(look,), attested_by=who)
    if look.data.faulty:
        faults = [seen.fault for seen in (*look.data.newest, *look.data.damaged) if seen.fault]
        params = {"store": store, "count": look.data.faulty, "fault": faults[0] if faults else "—"}
        return Finding(State.FAIL, "faulty", params, cites=(look,), attested_by=who)
    age = subject.once(_ages)[look.node, look.seq]
    if age is None:
        params = {"store": store, "seen_at": look.at}
        return Finding(State.FAIL, "nothing_found", params, cites=(look,), attested_by=who)
    bound = set_age_bound(rule, subject)
    if age > bound:
        params = {"store": store, "set_age_s": seconds_lost(age), "bound_s": int(bound.total_seconds())}
        return Finding(State.FAIL, "set_old", params, cites=(look,), attested_by=who)
    params = {"set_age_s": seconds_held(age)}
    return Finding(State.PASS, "inspected", params, cites=(look,), attested_by=who)


def _age_of_newest(look: Inspection) -> timedelta | None:
    """How old the newest whole set was that an inspection saw; what recovers to a later instant is none."""
    limit = look.at + SKEW
    instants = list(map(datetime.fromisoformat, [seen.recovers_to for seen in look.data.newest if not seen.fault]))
    newest = max(instants, default=None)
    if newest is not None and newest > limit:
        newest = max([at for at in instants if at <= limit], default=None)
    return None if newest is None else look.at - newest


def _broken(
    rule: Rule, subject: Subject, judged: list[tuple[Fact[Any], Finding]], spans: list[Span], now: datetime
) -> Finding:
    """The last look found something wrong. An empty store is not yet wrong while the first set is not due."""
    last, finding = judged[-1]
    due = subject.first_declared + set_age_bound(rule, subject)
    bound = timedelta(seconds=rule.seconds("inspection.age_max"))
    ever = any(found.code not in ("nothing_found", "inspection_failed") for _, found in judged)
    stored = any(fact.at <= last.at and last.data.store in fact.data.stores for fact in subject.completed)
    if finding.code == "nothing_found" and not ever and not stored:
        limit = min(due, last.at + bound)
        if now <= limit:
            params: dict[str, Param] = {"store": last.data.store, "due_at": due}
            since = subject.first_declared
            return Finding(State.PENDING, "first_set_due", params, since, (last,), finding.attested_by, after(limit))
        return Finding(State.FAIL, finding.code, finding.params, limit, (last,), finding.attested_by)
    ends = [span.end for span in spans]
    first_wrong = min(look.at for look, found in judged if found.state is State.FAIL)
    since = max(ends) if ends else min(first_wrong, subject.first_declared + bound)
    return Finding(State.FAIL, finding.code, finding.params, since, (last,), finding.attested_by)
