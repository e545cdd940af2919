"""The one word for a fleet, and the run that a record ended."""

from __future__ import annotations

from typing import Any

import pytest

from intendance.fleet.reading import decide
from intendance.model.evidence.run import ENDS
from intendance.model.verdict import Reason, Severity, State, Verdict


def _verdict(state: State, severity: Severity = Severity.BLOCKING) -> Verdict:
    return Verdict(rule="R", asset=None, node="n", state=state, severity=severity, since=None, reason=Reason(code="c"))


@pytest.mark.parametrize("deaf", [True, False])
@pytest.mark.parametrize("state", list(State))
def test_only_what_is_known_to_hold_holds(state: State, deaf: bool) -> None:
    answer = decide.answer([_verdict(State.PASS), _verdict(state)], deaf=deaf)
    unsure = deaf or state in (State.UNKNOWN, State.ERROR)
    assert answer == ("broken" if state is State.FAIL else "unknown" if unsure else "holds")
    grave = decide.answer([_verdict(state, Severity.WARNING), _verdict(state, Severity.DUTY)], deaf=False)
    assert grave == "holds"
    assert bool(decide.closing([_verdict(state)])) == (state in (State.FAIL, State.UNKNOWN, State.ERROR))


def _record(kind: str, run: str | None, **data: object) -> dict[str, Any]:
    return {"kind": kind, "run": run, "node": "n", "seq": 7, "ts": "t", "actor": "a", "asset": "db", "data": data}


@pytest.mark.parametrize("kind", ENDS)
def test_a_record_tells_how_its_run_ended(kind: str) -> None:
    ended = decide.ended_run(_record(kind, "db.backup-full.20260101T000000Z", outcome="crashed", activity="inspect"))
    assert ended is not None
    if kind == "run.ended":
        assert (ended.state, ended.activity) == ("crashed", "inspect")
    else:
        done = kind.endswith((".completed", ".restored"))
        assert (ended.state, ended.activity) == ("succeeded" if done else "failed", "backup.full")


def test_a_record_of_no_run_ends_none() -> None:
    assert decide.ended_run(_record("backup.completed", None)) is None
