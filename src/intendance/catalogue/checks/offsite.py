"""The newest set is elsewhere too: in another region (MAINT_012), or with somebody else (ASBL_013). Pure.

Where a store stands is what the store itself said when it was inspected, beside what the plan says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from intendance.catalogue.checks.copies import Copy, copies
from intendance.catalogue.finding import Finding, Span, after, chain_start, seconds_held, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Inspection, Subject, attestor, instants
from intendance.model.evidence.attested import StoreAttested
from intendance.model.evidence.inspection import SetSeen, StorePlace
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact, Param, State

_BEST = (State.PASS, State.PENDING, State.UNKNOWN, State.FAIL)
_HERE = ("", "localhost", "::1", "[::1]", "0.0.0.0")  # noqa: S104 -- a name that is looked for
_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")

Placed = Callable[[StorePlace], "str | None"]
"""What is wrong with a place, as a reason's code; None when nothing is."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A store of the asset: its looks, oldest first, and the copies that were seen there."""

    name: str
    looks: tuple[Inspection, ...]
    copies: tuple[Copy, ...]

    @property
    def last(self) -> Inspection:
        return self.looks[-1]


def other_region(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """The newest set lies, by its version, in a bucket of another region; of others than Amazon a person says where."""
    bound = timedelta(seconds=rule.seconds("offsite.age_max"))
    found = subject.once(shelves, inspected_only=True)
    return _best(rule, subject, now, found, lambda shelf: _in_region(rule, subject, now, shelf, bound), _region_fault)


def elsewhere(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """The newest set lies in a store of another machine, at most a day after it was made."""
    bound = timedelta(seconds=rule.seconds("offsite.age_max" if subject.is_database else "files.set_age_max"))

    def judged(shelf: _Shelf) -> Finding:
        late = _late(subject, shelf, timedelta(seconds=rule.seconds("offsite.age_max")), now)
        return late or _aged(rule, subject, now, shelf, bound, _elsewhere_fault)

    return _best(rule, subject, now, subject.once(shelves, inspected_only=False), judged, _elsewhere_fault)


def _best(
    rule: Rule,
    subject: Subject,
    now: datetime,
    looked: Sequence[_Shelf],
    judged: Callable[[_Shelf], Finding],
    fault: Placed,
) -> Finding:
    """The best of the stores: one copy elsewhere is what is asked for."""
    found = [judged(shelf) for shelf in looked if _told(shelf, fault) is None]
    if found:
        best = min(found, key=lambda each: _BEST.index(each.state))
        changes = [each.next_change_at for each in found if each.next_change_at is not None]
        return best if best.state is State.FAIL else replace(best, next_change_at=min(changes, default=None))
    return _nowhere(rule, subject, now, looked, fault)


def _nowhere(rule: Rule, subject: Subject, now: datetime, looked: Sequence[_Shelf], fault: Placed) -> Finding:
    """No store was seen to stand elsewhere: which one comes nearest, or that nobody has looked yet."""
    for shelf in looked:
        code = _told(shelf, fault)
        if code in ("regions_differ", "region_unsaid", "node_region_unsaid", "same_region"):
            place = shelf.last.data.place
            assert place is not None and code is not None  # noqa: S101, PT018 -- it told the code
            params: dict[str, Param] = {"store": shelf.name}
            if code == "regions_differ":
                said = (place.region_declared, place.region_located, place.region_headed, _region_of(place.endpoint))
                params["said"] = ", ".join(dict.fromkeys(filter(None, said)))
            elif code == "same_region":
                params["region"] = place.region_declared
            since = _since(shelf, fault, code)
            return Finding(State.FAIL, code, params, since, (shelf.last,), attestor(subject.node, shelf.last))
    declared = subject.declared
    due = subject.first_declared + timedelta(seconds=rule.seconds("offsite.age_max"))
    kinds = {each.name: each.kind for each in subject.plan.data.places}
    waits = [name for name in declared.data.stores if kinds.get(name) in ("s3", "sftp")]
    waits = [name for name in waits if not any(each.data.store == name for each in subject.inspections)]
    if not waits or (fault is _region_fault and not any(kinds[name] == "s3" for name in waits)):
        if now <= due:
            first: dict[str, Param] = {"due_at": due}
            since = subject.first_declared
            return Finding(State.PENDING, "store_due", first, since, (declared,), Attestor.SELF, after(due))
        return Finding(State.FAIL, "only_here", {}, max(due, declared.at), (declared,), Attestor.SELF)
    params = {"store": waits[0], "due_at": due}
    if now <= due:
        since = subject.first_declared
        return Finding(State.PENDING, "first_due", params, since, (declared,), Attestor.SELF, after(due))
    return Finding(State.UNKNOWN, "not_inspected", {"store": waits[0]}, due, (declared,))


def _in_region(rule: Rule, subject: Subject, now: datetime, shelf: _Shelf, bound: timedelta) -> Finding:
    """A bucket whose regions agree: its newest set, by version, and the word of a person where it is not Amazon's."""
    found = _aged(rule, subject, now, shelf, bound, _region_fault)
    if found.state is not State.PASS:
        return found
    newest = _newest(shelf)
    if newest is None or not newest.version:
        who = attestor(subject.node, shelf.last)
        params: dict[str, Param] = {"store": shelf.name}
        return Finding(State.FAIL, "no_versions", params, shelf.last.at, (shelf.last,), who)
    place = shelf.last.data.place
    assert place is not None  # noqa: S101 -- a shelf without a place is not judged here
    if place.endpoint.endswith(_AMAZON):
        params = {**found.params, "region": place.region_declared}
        return replace(found, code="other_region", params=params)
    return _by_word(rule, subject, now, shelf, found)


def _by_word(rule: Rule, subject: Subject, now: datetime, shelf: _Shelf, found: Finding) -> Finding:
    place = shelf.last.data.place
    region = place.region_declared if place is not None else ""
    written = {each.name: each.place for each in subject.plan.data.places}.get(shelf.name)
    words = [
        word
        for word in subject.words
        if (word.data.store, word.data.place, word.data.region) == (shelf.name, written, region)
    ]
    kept = timedelta(seconds=rule.seconds("offsite.word_age_max"))
    params: dict[str, Param] = {"store": shelf.name, "region": region}
    if not words:
        return Finding(State.FAIL, "word_missing", params, shelf.looks[0].at, (shelf.last,), Attestor.SELF)
    word: Fact[StoreAttested] = words[-1]
    if now > word.at + kept:
        params |= {"word_at": word.at, "bound_s": int(kept.total_seconds())}
        return Finding(State.FAIL, "word_old", params, word.at + kept, (word,), Attestor.PERSON)
    told = {**found.params, "region": region, "person": word.data.by, "word_at": word.at}
    changes = [each for each in (found.next_change_at, after(word.at + kept)) if each is not None]
    since = max(found.since or word.at, words[0].at)
    cites = (*found.cites, word)
    return Finding(State.PASS, "other_region_by_word", told, since, cites, Attestor.PERSON, min(changes))


def _aged(rule: Rule, subject: Subject, now: datetime, shelf: _Shelf, bound: timedelta, fault: Placed) -> Finding:
    """How old the newest copy is that a look into this store found whole."""
    who = attestor(subject.node, shelf.last)
    if shelf.last.data.clock_off_s:
        params: dict[str, Param] = {"store": shelf.name, "off_s": abs(shelf.last.data.clock_off_s)}
        return Finding(State.UNKNOWN, "store_clock", params, shelf.last.at, (shelf.last,), who)
    standing = [copy for copy in shelf.copies if copy.closed is None]
    newest = max(standing, key=lambda copy: (copy.recovers_to, copy.set), default=None)
    params = {"store": shelf.name, "bound_s": int(bound.total_seconds())}
    if newest is None:
        return _empty(rule, subject, now, shelf)
    until = newest.recovers_to + bound
    if now > until:
        params["age_s"] = seconds_lost(now - newest.recovers_to)
        return Finding(State.FAIL, "too_old", params, until, (newest.seen,), attestor(subject.node, newest.seen))
    params["age_s"] = seconds_held(now - newest.recovers_to)
    chain = chain_start([Span(copy.since, copy.end(bound)) for copy in shelf.copies], now) or newest.since
    since = max(chain, _since(shelf, fault, None))
    by = attestor(subject.node, newest.seen)
    return Finding(State.PASS, "copied", params, since, (newest.seen,), by, after(until))


def _empty(rule: Rule, subject: Subject, now: datetime, shelf: _Shelf) -> Finding:
    due = subject.first_declared + timedelta(seconds=rule.seconds("offsite.age_max"))
    params: dict[str, Param] = {"store": shelf.name, "due_at": due}
    who = attestor(subject.node, shelf.last)
    if now <= due:
        since = subject.first_declared
        return Finding(State.PENDING, "first_due", params, since, (shelf.last,), who, after(due))
    return Finding(State.FAIL, "no_copy", {"store": shelf.name}, max(due, shelf.looks[0].at), (shelf.last,), who)


def _late(subject: Subject, shelf: _Shelf, bound: timedelta, now: datetime) -> Finding | None:
    """A finding when a set that was made longer ago than `bound` is younger than all that lie there."""
    held = max((copy.recovers_to for copy in shelf.copies if copy.closed is None), default=None)
    if held is None:
        return None
    recovers = subject.once(instants)
    for made in subject.completed:
        at = recovers[made.seq]
        if at is not None and at > held and now > made.at + bound:
            params: dict[str, Param] = {"store": shelf.name, "lag_s": int((at - held).total_seconds())}
            who = attestor(subject.node, shelf.last)
            return Finding(State.FAIL, "behind", params, made.at + bound, (made, shelf.last), who)
    return None


def _newest(shelf: _Shelf) -> SetSeen | None:
    return next((seen for seen in shelf.last.data.newest if not seen.fault), None)


def shelves(subject: Subject, *, inspected_only: bool) -> Sequence[_Shelf]:
    """The asset's stores that were looked into, in the plan's order, with their copies as `copies` has them."""
    found = subject.once(copies, inspected_only=inspected_only)
    looked = []
    for name in subject.declared.data.stores:
        looks = tuple(each for each in subject.inspections if each.data.store == name)
        if looks:
            looked.append(_Shelf(name, looks, tuple(copy for copy in found if copy.store == name)))
    return looked


def _told(shelf: _Shelf, fault: Placed) -> str | None:
    place = shelf.last.data.place
    return "unplaced" if place is None else fault(place)


def _since(shelf: _Shelf, fault: Placed, code: str | None) -> datetime:
    """Since when every look found the store's place to be the same as now."""
    since = shelf.last.at
    for look in reversed(shelf.looks):
        place = look.data.place
        if (place is None and code is not None) or (place is not None and fault(place) != code) or place is None:
            break
        since = look.at
    return since


def _region_fault(place: StorePlace) -> str | None:
    """Why a store is not one of another region."""
    if place.kind != "s3" or _elsewhere_fault(place) is not None:
        return "not_s3"
    said = {place.region_located, place.region_headed, _region_of(place.endpoint)} - {""}
    amazon = place.endpoint.endswith(_AMAZON)
    if not place.region_declared or (amazon and not place.region_located + place.region_headed):
        return "region_unsaid"
    if not place.node_region:
        return "node_region_unsaid"
    if said - {place.region_declared}:
        return "regions_differ"
    return "same_region" if place.region_declared == place.node_region else None


def _region_of(endpoint: str) -> str:
    """The region that an address of Amazon's names; empty for any other."""
    for ending in _AMAZON:
        if endpoint.endswith(ending):
            words = endpoint.removesuffix(ending).replace("s3-", "s3.").split(".")
            return words[-1] if len(words) > 1 and words[-1] != "s3" else ""
    return ""


def _elsewhere_fault(place: StorePlace) -> str | None:
    """Why a store is not on another machine."""
    host = place.endpoint.lower()
    return "here" if place.kind not in ("s3", "sftp") or host in _HERE or host.startswith("127.") else None
