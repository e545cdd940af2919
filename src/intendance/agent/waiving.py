"""Waivers: those that a plan brings when it is adopted, those that people grant and take back by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from intendance.agent.opening import open_book
from intendance.agent.past import seen
from intendance.catalogue.coverage import uncovered
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rulebook
from intendance.catalogue.waivers import LONGEST, LOOK_BACK, Refusal, Waiver, refusal_of, waivers
from intendance.ledger.book import Book
from intendance.ledger.canonical import clean
from intendance.model.errors import IntendanceError
from intendance.model.errors.waiver import (
    GranterUnknown,
    WaivedThingUnknown,
    WaiverEnded,
    WaiverNever,
    WaiverOver,
    WaiverSamePerson,
    WaiverTooLong,
    WaiverUnfounded,
    WaiverUnknown,
    WaiverUntilUnreadable,
)
from intendance.model.evidence.waiver import WaiverGranted, WaiverRevoked
from intendance.model.frozen import dataclass
from intendance.model.plan import Contact, Plan
from intendance.model.verdict import Fact
from intendance.plan import adopted
from intendance.plan.bounds.seen import Seen
from intendance.plan.bounds.waivers import granted, in_utc, withdrawn
from intendance.plan.identity import identity
from intendance.plan.people import marks
from intendance.system.clock import Clock, rfc3339

LINE_LIMIT_CHARACTERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A waiver as somebody asks for it; `until` and `asset` as typed. `asset` empty: whatever the rule is about."""

    rule: str
    reason: str
    ticket: str
    by: str
    until: str
    asset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waivers:
    """The waivers of the last 400 days, newest first, as they stand at `at`; `names` tells assets by identity."""

    at: datetime
    zone: str
    rulebook: Rulebook
    found: tuple[Waiver, ...]
    names: Mapping[str, str]


def waiver_records(plan: Plan, known: Seen, now: datetime) -> tuple[WaiverGranted | WaiverRevoked, ...]:
    """What adopting a plan records: the waivers that it brings, and the end of those that it no longer holds."""
    asked = tuple(map(_recordable, (_of_plan(plan, index) for index in range(len(plan.waivers)))))
    ended = [
        WaiverRevoked(rule=grant.data.rule, grant=grant.seq, reason="it stands in the plan no more")
        for grant in withdrawn(asked, known, now)
    ]
    return (*granted(asked, known, now), *ended)


def listed(state: Path, clock: Clock) -> Waivers:
    """The waivers of a node. Raises NoState and what opening the ledger raises."""
    with open_book(state, clock) as book:
        now = clock.read().at
        since = now - LOOK_BACK - LONGEST
        found = waivers(book.facts("waiver.granted", since=since), book.facts("waiver.revoked", since=since), now)
        plan = adopted.read(state)
        return Waivers(
            at=now,
            zone=plan.organisation.timezone,
            rulebook=load(),
            found=tuple(reversed(found)),
            names={clean(identity(asset)): name for name, asset in plan.assets.items()},
        )


def grant(state: Path, clock: Clock, asked: Asked, *, actor: str) -> Fact[Any]:
    """Record a waiver in the name of a contact of the plan in force; its record as a fact.

    Raises NoState, RuleUnknown, GranterUnknown, WaivedThingUnknown, WaiverUntilUnreadable, and what the law refuses.
    """
    rulebook = load()
    rule = rulebook.find(asked.rule)
    with open_book(state, clock) as book:
        now = clock.read().at
        plan = adopted.read(state)
        contact = _granter(plan, asked.by)
        wanted = WaiverGranted(
            rule=rule.id,
            reason=_line(asked.reason),
            ticket=_line(asked.ticket),
            granted_by=asked.by,
            granter=clean(contact.name),
            expires_at=_until(asked.until, now),
            marks=_marks(contact),
            about=_about(book, plan, rulebook, asked),
            source="command",
        )
        before = seen(book, now).grants
        former = [each for each in before if each.data.rule == rule.id and _touches(each.data.about, wanted.about)]
        refusal = refusal_of(wanted, former, now, waivable=rule.waivable)
        if refusal is not None:
            raise _refused(refusal, wanted, asked, now)
        numbered = _renewed(wanted, len(former))
        record = book.append(numbered, actor=actor)
        return Fact(
            node=book.node, seq=record.seq, at=now, kind="waiver.granted", asset=None, actor=actor, data=numbered
        )


def revoke(state: Path, clock: Clock, number: int, *, reason: str, actor: str) -> WaiverRevoked:
    """Take back the waiver of a record. Raises NoState, WaiverUnknown, WaiverOver, WaiverUnfounded."""
    why = _line(reason)
    known = listed(state, clock)
    waiver = next((each for each in known.found if each.grant.seq == number), None)
    if waiver is None:
        raise WaiverUnknown(number=number)
    if waiver.ends_at <= known.at:
        raise WaiverOver(number=number, ended=rfc3339(waiver.ends_at))
    evidence = WaiverRevoked(rule=waiver.grant.data.rule, grant=number, reason=why)
    with open_book(state, clock) as book:
        book.append(evidence, actor=actor)
    return evidence


def _of_plan(plan: Plan, index: int) -> WaiverGranted:
    written = plan.waivers[index]
    contact = plan.contacts[written.granted_by]
    return WaiverGranted(
        rule=written.rule,
        reason=written.reason,
        ticket=written.ticket,
        granted_by=written.granted_by,
        granter=contact.name,
        expires_at=in_utc(written.expires),
        marks=_marks(contact),
        about="" if written.asset is None else identity(plan.assets[written.asset]),
    )


def _recordable(waiver: WaiverGranted) -> WaiverGranted:
    """The same with texts that a record can hold."""
    return WaiverGranted(
        rule=waiver.rule,
        reason=clean(waiver.reason),
        ticket=clean(waiver.ticket),
        granted_by=waiver.granted_by,
        granter=clean(waiver.granter),
        expires_at=waiver.expires_at,
        marks=waiver.marks,
        about=clean(waiver.about),
    )


def _renewed(waiver: WaiverGranted, renewal: int) -> WaiverGranted:
    return WaiverGranted(
        rule=waiver.rule,
        reason=waiver.reason,
        ticket=waiver.ticket,
        granted_by=waiver.granted_by,
        granter=waiver.granter,
        expires_at=waiver.expires_at,
        marks=waiver.marks,
        about=waiver.about,
        renewal=renewal,
        source=waiver.source,
    )


def _marks(contact: Contact) -> tuple[str, ...]:
    return marks({"name": contact.name, "email": contact.email, "phone": contact.phone})


def _granter(plan: Plan, name: str) -> Contact:
    if name in plan.contacts:
        return plan.contacts[name]
    raise GranterUnknown(name=name, suggestion=_meant(name, plan.contacts), known=", ".join(plan.contacts))


def _until(text: str, now: datetime) -> str:
    try:
        until = datetime.fromisoformat(text)
    except ValueError:
        until = now.replace(tzinfo=None)
    if until.tzinfo is None:
        raise WaiverUntilUnreadable(until=text, latest=_latest(now))
    return in_utc(text)


def _about(book: Book, plan: Plan, rulebook: Rulebook, asked: Asked) -> str:
    """The identity of what a waiver is for: an asset of the plan by its name, or a thing that the inventory found."""
    if not asked.asset:
        return ""
    if asked.asset in plan.assets:
        return clean(identity(plan.assets[asked.asset]))
    rule = rulebook.find(asked.rule)
    taken = next(iter(book.facts("inventory.taken", latest=1)), None)
    found = [thing.identity for thing in uncovered(rule, taken, ())]
    if asked.asset in found:
        return asked.asset
    known = [*plan.assets, *found]
    raise WaivedThingUnknown(name=asked.asset, suggestion=_meant(asked.asset, known), known=", ".join(known))


def _meant(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean `{close[0]}`" if close else ""


def _line(text: str) -> str:
    told = text.strip()
    if not told or len(told) > LINE_LIMIT_CHARACTERS or not told.isprintable():
        raise WaiverUnfounded
    return clean(told)


def _touches(about: str, other: str) -> bool:
    return about == other or "" in (about, other)


def _latest(now: datetime) -> str:
    return f"{now + LONGEST - timedelta(days=1):%Y-%m-%dT00:00:00Z}"


def _refused(refusal: Refusal, wanted: WaiverGranted, asked: Asked, now: datetime) -> IntendanceError:
    match refusal:
        case "never":
            return WaiverNever(rule=wanted.rule)
        case "over":
            return WaiverEnded(until=asked.until, latest=_latest(now))
        case "too_long":
            return WaiverTooLong(until=asked.until, latest=_latest(now))
        case "same_person":
            return WaiverSamePerson(rule=wanted.rule, granter=wanted.granter)
        case "unsigned":
            return WaiverUnfounded()
