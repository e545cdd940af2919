"""Managers killed while nodes fall silent one after the other: no alert is lost, and few mails come twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from intendance.fleet.alerts.owner import BLIND
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database import tables
from intendance.fleet.database.connect import Database, open_database, to_us
from intendance.fleet.detection import decide
from intendance.plan.adopted import encode
from intendance.plan.load import load
from tests.support.mail import MailServer, mail_server
from tests.support.state import Site, until
from tests.support.storm import CALM, EPOCH

ROOT = Path(__file__).resolve().parents[2]
SPEED = 5.0
BYSTANDERS = 10
"""Nodes that live, for each that falls silent: what falls silent together is another test."""
STEPS = 2
ALERTS = """alerts:
  email: {{smtp: "{smtp}", from: intendance@example.org}}
  policy:
    critical:
      - {{after: "0min", to: admin, by: [email]}}
      - {{after: "0min", to: lead, by: [email]}}
"""


def _planned(site: Site, smtp: str) -> Path:
    site.write_plan(more=ALERTS.format(smtp=smtp))
    compiled = site.base / "plan.json"
    compiled.write_bytes(encode(load(site.plan, EPOCH).valid()))
    return compiled


def _enrol(database: Database, names: list[str]) -> None:
    """Nodes of which one falls silent each second, from the fifth on, and others that never do."""
    began = to_us(EPOCH)
    deadlines = {name: began + (5 + number) * decide.SECOND_US for number, name in enumerate(names)}
    deadlines |= {f"{CALM}{number}": began + MISSING_US for number in range(len(names) * BYSTANDERS)}
    state = {"incarnation": 1, "state": "up", "state_since_us": began, "last_seen_us": began}
    with database.begin() as connection:
        connection.execute(
            insert(tables.node),
            [{"node": name, "incarnation": 1, "enrolled_us": began, "site": name} for name in deadlines],
        )
        connection.execute(
            insert(tables.node_state),
            [{"node": name, **state, "deadline_us": deadline} for name, deadline in deadlines.items()],
        )
        for name, value in (("canary.begun_us", began), ("canary.done_us", began), ("detector.tick_us", began)):
            connection.execute(insert(tables.setting).values(name=name, value=str(value)))


@contextmanager
def _managers(address: str | Path, plan: Path) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-m", "tests.support.storm", str(address), str(plan), str(time.monotonic()), str(SPEED)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def _next(process: subprocess.Popen[str]) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("again\n")
    process.stdin.flush()
    return int(process.stdout.readline())


@pytest.mark.parametrize("kills", [30, pytest.param(1000, marks=pytest.mark.long)])
def test_no_alert_is_lost_and_a_kill_sends_one_mail_twice_at_most(
    fleet_address: str | Path, bare_site: Site, kills: int
) -> None:
    dice = random.Random(20261122)
    names = [f"web-{number:04}" for number in range(kills * 2)]
    with mail_server() as mails, open_database(fleet_address) as database:
        _enrol(database, names)
        with _managers(fleet_address, _planned(bare_site, mails.url)) as managers:
            for _ in range(kills):
                number = _next(managers)
                time.sleep(dice.uniform(0.02, 2 * 2 / SPEED))
                os.kill(number, signal.SIGKILL)
            last = _next(managers)
            try:
                until(lambda: _all_told(database, len(names)), "every mail to leave", 240)
            finally:
                os.kill(last, signal.SIGKILL)
        _judge(database, mails, names, kills)


def _all_told(database: Database, expected: int) -> bool:
    """Whether every alert is raised, both steps of the plan are taken for each, and every mail is away.

    The second step follows the first after a second of the managers' clock, a fifth of one here: whoever asks for the
    first alone may kill the manager when the second has just been written.
    """
    steps = (tables.escalation.c.step < STEPS) & (tables.escalation.c.state == "waiting")
    unsent = tables.outbox.c.state.in_(("queued", "sending", "failed"))
    with database.read() as connection:
        rows = connection.execute(select(tables.alert).where(tables.alert.c.cause == "node.missing")).all()
        due = connection.execute(select(tables.escalation.c.alert).where(steps).limit(1)).first()
        waiting = connection.execute(select(tables.outbox.c.id).where(unsent).limit(1)).first()
    return len(rows) == expected and due is None and waiting is None


def _judge(database: Database, mails: MailServer, names: list[str], kills: int) -> None:
    with database.read() as connection:
        everything = connection.execute(select(tables.alert)).all()
        every_letter = connection.execute(select(tables.outbox)).all()
    # On a loaded machine so many new beginnings are an alert too: another test's, and on its way at any moment.
    own = {row.id for row in everything if row.cause == BLIND}
    alerts = [row for row in everything if row.id not in own]
    letters = [row for row in every_letter if row.alert not in own]
    missing = {row.node: row for row in alerts if row.cause == "node.missing"}
    assert sorted(missing) == names
    assert len([row for row in alerts if row.cause == "node.missing"]) == len(names), "one alert each"
    arrived = Counter(str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in mails.taken)
    for row in every_letter:
        if row.alert in own:
            del arrived[row.idempotency_key]
    assert set(arrived) == {row.idempotency_key for row in letters}
    assert {row.state for row in letters} == {"sent"}
    told: dict[int, set[str]] = {}
    for row in every_letter:
        for number in json.loads(row.content)["alerts"]:
            told.setdefault(number, set()).add(row.contact)
    free = [row for row in alerts if row.suppressed is None]
    assert [row.node for row in free if "admin" not in told.get(row.id, set())] == []
    assert sum(arrived.values()) - len(arrived) <= kills
