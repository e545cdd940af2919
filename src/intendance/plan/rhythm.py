"""How a new plan changes when backups and inspections happen; rarer is severe. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal

from intendance.model.frozen import dataclass
from intendance.model.plan import BackupPlan, Schedule
from intendance.plan.bounds.gaps import longest
from intendance.plan.saying import Said, say

# Any instant does: rhythms are compared over the five years after it.
_ORIGIN = datetime(2024, 1, 1, tzinfo=UTC)
_PATIENCE = ("none", "once", "all")
"""What happens to missed times, from the least to the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityChange:
    """One difference in when something happens."""

    code: str
    said: Said
    severe: bool = False
    effect: Literal["starts", "stops", "changes"] = "changes"


def activity_changes(
    name: str, former: BackupPlan, new: BackupPlan, zones: tuple[str, str]
) -> Iterator[ActivityChange]:
    """Every difference in the schedules of an asset's backups and inspections, read in their zones."""
    for kind in dict.fromkeys((*former.kinds, *new.kinds)):
        activity = backup_of_kind(kind)
        if kind not in former.kinds and new.kinds[kind] is None:
            said = say("the {activity} of {name} can be made by hand", activity=activity, name=name)
            yield ActivityChange(code="activity-added", said=said, effect="starts")
        elif kind not in new.kinds and former.kinds[kind] is None:
            said = say("the {activity} of {name} can no longer be made by hand", activity=activity, name=name)
            yield ActivityChange(code="activity-dropped", said=said, severe=True, effect="stops")
        else:
            yield from _schedule(name, activity, former.kinds.get(kind), new.kinds.get(kind), zones)
    yield from _schedule(name, say("inspection"), former.inspect, new.inspect, zones)


def backup_of_kind(kind: str) -> Said:
    """A kind of backup in words."""
    match kind:
        case "logical":
            return say("logical backup")
        case "physical":
            return say("physical backup")
        case "full":
            return say("full backup")
        case "differential":
            return say("differential backup")
        case _:
            return say("{kind} backup", kind=kind)


def _schedule(
    name: str, activity: Said, former: Schedule | None, new: Schedule | None, zones: tuple[str, str]
) -> Iterator[ActivityChange]:
    if former == new:
        return
    if new is None:
        said = say("the {activity} of {name} no longer happens by itself", activity=activity, name=name)
        yield ActivityChange(code="schedule-dropped", said=said, severe=True, effect="stops")
    elif former is None:
        said = say("the {activity} of {name} happens by itself: {cron}", activity=activity, name=name, cron=new.cron)
        yield ActivityChange(code="schedule-added", said=said, effect="starts")
    elif former.cron != new.cron:
        rarer = _gap(new.cron, zones[1]) > _gap(former.cron, zones[0])
        if rarer:
            said = say(
                "the {activity} of {name} happens less often: {cron} instead of {former}",
                activity=activity,
                name=name,
                cron=new.cron,
                former=former.cron,
            )
        else:
            said = say(
                "the {activity} of {name} happens at {cron} instead of {former}",
                activity=activity,
                name=name,
                cron=new.cron,
                former=former.cron,
            )
        yield ActivityChange(code="schedule-rarer" if rarer else "schedule", said=said, severe=rarer)
    else:
        said = say(
            "what the {activity} of {name} does about missed times: {becomes} instead of {former}",
            activity=activity,
            name=name,
            becomes=new.catch_up,
            former=former.catch_up,
        )
        less = _PATIENCE.index(new.catch_up) < _PATIENCE.index(former.catch_up) and new.catch_up == "none"
        yield ActivityChange(code="catch-up", said=said, severe=less)


def _gap(cron: str, zone: str) -> float:
    """The longest time between two occurrences, in days rounded down: an hour more at a change of clock is none."""
    return longest([cron], zone, _ORIGIN).length.total_seconds() // 86_400
