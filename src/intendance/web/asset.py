"""An asset: can it be restored? Its points on a time line, who holds them, what drills proved, what to type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from intendance.fleet.assets.decide import Asset, DrillTold, SetHeld, StoreSeen
from intendance.fleet.verdicts.standing import Standing, rank, worst
from intendance.language import dates, sizes
from intendance.language.spoken import told as spoken
from intendance.language.texts import Translator
from intendance.model.evidence.drill import Leg
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict
from intendance.system.shown import as_typed
from intendance.web import addresses, timeline, words
from intendance.web.entries import split
from intendance.web.figures import Figure, bound, figures, took
from intendance.web.node import Held, held
from intendance.web.timeline import Lane, Mark, Span, Tick

POINTS = 14
"""Points in the table; all are on the time line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The time line of an asset."""

    label: str
    lanes: tuple[Lane, ...]
    axis: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointLine:
    """A recovery point and the command that restores it."""

    when: str
    kind: str
    size: str
    stores: tuple[tuple[str, str], ...]
    drilled: str
    record: str
    href: str
    shape: str
    word: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLine:
    name: str
    shape: str
    word: str
    sets: str
    size: str
    when: str
    by: str
    oldest: str
    record: str
    href: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegTold:
    name: str
    total: str
    phases: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillLine:
    shape: str
    word: str
    when: str
    store: str
    by: str
    aimed: str
    legs: tuple[LegTold, ...]
    checked: str
    record: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPage:
    question: str
    shape: str
    clauses: tuple[str, ...]
    lede: str
    facts: tuple[str, ...]
    failure: str
    figures: tuple[Figure, ...]
    line: Line
    see: tuple[str, ...]
    do: tuple[str, ...]
    points: tuple[PointLine, ...]
    more: str
    listing: tuple[str, ...]
    stores: tuple[StoreLine, ...]
    drills: tuple[DrillLine, ...]
    drill: tuple[str, ...]
    held: tuple[Held, ...]


def asset_page(asset: Asset, verdicts: Sequence[Verdict], standing: Standing, _: Translator) -> AssetPage:
    """The page of an asset of a standing."""
    believed = sorted(map(standing.believed, verdicts), key=rank)
    shape, answer = _answer(asset, standing, _)
    zone = standing.zone
    name, into = as_typed(asset.name), as_typed(f"/srv/restore/{asset.name}")
    return AssetPage(
        question=_("Can {asset} be restored?").format(asset=asset.name),
        shape=_shape(shape, believed),
        clauses=(answer, *_unlike(shape, believed, _)),
        lede=_lede(asset, zone, _),
        facts=tuple(_facts(asset, zone, _)),
        failure=_failure(asset, zone, _),
        figures=tuple(figures(asset, standing.rulebook, zone, _)),
        line=_line(asset, zone, _),
        see=("intendance", "restore", "plan", name, f"--into {into}"),
        do=("intendance", "restore", "run", name, f"--into {into}"),
        points=tuple(_point(asset, each, into, zone, _) for each in asset.sets[:POINTS]),
        more=_more(asset, _),
        listing=split(f"intendance backup list {name}"),
        stores=tuple(_store(asset, each, zone, _) for each in asset.stores),
        drills=tuple(_drill(asset, each, zone, _) for each in asset.drills),
        drill=split(f"intendance drill run {name}"),
        held=tuple(held(each, standing, _) for each in believed),
    )


def _answer(asset: Asset, standing: Standing, _: Translator) -> tuple[str, str]:
    """The answer by what was tried, and its shape."""
    if asset.node in standing.doubted:
        return "unknown", _("Nobody can tell: its node contradicts itself.")
    if not asset.sets:
        return "fail", _("No: there is no set of it.")
    if asset.newest is None:
        return "fail", _("No: no set of it is without a fault.")
    tried = asset.drills[0] if asset.drills else None
    if tried is None:
        return "unknown", _("Nobody has tried yet.")
    age = words.length(asset.asked_at - tried.at, _, up=True)
    if not tried.ok:
        return "fail", _("The last try failed, {length} ago.").format(length=age)
    limit = bound(standing.rulebook, asset, "drill.age_max")
    if limit is not None and asset.asked_at - tried.at > timedelta(seconds=limit):
        return "fail", _("Nobody has proven it for {length}.").format(length=age)
    return "pass", _("Yes: it came back whole {length} ago.").format(length=age)


_GRAVER = ("pass", "pending", "unknown", "fail")


def _shape(answer: str, verdicts: Sequence[Verdict]) -> str:
    """The shape of the answer, or of the worst verdict where that is graver: no page is green above what is not."""
    state = worst(each.state for each in verdicts)
    told = "pass" if state is None else {"error": "unknown"}.get(words.SHAPES[state], words.SHAPES[state])
    return max(answer, told if told in _GRAVER else "pass", key=_GRAVER.index)


def _unlike(answer: str, verdicts: Sequence[Verdict], _: Translator) -> Iterable[str]:
    """What must be said after an answer that alone would sound too well."""
    if answer != "pass":
        return
    broken = sum(each.state is State.FAIL for each in verdicts)
    unsure = sum(each.state in (State.UNKNOWN, State.ERROR) for each in verdicts)
    if broken:
        told = _.plural("But {count} rule is broken.", "But {count} rules are broken.", broken)
        yield told.format(count=words.spelt(_, broken))
    elif unsure:
        told = _.plural("But {count} rule is unknown.", "But {count} rules are unknown.", unsure)
        yield told.format(count=words.spelt(_, unsure))


def _lede(asset: Asset, zone: str, _: Translator) -> str:
    good = [each for each in asset.sets if each.sound]
    if not good:
        return _("Nothing of it can be brought back.")
    if len(good) == 1:
        return _("One recovery point, of {last}.").format(last=dates.moment(good[0].recovers_to, zone, _.language))
    told = _.plural(
        "{n} recovery point, from {first} to {last}.", "{n} recovery points, from {first} to {last}.", len(good)
    )
    return told.format(
        n=sizes.number(len(good), _.language),
        first=dates.moment(good[-1].recovers_to, zone, _.language),
        last=dates.moment(good[0].recovers_to, zone, _.language),
    )


def _facts(asset: Asset, zone: str, _: Translator) -> Iterable[str]:
    yield _("{engine} on {node}").format(engine=asset.engine, node=asset.node)
    if asset.subject:
        yield words.kept(_, asset.engine, asset.subject)
    if asset.newest is not None:
        yield sizes.size(asset.newest.source_bytes, _.language)
    kept = _.plural("kept {n} day", "kept {n} days", asset.retention_days)
    yield kept.format(n=sizes.number(asset.retention_days, _.language))
    if asset.dropped_at is not None:
        moment = dates.moment(asset.dropped_at, zone, _.language)
        yield _("no longer in the plan since {moment}").format(moment=moment)


def _failure(asset: Asset, zone: str, _: Translator) -> str:
    if asset.failed_at is None:
        return ""
    moment = dates.moment(asset.failed_at, zone, _.language)
    told = spoken(asset.failure, _.language)
    return _("The last backup failed, on {moment}: {message}").format(moment=moment, message=told)


# --- the time line ------------------------------------------------------------------------------------------------


def _line(asset: Asset, zone: str, _: Translator) -> Line:
    shown = timeline.span(asset.sets[-1].recovers_to if asset.sets else None, asset.asked_at)
    stores = dict.fromkeys((*(each.store for each in asset.stores), *(s for each in asset.sets for s in each.stores)))
    lanes = [Lane(name=store, marks=tuple(_sets_of(asset, store, shown, zone, _))) for store in stores]
    lanes.append(Lane(name=_("Drills"), marks=tuple(_drills_of(asset, shown, zone, _))))
    days = round((shown.end - shown.begin) / timeline.DAY)
    good = sum(1 for each in asset.sets if each.sound and shown.holds(each.recovers_to))
    done = sum(1 for each in asset.drills if each.ok and shown.holds(each.at))
    label = _("{days} days: {sets} sound sets, {drills} drills that passed").format(days=days, sets=good, drills=done)
    return Line(label=label, lanes=tuple(lanes), axis=timeline.axis(shown, zone, _))


def _sets_of(asset: Asset, store: str, shown: Span, zone: str, _: Translator) -> Iterable[Mark]:
    for each in reversed(asset.sets):
        if store in each.stores and shown.holds(each.recovers_to):
            fault = each.faults.get(store, "")
            moment = dates.moment(each.recovers_to, zone, _.language)
            told = f"{moment} · {_kind(each.kind, _)}" + (f" · {spoken(fault, _.language)}" if fault else "")
            shape = "faulty" if fault else "half" if each.kind == "differential" else "set"
            yield Mark(left=shown.place(each.recovers_to), shape=shape, told=told)


def _drills_of(asset: Asset, shown: Span, zone: str, _: Translator) -> Iterable[Mark]:
    for each in reversed(asset.drills):
        if shown.holds(each.at):
            moment = dates.moment(each.at, zone, _.language)
            told = _("{moment}, passed") if each.ok else _("{moment}, failed")
            yield Mark(
                left=shown.place(each.at),
                shape="drilled" if each.ok else "drill-failed",
                told=told.format(moment=moment),
            )


# --- tables -------------------------------------------------------------------------------------------------------


def _point(asset: Asset, each: SetHeld, into: str, zone: str, _: Translator) -> PointLine:
    return PointLine(
        when=dates.moment(each.recovers_to, zone, _.language, seconds=True),
        kind=_kind(each.kind, _),
        size=sizes.size(each.stored_bytes, _.language),
        stores=tuple((store, "fail" if store in each.faults else "pass") for store in each.stores),
        drilled="" if each.drilled_at is None else timeline.short_day(each.drilled_at, zone, _),
        record=sizes.number(each.seq, _.language),
        href=addresses.record(asset.node, each.seq),
        shape="pass" if each.sound else "fail",
        word=_("sound") if each.sound else _("faulty"),
        command=(
            "intendance",
            "restore",
            "run",
            as_typed(asset.name),
            f"--point {as_typed(each.set)}",
            f"--into {into}",
        )
        if each.sound
        else (),
    )


def _more(asset: Asset, _: Translator) -> str:
    left = len(asset.sets) - POINTS
    if left <= 0:
        return ""
    told = _.plural(
        "{n} older point is on the line, and listed by:", "{n} older points are on the line, listed by:", left
    )
    return told.format(n=sizes.number(left, _.language))


def _store(asset: Asset, each: StoreSeen, zone: str, _: Translator) -> StoreLine:
    told, shape, word = "", "pass", _("holds")
    if each.failure:
        moment = "" if each.failed_at is None else dates.moment(each.failed_at, zone, _.language)
        told = _("Nobody could look on {moment}: {message}").format(
            moment=moment, message=spoken(each.failure, _.language)
        )
        shape, word = "unknown", _("unknown")
    elif each.inspected_at is None:
        shape, word = "pending", _("never inspected")
    elif each.faulty:
        shape, word = "fail", _.plural("{n} faulty set", "{n} faulty sets", each.faulty).format(n=each.faulty)
    return StoreLine(
        name=each.store,
        shape=shape,
        word=word,
        sets=sizes.number(each.sets, _.language) if each.inspected_at is not None else "",
        size=sizes.size(each.stored_bytes, _.language) if each.inspected_at is not None else "",
        when="" if each.inspected_at is None else dates.moment(each.inspected_at, zone, _.language),
        by=_("the node itself") if each.by == "self" else each.by,
        oldest="" if each.oldest is None else timeline.short_day(each.oldest, zone, _),
        record="" if each.seq is None else sizes.number(each.seq, _.language),
        href="" if each.seq is None else addresses.record(asset.node, each.seq),
        told=told,
    )


def _drill(asset: Asset, each: DrillTold, zone: str, _: Translator) -> DrillLine:
    return DrillLine(
        shape="drilled" if each.ok else "drill-failed",
        word=_("passed") if each.ok else _("failed"),
        when=dates.moment(each.at, zone, _.language),
        store=each.store,
        by=_("the node itself") if each.by == "self" else each.by,
        aimed="" if each.recovers_to is None else dates.moment(each.recovers_to, zone, _.language),
        legs=tuple(_leg(leg, _) for leg in each.legs),
        checked=_checked(each, _),
        record=sizes.number(each.seq, _.language),
        href=addresses.record(asset.node, each.seq),
    )


def _leg(leg: Leg, _: Translator) -> LegTold:
    names = {"restore": _("by the product"), "by_hand": _("by hand")}
    phases = (
        (_("fetch"), leg.phases.fetch_ms),
        (_("decrypt"), leg.phases.decrypt_ms),
        (_("load"), leg.phases.load_ms),
        (_("check"), leg.phases.check_ms),
    )
    told = " · ".join(f"{name} {took(each, _)}" for name, each in phases if each)
    return LegTold(name=names[leg.name], total=took(leg.phases.total_ms, _), phases=told)


def _checked(each: DrillTold, _: Translator) -> str:
    if not each.ok:
        return spoken(each.message, _.language)
    good = sum(check.ok for check in each.checks)
    told = _.plural("{n} comparison, no difference", "{n} comparisons, no difference", good)
    return told.format(n=sizes.number(good, _.language))


def _kind(kind: str, _: Translator) -> str:
    told = {
        "logical": _("logical"), "physical": _("physical"), "full": _("full"), "differential": _("differential"),
    }  # fmt: skip
    return told.get(kind, kind)
