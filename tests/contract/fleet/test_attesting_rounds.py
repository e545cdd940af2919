"""The manager's round of looks: only while it leads, one process after the other, ended when it must be, and what keeps
it from looking is said once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from intendance.fleet.attesting.service import DEADLINE, Attesting
from intendance.fleet.database.connect import Database
from intendance.fleet.layout import ManagerLayout
from intendance.model.plan import FilesAsset
from intendance.model.verdict import State
from tests.support.attested import Place
from tests.support.clock import MovableClock
from tests.support.workshop import Workshop

pytestmark = [pytest.mark.gnupg, pytest.mark.parametrize("fleet_address", ["sqlite"], indirect=True)]
LONG_SECONDS = 120
"""What certainly comes is waited for so long."""
TWO = ("site", "wiki")


@pytest.fixture
def place(workshop: Workshop, fleet_database: Database) -> Place:
    """A node with two assets of which nobody else ever saw anything."""
    workshop.declare(FilesAsset(name="wiki", path=str(workshop.tree), backup=workshop.backup_plan("full")))
    made = Place(workshop, fleet_database)
    made.arrive()
    return made


@pytest.fixture
def program(place: Place, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program in the place of the one that looks; `began` is there once it read its order."""

    def put(then: str) -> Path:
        began = place.workshop.base / "began"
        script = place.workshop.base / "looker"
        script.write_text(f"#!/bin/sh\ncat >>{began}.orders\necho >>{began}.orders\necho $$ >{began}.new\n"
                          f"mv {began}.new {began}\n{then}\n")  # fmt: skip
        script.chmod(0o700)
        monkeypatch.setattr("intendance.fleet.attesting.service.sys.executable", str(script))
        return began

    return put


def orders(began: Path) -> int:
    """How many looks were ordered."""
    file = began.with_name("began.orders")
    return len(file.read_text().splitlines()) if file.exists() else 0


class Rounds(threading.Event):
    """Told to stop after so many rounds; before each, something happens. Nobody waits."""

    def __init__(self, *before: Callable[[], object]) -> None:
        super().__init__()
        self._before = list(before)

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "a loop that waits for nothing else would never look"
        if not self._before:
            self.set()
            return True
        self._before.pop(0)()
        return self.is_set()


# --- the rounds ----------------------------------------------------------------------------------------------------


def test_it_looks_only_while_it_leads_and_until_it_is_told_to_stop(
    place: Place, program: Callable[[str], Path]
) -> None:
    began, leading, seen = program("exit 0"), [False], list[int]()
    service = Attesting(place.bench, lambda: leading[0], pytest.fail)

    def lead() -> None:
        seen.append(orders(began))
        leading[0] = True
        place.clock.move(timedelta(hours=2))

    def follow() -> None:
        lead()
        leading[0] = False

    service.run(Rounds(follow, lead, lead, follow))
    seen.append(orders(began))
    assert seen == [0, 0, 2, 4, 4]


def test_what_keeps_it_from_looking_is_said_once_and_again_after_it_looked(
    place: Place, program: Callable[[str], Path]
) -> None:
    """A folder of the log that is none, twice; it looks; the folder again, twice; then the program is missing."""
    began, said = program("exit 0"), list[str]()
    script, folder = began.with_name("looker"), ManagerLayout(place.state).log
    away = folder.with_name("away")
    service = Attesting(place.bench, lambda: True, said.append)

    def spoil() -> None:
        if folder.exists():
            folder.rename(away)
        folder.write_text("no folder")
        place.clock.move(timedelta(hours=2))

    def mend() -> None:
        folder.unlink()
        if away.exists():
            away.rename(folder)
        place.clock.move(timedelta(hours=2))

    def take_away() -> None:
        mend()
        script.rename(script.with_name("elsewhere"))

    def bring_back() -> None:
        script.with_name("elsewhere").rename(script)
        place.clock.move(timedelta(hours=2))

    service.run(Rounds(spoil, lambda: None, mend, spoil, lambda: None, take_away, bring_back))
    assert orders(began) == 2 * len(TWO)
    assert [each.startswith("the manager's own looks into stores wait: ") for each in said] == [True] * 3
    assert said[0] == said[1] != said[2]
    assert "looker" in said[2]


def test_who_does_not_lead_does_not_even_try(place: Place, program: Callable[[str], Path]) -> None:
    began, folder = program("exit 0"), ManagerLayout(place.state).log
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("no folder")
    Attesting(place.bench, lambda: False, pytest.fail).run(Rounds(lambda: None, lambda: None))
    assert orders(began) == 0


def test_told_to_stop_before_a_round_it_looks_at_nothing(place: Place, program: Callable[[str], Path]) -> None:
    began = program("exit 0")
    stop = threading.Event()
    stop.set()
    service = Attesting(place.bench, lambda: True, pytest.fail)
    service.run(stop)
    assert service.look_due(stop) == 0
    assert orders(began) == 0


# --- in the middle of a round --------------------------------------------------------------------------------------


def test_a_lead_that_is_lost_in_the_middle_of_a_round_ends_it(place: Place, program: Callable[[str], Path]) -> None:
    """Another manager looks from here on: two that look say the same twice, and load the stores twice."""
    began = program("exit 0")
    asked: list[int] = []

    def leads() -> bool:
        asked.append(orders(began))
        return orders(began) < 1

    service = Attesting(place.bench, leads, pytest.fail)
    assert [each.asset for each in service.due()] == list(TWO)
    assert service.look_due(threading.Event()) == 1
    assert orders(began) == 1
    assert [each.asset for each in service.due()] == ["wiki"], "what was not looked at is not taken for tried"
    assert asked[-1] == 1


def test_told_to_stop_during_a_look_it_ends_that_look_and_leaves_no_trace(
    place: Place, program: Callable[[str], Path]
) -> None:
    began = program(f"sleep {LONG_SECONDS}; exit 3")
    stop, late = threading.Event(), threading.Event()

    def tell() -> None:
        while not began.exists() and not late.wait(0.02):
            pass
        stop.set()

    teller = threading.Thread(target=tell)
    limit = threading.Timer(LONG_SECONDS, late.set)
    for each in (teller, limit):
        each.start()
    service = Attesting(place.bench, lambda: True, pytest.fail)
    try:
        count = service.look_due(_Ending(stop, late))
    finally:
        limit.cancel()
        late.set()
        teller.join()
    assert count == 1, "nor does it begin another"
    assert orders(began) == 1
    assert_gone(began)
    assert place.words("inspection.failed") == [], "a manager that ends did not fail to look"


class _Ending(threading.Event):
    """Set when one event is; a test that waits for it in vain fails, and does not wait for ever."""

    def __init__(self, stop: threading.Event, late: threading.Event) -> None:
        super().__init__()
        self._stop, self._late = stop, late

    def is_set(self) -> bool:
        assert not (self._late.is_set() and not self._stop.is_set()), "the look did not begin"
        return self._stop.is_set()


def assert_gone(began: Path) -> None:
    """The process that looked is no more: it was ended and waited for."""
    assert not lives(int(began.read_text()))


def lives(pid: int) -> bool:
    """Whether there is such a process, or what is left of it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# --- the deadline --------------------------------------------------------------------------------------------------


class _Passing(threading.Event):
    """Lets time pass on a clock while a look is waited for, and is set once its process is gone. The look must live as
    long as the time that passed is one that it may take."""

    def __init__(self, clock: MovableClock, began: Path, over: timedelta) -> None:
        super().__init__()
        self._clock, self._began, self._at = clock, began, clock.at
        self._steps = [DEADLINE - SECOND] * 3 + [DEADLINE] * 3 + [over]
        self._limit = time.monotonic() + LONG_SECONDS

    def is_set(self) -> bool:
        assert time.monotonic() < self._limit, "the look did not begin, or does not end"
        if not self._began.exists():
            return False
        pid = int(self._began.read_text())
        if not self._steps:
            return not lives(pid)
        assert lives(pid), "ended too early"
        self._clock.at = self._at + self._steps.pop(0)
        return False


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("over", [DEADLINE + SECOND, -DEADLINE - SECOND], ids=["too long", "a clock set back"])
def test_a_look_may_take_six_hours_and_is_then_ended_and_told(
    place: Place, program: Callable[[str], Path], over: timedelta
) -> None:
    began, said = program("exec sleep 3600"), list[str]()
    assert timedelta(hours=6) == DEADLINE
    clock = MovableClock(place.clock.at)
    service = Attesting(replace(place.bench, clock=clock), lambda: True, said.append)
    assert service.look_due(_Passing(clock, began, over)) == 1
    assert_gone(began)
    (failed,) = place.words("inspection.failed")
    assert failed["error"] == "look_ended"
    assert "6 h" in failed["message"]
    assert "6 h" in said[0]
    assert place.said("MAINT_010").state is not State.PASS
