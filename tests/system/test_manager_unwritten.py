"""A whole manager that cannot write: its disk is full, or its database is away. It hears everybody, says so to nodes,
to whoever asks and to people, accuses nobody, and goes on by itself.

The full disk is a tmpfs of its own over the state folder, which takes root to mount.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from intendance.cli.manager import NO_SOURCE, Asked, Source, command
from intendance.fleet.database.connect import Database, open_database
from intendance.plan import adopted
from intendance.system.clock import SystemClock
from intendance.system.publish import publish
from intendance.wire import messages
from intendance.wire.token import read_token
from tests.support.mail import MailServer, mail_server
from tests.support.nodes import SimulatedNode
from tests.support.ports import free_port
from tests.support.postgresql import running as running_server
from tests.support.state import Site, until
from tests.system.test_fleet import _end
from tests.system.web.test_manager import _log_in, _password

pytestmark = pytest.mark.gnupg
ROOT = Path(__file__).resolve().parents[2]
SPARE_BYTES = 64 * 1024 * 1024
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@contextmanager
def own_disk(state: Path) -> Iterator[None]:
    """The state folder on a small disk of its own."""
    state.mkdir(exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SPARE_BYTES},mode=0700", "none", state], check=True, timeout=300
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", state], check=True, timeout=300)


def fill(state: Path) -> None:
    """Not a byte is left, not even in the logs of databases: SQLite writes over one that it went through, so that a
    manager that has run for some minutes would need no room."""
    for log in state.rglob("*.db-wal"):
        with closing(sqlite3.connect(log.with_name(log.name.removesuffix("-wal")), timeout=180)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    filler = os.open(state / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with suppress(OSError):
        while os.write(filler, bytes(1 << 20)):
            pass
    with suppress(OSError):
        while os.write(filler, bytes(512)):
            pass
    os.close(filler)


class Running:
    """A manager as a process, whose clocks the test sets forward, and one node of its fleet."""

    def __init__(self, site: Site, database: str = "", *, source: Source = NO_SOURCE) -> None:
        self.site = site
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._ahead = site.base / "ahead"
        self._ahead.write_text("0")
        self._database = database
        self._source = source
        self.said: list[Path] = []
        self.process = self.begun()
        self.node = SimulatedNode("web-01", SystemClock(), site.base / "node", fleet="testing")

    def begun(self) -> subprocess.Popen[str]:
        """It, started."""
        argv = command(
            self.site.state,
            adopted.read(self.site.state),
            Asked(host="127.0.0.1", port=self.port, database=self._database),
            datetime.now(UTC),
            adopted.plan_path(self.site.state),
            source=self._source,
        )
        words = [sys.executable, "-m", "tests.support.shifted_manager", str(self._ahead), argv[-1]]
        self.said.append(self.site.base / f"said-{len(self.said)}")
        with self.said[-1].open("w") as log:
            process = subprocess.Popen(words, stderr=log, text=True, cwd=ROOT, process_group=0)
        self.site.started.append(process)
        return process

    def told(self) -> str:
        return self.said[-1].read_text()

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def health(self) -> tuple[int, dict[str, Any]]:
        try:
            status, _, content = self.ask("GET", "/healthz")
        except (OSError, http.client.HTTPException):
            return 0, {}
        return status, json.loads(content)

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.told()
        return self.health()[0] == 200

    def watches(self, database: Database) -> bool:
        """Whether it looked once who is silent: what was before that, it was not there to see."""
        assert self.process.poll() is None, self.told()
        with database.read() as connection:
            return (
                connection.exec_driver_sql("SELECT 1 FROM setting WHERE name = 'detector.tick_us'").first() is not None
            )

    def has_told(self, database: Database, cause: str) -> bool:
        """Whether it raised an alert; fails with all that it said when it ended instead."""
        assert self.process.poll() is None, self.told()
        return cause in _state(database)[2]

    def join(self) -> None:
        made = self.site.run("node", "enroll", "web-01", "--json")
        assert made.code == 0, made.err
        enrolment = self.node.enrolment(read_token(made.json["token"]))
        status, _, content = self.ask("POST", "/api/v1/enrol", messages.encode(enrolment))
        assert status == 200, content
        self.node.taken_in(messages.decode(content, messages.EnrolmentAnswer))

    def beat(self, *, again: bool = False) -> tuple[int, dict[str, str], dict[str, Any]]:
        beat = self.node.beat(seq=self.node.seq if again else None)
        self.node.seq = beat.seq
        authorization = f"Bearer {self.node.bearer.decode()}"
        status, headers, content = self.ask(
            "POST", "/api/v1/heartbeat", messages.encode(beat), authorization=authorization
        )
        return status, headers, json.loads(content)

    def set_forward(self, seconds: int) -> None:
        """Both its clocks."""
        publish(self._ahead, str(int(self._ahead.read_text()) + seconds).encode(), replace=True)


def _planned(site: Site, mails: MailServer) -> None:
    site.write_plan(
        more=f"""alerts:
  email: {{smtp: "{mails.url}", from: intendance@example.org}}
  policy:
    critical:
      - {{after: "0min", to: admin, by: [email]}}
      - {{after: "30min", to: lead, by: [email]}}
"""
    )
    site.adopt()


def _about(mails: MailServer, words: str) -> list[EmailMessage]:
    return [mail for mail in mails.taken if words in str(mail["Subject"])]


def _minutes(database: Database) -> int:
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT heard, backfilled FROM beat_slot WHERE node = 'web-01'")
        return sum(row.heard.bit_count() + row.backfilled.bit_count() for row in rows)


def _state(database: Database) -> tuple[str, int, list[str]]:
    with database.read() as connection:
        ((state, seq),) = connection.exec_driver_sql("SELECT state, seq FROM node_state WHERE node = 'web-01'")
        causes = connection.exec_driver_sql("SELECT cause FROM alert ORDER BY id").scalars()
        return str(state), int(seq), list(causes)


def _unwritable(running: Running, mails: MailServer, breaks: Callable[[], None]) -> None:
    """What everybody sees of a manager that cannot write, until somebody is told."""
    assert running.beat()[0] == 200
    breaks()
    until(lambda: running.health()[0] == 503, "the manager to notice")
    running.set_forward(12)
    until(lambda: running.beat(again=True)[0] == 503, "the manager to say so to nodes")
    status, headers, said = running.beat()
    assert (status, headers["retry-after"], said["title"]) == (503, "5", "beat_unwritten")
    assert running.beat(again=True)[0] == 503, "sent again, it is no replay"
    assert not _about(mails, "ne peut rien écrire")
    running.set_forward(130)
    until(lambda: bool(_about(mails, "ne peut rien écrire")), "the mail that needs no database")
    status, health = running.health()
    assert (status, health["status"]) == (503, "trouble")
    assert "cannot be used now" in health["detail"]
    assert running.beat()[0] == 503
    (mail,) = _about(mails, "ne peut rien écrire")
    assert (mail["To"], "CRITIQUE" in str(mail["Subject"])) == ("admin@example.org", True)


def _heals(running: Running, mails: MailServer, database: Database, minutes: int) -> None:
    until(running.is_up, "the manager to go on")
    until(lambda: _state(database)[1] == running.node.seq, "the beats to be written")
    until(lambda: _state(database)[0] == "up", "who was heard meanwhile to be up")
    assert _minutes(database) > minutes, "heard while it could not write, two minutes after the last that was"
    until(lambda: running.beat()[0] == 200, "nodes to be told that all is well")
    until(lambda: _state(database)[1] == running.node.seq, "the beat to be written")
    until(lambda: running.has_told(database, "manager.blind"), "what it says of itself")
    until(lambda: bool(_about(mails, "n’a rien vu")), "the mail of the alert")
    assert "node.missing" not in _state(database)[2]
    assert len(_about(mails, "ne peut rien écrire")) == 1
    assert "Traceback" not in running.told()


@needs_root
def test_a_full_disk(bare_site: Site, mails: MailServer) -> None:
    with own_disk(bare_site.state):
        _planned(bare_site, mails)
        running = Running(bare_site)
        until(running.is_up, "the manager")
        running.join()
        added = bare_site.run("user", "add", "vera", "--role", "viewer", "--password", _password(bare_site))
        assert added.code == 0, added.err
        with (
            open_database(bare_site.state / "manager" / "manager.db") as database,
            httpx.Client(
                base_url=running.url, headers={"origin": running.url}, follow_redirects=True, timeout=120
            ) as vera,
            httpx.Client(
                base_url=running.url, headers={"origin": running.url}, follow_redirects=True, timeout=120
            ) as other,
        ):
            assert _log_in(vera).url.path == "/"
            until(lambda: running.watches(database), "its first look")
            _unwritable(running, mails, lambda: fill(bare_site.state))
            page = _log_in(other)
            assert (page.status_code, page.headers["retry-after"]) == (503, "5")
            assert "text/html" in page.headers["content-type"]
            assert "inutilisable pour l’instant" in page.text
            wall = vera.get("/?lang=en")
            assert wall.status_code == 200, "reading takes no room"
            assert "can write nothing" in wall.text
            assert "Nobody can tell." in wall.text
            assert running.process.poll() is None, running.told()
            minutes = _minutes(database)
            (bare_site.state / "filler").unlink()
            _heals(running, mails, database, minutes)
            assert _log_in(other).url.path == "/"
        _end(running.process)
        assert running.process.returncode == 0, running.told()
        log = bare_site.run("--state", str(bare_site.state / "manager" / "log"), "ledger", "verify", "--json")
        assert log.code == 0, log.err


@needs_root
def test_killed_on_a_full_disk_it_is_there_again_when_there_is_room(bare_site: Site, mails: MailServer) -> None:
    with own_disk(bare_site.state):
        _planned(bare_site, mails)
        running = Running(bare_site)
        until(running.is_up, "the manager")
        running.join()
        assert running.beat()[0] == 200
        fill(bare_site.state)
        until(lambda: running.health()[0] == 503, "the manager to notice")
        running.beat()
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        running.process = running.begun()
        assert running.process.wait(180) == 1, "it is not half there"
        assert "Traceback" not in running.told()
        assert "error: " in running.told()
        (bare_site.state / "filler").unlink()
        running.process = running.begun()
        until(running.is_up, "the manager")
        with open_database(bare_site.state / "manager" / "manager.db") as database:
            assert running.beat()[0] == 200
            until(lambda: _state(database)[1] == running.node.seq, "the beat to be written")
            assert "node.missing" not in _state(database)[2]
        _end(running.process)


def test_a_database_that_is_away(bare_site: Site, mails: MailServer) -> None:
    with running_server() as server:
        _planned(bare_site, mails)
        address = server.address(server.new_database())
        running = Running(bare_site, address)
        until(running.is_up, "the manager")
        running.join()
        with open_database(address) as database:
            until(lambda: running.watches(database), "its first look")
            _unwritable(running, mails, server.stop)
            status, _, content = running.ask("GET", "/login")
            assert status == 200, content
            server.start()
            _heals(running, mails, database, 0)
        _end(running.process)
