"""MAINT_002 and MAINT_005 as the manager judges them, from silences, alerts and messages that went their real ways."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import alert, alert_event, beat_silence, observability_gap, outbox
from intendance.fleet.database.tables import verdict as verdict_table
from intendance.fleet.manager import Manager
from intendance.fleet.verdicts import rows
from intendance.fleet.verdicts.hearing import Hearing
from intendance.model.verdict import Reason, Severity, State, Verdict
from intendance.notifiers import Delivery
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode
from tests.support.watching import Watch

STEP = timedelta(seconds=4)
REFUSED = Delivery(outcome="permanent", code="550", detail="no such mailbox")


class Fleet:
    """Two nodes that beat by the real way, the leader's ticks, the workers, and the judge."""

    def __init__(self, manager: Manager, member: MakeNode, clock: MovableClock) -> None:
        self.manager, self.clock = manager, clock
        self.nodes = [member("web-01"), member("web-02")]
        self.watch = Watch(manager.database, clock.at, canary=True)
        self.watch.clock = clock
        self.watch.restart()
        self.hearing = Hearing(manager.database, lambda: self.watch.policy)
        for node in self.nodes:
            self._follow(node.name)
        self.watch.tick()

    def _follow(self, name: str) -> None:
        other = Verdict(
            rule="MAINT_010", asset="db", node=name, state=State.PASS, severity=Severity.BLOCKING,
            since=self.clock.at, reason=Reason(code="fresh"),
        )  # fmt: skip
        with self.manager.database.begin() as connection:
            connection.execute(insert(verdict_table).values(**rows.to_row(other, 1)))

    def live(self, seconds: int, *beating: SimulatedNode) -> None:
        """Let time pass, with beats each 48 s."""
        for number in range(0, seconds, 4):
            self.clock.move(STEP)
            if number % 48 == 0:
                for node in beating:
                    self.manager.ingest.hear(node.bearer, node.beat())
                self.manager.ingest.flush()
            self.watch.tick()
            self.watch.send()

    def said(self, rule: str, node: str = "web-01") -> Verdict:
        """What is judged now, whatever was judged before."""
        self.hearing.judge_due(self.clock.at)
        Hearing(self.manager.database, lambda: self.watch.policy).judge_due(self.clock.at)
        wanted = select(verdict_table).where(verdict_table.c.node == node, verdict_table.c.rule == rule)
        with self.manager.database.read() as connection:
            return rows.to_verdict(connection.execute(wanted).one())


@pytest.fixture
def fleet(manager: Manager, member: MakeNode, clock: MovableClock) -> Fleet:
    return Fleet(manager, member, clock)


def test_a_silence_that_was_told_of_holds(fleet: Fleet, fleet_database: Database) -> None:
    one, other = fleet.nodes
    fleet.live(96, one, other)
    assert fleet.said("MAINT_002").reason.code == "no_silence", "the canary came through by itself"
    fleet.live(200, other)
    fleet.live(48, one, other)
    with fleet_database.read() as connection:
        (silence,) = connection.execute(select(beat_silence)).all()
    assert silence.node == "web-01"
    assert silence.to_us - silence.from_us > MISSING_US
    fleet.live(96, one, other)
    found = fleet.said("MAINT_002")
    assert (found.state, found.reason.code, found.reason.params["count"]) == (State.PASS, "alerted", 1)
    assert fleet.said("MAINT_002", "web-02").reason.code == "no_silence"
    assert fleet.said("MAINT_005").state is State.PASS


def test_a_silence_whose_alert_is_missing_breaks_it(fleet: Fleet, fleet_database: Database) -> None:
    one, other = fleet.nodes
    fleet.live(96, one, other)
    fleet.live(240, other)
    assert fleet.said("MAINT_002").state is State.PASS
    mine = select(alert.c.id).where(alert.c.node == "web-01")
    with fleet_database.begin() as connection:
        connection.execute(delete(alert_event).where(alert_event.c.alert.in_(mine)))
    found = fleet.said("MAINT_002")
    assert (found.state, found.reason.code) == (State.FAIL, "not_opened")


def test_an_alert_that_no_server_takes_breaks_both(fleet: Fleet) -> None:
    one, other = fleet.nodes
    fleet.live(96, one, other)
    fleet.watch.mail.answer = fleet.watch.sms.answer = lambda _: REFUSED
    fleet.live(240, other)
    found = fleet.said("MAINT_002")
    assert (found.state, found.reason.code) == (State.FAIL, "not_accepted")
    dead = fleet.said("MAINT_005")
    assert (dead.state, dead.reason.code, dead.reason.params["code"]) == (State.FAIL, "given_up", "550")
    fleet.watch.mail.answer = fleet.watch.sms.answer = lambda _: Delivery(outcome="accepted", code="250")
    fleet.live(700, one, other)
    assert fleet.said("MAINT_005").reason.code != "given_up", "what came through since is newer"
    assert fleet.said("MAINT_002").state is State.FAIL, "time alone heals nothing"


def test_many_at_once_are_told_of_by_one_alert(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    fleet = Fleet(manager, member, clock)
    fleet.nodes += [member(f"web-{number:02}") for number in range(3, 7)]
    fleet.live(96, *fleet.nodes)
    fleet.live(280)
    assert [row.cause for row in fleet.watch.alerts("fleet.silent")] == ["fleet.silent"]
    found = fleet.said("MAINT_002")
    assert (found.state, found.reason.code) == (State.PASS, "alerted")


def test_a_persons_silence_keeps_back_on_purpose(fleet: Fleet, fleet_database: Database) -> None:
    from intendance.fleet.alerts.service import Alerts

    one, other = fleet.nodes
    fleet.live(96, one, other)
    alerts = Alerts(fleet_database, lambda: fleet.watch.policy, fleet.clock)
    alerts.silence({"node": "web-01"}, reason="work", by="person:admin", lasting_seconds=3600)
    fleet.live(240, other)
    assert fleet.said("MAINT_002").reason.code == "alerted_held"


def test_what_the_manager_could_not_hear_is_no_silence(fleet: Fleet, fleet_database: Database) -> None:
    one, other = fleet.nodes
    fleet.live(96, one, other)
    began = to_us(fleet.clock.at)
    fleet.clock.move(timedelta(seconds=170))
    fleet.watch.tick()
    fleet.live(144, one, other)
    with fleet_database.read() as connection:
        gaps = connection.execute(select(observability_gap).where(observability_gap.c.to_us > began)).all()
        assert len(gaps) == 1
        assert connection.execute(select(beat_silence)).all()
    assert fleet.said("MAINT_002").reason.code == "no_silence"


def test_no_way_at_all_breaks_it_at_once(fleet: Fleet) -> None:
    fleet.watch.policy = fleet.watch.policy.__class__(fleet="asbl", organisation="", zone="UTC", language="en")
    fleet.live(48, *fleet.nodes)
    assert fleet.said("MAINT_005").reason.code == "no_channel"
    assert fleet.said("MAINT_002").reason.code == "canary_due"


def test_a_manager_that_heard_a_node_in_between_makes_no_silence(fleet: Fleet, fleet_database: Database) -> None:
    """Two managers at one database: what one of them did not hear, the other did."""
    one, other = fleet.nodes
    fleet.live(96, one, other)
    elsewhere = Manager(fleet_database, "asbl", fleet.clock, lambda sentence: None)
    elsewhere.ingest.reload()
    for _ in range(5):
        fleet.clock.move(timedelta(seconds=48))
        elsewhere.ingest.hear(one.bearer, one.beat())
        elsewhere.ingest.flush()
    fleet.manager.ingest.hear(one.bearer, one.beat())
    fleet.manager.ingest.flush()
    with fleet_database.read() as connection:
        assert connection.execute(select(beat_silence)).all() == []


def test_a_message_names_the_alerts_that_it_tells_of(fleet: Fleet, fleet_database: Database) -> None:
    """One that tells of others is no proof for this one."""
    one, other = fleet.nodes
    fleet.live(96, one, other)
    fleet.live(240, other)
    with fleet_database.begin() as connection:
        for row in connection.execute(select(outbox)).all():
            told = json.loads(row.content) | {"alerts": [999_999]}
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(content=json.dumps(told)))
    assert fleet.said("MAINT_002").reason.code == "not_accepted"
