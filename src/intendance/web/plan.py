"""The plan in force on a node: what is maintained, how often, where it goes, what is excused, and who said so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Generic, TypeVar

from intendance.catalogue.rule import Rulebook
from intendance.fleet.plans.decide import Adoption, HeldPlan, LeftAsset, PlannedAsset, Waived
from intendance.fleet.verdicts.standing import Standing
from intendance.language import dates, sizes
from intendance.language.activities import activity_name
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.web import addresses, words
from intendance.web.parts import PART, Part, part_of
from intendance.web.rule import Definition

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetLine:
    """An asset of the plan; `bounds` are the strictest that the plan's rules hold it to."""

    name: str
    href: str
    engine: str
    subject: str
    schedules: tuple[tuple[str, str], ...]
    stores: str
    kept: str
    bounds: tuple[str, ...]
    left_out: str
    record: str
    record_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftLine:
    name: str
    href: str
    told: str
    record: str
    record_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaivedLine:
    rule: str
    href: str
    title: str
    about: str
    who: str
    reason: str
    ends: str
    record: str
    record_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionLine:
    when: str
    who: str
    took_away: tuple[str, ...]
    record: str
    record_href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Short(Generic[T]):
    """The beginning of a list; `more` says how many of it are in the page's data alone."""

    lines: tuple[T, ...]
    more: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPage:
    question: str
    answer: str
    lede: str
    assets: Part[AssetLine]
    left: Short[LeftLine]
    waivers: Short[WaivedLine]
    adoptions: tuple[AdoptionLine, ...]
    definitions: tuple[Definition, ...]


def plan_page(plan: HeldPlan, standing: Standing, _: Translator, *, part: int = 1) -> PlanPage:
    """The page of a plan, with one part of its assets."""
    zone, latest = standing.zone, plan.adoptions[0]
    count = len(plan.assets)
    told = _.plural("{n} asset, under {catalogues}.", "{n} assets, under {catalogues}.", count)
    lede = _("Adopted on {moment} by {person}.")
    return PlanPage(
        question=_("What is maintained on {node}?").format(node=plan.node),
        answer=told.format(n=sizes.number(count, _.language), catalogues=", ".join(plan.catalogues)),
        lede=lede.format(moment=dates.moment(latest.at, zone, _.language), person=_person(latest.actor)),
        assets=part_of(plan.assets, part, lambda other: addresses.plan(plan.node, other), _).drawn(
            lambda each: _asset(plan, each, standing, _)
        ),
        left=_short(plan.left, lambda each: _left(plan.node, each, zone, _), _),
        waivers=_short(plan.waivers, lambda each: _waived(plan.node, each, standing, _), _),
        adoptions=tuple(_adoption(plan.node, each, zone, _) for each in plan.adoptions),
        definitions=tuple(_definitions(plan, _)),
    )


def _short(found: Sequence[U], draw: Callable[[U], T], _: Translator) -> Short[T]:
    more = len(found) - PART
    told = _.plural("{n} more, in this page as data.", "{n} more, in this page as data.", max(more, 1))
    return Short(
        lines=tuple(map(draw, found[:PART])), more=told.format(n=sizes.number(more, _.language)) if more > 0 else ""
    )


def _person(actor: str) -> str:
    return actor.removeprefix("person:")


def _asset(plan: HeldPlan, each: PlannedAsset, standing: Standing, _: Translator) -> AssetLine:
    kept = _.plural("{n} day", "{n} days", each.retention_days)
    return AssetLine(
        name=each.name,
        href=addresses.asset(plan.node, each.name),
        engine=each.engine,
        subject=words.kept(_, each.engine, each.subject),
        schedules=tuple(
            (activity_name(_.language, activity), cron or _("by hand")) for activity, cron in each.schedules
        ),
        stores=", ".join(each.stores),
        kept=kept.format(n=sizes.number(each.retention_days, _.language)),
        bounds=tuple(_bounds(standing.rulebook, plan.catalogues, each.engine, _)),
        left_out=", ".join(each.exclude),
        record=sizes.number(each.seq, _.language),
        record_href=addresses.record(plan.node, each.seq),
    )


def _bounds(rulebook: Rulebook, catalogues: tuple[str, ...], engine: str, _: Translator) -> Iterable[str]:
    """The strictest bounds of time that the performed rules of some catalogues set on an engine's assets."""
    titles = {
        "backup.age_max": _("a backup every {length}"),
        "inspection.age_max": _("an inspection every {length}"),
        "drill.age_max": _("a drill every {length}"),
        "retention.kept_min": _("kept {length} at least"),
    }
    found: dict[str, list[int]] = {}
    for rule in rulebook.rules.values():
        if rule.performed and rule.catalogue in catalogues and engine in rule.applies_to:
            for bound in rule.bounds:
                if bound.quantity in titles and bound.seconds is not None:
                    found.setdefault(bound.quantity, []).append(bound.seconds)
    for quantity, title in titles.items():
        if quantity in found:
            strictest = max(found[quantity]) if quantity.endswith("_min") else min(found[quantity])
            yield title.format(length=words.length(timedelta(seconds=strictest), _, up=False))


def _left(node: str, each: LeftAsset, zone: str, _: Translator) -> LeftLine:
    moment = dates.moment(each.at, zone, _.language)
    return LeftLine(
        name=each.name,
        href=addresses.asset(node, each.name),
        told=_("{engine}, no longer in the plan since {moment}").format(engine=each.engine, moment=moment),
        record=sizes.number(each.seq, _.language),
        record_href=addresses.record(node, each.seq),
    )


def _waived(node: str, each: Waived, standing: Standing, _: Translator) -> WaivedLine:
    rule = standing.rulebook.rules.get(each.rule)
    ends = dates.moment(each.ends_at, standing.zone, _.language)
    reason = f"{each.reason} ({each.ticket})" if each.ticket else each.reason
    return WaivedLine(
        rule=each.rule,
        href=addresses.rule(each.rule),
        title=each.rule if rule is None else rule.title.of(_.language),
        about=each.about,
        who=each.granter,
        reason=reason,
        ends=_("until {moment}").format(moment=ends),
        record=sizes.number(each.seq, _.language),
        record_href=addresses.record(node, each.seq),
    )


def _adoption(node: str, each: Adoption, zone: str, _: Translator) -> AdoptionLine:
    return AdoptionLine(
        when=dates.moment(each.at, zone, _.language, seconds=True),
        who=_person(each.actor),
        took_away=tuple(change.sentence for change in each.confirmed),
        record=sizes.number(each.seq, _.language),
        record_href=addresses.record(node, each.seq),
    )


def _definitions(plan: HeldPlan, _: Translator) -> Iterable[Definition]:
    for recipient in plan.recipients:
        held = _("{name}, held by {person}: {fingerprint}")
        text = held.format(name=recipient.name, person=recipient.held_by, fingerprint=recipient.fingerprint)
        yield Definition(name=_("Recipient"), text=text)
    yield Definition(name=_("Stores"), text=", ".join(plan.stores))
    yield Definition(name=_("Time zone"), text=plan.timezone)
    yield Definition(name=_("SHA-256 of the file"), text=plan.source_sha256)
    yield Definition(name=_("SHA-256 of the plan"), text=plan.plan_sha256)
