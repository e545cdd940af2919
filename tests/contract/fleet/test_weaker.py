"""A node adopts a plan that asks less of it: a finding and an alert, and no green wall, until somebody settles it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from intendance.fleet.alerts.recording import latest
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import alert, evidence_head, evidence_record, finding
from intendance.fleet.detection import weaker
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.language.texts import translator
from intendance.web.wall import wall
from tests.golden.lives import live
from tests.support.clock import MovableClock
from tests.support.received import receive
from tests.support.watching import policy

ABOUT = About(fleet="asbl-exemple", organisation="ASBL Exemple", zone="Europe/Brussels")


class Member:
    """A node whose ledger arrived, and what the manager makes of it."""

    def __init__(self, database: Database, state: Path) -> None:
        self.database = database
        self.clock: MovableClock = live("all-well", state)
        receive(database, state, self.clock, "shop")
        self.verdicts = Verdicts(database, self.clock, ABOUT, say=pytest.fail)

    def adopts(self, catalogues: Sequence[str]) -> None:
        """Another plan arrives: the newest one, with other catalogues."""
        record, head = evidence_record.c, evidence_head.c
        with self.database.begin() as connection:
            plans = select(record.content).where(record.node == "shop", record.kind == "plan.adopted")
            told = json.loads(connection.execute(plans.order_by(record.seq.desc()).limit(1)).scalar_one())
            size = connection.execute(select(head.size).where(head.node == "shop")).scalar_one()
            told |= {"seq": size, "data": told["data"] | {"catalogues": list(catalogues)}}
            content = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            row = {"node": "shop", "incarnation": 1, "seq": size, "kind": "plan.adopted", "ts": told["ts"]}
            connection.execute(insert(evidence_record).values(**row, content=content, received_us=1))
            self.clock.move(timedelta(seconds=1))
            values = {"size": size + 1, "signed_size": size + 1, "changed_us": to_us(self.clock.at)}
            connection.execute(update(evidence_head).where(head.node == "shop").values(**values))
        self.verdicts.judge_due()

    def watched(self) -> list[tuple[str, str]]:
        """The alert, and its state, after the detector looked."""
        with self.database.begin() as connection:
            weaker.watch(connection, policy(), to_us(self.clock.at))
            rows = connection.execute(select(alert.c.key, alert.c.state).where(alert.c.cause == weaker.WEAKER)).all()
            assert set(latest(connection, [row.key for row in rows])) == {row.key for row in rows}
            return [(row.state, "shop") for row in rows]

    def found(self) -> list[str]:
        with self.database.read() as connection:
            asked = select(finding.c.detail).where(finding.c.kind == "weaker").order_by(finding.c.id)
            return list(connection.execute(asked).scalars())


@pytest.fixture
def member(fleet_database: Database, tmp_path: Path) -> Member:
    made = Member(fleet_database, tmp_path)
    made.verdicts.judge_due()
    return made


def test_a_plan_that_asks_as_much_is_nothing(member: Member) -> None:
    with member.database.read() as connection:
        record = evidence_record.c
        plan = connection.execute(select(record.content).where(record.kind == "plan.adopted")).scalars().first()
    assert plan is not None
    member.adopts(json.loads(plan)["data"]["catalogues"])
    assert (member.found(), member.watched()) == ([], [])


def test_a_plan_without_catalogues_is_a_finding_and_an_alert_until_it_is_settled(member: Member) -> None:
    before = sorted({each.rule for each in member.verdicts.of_node("shop")})
    assert before
    member.adopts(())
    assert not {each.rule for each in member.verdicts.of_node("shop")} & set(before[:1])
    (detail,) = member.found()
    assert set(detail.split(", ")) <= set(before)
    assert detail
    assert [state for state, _ in member.watched()] == ["firing"]
    standing = member.verdicts.standing()
    assert [(each.kind, each.grave) for each in standing.doubts] == [("weaker", False)]
    for language in ("fr", "en"):
        view = wall(standing, translator(language, "web"))
        assert view.shape == "unknown"
    member.clock.move(timedelta(minutes=1))
    member.verdicts.judge_due()
    assert len(member.found()) == 1, "it is found once"
    with member.database.begin() as connection:
        connection.execute(update(finding).values(settled_us=to_us(member.clock.at)))
    assert [state for state, _ in member.watched()] == ["resolved"]
    assert member.verdicts.standing().doubts == ()
