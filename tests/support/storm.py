"""`python -m tests.support.storm DATABASE PLAN BEGAN SPEED`: what a manager's leader and mail worker do, as a process
that is killed and made again. It forks one for each line it reads and answers with its number."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from intendance.fleet.alerts.outbox import Worker
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.standing_plan import StandingPlan
from intendance.fleet.alerts.ways import PlannedWay
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database import lease
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.tables import node_state
from intendance.fleet.detection import decide
from intendance.fleet.detection.leader import Leader
from intendance.system.clock import Clock, Instant

_PAUSE_SECONDS = 0.02
_BEAT_US = 20 * decide.SECOND_US
CALM = "calm-"
"""How the names of bystanders begin, nodes that never fall silent."""


class FastClock:
    """Runs `speed` times as fast as the machine's since an instant of its monotonic clock."""

    def __init__(self, began: float, speed: float) -> None:
        self._began, self._speed = began, speed

    def read(self) -> Instant:
        passed = (time.monotonic() - self._began) * self._speed
        return Instant(at=EPOCH + timedelta(seconds=passed), mono_ns=int(passed * 1e9), boot="boot-1")


EPOCH = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def hear(database: Database, now_us: int) -> None:
    """The bystanders, as if each had just beaten."""
    heard = {"last_seen_us": now_us, "deadline_us": now_us + MISSING_US}
    with database.begin() as connection:
        connection.execute(update(node_state).where(node_state.c.node.startswith(CALM)).values(**heard))


def lead(database: Database, policy: StandingPlan, clock: Clock) -> None:
    """Tick as the leader does, faster, in a fleet in which the bystanders beat."""
    leader = Leader(database, policy, clock)
    heard_us = 0
    while True:
        now_us = to_us(clock.read().at)
        if now_us - heard_us >= _BEAT_US:
            hear(database, now_us)
            heard_us = now_us
        held = lease.take(database, "leader", "storm", to_us(clock.read().at))
        if held is not None:
            leader.tick(held)
        time.sleep(_PAUSE_SECONDS)


def work(address: str, plan: Path, clock: Clock) -> None:
    """Both threads, until killed; whatever one of them meets ends the process."""
    policy = StandingPlan(
        plan, Policy(fleet="testing", organisation="testing", zone="UTC", language="en"), lambda _: None
    )
    with open_database(Path(address) if address.startswith("/") else address) as database:
        notifier = PlannedWay("email", policy)
        worker = Worker(database, notifier, policy, clock, holder=str(os.getpid()), chance=random.random)

        def send() -> None:
            try:
                worker.run(threading.Event())
            finally:
                os._exit(3)

        threading.Thread(target=send, daemon=True).start()
        lead(database, policy, clock)


def main(address: str, plan: str, began: str, speed: str) -> None:
    """Fork a worker for each line."""
    clock = FastClock(float(began), float(speed))
    for _ in sys.stdin:
        number = os.fork()
        if number == 0:
            try:
                work(address, Path(plan), clock)
            finally:
                os._exit(2)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        os.waitpid(number, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
