"""What watching 10,000 nodes costs, how late a silence is seen, and how soon all are known that fall silent at once.

`./dev bench alerts [--nodes N] [--database ADDRESS]`. The leader's tick and the mail worker on a database on disk, by
the machine's clock; mails go to a notifier that takes them all. First nothing happens; then nodes fall silent one after
the other; then all that are left, at once.
"""

from __future__ import annotations

import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, insert, select, update

from benchmarks.measure import machine, options
from intendance.fleet.alerts.outbox import Worker
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database import lease
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.database.migrate import bring_up_to_date
from intendance.fleet.database.tables import alert, node, node_state, outbox, setting
from intendance.fleet.detection.decide import SECOND_US
from intendance.fleet.detection.leader import Leader
from intendance.fleet.manager import TICK_SECONDS
from intendance.model.alerting import Alerts, AlertStep, EmailChannel, Way
from intendance.model.plan import Contact
from intendance.notifiers import Delivery, Message
from intendance.system.clock import SystemClock

TARGET_P99_S = 1.0
TARGET_MAX_S = 2.0
TARGET_STORM_S = 2.0
TARGET_NOTICES = 60
SITES = 50
ONE_BY_ONE = 300
CLOCK = SystemClock()


class Taker:
    """A mail server that takes everything at once."""

    way: Way = "email"

    def deliver(self, message: Message, deadline_seconds: float) -> Delivery:  # noqa: ARG002 -- the Protocol's
        """Take it."""
        return Delivery(outcome="accepted", code="250")


def policy() -> Policy:
    """Two people by mail, one after the other."""
    step = AlertStep(after_seconds=0, to="admin", by=("email",))
    return Policy(
        fleet="bench", organisation="Bench", zone="Europe/Brussels", language="fr",
        alerts=Alerts(email=EmailChannel(smtp="smtp://127.0.0.1", sender="i@example.org"), critical=(step,)),
        people={"admin": Contact(name="Admin", email="admin@example.org")},
    )  # fmt: skip


def now_us() -> int:
    """This instant."""
    return to_us(CLOCK.read().at)


def populate(database: Database, count: int) -> list[str]:
    """Nodes of fifty sites that were heard just now and are not waited for yet."""
    names = [f"bench-{number:05}" for number in range(count)]
    now = now_us()
    state = {"incarnation": 1, "state": "up", "state_since_us": now, "last_seen_us": now, "deadline_us": 2**60}
    with database.begin() as connection:
        connection.execute(
            insert(node),
            [
                {"node": name, "incarnation": 1, "enrolled_us": now, "site": f"site-{number % SITES:02}"}
                for number, name in enumerate(names)
            ],
        )
        connection.execute(insert(node_state), [{"node": name, "streak": 2, **state} for name in names])
        for name in ("canary.begun_us", "canary.done_us"):
            connection.execute(insert(setting).values(name=name, value=str(now)))
    return names


class Manager:
    """The leader's thread as the manager has it, and the mail worker."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._leader = Leader(database, policy, CLOCK)
        worker = Worker(database, Taker(), policy, CLOCK, holder="bench", chance=random.random)
        self._threads = [
            threading.Thread(target=worker.run, args=(self._stop,)), threading.Thread(target=self._lead),
        ]  # fmt: skip
        self.longest_tick_s = 0.0

    def _lead(self) -> None:
        while not self._stop.wait(TICK_SECONDS):
            held = lease.take(self._database, "leader", "bench", now_us())
            if held is not None:
                began = time.monotonic()
                self._leader.tick(held)
                self.longest_tick_s = max(self.longest_tick_s, time.monotonic() - began)

    def __enter__(self) -> Manager:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def idle(seconds: float) -> float:
    """Which share of a core watching takes while nothing happens."""
    began, used = time.monotonic(), time.process_time()
    time.sleep(seconds)
    return (time.process_time() - used) / (time.monotonic() - began)


def silence(database: Database, names: list[str], at: Callable[[int], int]) -> None:
    """Let nodes fall silent: the one of number n is missing at `at(n)`."""
    with database.begin() as connection:
        for number, name in enumerate(names):
            due = at(number)
            values = {"deadline_us": due, "last_seen_us": due - MISSING_US}
            connection.execute(update(node_state).where(node_state.c.node == name).values(**values))


def lateness(database: Database, names: set[str]) -> list[float]:
    """How long after its deadline each of these was known to be missing, in seconds, the shortest first."""
    asked = select(node_state.c.node, alert.c.started_us - node_state.c.deadline_us).join(
        alert, alert.c.node == node_state.c.node
    )
    with database.read() as connection:
        return sorted(row[1] / SECOND_US for row in connection.execute(asked) if row[0] in names)


def wait_for(database: Database, count: int, patience_s: float) -> None:
    """Until so many alerts of single nodes are there."""
    end = time.monotonic() + patience_s
    asked = select(func.count()).select_from(alert).where(alert.c.cause == "node.missing")
    while time.monotonic() < end:
        with database.read() as connection:
            if connection.execute(asked).scalar_one() >= count:
                return
        time.sleep(0.05)


def measure(database: Database, count: int) -> int:
    """All three parts; 1 when a target is missed."""
    names = populate(database, count)
    some, rest = names[:ONE_BY_ONE], names[ONE_BY_ONE:]
    with Manager(database) as manager:
        share = idle(20)
        print(f"nothing happens   {share:6.1%} of a core")
        begin = now_us() + 2 * SECOND_US
        silence(database, some, lambda number: begin + number * SECOND_US // 10 + random.randrange(SECOND_US // 10))
        wait_for(database, len(some), 120)
        late = lateness(database, set(some))
        p99, most = late[int(len(late) * 0.99)], late[-1]
        print(f"one by one        p99 {p99:.2f} s late, max {most:.2f} s   target {TARGET_P99_S} s, {TARGET_MAX_S} s")
        together = now_us() + 10 * SECOND_US
        silence(database, rest, lambda _: together)
        wait_for(database, count, 120)
        storm = lateness(database, set(rest))[-1]
        time.sleep(15)
        with database.read() as connection:
            asked = select(func.count()).select_from(outbox).where(outbox.c.made_us >= together)
            letters = connection.execute(asked).scalar_one()
    print(f"{len(rest)} at once     all known after {storm:.2f} s   target {TARGET_STORM_S} s")
    print(f"                  written in {manager.longest_tick_s:.2f} s; {letters} messages   target {TARGET_NOTICES}")
    good = p99 <= TARGET_P99_S and most <= TARGET_MAX_S and letters <= TARGET_NOTICES
    return 0 if good and storm + manager.longest_tick_s <= TARGET_STORM_S else 1


def main() -> int:
    """Measure."""
    parser = options("alerts", __doc__)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--database", default="", help="postgresql://…; else SQLite")
    asked = parser.parse_args()
    print(f"{machine()}; {asked.nodes} nodes, {asked.database.partition(':')[0] or 'sqlite'}")
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as folder,
        open_database(asked.database or Path(folder) / "manager.db") as database,
    ):
        bring_up_to_date(database, backups=Path(folder), now=CLOCK.read().at)
        return measure(database, asked.nodes)


if __name__ == "__main__":
    sys.exit(main())
