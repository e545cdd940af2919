"""Who watches from elsewhere is asked while the manager really watches, and only then: real HTTP and TLS."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from intendance.fleet.alerts.own import observer_of, own_troubles
from intendance.fleet.database import tables
from intendance.fleet.database.connect import Database
from intendance.fleet.detection import decide
from intendance.fleet.detection.observer import Observer, ask
from intendance.fleet.manager import Manager
from intendance.notifiers.line import trusted
from intendance.system.clock import SystemClock
from tests.support.certificates import Authority
from tests.support.dead_man import DeadMan, dead_man
from tests.support.mail import drip, raw_server, silent, trusting
from tests.support.ports import nobody
from tests.support.state import until
from tests.support.watching import Watch, policy

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
NODES = ["web-00", "web-01"]


@dataclass
class Watched:
    """A watch, its observer, and whether it leads and hears."""

    watch: Watch
    switch: DeadMan
    observer: Observer
    leads: bool = True
    deaf: bool = False
    heard_us: int = 0

    def minute(self) -> None:
        """A minute in which the leader ticks; at its end beats are written and the observer is looked at. Of the ticks
        before it is only said that they were: nothing was to be done."""
        for _ in range(14):
            self.watch.clock.move(timedelta(seconds=4))
            self.watch.leader.pass_over()
        self.watch.clock.move(timedelta(seconds=4))
        self.look()

    def closely(self) -> None:
        """A minute in which all is done and looked at every four seconds."""
        for _ in range(15):
            self.watch.clock.move(timedelta(seconds=4))
            self.look()

    def look(self) -> None:
        self.watch.beat(*NODES)
        self.watch.tick()
        self.watch.send()
        if not self.deaf:
            self.heard_us = self.watch.now_us
        self.observer.look()


@pytest.fixture
def watched(fleet_database: Database) -> Iterator[Watched]:
    with dead_man() as switch:
        watch = Watch(fleet_database, NOON)
        at(watch, switch.url)
        watch.enrol(NODES)
        made = Watched(watch, switch, None)  # type: ignore[arg-type]
        made.observer = Observer(
            fleet_database,
            lambda: watch.policy,
            watch.clock,
            leads=lambda: made.leads,
            heard_us=lambda: made.heard_us,
        )
        made.look()
        yield made


def at(watch: Watch, url: str | None) -> None:
    assert watch.policy.alerts is not None
    watch.policy = replace(watch.policy, alerts=replace(watch.policy.alerts, observer=url))


def test_it_is_asked_once_a_minute_and_the_answer_is_written_down(watched: Watched) -> None:
    assert watched.switch.asked == ["/ping/2f7c"]
    for _ in range(3):
        watched.closely()
    assert len(watched.switch.asked) == 4
    with watched.watch.database.read() as connection:
        seen = observer_of(connection, watched.watch.policy)
    assert seen is not None
    assert (seen.host, seen.answered_at, seen.failing_since) == ("127.0.0.1", watched.watch.clock.at, None)


def test_a_manager_that_does_not_lead_asks_nobody(watched: Watched) -> None:
    watched.leads = False
    watched.minute()
    watched.minute()
    assert len(watched.switch.asked) == 1


def test_it_is_not_asked_while_no_leader_ticks(watched: Watched) -> None:
    watched.watch.clock.move(timedelta(seconds=90))
    watched.heard_us = watched.watch.now_us
    assert watched.observer.look() is None
    assert len(watched.switch.asked) == 1
    watched.look()
    assert len(watched.switch.asked) == 2, "as soon as it ticks again"


def test_it_is_not_asked_while_no_beat_is_written(watched: Watched) -> None:
    watched.deaf = True
    watched.minute()
    watched.minute()
    assert len(watched.switch.asked) == 1


def test_it_is_not_asked_while_a_message_does_not_leave(watched: Watched) -> None:
    waits = {
        "episode": 0, "step": 0, "contact": "admin", "channel": "pigeon", "purpose": "firing", "state": "queued",
        "content": '{"subject": "s", "text": "t", "alerts": []}', "made_us": watched.watch.now_us, "next_us": 1,
        "expires_us": 2**60, "idempotency_key": "one",
    }  # fmt: skip
    with watched.watch.database.begin() as connection:
        connection.execute(insert(tables.outbox).values(**waits))
    watched.minute()
    assert len(watched.switch.asked) == 2, "two minutes are not over"
    for _ in range(3):
        watched.minute()
    asked = len(watched.switch.asked)
    assert asked == 2
    with watched.watch.database.begin() as connection:
        connection.execute(tables.outbox.update().values(state="sent"))
    watched.look()
    assert len(watched.switch.asked) == asked + 1


def test_it_is_not_asked_when_the_daily_proof_is_overdue(watched: Watched) -> None:
    with watched.watch.database.begin() as connection:
        done = tables.setting.c.name == "canary.done_us"
        long_ago = watched.watch.now_us - decide.CANARY_OVERDUE_US
        connection.execute(tables.setting.update().where(done).values(value=str(long_ago)))
    watched.minute()
    watched.minute()
    assert len(watched.switch.asked) == 1


@pytest.mark.parametrize("status", [302, 500])
def test_one_that_refuses_for_five_minutes_is_an_alert_which_its_answer_ends(watched: Watched, status: int) -> None:
    watched.switch.status = status
    for _ in range(5):
        watched.minute()
    assert watched.watch.alerts("observer.unreached") == []
    for _ in range(2):
        watched.minute()
    (alert,) = watched.watch.alerts("observer.unreached")
    assert (alert.state, alert.severity) == ("firing", "warning")
    assert json.loads(alert.params) == {"host": "127.0.0.1", "code": str(status)}
    assert "/elsewhere" not in watched.switch.asked, "no redirection is followed"
    with watched.watch.database.read() as connection:
        assert [each.cause for each in own_troubles(connection)] == ["observer.unreached"]
    watched.minute()
    (mail,) = watched.watch.mail.taken
    assert str(status) in mail.subject
    assert "2f7c" not in mail.subject + mail.text, "the address is a secret"
    watched.switch.status = 200
    watched.minute()
    watched.minute()
    assert [row.state for row in watched.watch.alerts("observer.unreached")] == ["resolved"]


def test_a_plan_without_one_has_none_that_fails(watched: Watched) -> None:
    watched.switch.status = 500
    for _ in range(7):
        watched.minute()
    assert [row.state for row in watched.watch.alerts("observer.unreached")] == ["firing"]
    at(watched.watch, None)
    watched.look()
    assert [row.state for row in watched.watch.alerts("observer.unreached")] == ["resolved"]
    assert watched.watch.rows(tables.setting, tables.setting.c.name.startswith("observer.")) == []


def test_what_may_be_wrong_on_the_way_is_told_in_a_word_and_ends_in_time(authority: Authority) -> None:
    with dead_man(authority) as secure:
        assert ask(secure.url, trusting(authority), 30).fault == ""
        assert ask(secure.url, trusted, 30).fault == "tls"
        assert secure.asked == ["/ping/2f7c"]
    with nobody() as port:
        assert ask(f"http://127.0.0.1:{port}/", trusted, 30).fault == "connection"
    assert ask("https://127.0.0.1:99999/", trusted, 30).fault == "connection"
    talks: list[tuple[Callable[[socket.socket, threading.Event], None], str]] = [(silent, "timeout"), (drip, "timeout")]
    for talk, fault in talks:
        with raw_server(talk) as port:
            assert ask(f"http://127.0.0.1:{port}/", trusted, 0.5).fault in {fault, "connection"}


def test_one_that_never_answers_holds_up_no_detection(fleet_database: Database) -> None:
    """The observer is being asked and says nothing; meanwhile a node falls silent and its alert is raised."""
    from intendance.fleet.detection.leader import Leader

    held = threading.Event()

    def hold(connection: socket.socket, ended: threading.Event) -> None:
        held.set()
        silent(connection, ended)

    watch = Watch(fleet_database, NOON)
    with watch.database.begin() as connection:
        connection.execute(tables.lease.delete())
    clock = SystemClock()
    wanted = policy()
    manager = Manager(fleet_database, "asbl", clock, lambda _: None)
    observer = Observer(
        fleet_database, lambda: wanted, clock,
        leads=lambda: manager.lease is not None, heard_us=lambda: manager.ingest.flushed_at_us,
    )  # fmt: skip
    manager.duties = {"detector": Leader(fleet_database, lambda: wanted, clock, hear=manager.ingest.flush).tick}
    manager.loops = {"observer": observer.run}
    with watch.database.begin() as connection:  # no proof of the day is due
        soon = str(int(clock.read().at.timestamp() * 1e6))
        connection.execute(tables.setting.update().values(value=soon))
    with ExitStack() as ends:
        ends.callback(manager.stop)  # once the other side is gone: what asks it ends then, and not at its deadline
        port = ends.enter_context(raw_server(hold))
        assert wanted.alerts is not None
        wanted = replace(wanted, alerts=replace(wanted.alerts, observer=f"http://127.0.0.1:{port}/"))
        manager.start()
        until(held.is_set, "the observer to be asked")
        watch.clock.jump(clock.read().at)
        watch.enrol(["web-00"])
        with watch.database.begin() as connection:
            gone = {"deadline_us": watch.now_us - 1_000_000, "last_seen_us": 0}
            connection.execute(tables.node_state.update().values(**gone))
        until(lambda: bool(watch.alerts("node.missing")), "an alert while the observer says nothing")
