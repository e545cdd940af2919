"""What a fleet's state comes to in one word, and what a record says of the run that it ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from intendance.model.frozen import dataclass
from intendance.model.verdict import Severity, State, Verdict

Answer = Literal["holds", "broken", "unknown"]

_DONE = (".completed", ".restored")


def answer(verdicts: Iterable[Verdict], *, deaf: bool) -> Answer:
    """Whether all holds. Only blocking rules count, as for `status`; who is `deaf` to a node, or has not looked, knows
    of what is broken, and of nothing that it holds."""
    states = {each.state for each in verdicts if each.severity is Severity.BLOCKING}
    if State.FAIL in states:
        return "broken"
    return "unknown" if deaf or states & {State.UNKNOWN, State.ERROR} else "holds"


def closing(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """What keeps a gate shut: blocking rules that are broken, unknown, or whose check failed."""
    shut = (State.FAIL, State.UNKNOWN, State.ERROR)
    return tuple(each for each in verdicts if each.severity is Severity.BLOCKING and each.state in shut)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """An attempt of a run that ended, as its last record tells; `state` is `succeeded`, `failed`, or how it ended
    otherwise. `error` is a class of errors, empty where none is told."""

    id: str
    node: str
    asset: str
    activity: str
    state: str
    actor: str
    ended_at: str
    error: str
    message: str
    next_step: str
    seq: int
    kind: str


def ended_run(record: Mapping[str, Any]) -> EndedRun | None:
    """The run that a record of one of the kinds of `ENDS` ended; None where it names none."""
    run, kind, data = record.get("run"), str(record["kind"]), record.get("data", {})
    if not run:
        return None
    named = str(run).split(".")
    if kind == "run.ended":
        state, activity = str(data.get("outcome", "")), str(data.get("activity", ""))
    else:
        state, activity = ("succeeded" if kind.endswith(_DONE) else "failed"), named[1] if len(named) > 1 else ""
    return EndedRun(
        id=str(run),
        node=str(record["node"]),
        asset=str(record.get("asset") or named[0]),
        activity=activity.replace("-", ".", 1) if activity.startswith("backup-") else activity,
        state=state,
        actor=str(record.get("actor", "")),
        ended_at=str(record["ts"]),
        error=str(data.get("error", "")),
        message=str(data.get("message", "")),
        next_step=str(data.get("next_step", "")),
        seq=int(record["seq"]),
        kind=kind,
    )
