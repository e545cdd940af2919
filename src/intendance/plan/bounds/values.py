"""Options of a plan that a rule bounds: a looser value is refused, with the rule, its bound and the value. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from intendance.catalogue.rule import Rulebook
from intendance.plan import durations
from intendance.plan.bounds.limits import Limit, limit, measure
from intendance.plan.forms import days
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.reading import entries, value_at
from intendance.plan.saying import Param, Quantity, say

OPTIONS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("manager.heartbeat", ("heartbeat.interval_max",)),
    ("thresholds.disk", ("disk.alert_at", "disk.used_max")),
    ("thresholds.disk.above", ("disk.alert_at", "disk.used_max")),
    ("thresholds.memory", ("memory.alert_at", "memory.used_max")),
    ("thresholds.memory.above", ("memory.alert_at", "memory.used_max")),
    ("thresholds.cpu", ("cpu.alert_at", "cpu.used_max")),
    ("thresholds.cpu.above", ("cpu.alert_at", "cpu.used_max")),
    ("thresholds.cpu.for", ("cpu.alert_after",)),
    ("thresholds.page", ("page.p95_max",)),
    ("thresholds.api_p95", ("api.p95_alert_at",)),
    ("thresholds.connections", ("database.connections_max",)),
    ("thresholds.slow_query", ("database.query_max",)),
    ("probes.*.slo", ("availability.year_min",)),
    ("windows.*.lasts", ("window.length_max",)),
    ("duties.access_review", ("access.review_age_max",)),
    ("duties.training", ("training.age_max",)),
    ("duties.security_audit", ("audit.security_age_max",)),
    ("assets.*.backup.retention.legal.keep", ("retention.legal_min",)),
    ("assets.*.backup.stream.ship_every", ("rpo.max",)),
)
"""Places of the plan (`*`: every name or item) and the quantities that they set."""


def faults(data: Any, rulebook: Rulebook, catalogues: Collection[str]) -> Iterator[Fault]:
    """Every value that is looser than the strictest bound of the catalogues on it."""
    for place, quantities in OPTIONS:
        for path, value in _written(data, place.split("."), ()):
            written = measure(value)
            found = _strictest(rulebook, catalogues, quantities, _kind(data, path))
            if written is not None and found is not None and not found.allows(written):
                yield looser(path, value, found)
    yield from _retention(data, rulebook, catalogues)


def _retention(data: Any, rulebook: Rulebook, catalogues: Collection[str]) -> Iterator[Fault]:
    """Sets that are kept for a shorter time than a rule demands, told in days."""
    for name, asset in entries(data, "assets"):
        points = _longer(asset)
        found = limit(rulebook, catalogues, "retention.kept_min", str(asset.get("kind")))
        if found is None or not isinstance(points, str) or days(points) is not None:
            continue
        written = durations.parse(points)
        if not found.allows(written):
            least = int(found.value) // durations.DAY
            yield Fault(
                path=("assets", name, "backup", "retention", "points"),
                code="retention-too-short",
                message=say(
                    "`{points}` is {written} days, and {rule} demands {least} at least ({quantity})",
                    points=points,
                    written=written // durations.DAY,
                    rule=found.rule.id,
                    least=least,
                    quantity=Quantity(found.bound.quantity),
                ),
                fix=say("write `{example}` or more", example=f"{least}d"),
                rule=found.rule.id,
            )


def _longer(asset: Mapping[str, Any]) -> Any:
    """What keeps a set of each day for longest: `daily`, or `points` as it stands."""
    points = value_at(asset, "backup", "retention", "points")
    daily = value_at(asset, "backup", "retention", "daily")
    if not isinstance(points, str) or not isinstance(daily, str) or days(points) or days(daily):
        return points
    return daily if durations.parse(daily) > durations.parse(points) else points


def looser(path: OptionPath, value: object, found: Limit) -> Fault:
    """The fault of a value that is looser than a bound."""
    params: dict[str, Param] = {
        "value": f"`{value}`",
        "rule": found.rule.id,
        "bound": found.bound.value,
        "quantity": Quantity(found.bound.quantity),
    }
    if found.bound.stricter == "smaller":
        said = say("{value} is looser than {rule} allows: {bound} at most ({quantity})", **params)
        fix = say("write `{bound}` or less", bound=found.bound.value)
    else:
        said = say("{value} is looser than {rule} allows: {bound} at least ({quantity})", **params)
        fix = say("write `{bound}` or more", bound=found.bound.value)
    return Fault(path=path, code="looser-than-bound", message=said, fix=fix, rule=found.rule.id)


def _strictest(
    rulebook: Rulebook, catalogues: Collection[str], quantities: Sequence[str], kind: str | None
) -> Limit | None:
    found = [limit(rulebook, catalogues, quantity, kind) for quantity in quantities]
    present = [each for each in found if each is not None]
    return min(present, key=lambda each: each.value if each.bound.stricter == "smaller" else -each.value, default=None)


def _written(data: Any, steps: Sequence[str], path: OptionPath) -> Iterator[tuple[OptionPath, Any]]:
    """The values that stand at a place of the plan, each with its path."""
    if not steps:
        yield path, data
        return
    step, rest = steps[0], steps[1:]
    if step == "*":
        inner = data.items() if isinstance(data, Mapping) else enumerate(data) if isinstance(data, list) else ()
        for name, value in inner:
            yield from _written(value, rest, (*path, name))
    elif isinstance(data, Mapping) and step in data:
        yield from _written(data[step], rest, (*path, step))


def _kind(data: Any, path: OptionPath) -> str | None:
    """The kind of the asset that an option is of; None outside of assets."""
    if path[0] != "assets":
        return None
    return str(data["assets"][path[1]].get("kind"))
