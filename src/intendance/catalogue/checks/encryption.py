"""Every set is encrypted to exactly the keys of its plan, held by different people (MAINT_011, ASBL_015). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from intendance.catalogue.checks.copies import Copy, copies
from intendance.catalogue.checks.custody import with_proofs
from intendance.catalogue.finding import Finding, after
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Inspection, Subject, Views, instants, listings, made_days
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact, Param, State

Made = Fact[BackupCompleted]
Adopted = Fact[PlanAdopted]


def to_recipients(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """Enough holders in the plan; every stored set for its plan's keys; the newest for those of the plan in force; each
    of these keys proven by its holder."""
    sets = subject.once(_of_sets, now, rule.count("recipients.holders_min"))
    return with_proofs(rule, subject, now, sets or _nothing(rule, subject, now))


def _of_sets(subject: Subject, now: datetime, holders_min: int) -> Finding | None:
    """What is to be said of the sets, None when there is none. Two rules ask the same."""
    few = _too_few_holders(subject, holders_min)
    if few is not None:
        return few
    made = _latest_words(subject)
    shelves = _Shelves(subject)
    stored = shelves.stored(made, now)
    keys = {each.seq: _keys(each) for each in subject.plans}
    wrong = next((found for fact in reversed(stored) for found in _wrong(fact, subject, keys)), None)
    if wrong is not None:
        return wrong
    if stored:
        former = _for_former_plan(stored[-1], subject)
        if former is not None:
            return former
    strangers = _strangers(subject, made)
    stranger = _stranger(strangers)
    if stranger is not None:
        return stranger
    if not stored:
        return None
    ends = [*_ends_of_trouble(holders_min, subject, made, shelves.gone(made, stored)), *_ends_of_strangers(strangers)]
    return _encrypted(subject, made, stored, ends)


def _too_few_holders(subject: Subject, bound: int) -> Finding | None:
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
    return frozenset([each.fingerprint for each in plan.data.recipients])


def _latest_words(subject: Subject) -> list[Made]:
    """The last thing said of each set, oldest set first."""
    by_set = {fact.data.set: fact for fact in subject.completed}
    return sorted(by_set.values(), key=lambda fact: (fact.data.recovers_to, fact.seq))


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What an inspection saw in a store: sets by name, as far as it names them, and all days of which there is one."""

    at: datetime
    zone: str
    sets: frozenset[str]
    days: frozenset[str]


class _Shelves:
    """What the stores of a subject held at any moment, as inspections saw it."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._recovers_at = subject.once(instants)
        self._days: dict[str, Mapping[int, str | None]] = {}
        self._inspections = subject.inspections
        self._views = Views.of(subject.inspections)
        self._seen: dict[datetime, Mapping[str, _Shelf]] = {}

    def stored(self, made: list[Made], moment: datetime) -> list[Made]:
        """The sets that are not gone at a moment."""
        shelves = self._at(moment)
        return [fact for fact in made if not self._is_gone(fact, shelves)]

    def _is_gone(self, fact: Made, shelves: Mapping[str, _Shelf]) -> bool:
        """Whether every store that had the set was inspected since and has no set of its day left."""
        at = self._recovers_at[fact.seq]
        for store in fact.data.stores:
            shelf = shelves.get(store)
            if at is None or shelf is None or shelf.at < fact.at:
                return False
            if fact.data.set in shelf.sets or self._day(fact, shelf.zone) in shelf.days:
                return False
        return True

    def _day(self, fact: Made, zone: str) -> str | None:
        days = self._days.get(zone)
        if days is None:
            days = self._days[zone] = self._subject.once(made_days, zone)
        return days[fact.seq]

    def gone(self, made: list[Made], stored: list[Made]) -> Mapping[int, datetime]:
        """Since when each set that is not stored any more is gone, by the number of its record."""
        left = {fact.seq for fact in stored}
        return {fact.seq: self._gone_since(fact) for fact in made if fact.seq not in left}

    def _gone_since(self, fact: Made) -> datetime:
        """The first of the inspections, up to the last, that all found the set gone."""
        since = self._inspections[-1].at
        for inspection in reversed(self._inspections):
            if not self._is_gone(fact, self._at(inspection.at)):
                break
            since = inspection.at
        return since

    def _at(self, moment: datetime) -> Mapping[str, _Shelf]:
        found = self._seen.get(moment)
        if found is None:
            found = self._seen[moment] = {store: _shelf(view) for store, view in self._views.at(moment).items()}
        return found


def _shelf(view: Inspection) -> _Shelf:
    sets = frozenset(each.set for each in (*view.data.newest, *view.data.damaged) if each.stored_bytes)
    return _Shelf(view.at, view.data.zone, sets, frozenset(view.data.days))


def _plans_of(fact: Made, subject: Subject) -> list[Adopted]:
    """The plan in force when the backup began, and any adopted before it ended."""
    plans = [plan for plan in subject.plans if plan.seq < fact.seq]
    if len(plans) < 2:
        return plans
    started = datetime.fromisoformat(fact.data.started_at)
    before = [plan for plan in plans if plan.at <= started]
    return before[-1:] + [plan for plan in plans if plan.at > started]


def _precedes(former: Fact[Any], latter: Fact[Any]) -> bool:
    """Whether one record stands before another in the node's log."""
    return former.seq < latter.seq


def _wrong(fact: Made, subject: Subject, keys: Mapping[int, frozenset[str]]) -> list[Finding]:
    """What is wrong with how a set is encrypted, measured by the plan of its time; `keys` are those of each plan."""
    wrong: list[Finding] = []
    packets = fact.data.packets
    if packets.parts != fact.data.parts:
        params = _common(fact) | {"read": packets.parts, "parts": fact.data.parts}
        wrong.append(Finding(State.FAIL, "parts_unread", params, fact.at, (fact,), Attestor.SELF))
    if not packets.integrity_protected:
        wrong.append(Finding(State.FAIL, "unprotected", _common(fact), fact.at, (fact,), Attestor.SELF))
    found = frozenset(packets.recipients)
    plans = _plans_of(fact, subject)
    if found not in [keys[plan.seq] for plan in plans]:
        asked = _keys(plans[-1]) if plans else frozenset()
        params = _common(fact) | _difference(asked, found)
        wrong.append(Finding(State.FAIL, "recipients_differ", params, fact.at, (fact, *plans[-1:]), Attestor.SELF))
    return wrong


def _common(fact: Made) -> dict[str, Param]:
    return {"recovers_at": datetime.fromisoformat(fact.data.recovers_to)}


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
    if all(listing.names <= known for listing in subject.once(listings).values()):
        return []
    return [copy for copy in subject.once(copies, inspected_only=True) if copy.set not in known]


def _stranger(strangers: list[Copy]) -> Finding | None:
    """A set in a store that this ledger never recorded: nothing here proves how it was encrypted."""
    for copy in strangers:
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
    taken = [copy.closed.seen for copy in subject.once(copies, inspected_only=False) if copy.closed is not None]
    if not taken:
        return Finding(State.UNKNOWN, "no_set", since=min(due, now), cites=(subject.declared,))
    last = max(taken, key=lambda seen: (seen.at, seen.seq))
    return Finding(State.UNKNOWN, "no_set", since=last.at, cites=(last,))


def _encrypted(subject: Subject, made: list[Made], stored: list[Made], ends: list[datetime]) -> Finding:
    plan = subject.plan
    since = max([_first(made).at, *ends])
    params: dict[str, Param] = {"sets": len(stored), "keys": len(_keys(plan)), "holders": _holders(plan)}
    return Finding(State.PASS, "encrypted", params, since, (stored[-1], plan), Attestor.SELF)


def _ends_of_trouble(
    bound: int, subject: Subject, made: list[Made], gone: Mapping[int, datetime]
) -> Iterator[datetime]:
    """When each thing ended that kept the rule from holding: plans, wrong sets, times without any set."""
    keys = {each.seq: _keys(each) for each in subject.plans}
    for before, current in pairwise(subject.plans):
        if _holders(before) < bound:
            yield current.at
        if _keys(before) != _keys(current):
            followers = [fact.at for fact in made if _precedes(current, fact)]
            yield min(followers, default=current.at)
    yield from (gone[fact.seq] for fact in made if fact.seq in gone and _wrong(fact, subject, keys))
    yield from _ends_of_nothing(made, gone)


def _ends_of_nothing(made: list[Made], gone: Mapping[int, datetime]) -> Iterator[datetime]:
    """When a set was made while all those made before it were gone."""
    last_gone: datetime | None = None  # of those before; they were made in this order
    for at, together in groupby(sorted(made, key=_made_at), key=_made_at):
        if last_gone is not None and last_gone <= at:
            yield at
        for fact in together:
            if fact.seq not in gone:
                return
            last_gone = gone[fact.seq] if last_gone is None else max(last_gone, gone[fact.seq])


def _ends_of_strangers(strangers: list[Copy]) -> Iterator[datetime]:
    yield from (copy.closed.seen.at for copy in strangers if copy.closed is not None)


def _made_at(fact: Made) -> datetime:
    return fact.at


def _first(made: list[Made]) -> Made:
    return min(made, key=lambda fact: (fact.at, fact.seq))
