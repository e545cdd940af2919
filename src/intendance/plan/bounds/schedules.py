"""Schedules that leave more time between two occurrences than a rule allows. Pure.

What counts is the longest gap over five years, with the days on which the clock changes and the long months, and on
top of it the longest time that the backup took so far: the next set is complete only then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from intendance.catalogue.rule import Rulebook
from intendance.plan import durations
from intendance.plan.bounds import gaps
from intendance.plan.bounds.limits import Limit, limit
from intendance.plan.bounds.seen import Seen
from intendance.plan.forms import cron as misformed
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.reading import entries, raw_identity, value_at
from intendance.plan.saying import Param, Quantity, say

BACKUPS = ("logical", "physical", "full", "differential")
OTHERS = (
    (("backup", "inspect"), "inspection.age_max"),
    (("drill",), "drill.age_max"),
    (("upkeep", "analyze"), "database.analyse_age_max"),
)
"""Activities with a schedule of their own, and the quantity that it sets."""


def faults(
    data: Any, rulebook: Rulebook, catalogues: Collection[str], zone: str, now: datetime, seen: Seen
) -> Iterator[Fault]:
    """Every schedule of an asset whose longest gap exceeds the strictest bound on it."""
    for name, asset in entries(data, "assets"):
        kind = str(asset.get("kind"))
        allowed = limit(rulebook, catalogues, "backup.age_max", kind)
        written = {path: cron for each in BACKUPS for path, cron in _schedule(name, asset, ("backup", each))}
        took_s = seen.longest_backup.get(raw_identity(asset) or "", 0)
        if allowed is not None and written:
            yield from _too_rare(written, allowed, zone, now, took_s)
        for activity, quantity in OTHERS:
            found = limit(rulebook, catalogues, quantity, kind)
            single = dict(_schedule(name, asset, activity))
            if found is not None and single:
                yield from _too_rare(single, found, zone, now, 0)


def by_hand(data: Any, rulebook: Rulebook, catalogues: Collection[str]) -> Iterator[Fault]:
    """Assets whose backups or inspections have no schedule although a rule asks for them in time: worth a warning."""
    for name, asset in entries(data, "assets"):
        kind = str(asset.get("kind"))
        backup = asset.get("backup")
        if not isinstance(backup, Mapping):
            continue
        path: OptionPath = ("assets", name, "backup")
        allowed = limit(rulebook, catalogues, "backup.age_max", kind)
        if allowed is not None and not any(
            cron for each in BACKUPS for cron in _schedule(name, asset, ("backup", each))
        ):
            said = say("no backup of `{asset}` has a schedule: {rule} will be broken", asset=name, rule=allowed.rule.id)
            fix = say("write a `schedule` for one of them")
            yield Fault(path=path, code="by-hand-only", message=said, fix=fix, at="name", rule=allowed.rule.id)
        looked = limit(rulebook, catalogues, "inspection.age_max", kind)
        if looked is not None and not dict(_schedule(name, asset, ("backup", "inspect"))):
            said = say(
                "stored backups of `{asset}` are not looked at again by themselves: {rule} will be broken or unknown",
                asset=name,
                rule=looked.rule.id,
            )
            fix = say("add `inspect: {example}`", example='{schedule: "30 5 * * *"}')
            yield Fault(path=path, code="never-inspected", message=said, fix=fix, at="name", rule=looked.rule.id)


def _schedule(name: str, asset: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[OptionPath, str]]:
    """The well-formed cron line of an activity with its path, if one is written."""
    cron = value_at(asset, *place, "schedule")
    if isinstance(cron, str) and misformed(cron) is None:
        yield ("assets", name, *place, "schedule"), " ".join(cron.split())


def _too_rare(
    written: Mapping[OptionPath, str], allowed: Limit, zone: str, now: datetime, took_s: int
) -> Iterator[Fault]:
    crons = tuple(written.values())
    bound = timedelta(seconds=allowed.value)
    took = timedelta(seconds=took_s)
    if gaps.within(crons, zone, now, bound - took):
        return
    gap = gaps.longest(crons, zone, now)
    path = min(written, key=lambda each: gaps.longest([written[each]], zone, now).length)
    params: dict[str, Param] = {
        "schedule": " + ".join(f"`{cron}`" for cron in crons),
        "gap": _length(gap.length),
        "rule": allowed.rule.id,
        "bound": allowed.bound.value,
        "quantity": Quantity(allowed.bound.quantity),
    }
    if gap.after is None or gap.before is None:
        said = say(
            "{schedule} fires less than twice in five years; {rule} allows {bound} at most ({quantity})", **params
        )
    else:
        place = ZoneInfo(zone)
        params |= {"before": _day(gap.before, place), "after": _day(gap.after, place)}
        if took_s:
            said = say(
                "{schedule} leaves {gap} between {before} and {after}, and a backup took up to {took}: {total} in all;"
                " {rule} allows {bound} at most ({quantity})",
                **params,
                took=_length(took),
                total=_length(gap.length + took),
            )
        else:
            said = say(
                "{schedule} leaves {gap} between {before} and {after}; {rule} allows {bound} at most ({quantity})",
                **params,
            )
    fix = say("schedule it more often, so that the longest gap keeps below {bound}", bound=allowed.bound.value)
    yield Fault(path=path, code="schedule-too-rare", message=said, fix=fix, rule=allowed.rule.id)


def _day(at: datetime, place: ZoneInfo) -> str:
    return f"{at.astimezone(place):%Y-%m-%d %H:%M}"


def _length(length: timedelta) -> str:
    """`25h`, `26h45`, `7d1h`: a length as plans write it, minutes rounded up."""
    seconds = 60 * -(-int(length.total_seconds()) // 60)
    days, rest = divmod(seconds, durations.DAY)
    if days < 2 or not rest:
        return durations.write(seconds)
    return durations.write(seconds - rest) + durations.write(rest)
