"""Whoever acts on the manager is killed between any two steps: neither the act nor its record is without the other."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from intendance.agent.ledger_view import verify_ledger
from intendance.fleet.acts.carrying import Carrier
from intendance.fleet.alerts.recording import raise_many
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.tables import account, act, alert, enrolment_token, silence
from intendance.fleet.detection.perform import missing_of
from intendance.fleet.log import FleetLog
from intendance.ledger.book import Book
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.fragile_act import ACTS, BOUNDARIES, BY, UNDONE, named
from tests.support.watching import policy

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


def _prepared(database: Database, kind: str, clock: MovableClock) -> None:
    """What is acted on, for each place where who acts is killed: accounts, alerts that somebody has in hand."""
    now_us = to_us(clock.at)
    names = [named(where) for where in BOUNDARIES]
    with database.begin() as connection:
        if kind == "role":
            row = {"role": "viewer", "made_us": now_us}
            connection.execute(insert(account), [{"name": name, **row} for name in names])
        if kind == "unack":
            raise_many(connection, [missing_of(name) for name in names], policy(), now_us)
    if kind == "unack":
        alerts = Alerts(database, policy, clock, lambda: None)
        for number in range(1, len(names) + 1):
            alerts.ack(number, by="person:paul", lasting_seconds=3600)
    with database.begin() as connection:
        connection.execute(delete(act))


DONE = {
    "silence": select(silence.c.reason).order_by(silence.c.id),
    "unack": select(alert.c.node).where(alert.c.state == "firing").order_by(alert.c.id),
    "role": select(account.c.name).where(account.c.role == "operator").order_by(account.c.id),
    "invite": select(enrolment_token.c.node),
}
RECORDED = {
    "silence": ("alert.silenced", "reason"),
    "unack": ("alert.unacked", "node"),
    "role": ("account.changed", "account"),
    "invite": ("node.invited", "node"),
}


def _done(database: Database, kind: str) -> set[str]:
    with database.read() as connection:
        found = list(connection.execute(DONE[kind]).scalars())
    assert len(set(found)) == len(found)
    return set(found)


def _waiting(database: Database) -> int:
    with database.read() as connection:
        return len(connection.execute(select(act.c.id)).all())


def _recorded(log: FleetLog, clock: MovableClock, kind: str) -> list[tuple[str, str]]:
    record_kind, member = RECORDED[kind]
    with Book.open(log.folder, clock) as book:
        return [(record.data[member], record.actor) for record in book.records(kind=record_kind)]


@pytest.mark.parametrize("kind", ACTS)
def test_an_act_and_its_record_stand_together_wherever_who_acted_was_killed(
    fleet_address: str | Path, tmp_path: Path, kind: str
) -> None:
    clock, state, expected = MovableClock(BEGAN), tmp_path / "manager", list[str]()
    log = FleetLog(state, "asbl", clock)
    log.size()  # begun, as a manager's is long before
    with _actors(fleet_address, state) as actors, open_database(fleet_address) as database:
        _prepared(database, kind, clock)
        for where in BOUNDARIES:
            assert _killed(actors, f"{kind} {where}") == -signal.SIGKILL, where
            name = where if kind == "silence" else named(where)
            expected += [] if where in UNDONE else [name]
            assert _done(database, kind) == set(expected), where
            carrier = Carrier(database, log, clock, lambda sentence: None)
            carrier.carry()
            carrier.carry()
            assert _recorded(log, clock, kind) == [(each, BY) for each in expected], where
            assert _waiting(database) == 0, where
    report = verify_ledger(log.folder)
    assert (report.worst, report.signed_size) == (None, 1 + len(expected))


def test_what_one_left_the_next_who_acts_carries_along(fleet_address: str | Path, tmp_path: Path) -> None:
    clock, state = MovableClock(BEGAN), tmp_path / "manager"
    log = FleetLog(state, "asbl", clock)
    log.size()
    with _actors(fleet_address, state) as actors:
        assert _killed(actors, "silence before carry") == -signal.SIGKILL
        assert _killed(actors, "silence nowhere") == 0
    assert [reason for reason, _ in _recorded(log, clock, "silence")] == ["before carry", "nowhere"]
