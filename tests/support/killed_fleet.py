"""Nodes that beat over HTTP to managers that are killed. Time is what the test says; nothing waits for a clock.

Of each node is known what was acknowledged to it, and by which life of which manager.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy import select as asked

from intendance.fleet.beats.hearers import VANISHED_US
from intendance.fleet.database import settings, tables
from intendance.fleet.database.connect import Database
from intendance.fleet.detection.leader import TICK
from intendance.wire.messages import Beat, encode
from tests.support.killed_managers import BEGAN_US, write_instant
from tests.support.state import until

ROOT = Path(__file__).resolve().parents[2]
SECOND_US = 1_000_000
ALONE_US, TOGETHER_US = 4 * SECOND_US, 2 * SECOND_US
"""Steps shorter than what is taken for a time in which nothing was seen, and for a manager that is gone."""
PATIENCE_SECONDS = 180


@dataclass
class Node:
    """A node that beats each minute, again with each step until it is answered. `heard_us`: its last answered beat,
    `tried_us`: its last of all."""

    name: str
    next_us: int
    silent: bool = False
    heard_us: int = BEGAN_US
    tried_us: int = BEGAN_US

    @property
    def bearer(self) -> bytes:
        return sha256(self.name.encode()).hexdigest().encode()

    def beat(self, now_us: int) -> bytes:
        return encode(
            Beat(v=1, node=self.name, incarnation=1, boot="boot-a", seq=self.next_us // SECOND_US, sent_at=now_us,
                 mono_ns=now_us * 1000, interval_seconds=60, checkpoint="", spooled=0, software="test")
        )  # fmt: skip


@dataclass(frozen=True)
class Heard:
    """A beat that was answered."""

    node: str
    seq: int
    at_us: int


@dataclass
class Manager:
    """One manager's lives, and what the present one acknowledged, in that order."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    number: int = 0
    heard: list[Heard] = field(default_factory=list)
    line: http.client.HTTPConnection | None = None

    def _read(self) -> str:
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], PATIENCE_SECONDS)[0], self.log.read_text()
        return self.process.stdout.readline().strip()

    def begin(self) -> None:
        """Let another life begin. It need not listen yet."""
        assert self.process.stdin is not None
        self.process.stdin.write("again\n")
        self.process.stdin.flush()
        self.number, self.heard = int(self._read()), []
        self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        self.line.auto_open = 0

    def kill(self) -> None:
        """From any thread; who waits for it notices."""
        os.kill(self.number, signal.SIGKILL)

    def buried(self) -> None:
        """Wait for its end, which must be the one that it was given."""
        assert self.line is not None
        self.line.close()
        ended = int(self._read())
        assert ended == -signal.SIGKILL, (ended, self.log.read_text())

    def _reached(self) -> bool:
        """Wait until it listens; whether it lives."""
        assert self.line is not None
        if self.line.sock is not None:
            return True

        def calls() -> bool:
            assert self.line is not None
            try:
                self.line.connect()
            except OSError:
                self.line.close()
                return not _lives(self)
            return True

        until(calls, "the manager to listen", PATIENCE_SECONDS)
        return self.line.sock is not None

    def take(self, node: Node, now_us: int) -> bool:
        """A node's beat; whether it was answered."""
        if not self._reached():
            return False
        assert self.line is not None
        headers = {"authorization": f"Bearer {node.bearer.decode()}", "content-type": "application/json"}
        try:
            self.line.request("POST", "/api/v1/heartbeat", node.beat(now_us), headers)
            with self.line.getresponse() as answer:
                content = answer.read()
        except (OSError, http.client.HTTPException):
            self.line.close()
            return False
        assert answer.status == 200, (answer.status, content)
        self.heard.append(Heard(node.name, node.next_us // SECOND_US, now_us))
        return True


class Fleet:
    """Nodes and managers on one database. `between` is called before each beat. `lost`: what was in a memory."""

    def __init__(self, database: Database, instant: Path, managers: Sequence[Manager]) -> None:
        self.database, self.managers = database, managers
        self.nodes: dict[str, Node] = {}
        self.now_us = BEGAN_US
        self.acknowledged = 0
        self.lost: list[Heard] = []
        self._instant = instant
        self._step_us = ALONE_US if len(managers) == 1 else TOGETHER_US
        self.between: Callable[[], None] = lambda: None

    def enrol(self, names: Sequence[str], spread_us: int = 60 * SECOND_US) -> None:
        """Nodes that may speak, the beats of which are spread over the minute."""
        for place, name in enumerate(names):
            self.nodes[name] = Node(name, BEGAN_US + place * spread_us // len(names))
        known: list[dict[str, Any]] = [{"node": name, "incarnation": 1} for name in names]
        key = {"origin": "", "ledger_key": "k", "fingerprint": "f", "began_us": BEGAN_US}
        state = {"state": "up", "state_since_us": BEGAN_US, "last_seen_us": BEGAN_US, "streak": 2,
                 "deadline_us": BEGAN_US + 120 * SECOND_US}  # fmt: skip
        digest = {name: sha256(self.nodes[name].bearer).hexdigest() for name in names}
        with self.database.begin() as connection:
            rows = [{**each, "token_sha256": digest[each["node"]], "enrolled_us": BEGAN_US} for each in known]
            connection.execute(insert(tables.node), rows)
            connection.execute(insert(tables.node_key), [{**each, **key, "origin": each["node"]} for each in known])
            connection.execute(insert(tables.node_state), [{**each, **state} for each in known])
            for name in ("canary.begun_us", "canary.done_us"):
                connection.execute(insert(tables.setting).values(name=name, value=str(BEGAN_US)))

    def step(self) -> bool:
        """Let time pass, in which nodes beat and every manager that lives looks; whether all live at its end."""
        self.now_us += self._step_us
        write_instant(self._instant, self.now_us)
        due = [node for node in self.nodes.values() if not node.silent and node.next_us <= self.now_us]
        for place, node in enumerate(due):
            self.between()
            node.tried_us = self.now_us
            if self.managers[place % len(self.managers)].take(node, self.now_us):
                node.heard_us = self.now_us
                node.next_us += 60 * SECOND_US
                self.acknowledged += 1
        try:
            until(self._looked, "every manager to look", PATIENCE_SECONDS)
        except AssertionError as failure:
            raise AssertionError(self._told()) from failure
        return all(map(_lives, self.managers))

    def _looked(self) -> bool:
        """Whether the managers that live have said of this instant that they hear, and one looked, if one leads."""
        living = {manager.number for manager in self.managers if _lives(manager)}
        lease, now_us = tables.lease.c, self.now_us
        with self.database.read() as connection:
            rows = connection.execute(asked(lease.name, lease.holder, lease.until_us)).all()
            ticked = settings.read_setting(connection, TICK) or 0
        said = {int(row.holder.split(":")[1]) for row in rows
                if row.name.startswith("hears ") and row.until_us >= now_us + VANISHED_US}  # fmt: skip
        leads = [int(row.holder.split(":")[1]) for row in rows if row.name == "leader" and row.until_us > now_us]
        gone = bool(leads) and leads[0] not in living
        return living <= said and (ticked >= now_us or gone or not living)

    def _told(self) -> list[object]:
        """What a person needs who reads of a manager that does not look."""
        with self.database.read() as connection:
            leases = [tuple(row) for row in connection.execute(asked(tables.lease))]
            ticked = settings.read_setting(connection, TICK)
        return [self.now_us, leases, ticked, *((each.number, each.log.read_text()[-2000:]) for each in self.managers)]

    def account(self, killed: Manager) -> None:
        """What a manager that was killed had acknowledged is written, but for the last, which were in its memory."""
        state, lease = tables.node_state.c, tables.lease.c
        with self.database.read() as connection:
            written = {row.node: row.seq for row in connection.execute(asked(state.node, state.seq))}
            said = connection.execute(
                asked(lease.until_us).where(
                    lease.name.startswith("hears "), lease.holder.contains(f":{killed.number}:")
                )
            ).scalar()
        kept = [written[each.node] >= each.seq for each in killed.heard]
        assert kept == sorted(kept, reverse=True), "what came before a beat that is written is written"
        lost = killed.heard[sum(kept) :]
        if said is not None:
            assert [each for each in lost if each.at_us < said - VANISHED_US] == [], "it said that these were written"
        self.lost += lost


def _lives(manager: Manager) -> bool:
    try:
        return Path(f"/proc/{manager.number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextmanager
def managers(folder: Path, instant: Path, arguments: Sequence[dict[str, Any]]) -> Iterator[list[Manager]]:
    """A process for each that forks its lives. Ends them all."""
    made: list[Manager] = []
    try:
        for place, argument in enumerate(arguments):
            log = folder / f"manager-{place}.log"
            with log.open("wb") as kept:
                words = [sys.executable, "-m", "tests.support.killed_managers", str(instant), json.dumps(argument)]
                process = subprocess.Popen(
                    words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=kept, text=True, cwd=ROOT
                )
            made.append(Manager(process, 0, log))
            made[-1].port = int(made[-1]._read())
        yield made
    finally:
        for manager in made:
            if manager.line is not None:
                manager.line.close()
            if manager.number and _lives(manager):
                manager.kill()
            manager.process.kill()
            manager.process.communicate()


def later(act: Callable[[], None], seconds: float) -> threading.Timer:
    """Do something after a while of the machine's own time."""
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer
