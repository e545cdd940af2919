"""Whether a run that did not end still lives, what is usual, and what is due next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.beats.presence import Presence
from intendance.fleet.runs import decide
from intendance.fleet.runs.decide import Attempt, Began, Condition, Ended, Heard
from intendance.ledger.envelope import Typed, decoder
from intendance.model.evidence.run import RunEnded, RunStarted

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
RUN = "shop-db.backup-full.20261121T120000Z"


def attempt(*, outcome: str = "", ended: bool = False, boot: str = "b1", age: timedelta = HOUR) -> Attempt:
    began = NOON - age
    return Attempt(
        node="n", run=RUN, attempt=1, asset="shop-db", activity="backup.full", actor="schedule:x", boot=boot,
        began_at=began, began_seq=3, deadline_at=began + 24 * HOUR, ended_at=NOON if ended else None,
        ended_seq=4 if ended else None, outcome=outcome, message="",
    )  # fmt: skip


def heard(presence: Presence = Presence.UP, *, boot: str = "b1", doubted: bool = False) -> Heard:
    return Heard(presence=presence, boot=boot, last_seen=NOON, doubted=doubted)


@given(
    presence=st.sampled_from(Presence), boot=st.sampled_from(["b1", "b2", ""]), doubted=st.booleans(),
    age=st.timedeltas(timedelta(), timedelta(days=3)), lost=st.booleans(),
)  # fmt: skip
def test_only_what_a_believed_node_on_the_same_start_of_its_machine_does_in_time_runs(
    presence: Presence, boot: str, age: timedelta, *, doubted: bool, lost: bool
) -> None:
    found = decide.condition(
        attempt(outcome=decide.LOST if lost else "", age=age), heard(presence, boot=boot, doubted=doubted), NOON
    )
    late = age > 24 * HOUR + decide.GRACE
    alive = presence in (Presence.UP, Presence.LATE) and not doubted
    if lost or late:
        assert found is Condition.LOST
    elif not alive:
        assert found is Condition.SILENT
    else:
        assert found is (Condition.LOST if boot == "b2" else Condition.RUNNING)


@pytest.mark.parametrize(
    ("outcome", "condition"),
    [
        ("succeeded", Condition.SUCCEEDED),
        ("failed", Condition.FAILED),
        ("timed_out", Condition.FAILED),
        ("crashed", Condition.FAILED),
        ("released", Condition.RELEASED),
        ("cancelled", Condition.BROKEN_OFF),
        ("interrupted", Condition.BROKEN_OFF),
        ("a word of a later version", Condition.BROKEN_OFF),
    ],
)
def test_what_ended_stands_whoever_is_silent(outcome: str, condition: Condition) -> None:
    ended = attempt(outcome=outcome, ended=True)
    assert decide.condition(ended, heard(Presence.MISSING), NOON) is condition


def record(kind: str, data: object, run: str | None = RUN) -> Typed[Any]:
    told = {
        "v": 1, "seq": 7, "node": "n", "boot": "b1", "ts": "2026-11-21T12:00:00.000000Z", "mono_us": 1, "kind": kind,
        "asset": "shop-db", "run": run, "actor": "schedule:backup.full", "data": msgspec.to_builtins(data),
        "attachments": [], "prev": "0" * 64,
    }  # fmt: skip
    return decoder(kind).decode(msgspec.json.encode(told))


def test_records_tell_that_a_run_began_and_ended() -> None:
    began = decide.told(
        record("run.started", RunStarted(activity="backup.full", occurrence="x", attempt=2, deadline_seconds=60))
    )
    assert isinstance(began, Began)
    assert (began.attempt, began.boot, began.deadline_at - began.at) == (2, "b1", timedelta(minutes=1))
    ended = decide.told(
        record("run.ended", RunEnded(activity="backup.full", outcome="cancelled", attempt=2, message="m"))
    )
    assert isinstance(ended, Ended)
    assert (ended.attempt, ended.outcome, ended.seq) == (2, "cancelled", 7)


@pytest.mark.parametrize(
    ("run", "data"),
    [
        (None, {}),
        ("", {}),
        ("a" * 201, {}),
        ("a\0b", {}),
        (RUN, {"attempt": 0}),
        (RUN, {"attempt": 2**62}),
        (RUN, {"activity": "x\0"}),
    ],
)
def test_what_no_run_of_ours_is_called_is_left(run: str | None, data: dict[str, Any]) -> None:
    said: dict[str, Any] = {"activity": "inspect", "occurrence": "x", "attempt": 1, "deadline_seconds": 2**62} | data
    assert decide.told(record("run.started", RunStarted(**said), run)) is None


def test_of_several_stores_one_that_could_not_be_inspected_counts() -> None:
    assert decide.said_again("inspection.completed", "failed", "succeeded") == "failed"
    assert decide.said_again("drill.completed", "failed", "succeeded") == "succeeded"


@given(st.lists(st.timedeltas(timedelta(), 9 * HOUR), max_size=20))
def test_the_usual_length_is_one_of_them(lengths: list[timedelta]) -> None:
    found = decide.usual(lengths)
    assert (found is None) == (not lengths)
    if found is not None:
        assert found.count == len(lengths)
        assert found.longest == max(lengths)
        assert found.median in lengths


def test_what_is_due_next_comes_by_the_plans_own_clock() -> None:
    lines = [("b", "backup.full", "0 2 * * *"), ("a", "drill", None), ("a", "inspect", "30 13 * * *")]
    found = decide.due_next("n", lines, "Europe/Brussels", NOON)
    assert [(each.asset, each.at) for each in found] == [
        ("a", NOON + timedelta(minutes=30)),
        ("b", NOON + 13 * HOUR),
        ("a", None),
    ]
