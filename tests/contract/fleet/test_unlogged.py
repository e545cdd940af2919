"""The fleet log cannot be written: somebody is told after five minutes, and told when all of it is recorded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from intendance.fleet.acts.carrying import Carrier
from intendance.fleet.alerts.own import UNLOGGED, own_troubles
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.compose import Settings, open_manager
from intendance.fleet.database.connect import Database
from intendance.fleet.database.lease import Lease
from intendance.fleet.log import FleetLog
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.hostile import join
from tests.support.nodes import SimulatedNode
from tests.support.watching import Watch, policy

STEP = timedelta(seconds=4)


def test_a_log_that_takes_nothing_is_an_alert_until_all_is_recorded(fleet_database: Database, tmp_path: Path) -> None:
    watch = Watch(fleet_database, BEGAN)
    watch.policy = policy(language="en")
    state = tmp_path / "manager"
    state.write_text("in the way", encoding="ascii")
    carrier = Carrier(fleet_database, FleetLog(state, "asbl", watch.clock), watch.clock, lambda _: None)
    watch.restart(log_fault=lambda: carrier.fault)

    def pass_by(minutes: int) -> list[str]:
        for _ in range(minutes * 15):
            watch.clock.move(STEP)
            carrier.tick(watch.held)
            watch.tick()
            watch.send()
        return [row.state for row in watch.alerts(UNLOGGED)]

    assert pass_by(1) == []
    Alerts(fleet_database, policy, watch.clock).silence(
        {"node": "a"}, reason="moved", by="person:lea", lasting_seconds=60
    )
    assert pass_by(4) == ["pending"]
    assert watch.mail.taken == []
    assert pass_by(2) == ["firing"]
    (mail,) = watch.mail.taken
    assert "CRITICAL: the fleet log cannot be written: " in mail.subject
    assert "intendance ledger verify --state STATE/manager/log" in mail.text
    with fleet_database.read() as connection:
        assert [each.cause for each in own_troubles(connection)] == [UNLOGGED]
    state.unlink()
    assert pass_by(1) == ["resolved"]
    assert watch.mail.taken[-1].subject.startswith("[Intendance] over: the fleet log cannot be written")


def test_a_log_that_is_held_for_a_moment_is_no_news(fleet_database: Database) -> None:
    watch, faults = Watch(fleet_database, BEGAN), ["another command holds it"]
    watch.restart(log_fault=lambda: faults[0])
    watch.clock.move(STEP)
    watch.tick()
    faults[0] = ""
    for _ in range(90):
        watch.clock.move(STEP)
        watch.tick()
        watch.send()
    assert [row.state for row in watch.alerts(UNLOGGED)] in ([], ["resolved"])
    assert watch.mail.taken == []


@pytest.mark.parametrize("work", ["acts", "heads"])
def test_only_who_leads_has_trouble_with_the_log_for_only_a_leader_sees_its_end(tmp_path: Path, work: str) -> None:
    clock = MovableClock(BEGAN)
    with open_manager(Settings(state=tmp_path, fleet="asbl"), clock, lambda _: None) as manager:
        held = manager.lease = Lease(name="leader", holder="us", epoch=1, until_us=0)
        log = tmp_path / "manager" / "log"
        log.write_text("in the way", encoding="ascii")
        manager.nodes.invite("web-01", by="person:lea", pin="plain")
        if work == "heads":
            node = SimulatedNode("web-01", clock, tmp_path / "web-01")
            join(manager, node)
            manager.evidence.receive(node.batch(0))
        clock.move(timedelta(hours=2))
        manager.duties[work](held)
        assert "fleet log" in manager.trouble
        manager.lease = None  # another one leads, whose log is sound
        assert manager.trouble == ""
        manager.lease = held
        log.unlink()
        clock.move(timedelta(minutes=2))
        for duty in ("acts", "heads"):
            manager.duties[duty](held)
        assert manager.trouble == ""
