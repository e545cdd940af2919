"""What people do on the manager stands in the fleet log: on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from intendance.fleet.acts.carrying import Carrier
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.database.connect import Database
from intendance.fleet.database.lease import Lease
from intendance.fleet.log import FleetLog
from intendance.fleet.nodes.service import Nodes
from intendance.ledger.book import Book
from intendance.model.errors.alerting import AlertNotInHand, AlertUnknown, SilenceUnknown
from intendance.model.record import Record
from intendance.system.clock import rfc3339
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN, noted_acts
from tests.support.watching import Watch, policy

HOUR = timedelta(hours=1)
BY = "person:lea"
LEASE = Lease(name="leader", holder="test", epoch=1, until_us=0)


@pytest.fixture
def log(tmp_path: Path, clock: MovableClock) -> FleetLog:
    return FleetLog(tmp_path / "manager", "asbl", clock)


def _carrier(database: Database, log: FleetLog, clock: MovableClock) -> Carrier:
    return Carrier(database, log, clock, pytest.fail)


def _records(log: FleetLog, clock: MovableClock) -> list[Record]:
    with Book.open(log.folder, clock) as book:
        return list(book.records())[1:]


def test_an_alert_that_is_taken_in_hand_is_recorded(fleet_database: Database, tmp_path: Path) -> None:
    watch = Watch(fleet_database, BEGAN)
    log = FleetLog(tmp_path / "manager", "asbl", watch.clock)
    watch.enrol(["web-01"])
    watch.wait(300)
    alerts = Alerts(fleet_database, policy, watch.clock, _carrier(fleet_database, log, watch.clock))
    (number,) = (each.told.number for each in alerts.listed() if each.told.node == "web-01")
    alerts.ack(number, by=BY, lasting_seconds=3600, reason="a disk is on its way")
    with pytest.raises(AlertUnknown):
        alerts.ack(number + 1000, by=BY, lasting_seconds=3600)
    (record,) = _records(log, watch.clock)
    assert (record.kind, record.actor) == ("alert.acked", BY)
    assert record.data == {
        "alert": number,
        "cause": "node.missing",
        "node": "web-01",
        "until": rfc3339(watch.clock.at + HOUR),
        "at": rfc3339(watch.clock.at),
        "reason": "a disk is on its way",
    }


def test_an_alert_that_is_let_go_is_recorded_and_people_are_told_again(
    fleet_database: Database, tmp_path: Path
) -> None:
    watch = Watch(fleet_database, BEGAN)
    log = FleetLog(tmp_path / "manager", "asbl", watch.clock)
    watch.enrol(["web-01"])
    watch.wait(125)
    alerts = Alerts(fleet_database, policy, watch.clock, _carrier(fleet_database, log, watch.clock))
    (number,) = (each.told.number for each in alerts.listed() if each.told.node == "web-01")
    with pytest.raises(AlertNotInHand):
        alerts.unack(number, by=BY)
    alerts.ack(number, by=BY, lasting_seconds=36_000)
    watch.wait(3600)
    told = len(alerts.told([number]).get(number, ()))
    assert alerts.due(number) == ()
    seen = alerts.unack(number, by="person:karim")
    assert (seen.state, seen.acked_until) == ("firing", None)
    with pytest.raises(AlertNotInHand):
        alerts.unack(number, by="person:karim")
    with pytest.raises(AlertUnknown):
        alerts.unack(number + 1000, by=BY)
    record = _records(log, watch.clock)[-1]
    assert (record.kind, record.actor) == ("alert.unacked", "person:karim")
    assert record.data == {"alert": number, "cause": "node.missing", "node": "web-01", "at": rfc3339(watch.clock.at)}
    event = alerts.shown(number).events[-1]
    assert (event.event, event.actor, event.data) == ("unacked", "person:karim", {"of": BY})
    watch.wait(3600)
    assert len(alerts.told([number]).get(number, ())) > told, "the steps that waited go on"


def test_a_silence_is_recorded_made_moved_and_ended(
    fleet_database: Database, clock: MovableClock, log: FleetLog
) -> None:
    alerts = Alerts(fleet_database, policy, clock, _carrier(fleet_database, log, clock))
    made = alerts.silence({"node": "web-01", "cause": "node.missing"}, reason="moved", by=BY, lasting_seconds=3600)
    began = clock.at
    clock.move(HOUR / 2)
    alerts.silence({"node": "web-01", "cause": "node.missing"}, reason="moved", by=BY, lasting_seconds=3600)
    alerts.end_silence(made.number, by="person:karim")
    with pytest.raises(SilenceUnknown):
        alerts.end_silence(made.number, by="person:karim")
    matches = [{"name": "cause", "value": "node.missing"}, {"name": "node", "value": "web-01"}]
    told = {"silence": made.number, "matches": matches, "reason": "moved"}
    assert [(record.kind, record.actor, record.data) for record in _records(log, clock)] == [
        ("alert.silenced", BY, told | {"at": rfc3339(began), "until": rfc3339(began + HOUR)}),
        ("alert.silenced", BY, told | {"at": rfc3339(clock.at), "until": rfc3339(clock.at + HOUR)}),
        ("silence.ended", "person:karim", {"silence": made.number, "at": rfc3339(clock.at)}),
    ]


def test_who_comes_in_and_who_is_let_go_is_recorded(
    fleet_database: Database, clock: MovableClock, log: FleetLog, stranger: MakeNode
) -> None:
    nodes = Nodes(fleet_database, "asbl", clock, carry=_carrier(fleet_database, log, clock))
    node = stranger("web-01")
    node.taken_in(nodes.enrol(node.enrolment(nodes.invite("web-01", by=BY, pin="plain").token)))
    fingerprint = nodes.known_key("web-01")
    for _ in range(2):
        nodes.decommission("web-01", by="person:karim")
    told = {"node": "web-01", "incarnation": 1, "fingerprint": fingerprint, "at": rfc3339(clock.at)}
    invited = {"node": "web-01", "until": rfc3339(clock.at + HOUR / 4), "at": rfc3339(clock.at), "fingerprint": ""}
    assert [(record.kind, record.actor, record.data) for record in _records(log, clock)] == [
        ("node.invited", BY, invited),
        ("node.enrolled", BY, told),
        ("node.decommissioned", "person:karim", told | {"trusted_records": 0}),
    ]


def test_an_act_stands_where_the_log_takes_nothing_and_the_leader_carries_it_later(
    fleet_database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    state, said = tmp_path / "manager", list[str]()
    state.write_text("in the way", encoding="ascii")
    log = FleetLog(state, "asbl", clock)
    carrier = Carrier(fleet_database, log, clock, said.append)
    alerts = Alerts(fleet_database, policy, clock, carrier)
    made = alerts.silence({"node": "web-01"}, reason="moved", by=BY, lasting_seconds=7200)
    assert [each.number for each in alerts.silences()] == [made.number]
    clock.move(HOUR)
    carrier.tick(LEASE)
    assert len(said) == 1, "once, as long as it is the same"
    assert "what people did is not in the fleet log yet" in said[0]
    state.unlink()
    clock.move(timedelta(milliseconds=500))
    carrier.tick(LEASE)
    assert len(noted_acts(fleet_database)) == 1, "it looks once a second"
    clock.move(timedelta(milliseconds=500))
    carrier.tick(LEASE)
    assert [record.data["silence"] for record in _records(log, clock)] == [made.number]
    assert noted_acts(fleet_database) == []


def test_the_leader_leaves_an_act_for_a_moment_to_who_performed_it(
    fleet_database: Database, clock: MovableClock, log: FleetLog
) -> None:
    Alerts(fleet_database, policy, clock).silence({"node": "a"}, reason="moved", by=BY, lasting_seconds=7200)
    carrier = _carrier(fleet_database, log, clock)
    clock.move(timedelta(seconds=5))
    carrier.tick(LEASE)
    assert len(noted_acts(fleet_database)) == 1
    clock.move(timedelta(seconds=1))
    carrier.tick(LEASE)
    assert noted_acts(fleet_database) == []


def test_an_act_of_a_clock_that_was_set_back_since_does_not_wait_for_it(
    fleet_database: Database, clock: MovableClock, log: FleetLog
) -> None:
    Alerts(fleet_database, policy, clock).silence({"node": "a"}, reason="moved", by=BY, lasting_seconds=7200)
    clock.jump(clock.at - 24 * HOUR)
    _carrier(fleet_database, log, clock).tick(LEASE)
    assert noted_acts(fleet_database) == []


def test_many_who_carry_at_once_record_each_act_once(
    fleet_database: Database, clock: MovableClock, log: FleetLog
) -> None:
    alerts = Alerts(fleet_database, policy, clock)
    for number in range(120):
        alerts.silence({"node": f"n-{number}"}, reason="moved", by=BY, lasting_seconds=7200)
    log.size()
    carriers = [_carrier(fleet_database, FleetLog(log.folder.parents[1], "asbl", clock), clock) for _ in range(4)]
    threads = [threading.Thread(target=each.carry) for each in carriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.data["silence"] for record in _records(log, clock)] == list(range(1, 121))
