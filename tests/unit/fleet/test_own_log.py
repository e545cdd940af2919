"""The fleet log's page of a manager whose log has grown large: verifying it takes long, and many may look."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from intendance.fleet.log import FleetLog
from intendance.fleet.own_log import OwnLog
from intendance.ledger.report import Report
from intendance.model.evidence.heartbeat import HeartbeatsSummed
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN

PATIENCE_SECONDS = 60
LONG = timedelta(seconds=30)


class Large(FleetLog):
    """A log of which something happens whenever it is verified."""

    def __init__(self, state: Path, clock: MovableClock) -> None:
        super().__init__(state, "asbl", clock)
        self.clock = clock
        self.count = 0
        self.meanwhile: Callable[[], object] = tuple
        self.grow()

    def grow(self) -> None:
        self.append(HeartbeatsSummed(day="2026-11-21", nodes=1, heard=1440, told_later=0, gaps=0), "manager")

    def verify(self) -> Report:
        self.count += 1
        self.meanwhile()
        return super().verify()


def test_who_looks_while_it_is_verified_is_told_what_was_found_before(tmp_path: Path) -> None:
    log = Large(tmp_path, MovableClock(BEGAN))
    own = OwnLog(log, log.clock)
    former = own.held().verified
    log.grow()
    began, goes_on = threading.Event(), threading.Event()

    def wait() -> None:
        began.set()
        assert goes_on.wait(PATIENCE_SECONDS)

    log.meanwhile = wait
    with ThreadPoolExecutor(2) as others:
        try:
            first = others.submit(own.held)
            assert began.wait(PATIENCE_SECONDS)
            second = others.submit(own.held).result(PATIENCE_SECONDS / 2)
        finally:
            goes_on.set()
        assert (second.verified, second.size) == (former, former.records + 1)
        assert second.signed_size == second.size, "as the note says that is told beside it"
        assert second.records[0].covered
        assert first.result(PATIENCE_SECONDS).verified.records == former.records + 1
    assert log.count == 2


def test_a_log_that_takes_long_to_verify_is_not_verified_all_the_time(tmp_path: Path) -> None:
    log = Large(tmp_path, MovableClock(BEGAN))
    log.meanwhile = lambda: log.clock.move(LONG)
    own = OwnLog(log, log.clock)
    own.held()
    for minutes, count in ((2, 1), (5, 1), (2, 1), (1, 2)):
        log.clock.move(timedelta(minutes=minutes))
        log.grow()
        own.held()
        assert log.count == count, minutes
