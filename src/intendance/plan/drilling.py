"""What a new plan changes of the drills. Pure.

Whether a restore is tried protects as much as the backup itself: what is asked less is severe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from intendance.model.frozen import dataclass
from intendance.model.plan import DrillPlan
from intendance.plan.saying import Said, say


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillChange:
    """One difference, as `diff.Change` has them."""

    code: str
    said: Said
    severe: bool = False
    effect: Literal["starts", "stops", "changes"] = "changes"


def drill_changes(name: str, former: DrillPlan | None, new: DrillPlan | None, node: str) -> Iterator[DrillChange]:
    """How the drill of an asset differs; `node` is the one that makes its backups."""
    if former is None and new is not None:
        said = say("restores of {name} are tried on {host}", name=name, host=new.host)
        yield DrillChange(code="drill-added", said=said, severe=new.host == node, effect="starts")
    elif former is not None and new is None:
        said = say("restores of {name} are no longer tried", name=name)
        yield DrillChange(code="drill-dropped", said=said, severe=True, effect="stops")
    elif former is not None and new is not None:
        yield from _both(name, former, new, node)


def _both(name: str, former: DrillPlan, new: DrillPlan, node: str) -> Iterator[DrillChange]:
    if former.host != new.host:
        said = say("restores of {name} are tried on {host} instead of {former}", name=name, host=new.host,
                   former=former.host)  # fmt: skip
        yield DrillChange(code="drill-host", said=said, severe=new.host == node)
    if former.schedule != new.schedule:
        yield DrillChange(code="drill-schedule", said=say("restores of {name} are tried at other times", name=name))
    if {*former.checks, *former.holds} - {*new.checks, *new.holds}:
        said = say("a drill of {name} no longer asks all that it asked", name=name)
        yield DrillChange(code="drill-asks-less", said=said, severe=True)
    elif (former.checks, former.holds) != (new.checks, new.holds):
        yield DrillChange(code="drill-asks-more", said=say("a drill of {name} asks more", name=name))


def taken_up(data: dict[str, Any]) -> dict[str, Any]:
    """A compiled plan in which an older release kept drills and hosts as declared, as this one performs them."""
    declared = data.get("declared")
    if not isinstance(declared, Mapping):
        return data
    places = [place for place in declared if place == "hosts" or _is_drill(place)]
    if not places:
        return data
    from intendance.plan.compiled import drill_of, hosts_of  # only plans of before need it

    assets = {name: dict(asset) for name, asset in data["assets"].items()}
    for place in places:
        if place != "hosts":
            assets[place.split(".")[1]]["drill"] = _plain(drill_of(declared[place]))
    kept = {place: value for place, value in declared.items() if place not in places}
    return data | {"assets": assets, "hosts": _plain(hosts_of(declared.get("hosts", {}))), "declared": kept}


def _plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def _is_drill(place: str) -> bool:
    words = place.split(".")
    return len(words) == 3 and words[0] == "assets" and words[2] == "drill"
