"""What may go wrong around the leader's tick: nothing of it loses an alert, raises a false one or sends it late."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, insert

from intendance.fleet.alerts.outbox import Worker
from intendance.fleet.database import lease, tables
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.detection.leader import Leader
from intendance.fleet.manager import Manager
from intendance.fleet.nodes.service import Nodes
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.notifiers import Delivery, Message
from intendance.system.clock import SystemClock
from tests.support.state import until
from tests.support.watching import Memory, Watch

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
NODES = [f"web-{number:02}" for number in range(10)]
OTHERS = tuple(NODES[1:])
REFUSED = Delivery(outcome="permanent", code="550", detail="nobody")


@pytest.fixture
def watch(fleet_database: Database) -> Watch:
    made = Watch(fleet_database, NOON)
    made.enrol(NODES)
    made.tick()
    return made


class Breaking(Database):
    """A database that cannot be reached at the end of the transactions that a test says."""

    breaks = False

    @contextmanager
    def begin(self, *, durable: bool = True) -> Iterator[Connection]:
        with super().begin(durable=durable) as connection:
            yield connection
            if self.breaks:
                raise DatabaseUnreachable(where="test", detail="gone at the commit")


def test_what_was_not_committed_is_done_by_the_next_tick(watch: Watch) -> None:
    database = Breaking(watch.database.engine)
    watch.leader = type(watch.leader)(database, lambda: watch.policy, watch.clock)
    watch.wait(4)
    watch.judge("web-03", "MAINT_004", "fail", "blocking")
    watch.clock.move(timedelta(seconds=2))
    database.breaks = True
    with pytest.raises(DatabaseUnreachable):
        watch.tick()
    database.breaks = False
    watch.clock.move(timedelta(seconds=2))
    watch.tick()
    assert [row.cause for row in watch.alerts()] == ["MAINT_004"]


def test_a_silence_is_seen_although_the_clock_was_set_back_and_what_waits_leaves(watch: Watch) -> None:
    watch.wait(122, beating=OTHERS)
    assert [row.node for row in watch.alerts()] == ["web-00"]
    watch.clock.jump(watch.clock.at - timedelta(hours=2))
    watch.wait(20, beating=OTHERS)
    told = [message for message in watch.mail.taken if "web-00" in message.subject]
    assert len(told) == 1, "the first message waited for an instant two hours away"
    watch.beat(*OTHERS)
    watch.wait(150, beating=tuple(NODES[2:]))
    missing = watch.alerts("node.missing")
    assert [row.node for row in missing] == ["web-00", "web-01"]
    assert {row.state for row in missing} == {"firing"}, "nobody came back"


def test_nobody_leads_for_ever_because_of_a_clock_that_was_set_back(fleet_database: Database) -> None:
    now_us = to_us(NOON)
    assert lease.take(fleet_database, "leader", "dead", now_us + 7_200_000_000) is not None
    taken = lease.take(fleet_database, "leader", "alive", now_us)
    assert taken is not None
    assert taken.epoch == 2
    assert lease.take(fleet_database, "leader", "other", now_us) is None


def test_the_alerts_of_a_node_that_left_are_over_and_so_is_the_silence_of_one_let_in_anew(watch: Watch) -> None:
    watch.judge("web-00", "MAINT_004", "fail", "blocking")
    watch.wait(140, beating=tuple(NODES[2:]))
    assert [row.cause for row in watch.alerts()] == ["MAINT_004", "node.missing", "node.missing"]
    Nodes(watch.database, "asbl", watch.clock).decommission("web-00", by="person:admin")
    with watch.database.begin() as connection:  # as an enrolment does
        connection.execute(tables.node_state.delete().where(tables.node_state.c.node == "web-01"))
        connection.execute(
            insert(tables.node_state).values(
                node="web-01", incarnation=2, state="up", state_since_us=watch.now_us, last_seen_us=watch.now_us,
                deadline_us=watch.now_us + 120_000_000,
            )
        )  # fmt: skip
    watch.wait(12, beating=OTHERS)
    watch.wait(1)
    assert {row.state for row in watch.alerts()} == {"resolved"}


def test_a_canary_on_its_way_through_our_own_outage_is_no_failure(fleet_database: Database) -> None:
    watch = Watch(fleet_database, NOON, canary=True)
    watch.enrol(NODES)
    watch.wait(4, send=False)
    assert watch.rows(tables.node, tables.node.c.node == ".canary")
    watch.clock.move(timedelta(minutes=10))
    watch.restart()
    watch.wait(30, beating=tuple(NODES))
    assert watch.alerts("canary.failed") == []
    proofs = [message.subject for message in watch.mail.taken if "rien vu" not in message.subject]
    assert proofs == ["[Intendance] preuve du jour que les alertes arrivent"]
    assert watch.rows(tables.node, tables.node.c.node == ".canary") == []


def test_what_was_heard_and_not_written_yet_is_written_before_a_node_is_called_silent(watch: Watch) -> None:
    watch.wait(100, beating=OTHERS)
    watch.leader = type(watch.leader)(
        watch.database, lambda: watch.policy, watch.clock, hear=lambda: watch.beat("web-00")
    )
    watch.tick()
    watch.clock.move(timedelta(seconds=21))
    watch.leader.pass_over()
    watch.beat(*OTHERS)
    watch.tick()
    assert watch.alerts() == []


def test_two_workers_whose_messages_are_refused_at_once_raise_one_alert(watch: Watch) -> None:
    watch.wait(125, beating=tuple(NODES[2:]), send=False)
    meeting = threading.Barrier(2)

    class Refusing(Memory):
        def deliver(self, message: Message, deadline_seconds: float) -> Delivery:
            del message, deadline_seconds
            meeting.wait(60)
            return REFUSED

    with watch.database.begin() as connection:  # two messages to one person
        row = {
            "episode": 0, "step": 0, "contact": "admin", "channel": "email", "purpose": "test", "state": "queued",
            "content": '{"subject": "s", "text": "t", "alerts": []}', "made_us": 1, "next_us": 1, "expires_us": 2**60,
        }  # fmt: skip
        connection.execute(insert(tables.outbox), [row | {"idempotency_key": key} for key in ("one", "two")])
    workers = [
        Worker(watch.database, Refusing("email"), lambda: watch.policy, watch.clock, holder=name, chance=lambda: 0.5)
        for name in ("a", "b")
    ]
    failed: list[BaseException] = []

    def send(worker: Worker) -> None:
        try:
            worker.send_one()
        except BaseException as error:  # noqa: BLE001 -- whatever it is
            failed.append(error)

    threads = [threading.Thread(target=send, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(watch.alerts("notification.undeliverable")) == 1


def test_a_judgement_that_takes_long_delays_no_detection_and_no_lease(watch: Watch) -> None:
    judging, over = threading.Event(), threading.Event()
    clock = SystemClock()

    def judge(_: lease.Lease) -> None:
        judging.set()
        over.wait()

    with watch.database.begin() as connection:
        connection.execute(tables.lease.delete())
    manager = Manager(watch.database, "asbl", clock, lambda _: None)
    detector = Leader(watch.database, lambda: watch.policy, clock, hear=manager.ingest.flush)
    manager.duties = {"judge": judge, "detector": detector.tick}
    manager.start()
    try:
        until(judging.is_set, "a judgement to begin")
        until(
            lambda: bool(watch.rows(tables.observability_gap, tables.observability_gap.c.cause == "restart")), "a tick"
        )
        with watch.database.begin() as connection:
            silent = {"deadline_us": to_us(clock.read().at) - 1_000_000, "last_seen_us": 0}
            connection.execute(tables.node_state.update().where(tables.node_state.c.node == "web-00").values(**silent))
        until(lambda: bool(watch.alerts("node.missing")), "an alert while a judgement goes on")
        assert not over.is_set()
        leads = tables.lease.c.name == "leader"
        before = watch.rows(tables.lease, leads)[0].until_us
        until(lambda: watch.rows(tables.lease, leads)[0].until_us > before, "the lease to be renewed meanwhile")
    finally:
        over.set()
        manager.stop()
