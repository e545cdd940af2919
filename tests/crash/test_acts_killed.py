"""Whoever acts on the manager is killed between any two steps: neither the act nor its record is without the other."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from intendance.agent.ledger_view import verify_ledger
from intendance.fleet.acts.carrying import Carrier
from intendance.fleet.database.connect import Database, open_database
from intendance.fleet.database.tables import act, silence
from intendance.fleet.log import FleetLog
from intendance.ledger.book import Book
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.fragile_act import BOUNDARIES, BY, UNDONE

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def _actors(address: str | Path, state: Path) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "tests.support.fragile_act", str(address), str(state)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def _killed(process: subprocess.Popen[str], where: str) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{where}\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def _done(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(silence.c.reason).order_by(silence.c.id)).scalars())


def _waiting(database: Database) -> int:
    with database.read() as connection:
        return len(connection.execute(select(act.c.id)).all())


def _recorded(log: FleetLog, clock: MovableClock) -> list[tuple[str, str]]:
    with Book.open(log.folder, clock) as book:
        return [(record.data["reason"], record.actor) for record in book.records(kind="alert.silenced")]


def test_an_act_and_its_record_stand_together_wherever_who_acted_was_killed(
    fleet_address: str | Path, tmp_path: Path
) -> None:
    clock, state, expected = MovableClock(BEGAN), tmp_path / "manager", list[str]()
    log = FleetLog(state, "asbl", clock)
    log.size()  # begun, as a manager's is long before
    with _actors(fleet_address, state) as actors, open_database(fleet_address) as database:
        for where in BOUNDARIES:
            assert _killed(actors, where) == -signal.SIGKILL, where
            expected += [] if where in UNDONE else [where]
            assert _done(database) == expected, where
            carrier = Carrier(database, log, clock, lambda sentence: None)
            carrier.carry()
            carrier.carry()
            assert _recorded(log, clock) == [(each, BY) for each in expected], where
            assert _waiting(database) == 0, where
    report = verify_ledger(log.folder)
    assert (report.worst, report.signed_size) == (None, 1 + len(expected))


def test_what_one_left_the_next_who_acts_carries_along(fleet_address: str | Path, tmp_path: Path) -> None:
    clock, state = MovableClock(BEGAN), tmp_path / "manager"
    log = FleetLog(state, "asbl", clock)
    log.size()
    with _actors(fleet_address, state) as actors:
        assert _killed(actors, "before carry") == -signal.SIGKILL
        assert _killed(actors, "nowhere") == 0
    assert [reason for reason, _ in _recorded(log, clock)] == ["before carry", "nowhere"]
