"""Whole managers killed at any moment, while nodes beat to them over HTTP and fall silent: no alert is lost, none is
false, few mails come twice, and of the beats only those in memory are forgotten."""

from __future__ import annotations

import random
import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from intendance.catalogue.checks.silences import Quiet, due_at
from intendance.fleet.database import tables
from intendance.fleet.database.connect import Database, from_us, open_database
from intendance.fleet.layout import ManagerLayout
from intendance.plan.adopted import encode
from intendance.plan.load import load
from tests.support.killed_fleet import SECOND_US, Fleet, Manager, later, managers
from tests.support.killed_managers import BEGAN_US, write_instant
from tests.support.mail import MailServer, mail_server
from tests.support.state import Site

CALM = 24
ALERTS = """alerts:
  email: {{smtp: "{smtp}", from: intendance@example.org}}
  policy:
    critical:
      - {{after: "0min", to: admin, by: [email]}}
"""
SETTLES = 200
"""Steps within which every silence is an alert and every mail is away: 120 s, a lease of 60 s of a message, and air."""


def _arguments(address: str | Path, site: Site, smtp: str, count: int) -> list[dict[str, Any]]:
    site.write_plan(more=ALERTS.format(smtp=smtp))
    compiled = site.base / "plan.json"
    compiled.write_bytes(encode(load(site.plan, from_us(BEGAN_US)).valid()))
    told = []
    for place in range(count):
        state = site.base / f"manager-{place}"
        ManagerLayout(state).folder.mkdir(parents=True)
        if isinstance(address, Path):
            shutil.copy(address, ManagerLayout(state).database)
        settings = {"state": str(state), "fleet": "asbl", "urls": [], "plan": str(compiled)}
        database = "" if isinstance(address, Path) else address
        told.append({"settings": settings | {"database": database}, "listening": {}})
    return told


class Storm:
    """Managers that die one after the other while nodes fall silent. Chance says when, and nothing depends on it."""

    def __init__(self, fleet: Fleet, mails: MailServer, dice: random.Random) -> None:
        self.fleet, self.mails, self.dice = fleet, mails, dice
        self.silent: list[str] = []
        self.kills = 0

    def live(self, kills: int) -> None:
        for manager in self.fleet.managers:
            manager.begin()
        self.silent = [name for name in self.fleet.nodes if name.startswith("web-")]
        for number in range(kills):
            for name in self.silent[2 * number : 2 * number + 2]:
                self.fleet.nodes[name].silent = True
            self._kill_one(self.fleet.managers[number % len(self.fleet.managers)])

    def _kill_one(self, manager: Manager) -> None:
        """Let some steps pass, and kill it in one of them; then let it begin again, some steps later."""
        for _ in range(self.dice.randrange(4)):
            self.fleet.step()
        moment = self.dice.choice((self._with_a_beat, self._any_time, self._with_a_mail))
        moment(manager)
        self._bury(manager)
        if len(self.fleet.managers) > 1:
            for _ in range(self.dice.randrange(4)):
                self._step_without(manager)
        manager.begin()
        if self.dice.random() < 0.2:  # before it is there at all
            later(manager.kill, self.dice.uniform(0, 0.3)).join()
            self._bury(manager)
            manager.begin()

    def _bury(self, manager: Manager) -> None:
        manager.buried()
        self.fleet.account(manager)
        self.kills += 1

    def _with_a_beat(self, manager: Manager) -> None:
        """After the answer to a beat, whatever else goes on."""
        wanted = len(manager.heard) + self.dice.randint(1, 3)

        def between() -> None:
            if len(manager.heard) >= wanted:
                self.fleet.between = lambda: None
                manager.kill()

        self.fleet.between = between
        while self.fleet.step():
            pass

    def _any_time(self, manager: Manager) -> None:
        timer = later(manager.kill, self.dice.uniform(0, 0.2))
        while self.fleet.step():
            pass
        timer.join()

    def _with_a_mail(self, manager: Manager) -> None:
        """When a mail server has taken a mail and has not said so yet; where none comes, soon."""
        once = threading.Lock()

        def kill() -> None:
            if once.acquire(blocking=False):  # the mail server's thread and this one
                manager.kill()

        self.mails.behaviour.on_mail = kill
        for _ in range(8):
            if not self.fleet.step():
                break
        kill()
        self.mails.behaviour.on_mail = lambda: None
        while self.fleet.step():
            pass

    def _step_without(self, manager: Manager) -> None:
        others = [each for each in self.fleet.managers if each is not manager]
        everyone, self.fleet.managers = self.fleet.managers, others
        self.fleet.step()
        self.fleet.managers = everyone

    def settle(self) -> None:
        """Let time pass until nothing is to be done any more."""
        for _ in range(SETTLES):
            self.fleet.step()
            if self._is_quiet():
                return
        raise AssertionError("not all was told")

    def _is_quiet(self) -> bool:
        unsent = tables.outbox.c.state.in_(("queued", "sending", "failed"))
        due = (tables.escalation.c.state == "waiting") & (
            tables.escalation.c.next_us <= self.fleet.now_us + 60 * SECOND_US
        )
        with self.fleet.database.read() as connection:
            rows = connection.execute(select(tables.alert.c.node).where(tables.alert.c.cause == "node.missing"))
            raised = set(rows.scalars())
            assert raised <= set(self.silent), f"called missing though they beat: {sorted(raised - set(self.silent))}"
            return (
                raised >= set(self.silent)
                and connection.execute(select(tables.outbox.c.id).where(unsent)).first() is None
                and connection.execute(select(tables.escalation.c.alert).where(due)).first() is None
            )


def _judge(database: Database, storm: Storm) -> None:
    with database.read() as connection:
        alerts = connection.execute(select(tables.alert)).all()
        letters = connection.execute(select(tables.outbox)).all()
        gaps = tuple(
            Quiet(from_at=from_us(row.from_us), to_at=from_us(row.to_us))
            for row in connection.execute(select(tables.observability_gap).order_by(tables.observability_gap.c.from_us))
        )
    missing = [row for row in alerts if row.cause == "node.missing"]
    assert sorted(row.node for row in missing) == sorted(storm.silent), "one alert each, and of nobody else"
    for row in missing:
        node = storm.fleet.nodes[row.node]
        started = from_us(row.started_us)
        assert started - from_us(node.heard_us) >= timedelta(seconds=120), "nobody is called missing before 120 s"
        perhaps = from_us(max(node.heard_us, node.tried_us))  # a manager may be killed between hearing and answering
        due = due_at(Quiet(from_at=perhaps, to_at=None), gaps, timedelta(seconds=120))
        assert due is not None
        assert started <= due + timedelta(seconds=10), (row.node, due, started)
    assert {row.state for row in letters} == {"sent"}
    arrived = Counter(str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in storm.mails.taken)
    assert set(arrived) == {row.idempotency_key for row in letters}
    assert sum(arrived.values()) - len(arrived) <= storm.kills


def _storm(address: str | Path, site: Site, kills: int, count: int, seed: int) -> None:
    dice = random.Random(seed)
    instant = site.base / "instant"
    write_instant(instant, BEGAN_US)
    with ExitStack() as stack:
        mails = stack.enter_context(mail_server())
        arguments = _arguments(address, site, mails.url, count)
        place = (
            ManagerLayout(Path(arguments[0]["settings"]["state"])).database if isinstance(address, Path) else address
        )
        database = stack.enter_context(open_database(place))
        fleet = Fleet(database, instant, stack.enter_context(managers(site.base, instant, arguments)))
        falling = [f"web-{number:04}" for number in range(2 * kills)]
        calm = [f"calm-{number:03}" for number in range(CALM + 2 * kills)]
        fleet.enrol([name for pair in _mixed(falling, calm) for name in pair])
        storm = Storm(fleet, mails, dice)
        storm.live(kills)
        storm.settle()
        _judge(database, storm)
        assert fleet.acknowledged > len(calm)


def _mixed(falling: Sequence[str], calm: Sequence[str]) -> list[tuple[str, ...]]:
    """Those that fall silent stand between those that do not."""
    return [
        tuple(pair[place : place + 1][0] for pair in (falling, calm) if place < len(pair)) for place in range(len(calm))
    ]


@pytest.mark.parametrize(
    ("kills", "seed"), [(4, 0), *(pytest.param(30, seed, marks=pytest.mark.long) for seed in range(1, 35))]
)
def test_nothing_is_lost_and_nobody_is_blamed(
    fleet_address: str | Path, bare_site: Site, kills: int, seed: int
) -> None:
    """On SQLite one manager; on PostgreSQL two at once, of which one leads. With `--long` over 1,000 kills on each."""
    _storm(fleet_address, bare_site, kills, 1 if isinstance(fleet_address, Path) else 2, seed)
