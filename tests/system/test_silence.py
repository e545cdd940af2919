"""A silent node leads to a mail that was delivered: a real agent, manager and mail server, and what people type."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from intendance.cli.manager import Asked, command
from intendance.fleet.database import settings
from intendance.fleet.database.connect import Database, open_database
from intendance.fleet.detection.leader import TICK
from intendance.plan import adopted
from intendance.system import publish
from tests.support.alone import planned
from tests.support.mail import MailServer, mail_server
from tests.support.ports import free_port
from tests.support.state import Site, until
from tests.system.test_fleet import _end, _health, _nodes, _token

ROOT = Path(__file__).resolve().parents[2]
STEP_SECONDS = 4.0
"""Less than what the manager takes for a time in which it saw nothing."""


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


class Hurried:
    """A manager whose clocks the test moves, in steps that it has seen each."""

    def __init__(self, site: Site, process: subprocess.Popen[str], database: Database) -> None:
        self.process = process
        self._file = site.base / "ahead"
        self._database = database

    def _ticked_us(self) -> int:
        with self._database.read() as connection:
            return settings.read_setting(connection, TICK) or 0

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the manager's database."""
        with self._database.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def _is_done(self, at_us: int) -> bool:
        """Whether it has looked at an instant, and sent what was due then: however long either takes, no time passes
        meanwhile."""
        due = f"SELECT 1 FROM outbox WHERE state IN ('queued', 'failed', 'sending') AND next_us <= {at_us}"
        return self._ticked_us() >= at_us and not self.ask(due)

    def wait_for(self, condition: Callable[[], bool], limit_seconds: float) -> None:
        """Let time pass until something is so."""
        steps = 0
        while not condition():
            assert steps * STEP_SECONDS < limit_seconds, (limit_seconds, self.ask("SELECT * FROM alert"))
            steps += 1
            wanted_us = self._ticked_us() + int(STEP_SECONDS * 1e6)
            publish.publish(self._file, str(wanted_us).encode(), replace=True)
            until(lambda wanted_us=wanted_us: self._is_done(wanted_us), "a tick, and what it sends")  # type: ignore[misc]


@contextmanager
def _hurried(site: Site, port: int) -> Iterator[Hurried]:
    (site.base / "ahead").write_text("0")
    asked = Asked(host="127.0.0.1", port=port)
    argv = command(site.state, adopted.read(site.state), asked, datetime.now(UTC), adopted.plan_path(site.state))
    words = [sys.executable, "-m", "tests.support.hurried_manager", str(site.base / "ahead"), argv[-1]]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT, process_group=0)
    site.started.append(process)
    until(lambda: process.poll() is not None or bool(_health(f"http://127.0.0.1:{port}")), "the manager")
    assert process.poll() is None, process.communicate()[1]
    with open_database(site.state / "manager" / "manager.db") as database:
        yield Hurried(site, process, database)
    _end(process)
    assert process.returncode == 0


_AFTER_SECONDS = """
SELECT (fired_us - MAX(last_seen_us, seen_again_us)) / 1e6, (made_us - fired_us) / 1e6, sent_us FROM (
  SELECT fired_us, last_seen_us, made_us, sent_us,
    COALESCE((SELECT MAX(to_us) FROM observability_gap WHERE to_us <= fired_us), 0) AS seen_again_us
  FROM alert JOIN node_state ON node_state.node = alert.node JOIN outbox ON outbox.alert = alert.id
  WHERE cause = 'node.missing'
)
"""
"""How long after the last beat it was an alert, and how long after that a message: a manager that was blind meanwhile,
as on a machine that stands still for seconds, gives every node its time anew."""
_BEATS = "SELECT seq FROM node_state WHERE node = 'web-01'"
"""By the node's own count: the manager's clock stands still between two steps."""


def _about(mails: MailServer, words: str) -> list[EmailMessage]:
    return [mail for mail in mails.taken if words in str(mail["Subject"])]


def test_a_node_that_falls_silent_is_a_mail_within_the_time_of_the_design(bare_site: Site, mails: MailServer) -> None:
    site = bare_site
    planned(site, mails)
    port = free_port()
    with _hurried(site, port) as manager:
        assert site.run("node", "join", f"http://127.0.0.1:{port}", "--token", str(_token(site))).code == 0
        with site.agent():
            until(lambda: manager.ask("SELECT seq FROM node_state WHERE node = 'web-01'") > [(0,)], "a beat")
        manager.wait_for(lambda: bool(_about(mails, "preuve du jour")), 60)
        manager.wait_for(lambda: bool(_about(mails, "web-01 ne répond plus")), 300)
        until(lambda: manager.ask(_AFTER_SECONDS)[0][2] is not None, "what the server answered to be written down")
        ((fired, written, _),) = manager.ask(_AFTER_SECONDS)
        assert 120 <= fired <= 120 + 4 * STEP_SECONDS
        assert 10 <= written <= 10 + 4 * STEP_SECONDS
        (mail,) = _about(mails, "web-01 ne répond plus")
        assert mail["To"] == "admin@example.org"
        assert "CRITIQUE" in str(mail["Subject"])
        assert [each["node"] for each in _nodes(site)] == ["web-01"], "no phantom is a node"
        (alert,) = site.run("alert", "list", "--json").json["alerts"]
        assert (alert["cause"], alert["node"], alert["state"], alert["suppressed"]) == (
            "node.missing", "web-01", "firing", None,
        )  # fmt: skip
        number = str(alert["number"])
        assert f"intendance alert ack {number}" in mail.get_content()
        shown = site.run("alert", "show", number, "--json").json
        (message,) = shown["messages"]
        assert (message["state"], message["code"], message["provider_id"]) == ("sent", "250", "4F1A2B3C")
        acked = site.run("alert", "ack", number, "--for", "2h", "--by", "paul", "--reason", "disk  ordered")
        assert (acked.code, "paul" in acked.out) == (0, True), acked.err
        events = site.run("alert", "show", number, "--json").json["events"]
        told = [(each["actor"], each["data"]["reason"]) for each in events if each["event"] == "acked"]
        assert told == [("person:paul", "disk ordered")]
        assert "en main" in site.run("--lang", "fr", "alert", "list").out
        for _ in range(2):  # each start is a beat
            seen = manager.ask(_BEATS)
            with site.agent():
                until(lambda seen=seen: manager.ask(_BEATS) > seen, "a beat")  # type: ignore[misc]
        manager.wait_for(lambda: bool(_about(mails, "terminé : web-01 ne répond plus")), 60)
        listed = site.run("alert", "list", "--all", "--json").json["alerts"]
        assert {each["cause"] for each in listed} <= {"node.missing", "node.skew"}, "the manager's clock is ahead"
        (ended,) = (each for each in listed if each["cause"] == "node.missing")
        assert (ended["number"], ended["state"], ended["acked_by"]) == (alert["number"], "resolved", "person:paul")


def test_a_test_of_the_ways_out_says_what_became_of_each(bare_site: Site, mails: MailServer) -> None:
    site = bare_site
    planned(site, mails, language="en")
    with _hurried(site, free_port()):
        sent = site.run("alert", "test", "--wait", "5min", "--json")
        assert sent.code == 0, sent.err
        assert [(each["contact"], each["state"]) for each in sent.json["messages"]] == [
            ("admin", "sent"), ("lead", "sent"),
        ]  # fmt: skip
        assert {mail["To"] for mail in _about(mails, "test of alerts")} == {"admin@example.org", "lead@example.org"}
        mails.behaviour.to_recipient = "550 5.1.1 no such user"
        refused = site.run("alert", "test", "--to", "lead")
        assert refused.code == 1
        assert "did not leave" in refused.out
        assert "5.1.1 no such user" in refused.out
    assert site.run("alert", "test", "--to", "nobody").code == 2
    assert site.run("alert", "show", "99").code == 2
    made = site.run("alert", "silence", "--match", "node=web-01", "--for", "2h", "--reason", "new disk", "--json")
    assert made.json["silence"]["matches"] == {"node": "web-01"}
    assert "new disk" in site.run("alert", "list").out
    assert site.run("alert", "silence", "--end", str(made.json["silence"]["number"])).code == 0
    assert site.run("alert", "silence", "--end", str(made.json["silence"]["number"])).code == 2
    assert site.run("alert", "silence", "--match", "node=web-01").code == 2
    assert site.run("alert", "ack", "1", "--for", "forever").code == 2
