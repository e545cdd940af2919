"""The waivers of a plan: what the law refuses, and which of them are new. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from intendance.catalogue.rule import Rule, Rulebook
from intendance.catalogue.waivers import LONGEST, Grant, Refusal, of_same_thing, refusal_of
from intendance.model.evidence.waiver import WaiverGranted
from intendance.model.verdict import Fact
from intendance.plan.bounds.seen import Seen
from intendance.plan.forms import FORMS
from intendance.plan.people import marks
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.reading import items, raw_identity, value_at
from intendance.plan.saying import Said, say

_TEXTS = ("rule", "reason", "ticket", "granted_by", "expires")
_OPTION: Mapping[Refusal, str] = {
    "never": "rule",
    "over": "expires",
    "too_long": "expires",
    "unsigned": "granted_by",
    "same_person": "granted_by",
}


def faults(data: Any, rulebook: Rulebook, now: datetime, seen: Seen) -> Iterator[Fault]:
    """Every waiver that the law does not allow; those that were granted already are not asked again."""
    before = list(seen.grants)
    for index, asked in written(data):
        path: OptionPath = ("waivers", index)
        rule = rulebook.rules.get(asked.rule)
        if rule is None:
            said = say("there is no rule `{rule}`", rule=asked.rule)
            fix = say("write one that `{command}` names", command="intendance rules list")
            yield Fault(path=(*path, "rule"), code="rule-unknown", message=said, fix=fix)
            continue
        known = granted_before(asked, before)
        refusal = refusal_of(asked, _former(asked, before), now, waivable=rule.waivable)
        if refusal == "never" or (refusal not in (None, "over") and known is None):
            yield _refused(path, refusal, rule, now)
        elif known is None and refusal is None:
            before.append(_imagined(asked, now, before))


def warnings(data: Any, rulebook: Rulebook, catalogues: Collection[str], now: datetime) -> Iterator[Fault]:
    """Waivers that excuse nothing: they are over, or their rule is not followed."""
    for index, asked in written(data):
        rule = rulebook.rules.get(asked.rule)
        if datetime.fromisoformat(asked.expires_at) <= now:
            said = say("this waiver of {rule} is over and excuses nothing", rule=asked.rule)
            yield Fault(path=("waivers", index, "expires"), code="waiver-over", message=said, fix=say("remove it"))
        elif rule is not None and rule.catalogue not in catalogues:
            said = say(
                "{rule} is not judged: this plan does not follow {catalogue}", rule=rule.id, catalogue=rule.catalogue
            )
            yield Fault(path=("waivers", index, "rule"), code="waiver-of-nothing", message=said, fix=say("remove it"))


def granted(asked: Iterable[WaiverGranted], seen: Seen, now: datetime) -> tuple[WaiverGranted, ...]:
    """Of the waivers of a checked plan, those that no record grants yet, as they are to be recorded."""
    before = list(seen.grants)
    new: list[WaiverGranted] = []
    for each in asked:
        if granted_before(each, before) is None and datetime.fromisoformat(each.expires_at) > now:
            imagined = _imagined(each, now, before)
            before.append(imagined)
            new.append(imagined.data)
    return tuple(new)


def withdrawn(asked: Sequence[WaiverGranted], seen: Seen, now: datetime) -> tuple[Grant, ...]:
    """The waivers that a former plan granted, that still last, and that stand in the plan no more."""
    return tuple(
        grant
        for grant in seen.grants
        if grant.data.source == "plan"
        and grant.seq not in seen.revoked
        and datetime.fromisoformat(grant.data.expires_at) > now
        and not any(_same(grant.data, each) for each in asked)
    )


def granted_before(asked: WaiverGranted, before: Sequence[Grant]) -> Grant | None:
    """The record that already grants exactly this, if any."""
    return next((each for each in before if _same(each.data, asked)), None)


def renewals(asked: WaiverGranted, before: Sequence[Grant]) -> int:
    """How many waivers of the same rule for the same thing there were before."""
    return len(_former(asked, before))


def written(data: Any) -> Iterator[tuple[int, WaiverGranted]]:
    """The well-formed waivers of a plan with their places, as they would be recorded."""
    for index, waiver in items(data, "waivers"):
        texts = {name: waiver.get(name) for name in _TEXTS}
        if not all(isinstance(value, str) for value in texts.values()) or FORMS["instant"](str(texts["expires"])):
            continue
        contact = value_at(data, "contacts", str(texts["granted_by"]))
        named = contact.get("name") if isinstance(contact, Mapping) else None
        yield (
            index,
            WaiverGranted(
                rule=str(texts["rule"]),
                reason=str(texts["reason"]),
                ticket=str(texts["ticket"]),
                granted_by=str(texts["granted_by"]),
                granter=str(named or texts["granted_by"]),
                expires_at=in_utc(str(texts["expires"])),
                marks=marks(contact) if isinstance(contact, Mapping) else (),
                about=_about(data, waiver.get("asset")),
            ),
        )


def _about(data: Any, asset: object) -> str:
    declared = value_at(data, "assets", asset) if isinstance(asset, str) else None
    return (raw_identity(declared) or "") if isinstance(declared, Mapping) else ""


def in_utc(text: str) -> str:
    """An instant of a plan as evidence writes it."""
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _same(former: WaiverGranted, asked: WaiverGranted) -> bool:
    told = ("rule", "reason", "ticket", "granted_by", "expires_at", "about")
    return all(getattr(former, name) == getattr(asked, name) for name in told)


def _former(asked: WaiverGranted, before: Sequence[Grant]) -> tuple[Grant, ...]:
    return of_same_thing(before, asked.rule, asked.about)


def _imagined(asked: WaiverGranted, now: datetime, before: Sequence[Grant]) -> Grant:
    """The record that would grant it now."""
    number = max((each.seq for each in before), default=0) + 1
    numbered = WaiverGranted(
        rule=asked.rule,
        reason=asked.reason,
        ticket=asked.ticket,
        granted_by=asked.granted_by,
        granter=asked.granter,
        expires_at=asked.expires_at,
        marks=asked.marks,
        about=asked.about,
        renewal=renewals(asked, before),
    )
    return Fact(node="", seq=number, at=now, kind="waiver.granted", asset=None, actor="", data=numbered)


def _refused(path: OptionPath, refusal: Refusal | None, rule: Rule, now: datetime) -> Fault:
    option = _OPTION[refusal or "never"]
    said, fix = _words(refusal, rule, now)
    code = f"waiver-{(refusal or 'never').replace('_', '-')}"
    return Fault(path=(*path, option), code=code, message=said, fix=fix, rule=rule.id)


def _words(refusal: Refusal | None, rule: Rule, now: datetime) -> tuple[Said, Said]:
    if refusal == "too_long":
        latest = (now + LONGEST).astimezone(UTC) - timedelta(days=1)
        said = say("a waiver lasts {days} days at most", days=LONGEST.days)
        return said, say('write "{example}" or sooner', example=f"{latest:%Y-%m-%dT00:00:00Z}")
    if refusal == "same_person":
        said = say("{rule} was waived twice in a row by this person; a second renewal needs another one", rule=rule.id)
        return said, say("have another contact of the plan grant it")
    if refusal == "unsigned":
        said = say("nobody answers for this waiver: its granter, reason or ticket is missing")
        return said, say("name a contact of the plan, a reason and a ticket")
    return say("{rule} admits no waiver", rule=rule.id), say("remove it and mend what breaks the rule")
