"""The figures of an asset: what could be lost now, and how long it takes to come back, with how both went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from intendance.catalogue.rule import Rulebook
from intendance.fleet.assets.decide import Asset, DrillTold, peaks
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.web import timeline, words
from intendance.web.timeline import Spark


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure, its bound in words, and how it went."""

    title: str
    short: str
    value: str
    shape: str
    told: str
    spark: Spark | None


def bound(rulebook: Rulebook, asset: Asset, quantity: str) -> int | None:
    """The strictest bound, in seconds, of the performed rules that the plan took for such an asset."""
    found = [
        limit.seconds
        for rule in rulebook.rules.values()
        if rule.performed and rule.catalogue in asset.catalogues and asset.engine in rule.applies_to
        for limit in rule.bounds
        if limit.quantity == quantity and limit.seconds is not None
    ]
    return min(found, default=None)


def figures(asset: Asset, rulebook: Rulebook, zone: str, _: Translator) -> Iterable[Figure]:
    """What could be lost now, and how long both ways back took."""
    yield _loss(asset, bound(rulebook, asset, "backup.age_max"), zone, _)
    done = [each for each in asset.drills if each.ok]
    for name, title in (("restore", _("Time to come back, by the product")), ("by_hand", _("The same, by hand"))):
        yield _return(name, title, done, zone, _)


def _loss(asset: Asset, limit: int | None, zone: str, _: Translator) -> Figure:
    if asset.loss is None:
        return Figure(title=_("Possible loss, now"), short="RPO", value="—", shape="fail",
                      told=_("everything"), spark=None)  # fmt: skip
    seconds = -int(-asset.loss.total_seconds() // 1)
    days = peaks(asset.sets, asset.asked_at)
    spark = None
    if len(days) > 1:
        points, height = timeline.line([each.seconds for each in days], limit)
        worst_day = max(days, key=lambda each: each.seconds)
        most = words.length(timedelta(seconds=worst_day.seconds), _, up=True)
        spark = Spark(
            points=points,
            bound=height,
            label=_("{n} days, at most {length}").format(n=len(days), length=most),
            first=timeline.short_day(days[0].until, zone, _),
            last=_("now"),
            peak=_("at most {length}").format(length=most),
        )
    return Figure(
        title=_("Possible loss, now"),
        short="RPO",
        value=words.length(timedelta(seconds=seconds), _, up=True),
        shape="" if limit is None else "pass" if seconds <= limit else "fail",
        told=_no_bound(_) if limit is None else _bounded(limit, seconds, _),
        spark=spark,
    )


def _no_bound(_: Translator) -> str:
    return _("reported, no bound")


def _bounded(limit: int, seconds: int, _: Translator) -> str:
    length = words.length(timedelta(seconds=limit), _, up=False)
    told = _("holds, bound {length}") if seconds <= limit else _("broken, bound {length}")
    return told.format(length=length)


def _return(name: str, title: str, done: Sequence[DrillTold], zone: str, _: Translator) -> Figure:
    timed = [(each, leg.phases.total_ms) for each in done for leg in each.legs if leg.name == name]
    if not timed:
        return Figure(title=title, short="RTO", value="—", shape="", told=_("never timed"), spark=None)
    newest = timed[0][0]
    spark = None
    if len(timed) > 1:
        values = [milliseconds for _each, milliseconds in reversed(timed)]
        points, _height = timeline.line(values, None)
        spark = Spark(
            points=points,
            bound="",
            label=_("{n} drills").format(n=len(values)),
            first=timeline.short_day(timed[-1][0].at, zone, _),
            last=timeline.short_day(newest.at, zone, _),
            peak="",
        )
    return Figure(
        title=title,
        short="RTO",
        value=took(timed[0][1], _),
        shape="",
        told=_("measured on {day}, from {store}").format(
            day=timeline.short_day(newest.at, zone, _), store=newest.store
        ),
        spark=spark,
    )


def took(milliseconds: int, _: Translator) -> str:
    """How long something took, rounded up."""
    return words.length(timedelta(milliseconds=milliseconds), _, up=True)
