"""What the plan asserts of restored data, carried by each set: whoever drills it needs neither plan nor node. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from intendance.model.frozen import dataclass
from intendance.model.plan import DrillCheck, DrillPlan

FIELD = "drill"
"""The field of a manifest's `source` that carries them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of the plan with what the original answered, before and after it was read (None: it was not asked, or
    gave nothing)."""

    check: DrillCheck
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertions:
    """What the plan asserts of an asset, as its sets carry it."""

    questions: tuple[Question, ...] = ()
    holds: tuple[str, ...] = ()


def written(plan: DrillPlan, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> dict[str, Any]:
    """The plan's assertions for a manifest; `before` and `after` are the original's answers, by question."""
    return {
        "holds": list(plan.holds),
        "checks": [
            {name: value for name, value in _check_fields(check).items() if value is not None}
            | ({"before": before.get(check.sql), "after": after.get(check.sql)} if check.compare else {})
            for check in plan.checks
        ],
    }


def read(source: Mapping[str, Any]) -> Assertions:
    """The assertions that a manifest's `source` carries; none where it carries none. Raises ValueError, TypeError,
    KeyError or AttributeError for what `written` did not write."""
    carried = source.get(FIELD)
    if carried is None:
        return Assertions()
    return Assertions(
        questions=tuple(
            Question(
                check=DrillCheck(**{name: value for name, value in each.items() if name not in ("before", "after")}),
                before=each.get("before"),
                after=each.get("after"),
            )
            for each in carried["checks"]
        ),
        holds=tuple(str(name) for name in carried["holds"]),
    )


def _check_fields(check: DrillCheck) -> dict[str, Any]:
    return {
        "sql": check.sql, "name": check.name, "at_least": check.at_least, "at_most": check.at_most,
        "equals": check.equals, "compare": check.compare, "deadline_seconds": check.deadline_seconds,
    }  # fmt: skip
