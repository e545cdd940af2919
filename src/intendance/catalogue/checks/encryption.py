"""Every set is encrypted to exactly the keys of its plan, held by different people (MAINT_011, ASBL_015). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from intendance.catalogue.checks.copies import Copy, copies
from intendance.catalogue.finding import Finding, after
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Subject, latest_per_store, local_day, recovered
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.verdict import Attestor, Fact, Param, State

Made = Fact[BackupCompleted]
Adopted = Fact[PlanAdopted]


def to_recipients(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """Enough holders in the plan; every stored set for its plan's keys; the newest for those of the plan in force."""
    few = _too_few_holders(rule, subject)
    if few is not None:
        return few
    made = _latest_words(subject)
    stored = [fact for fact in made if not _is_gone(fact, subject, now)]
    wrong = next((found for fact in reversed(stored) for found in _wrong(fact, subject)), None)
    if wrong is not None:
        return wrong
    if stored:
        former = _for_former_plan(stored[-1], subject)
        if former is not None:
            return former
    stranger = _stranger(subject, made)
    if stranger is not None:
        return stranger
    return _encrypted(rule, subject, made, stored) if stored else _nothing(rule, subject, now)


def _too_few_holders(rule: Rule, subject: Subject) -> Finding | None:
    bound = rule.count("recipients.holders_min")
    since: datetime | None = None
    for plan in reversed(subject.plans):
        if _holders(plan) >= bound:
            break
        since = plan.at
    if since is None:
        return None
    params: dict[str, Param] = {"holders": _holders(subject.plan), "bound": bound}
    return Finding(State.FAIL, "too_few_holders", params, since, (subject.plan,), Attestor.SELF)


def _holders(plan: Adopted) -> int:
    """People who can open a set alone: one person with two keys is one, one key written twice is one."""
    by_key = {each.fingerprint: each.held_by for each in plan.data.recipients}
    return len(set(by_key.values()))


def _keys(plan: Adopted) -> frozenset[str]:
    return frozenset(each.fingerprint for each in plan.data.recipients)


def _latest_words(subject: Subject) -> list[Made]:
    """The last thing said of each set, oldest set first."""
    by_set = {fact.data.set: fact for fact in subject.completed}
    return sorted(by_set.values(), key=lambda fact: (fact.data.recovers_to, fact.seq))


def _is_gone(fact: Made, subject: Subject, moment: datetime) -> bool:
    """Whether, at a moment, every store that had the set was inspected since and has no set of its day left."""
    at = recovered(fact.data.recovers_to, fact.at)
    views = latest_per_store(subject.inspections, moment)
    for store in fact.data.stores:
        view = views.get(store)
        if at is None or view is None or view.at < fact.at:
            return False
        seen = {each.set for each in (*view.data.newest, *view.data.damaged) if each.stored_bytes}
        if fact.data.set in seen:
            return False
        if local_day(at, view.data.zone).isoformat() in view.data.days:
            return False
    return True


def _plans_of(fact: Made, subject: Subject) -> list[Adopted]:
    """The plan in force when the backup began, and any adopted before it ended."""
    started = datetime.fromisoformat(fact.data.started_at)
    before = [plan for plan in subject.plans if plan.at <= started and _precedes(plan, fact)]
    during = [plan for plan in subject.plans if plan.at > started and _precedes(plan, fact)]
    return before[-1:] + during


def _precedes(former: Fact[Any], latter: Fact[Any]) -> bool:
    """Whether one record stands before another in the node's log."""
    return former.seq < latter.seq


def _wrong(fact: Made, subject: Subject) -> Iterator[Finding]:
    """What is wrong with how a set is encrypted, measured by the plan of its time."""
    packets = fact.data.packets
    at = datetime.fromisoformat(fact.data.recovers_to)
    common: dict[str, Param] = {"recovers_at": at}
    if packets.parts != fact.data.parts:
        params = common | {"read": packets.parts, "parts": fact.data.parts}
        yield Finding(State.FAIL, "parts_unread", params, fact.at, (fact,), Attestor.SELF)
    if not packets.integrity_protected:
        yield Finding(State.FAIL, "unprotected", common, fact.at, (fact,), Attestor.SELF)
    found = frozenset(packets.recipients)
    plans = _plans_of(fact, subject)
    if not any(_keys(plan) == found for plan in plans):
        asked = _keys(plans[-1]) if plans else frozenset()
        params = common | _difference(asked, found)
        yield Finding(State.FAIL, "recipients_differ", params, fact.at, (fact, *plans[-1:]), Attestor.SELF)


def _for_former_plan(newest: Made, subject: Subject) -> Finding | None:
    found = frozenset(newest.data.packets.recipients)
    if found == _keys(subject.plan):
        return None
    since = subject.plan.at
    for plan in reversed(subject.plans):
        if _keys(plan) == found or not _precedes(newest, plan):
            break
        since = plan.at
    params: dict[str, Param] = {"recovers_at": datetime.fromisoformat(newest.data.recovers_to)}
    params |= _difference(_keys(subject.plan), found)
    return Finding(State.FAIL, "former_recipients", params, since, (newest, subject.plan), Attestor.SELF)


def _difference(asked: frozenset[str], found: frozenset[str]) -> dict[str, Param]:
    return {"missing": _short(asked - found), "extra": _short(found - asked)}


def _short(fingerprints: frozenset[str]) -> str:
    return ", ".join(fingerprint[-16:] for fingerprint in sorted(fingerprints)) or "—"


def _strangers(subject: Subject, made: list[Made]) -> list[Copy]:
    """Sets that inspections found and that this ledger never recorded."""
    known = {fact.data.set for fact in made}
    if all(seen.set in known for each in subject.inspections for seen in each.data.newest):
        return []
    return [copy for copy in copies(subject, inspected_only=True) if copy.set not in known]


def _stranger(subject: Subject, made: list[Made]) -> Finding | None:
    """A set in a store that this ledger never recorded: nothing here proves how it was encrypted."""
    for copy in _strangers(subject, made):
        if copy.closed is None:
            params: dict[str, Param] = {"store": copy.store, "recovers_at": copy.recovers_to}
            return Finding(State.UNKNOWN, "unproven", params, copy.since, (copy.seen,))
    return None


def _nothing(rule: Rule, subject: Subject, now: datetime) -> Finding:
    quantities = {bound.quantity for bound in rule.bounds}
    by_kind = "database.set_age_max" if subject.is_database else "files.set_age_max"
    due = subject.first_declared + timedelta(
        seconds=rule.seconds("backup.age_max" if "backup.age_max" in quantities else by_kind)
    )
    if now <= due and not subject.completed:
        params: dict[str, Param] = {"due_at": due}
        since = subject.first_declared
        return Finding(State.PENDING, "first_due", params, since, (subject.declared,), next_change_at=after(due))
    taken = [copy.closed.seen for copy in copies(subject, inspected_only=False) if copy.closed is not None]
    if not taken:
        return Finding(State.UNKNOWN, "no_set", since=min(due, now), cites=(subject.declared,))
    last = max(taken, key=lambda seen: (seen.at, seen.seq))
    return Finding(State.UNKNOWN, "no_set", since=last.at, cites=(last,))


def _encrypted(rule: Rule, subject: Subject, made: list[Made], stored: list[Made]) -> Finding:
    plan = subject.plan
    since = max([_first(made).at, *_ends_of_trouble(rule, subject, made, stored)])
    params: dict[str, Param] = {"sets": len(stored), "keys": len(_keys(plan)), "holders": _holders(plan)}
    return Finding(State.PASS, "encrypted", params, since, (stored[-1], plan), Attestor.SELF)


def _ends_of_trouble(rule: Rule, subject: Subject, made: list[Made], stored: list[Made]) -> Iterator[datetime]:
    """When each thing ended that kept the rule from holding: plans, wrong sets, strangers, times without any set."""
    bound = rule.count("recipients.holders_min")
    for before, current in pairwise(subject.plans):
        if _holders(before) < bound:
            yield current.at
        if _keys(before) != _keys(current):
            followers = [fact.at for fact in made if _precedes(current, fact)]
            yield min(followers, default=current.at)
    left = {id(fact) for fact in stored}
    gone = {id(fact): _gone_since(fact, subject) for fact in made if id(fact) not in left}
    yield from (gone[id(fact)] for fact in made if id(fact) in gone and any(_wrong(fact, subject)))
    for fact in made:
        earlier = [each for each in made if each.at < fact.at]
        if earlier and all(id(each) in gone and gone[id(each)] <= fact.at for each in earlier):
            yield fact.at
    yield from (copy.closed.seen.at for copy in _strangers(subject, made) if copy.closed is not None)


def _gone_since(fact: Made, subject: Subject) -> datetime:
    """The first of the inspections, up to the last, that all found the set gone."""
    since = subject.inspections[-1].at
    for inspection in reversed(subject.inspections):
        if not _is_gone(fact, subject, inspection.at):
            break
        since = inspection.at
    return since


def _first(made: list[Made]) -> Made:
    return min(made, key=lambda fact: (fact.at, fact.seq))
