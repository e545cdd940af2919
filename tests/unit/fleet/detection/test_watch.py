"""The leader's tick on a real database of either kind: silence, its alert, its messages, its end."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from intendance.fleet.database import lease, tables
from intendance.fleet.database.connect import Database
from intendance.model.alerting import Window
from intendance.notifiers import Delivery
from tests.support.watching import Watch, policy

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
NODES = [f"web-{number:02}" for number in range(20)]
OTHERS = tuple(NODES[1:])
LATER = Delivery(outcome="transient", code="451", detail="later")


@pytest.fixture
def watch(fleet_database: Database) -> Watch:
    made = Watch(fleet_database, NOON)
    made.enrol(NODES, "bruxelles")
    made.tick()
    return made


def subjects(watch: Watch) -> list[str]:
    return [message.subject for message in watch.mail.taken]


def test_one_silent_node_is_told_once_by_each_way_and_its_end_to_the_same(watch: Watch) -> None:
    watch.wait(119, beating=OTHERS)
    assert watch.alerts() == []
    states = {row.node: row.state for row in watch.rows(tables.node_state)}
    assert (states["web-00"], states["web-01"]) == ("late", "up")
    watch.wait(2, beating=OTHERS)
    (alert,) = watch.alerts()
    assert (alert.cause, alert.node, alert.state, alert.suppressed) == ("node.missing", "web-00", "firing", None)
    assert watch.mail.taken == []
    watch.wait(12, beating=OTHERS)
    assert subjects(watch) == ["[Intendance] CRITIQUE\u00a0: web-00 ne répond plus"]
    assert len(watch.sms.taken) == 1
    assert "ack" in watch.sms.taken[0].text
    watch.wait(560, beating=OTHERS)
    assert (len(watch.mail.taken), len(watch.sms.taken)) == (1, 1)
    watch.wait(60, beating=OTHERS)
    assert (len(watch.mail.taken), len(watch.sms.taken)) == (1, 2)  # the step after ten minutes
    watch.beat("web-00")
    watch.wait(20, beating=OTHERS)
    assert watch.alerts()[0].state == "firing", "one beat is no recovery"
    watch.beat("web-00")
    watch.wait(40, beating=tuple(NODES))
    assert watch.alerts()[0].state == "resolved"
    assert subjects(watch)[-1] == "[Intendance] terminé\u00a0: web-00 ne répond plus"
    assert len(watch.sms.taken) == 3
    assert not any(message.to == "lead@example.org" for message in watch.mail.taken)


def test_who_comes_back_within_15_minutes_is_the_same_episode_and_told_anew(watch: Watch) -> None:
    watch.wait(140, beating=OTHERS)
    for _ in range(2):
        watch.beat("web-00")
        watch.wait(1, beating=OTHERS)
    watch.wait(60, beating=OTHERS)
    assert [row.state for row in watch.alerts()] == ["resolved"]
    watch.wait(80, beating=OTHERS)
    (alert,) = watch.alerts()
    assert (alert.state, alert.episode) == ("firing", 1)
    assert [subject.partition("] ")[2][:5] for subject in subjects(watch)] == ["CRITI", "termi", "CRITI"]
    assert len({message.key for message in watch.mail.taken}) == 3


def test_most_of_a_fleet_is_one_alert_and_each_node_is_on_record(watch: Watch) -> None:
    watch.wait(140)
    (parent,) = watch.alerts("fleet.silent")
    children = watch.alerts("node.missing")
    assert len(children) == 20
    assert {(row.parent, row.suppressed, row.state) for row in children} == {(parent.id, "inhibited", "firing")}
    assert len(watch.mail.taken) == len(watch.sms.taken) == 1
    assert "20" in subjects(watch)[0]
    for _ in range(2):
        watch.beat(*NODES[:18])
        watch.wait(2)
    watch.wait(40, beating=tuple(NODES[:18]))
    assert watch.alerts("fleet.silent")[0].state == "resolved"
    left = [row for row in watch.alerts("node.missing") if row.state == "firing"]
    assert [(row.node, row.suppressed) for row in left] == [("web-18", None), ("web-19", None)]
    told = [message.text for message in watch.mail.taken if "web-18" in message.text]
    assert len(told) == 1
    assert "web-19" in told[0]


def test_a_silent_site_is_one_alert(watch: Watch) -> None:
    watch.enrol([f"liege-{number}" for number in range(4)], "liege")
    watch.wait(140, beating=tuple(NODES))
    (parent,) = watch.alerts("site.unreachable")
    assert json.loads(parent.params) == {"count": 4, "of": 4}
    assert {row.parent for row in watch.alerts("node.missing")} == {parent.id}
    assert "liege" in subjects(watch)[0]
    assert len(watch.mail.taken) == 1


def test_our_own_outage_is_recorded_and_billed_to_nobody(watch: Watch) -> None:
    watch.wait(30, beating=tuple(NODES))
    watch.clock.move(timedelta(minutes=20))
    watch.restart()
    watch.wait(100, send=False)
    assert watch.alerts("node.missing") == []
    gaps = watch.rows(tables.observability_gap)
    assert [gap.cause for gap in gaps] == ["first start", "restart"]
    assert gaps[1].to_us - gaps[1].from_us >= 20 * 60 * 1_000_000
    watch.wait(30)
    assert len(watch.alerts("node.missing")) == 20


def test_a_clock_that_is_set_makes_nobody_missing(watch: Watch) -> None:
    watch.clock.jump(watch.clock.at + timedelta(hours=2))
    watch.tick()
    assert [alert.cause for alert in watch.alerts()] == ["manager.blind"]
    assert watch.rows(tables.observability_gap)[-1].cause == "clock set"


def test_a_window_holds_back_and_says_so_and_what_is_still_wrong_is_told_after(fleet_database: Database) -> None:
    window = Window(name="midi", rrule="FREQ=DAILY;BYHOUR=13;BYMINUTE=0;BYSECOND=0", lasts_seconds=600)
    watch = Watch(fleet_database, NOON, policy(windows=(window,)))  # noon in UTC is 13:00 in Brussels
    watch.enrol(NODES)
    watch.wait(400, beating=OTHERS)
    (alert,) = watch.alerts()
    assert (alert.state, alert.suppressed) == ("firing", "window:midi")
    assert watch.mail.taken == []
    watch.wait(220, beating=OTHERS)
    assert watch.alerts()[0].suppressed is None
    assert len(watch.mail.taken) == 1


def test_what_is_critical_and_does_not_leave_goes_the_other_way(fleet_database: Database) -> None:
    watch = Watch(fleet_database, NOON)
    watch.enrol(NODES)
    watch.mail.answer = lambda _: LATER
    watch.wait(2400, beating=OTHERS)
    leads = [message for message in watch.sms.taken if message.to == "+32470000002"]
    assert len(leads) == 1, "the lead was to be told by mail, which does not work"
    stuck = watch.rows(tables.outbox, tables.outbox.c.channel == "email")
    assert {row.state for row in stuck} == {"failed"}
    assert all(row.last_code == "451" for row in stuck)


def test_a_dead_letter_is_an_alert_by_another_way(watch: Watch) -> None:
    watch.mail.answer = lambda _: Delivery(outcome="permanent", code="550", detail="nobody")
    watch.wait(160, beating=OTHERS)
    (alert,) = watch.alerts("notification.undeliverable")
    assert json.loads(alert.labels) == {"contact": "admin", "channel": "email"}
    assert any("admin" in message.text and "550" in message.text for message in watch.sms.taken)
    watch.mail.answer = lambda _: Delivery(outcome="accepted", code="250")
    for _ in range(2):
        watch.beat("web-00")
        watch.wait(2, beating=OTHERS)
    watch.wait(60, beating=tuple(NODES))
    assert watch.alerts("notification.undeliverable")[0].state == "resolved"


def test_a_day_gives_the_back_off_of_the_design_and_then_a_dead_letter(fleet_database: Database) -> None:
    watch = Watch(fleet_database, NOON, policy(sms=False))
    watch.enrol(NODES)
    tries: list[float] = []

    def refuse(_: object) -> Delivery:
        tries.append(watch.clock.at.timestamp())
        return LATER

    watch.mail.answer = refuse
    watch.wait(160, beating=OTHERS, step=0.5, send=True)
    gaps = [round(after - before) for before, after in pairwise(tries)]
    assert gaps[:1] == [5]
    with fleet_database.begin() as connection:
        connection.execute(tables.outbox.update().values(expires_us=watch.now_us))
    watch.wait(60, beating=OTHERS)
    assert {row.state for row in watch.rows(tables.outbox, tables.outbox.c.purpose == "firing")} >= {"dead"}
    assert watch.alerts("notification.undeliverable")


def test_text_messages_are_capped_with_one_summary(watch: Watch) -> None:
    for number in range(9):
        beating = tuple(NODES[number + 1 :])
        watch.wait(150, beating=beating)
    held = watch.rows(tables.outbox, tables.outbox.c.last_code == "capped")
    assert held
    assert len(watch.sms.taken) == 6
    watch.wait(3600, beating=())
    summaries = watch.rows(tables.outbox, tables.outbox.c.purpose == "summary")
    assert len([row for row in summaries if row.state == "sent"]) >= 1
    assert all(len(message.text) <= 160 for message in watch.sms.taken)


def test_what_the_cap_holds_back_goes_by_mail_where_no_mail_was_to_go(fleet_database: Database) -> None:
    told = policy().alerts
    assert told is not None
    texts_alone = tuple(replace(step, by=("sms",)) for step in told.critical[:1])
    watch = Watch(fleet_database, NOON, policy(alerts=replace(told, critical=texts_alone)))
    watch.enrol(NODES)
    for number in range(9):
        watch.wait(150, beating=tuple(NODES[number + 1 :]))
    held = watch.rows(tables.outbox, tables.outbox.c.last_code == "capped")
    assert len(watch.sms.taken) == 6
    mailed = watch.rows(tables.outbox, tables.outbox.c.channel == "email")
    assert [(row.alert, row.step, row.state) for row in mailed] == [(row.alert, row.step, "sent") for row in held]
    assert len(watch.mail.taken) == len(held) == 3
    watch.wait(3600, beating=())
    (said,) = {message.text for message in watch.sms.taken if "alertes retenues" in message.text}
    assert "intendance alert list" in said


def test_who_was_told_by_mail_because_of_the_cap_is_told_so_that_it_is_over(fleet_database: Database) -> None:
    told = policy().alerts
    assert told is not None
    texts_alone = tuple(replace(step, by=("sms",)) for step in told.critical[:1])
    watch = Watch(fleet_database, NOON, policy(alerts=replace(told, critical=texts_alone)))
    watch.enrol(NODES)
    for number in range(9):
        watch.wait(150, beating=tuple(NODES[number + 1 :]))
    mailed = {row.alert for row in watch.rows(tables.outbox, tables.outbox.c.channel == "email")}
    assert len(mailed) == 3
    watch.wait(300, beating=tuple(NODES))  # within the hour: no text message has room
    assert {row.state for row in watch.alerts("node.missing")} == {"resolved"}
    over = watch.rows(tables.outbox, tables.outbox.c.channel == "email", tables.outbox.c.purpose == "resolved")
    said = {number for row in over for number in json.loads(row.content)["alerts"]}
    assert mailed <= said
    assert {row.state for row in over} == {"sent"}


def test_a_wrong_clock_is_a_warning_by_mail(watch: Watch) -> None:
    watch.beat("web-03", skew_ms=-7200)
    watch.wait(8)
    watch.wait(2)
    watch.wait(35)
    (alert,) = watch.alerts("node.skew")
    assert (alert.node, alert.severity) == ("web-03", "warning")
    assert "8\u00a0s" in subjects(watch)[0]
    assert watch.sms.taken == []
    watch.beat("web-03")
    watch.wait(12)
    assert watch.alerts("node.skew")[0].state == "resolved"


def test_the_canary_goes_the_real_way_every_day(fleet_database: Database) -> None:
    watch = Watch(fleet_database, NOON, canary=True)
    watch.enrol(NODES)
    watch.wait(60, beating=tuple(NODES))
    assert subjects(watch) == ["[Intendance] preuve du jour que les alertes arrivent"]
    assert [row.node for row in watch.rows(tables.node) if row.node.startswith(".")] == []
    assert watch.sms.taken == []
    watch.mail.answer = lambda _: LATER
    watch.clock.move(timedelta(hours=24))
    watch.tick()
    watch.beat(*NODES)
    watch.wait(240, beating=tuple(NODES))
    assert [row.state for row in watch.alerts("canary.failed")] == ["firing"]
    assert len(watch.sms.taken) >= 1


def test_a_restless_node_is_told_as_such(watch: Watch) -> None:
    for _ in range(4):
        watch.wait(125, beating=OTHERS)
        watch.beat("web-00")
        watch.wait(60, beating=OTHERS)
        watch.beat("web-00")
        watch.wait(2, beating=OTHERS)
    watch.wait(45, beating=tuple(NODES))
    assert [row.node for row in watch.alerts("node.flapping")] == ["web-00"]
    before = len(watch.mail.taken)
    watch.wait(130, beating=OTHERS)
    missing = watch.alerts("node.missing")[-1]
    assert (missing.state, missing.suppressed) == ("firing", "flapping")
    assert len(watch.mail.taken) == before
    watch.wait(1300, beating=tuple(NODES))
    assert watch.alerts("node.flapping")[0].state == "resolved"


def test_a_leader_whose_lease_is_gone_writes_nothing(watch: Watch) -> None:
    with watch.database.begin() as connection:
        connection.execute(tables.lease.update().values(epoch=2, holder="other"))
    watch.wait(200)
    assert watch.alerts() == []
    watch.held = lease.Lease("leader", "other", 2, 2**62)
    watch.wait(1)
    assert watch.rows(tables.observability_gap)[-1].cause == "restart"


def test_whoever_has_it_in_hand_is_left_alone_until_then(watch: Watch) -> None:
    watch.wait(140, beating=OTHERS)
    now = watch.now_us
    with watch.database.begin() as connection:
        values = {"state": "acked", "acked_by": "admin", "acked_until_us": now + 3600 * 1_000_000}
        connection.execute(tables.alert.update().values(**values))
    watch.wait(3500, beating=OTHERS)
    assert (len(watch.mail.taken), len(watch.sms.taken)) == (1, 1)
    watch.wait(200, beating=OTHERS)
    assert watch.alerts()[0].state == "firing"
    assert len(watch.sms.taken) == 2


def test_a_broken_rule_is_told_until_it_holds_again(watch: Watch) -> None:
    watch.judge("web-03", "MAINT_004", "fail", "blocking")
    watch.judge("web-04", "MAINT_004", "fail", "blocking", asset="site-files")
    watch.judge("web-05", "MAINT_005", "unknown", "blocking")
    watch.judge("web-06", "MAINT_006", "fail", "duty")
    watch.wait(20, beating=tuple(NODES))
    assert [(row.cause, row.node, row.severity) for row in watch.alerts()] == [
        ("MAINT_004", "web-03", "critical"), ("MAINT_004", "web-04", "critical"),
    ]  # fmt: skip
    (mail,) = watch.mail.taken
    assert mail.subject.startswith("[Intendance] CRITIQUE\u00a0: MAINT_004 est rompue sur web-03\u00a0: ")
    assert "web-04/site-files" in mail.text
    watch.restart()
    watch.wait(20, beating=tuple(NODES))
    assert len(watch.mail.taken) == 1
    watch.judge("web-03", "MAINT_004", "pass", "blocking")
    watch.judge("web-04", "MAINT_004", "unknown", "blocking", asset="site-files")
    watch.wait(40, beating=tuple(NODES))
    assert {row.node: row.state for row in watch.alerts()} == {"web-03": "resolved", "web-04": "firing"}
    assert subjects(watch)[-1].startswith("[Intendance] terminé\u00a0: MAINT_004 est rompue sur web-03")
