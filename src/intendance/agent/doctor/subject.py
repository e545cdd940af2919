"""Which plan an examination is about: a file, the adopted plan, or none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from intendance.model.diagnosis import Condition, Finding
from intendance.model.errors import IntendanceError
from intendance.model.errors.state import NoState
from intendance.model.plan import Plan
from intendance.plan import adopted
from intendance.plan.load import load
from intendance.system.clock import Clock

Origin = Literal["file", "adopted", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The plan examined, where it came from, and what there is to say of it. `file` is the plan file, if one was
    read."""

    origin: Origin
    plan: Plan | None
    file: Path | None
    findings: tuple[Finding, ...]


def choose(state: Path, clock: Clock, named: Path | None, places: Sequence[Path]) -> Subject:
    """The plan file that was named; else the adopted plan; else the first plan file of `places`; else none."""
    if named is None:
        try:
            plan = adopted.read(state, repair=False)
        except NoState:
            named = next((place for place in places if place.is_file()), None)
        except IntendanceError as error:
            return Subject(origin="none", plan=None, file=None, findings=(_refused("adopted", error),))
        else:
            return Subject(origin="adopted", plan=plan, file=None, findings=(_in_force(plan),))
    return _none() if named is None else _from_file(state, clock, named)


def _none() -> Subject:
    finding = Finding(
        area="plan",
        subject="plan",
        condition=Condition.REMARK,
        code="plan_none",
        purpose="everything",
    )
    return Subject(origin="none", plan=None, file=None, findings=(finding,))


def _from_file(state: Path, clock: Clock, file: Path) -> Subject:
    try:
        checked = load(file, clock.read().at)
    except IntendanceError as error:
        return Subject(origin="none", plan=None, file=file, findings=(_refused(str(file), error),))
    if not checked.is_valid:
        finding = Finding(
            area="plan",
            subject=str(file),
            condition=Condition.WRONG,
            code="plan_invalid",
            params={"file": str(file), "count": len(checked.problems)},
            mend=(f"intendance plan check {file}",),
            purpose="everything",
        )
        return Subject(origin="none", plan=None, file=file, findings=(finding,))
    try:
        in_force = adopted.read(state, repair=False)
    except NoState:
        in_force = None
    except IntendanceError as error:
        refused = _refused(str(state), error)
        return Subject(origin="file", plan=checked.plan, file=file, findings=(refused,))
    try:
        home = in_force.node.id if checked.of_fleet and in_force is not None else None
        plan = checked.valid(home)
    except IntendanceError as error:
        return Subject(origin="none", plan=None, file=file, findings=(_refused(str(file), error),))
    return Subject(origin="file", plan=plan, file=file, findings=(_adoption(in_force, plan, file),))


def _adoption(in_force: Plan | None, plan: Plan, file: Path) -> Finding:
    """Whether the plan of a file is the one in force."""
    if in_force == plan:
        return _in_force(plan)
    return Finding(
        area="plan",
        subject=str(file),
        condition=Condition.REMARK,
        code="plan_not_adopted" if in_force is None else "plan_differs",
        params={"file": str(file)},
        mend=(f"intendance plan adopt {file}",),
        purpose="everything",
    )


def _in_force(plan: Plan) -> Finding:
    return Finding(
        area="plan",
        subject=plan.node.id,
        condition=Condition.OK,
        code="plan_in_force",
        params={"node": plan.node.id, "count": len(plan.assets)},
        purpose="everything",
    )


def _refused(subject: str, error: IntendanceError) -> Finding:
    return Finding(
        area="plan",
        subject=subject,
        condition=Condition.WRONG,
        code="plan_refused",
        params={"detail": error.message, "advice": error.advice},
        purpose="everything",
    )
