"""Waivers on a real ledger: what adoption records, what people grant and take back, what `status` makes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.agent.adoption import adopt
from intendance.agent.judging import judge
from intendance.agent.waiving import Asked, grant, listed, revoke
from intendance.cli import main
from intendance.ledger.book import Book
from intendance.model.errors.plan import NotConfirmed, PlanInvalid
from intendance.model.errors.waiver import (
    GranterUnknown,
    WaivedThingUnknown,
    WaiverEnded,
    WaiverNever,
    WaiverOver,
    WaiverSamePerson,
    WaiverTooLong,
    WaiverUnfounded,
    WaiverUnknown,
    WaiverUntilUnreadable,
)
from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken
from intendance.model.verdict import State
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.plans import NOON, Plans

pytestmark = pytest.mark.gnupg
DAY = timedelta(days=1)
ACTOR = "person:tester"
LATER = NOON + 10 * DAY
"""Nothing was backed up by then: ASBL_010 is broken."""


@dataclass
class Scene:
    plans: Plans
    state: Path
    clock: MovableClock

    def adopt(self, *waivers: str, **changes: str) -> None:
        text = self.plans.example()
        for old, new in changes.items():
            text = text.replace(old, new)
        written = "".join(f"  - {{{each}}}\n" for each in waivers)
        text += f"\nwaivers:\n{written}" if waivers else ""
        file = self.plans.write(text)
        try:
            adopt(file, state=self.state, clock=self.clock, actor=ACTOR)
        except NotConfirmed:  # a waiver takes protection away, and is confirmed by its rule
            rules = {each.split("rule: ")[1].split(",")[0] for each in waivers}
            adopt(file, state=self.state, clock=self.clock, actor=ACTOR, confirmed=rules)

    def state_of(self, rule: str, asset: str | None = "crud-db") -> State:
        found = judge(self.state, self.clock).verdicts
        return next(each.state for each in found if each.rule == rule and each.asset == asset)

    def records(self, kind: str) -> list[Any]:
        with Book.open(self.state, self.clock) as book:
            return [record.data for record in book.records(kind=kind)]

    def asked(self, **options: str) -> Asked:
        until = (self.clock.at + 30 * DAY).isoformat()
        told = {"rule": "ASBL_010", "reason": "no room", "ticket": "OPS-1", "by": "admin", "until": until}
        return Asked(**(told | options))


@pytest.fixture
def scene(plans: Plans, tmp_path: Path) -> Scene:
    found = Scene(plans, tmp_path / "state", MovableClock(NOON))
    found.adopt()
    found.clock.at = LATER
    return found


def _written(days: int, **options: str) -> str:
    told = {"rule": "ASBL_010", "reason": '"no room"', "ticket": "OPS-1", "granted_by": "admin"}
    told |= {"expires": f'"{(LATER + days * DAY).isoformat()}"'} | options
    return ", ".join(f"{name}: {value}" for name, value in told.items())


def test_a_waiver_of_the_plan_is_recorded_once_and_counts(scene: Scene) -> None:
    assert scene.state_of("ASBL_010") is State.FAIL
    scene.adopt(_written(30))
    (recorded,) = scene.records("waiver.granted")
    assert (recorded["rule"], recorded["granter"], recorded["source"]) == (
        "ASBL_010",
        "Administrateur principal",
        "plan",
    )
    assert len(recorded["marks"]) == 3
    assert "admin@asbl.example.org" not in json.dumps(recorded)
    assert scene.state_of("ASBL_010") is State.WAIVED
    scene.adopt(_written(30))
    scene.adopt(_written(30), **{"30 5 * * *": "40 5 * * *"})
    assert len(scene.records("waiver.granted")) == 1


def test_a_waiver_that_leaves_the_plan_ends(scene: Scene) -> None:
    scene.adopt(_written(30))
    scene.adopt()
    (revoked,) = scene.records("waiver.revoked")
    assert revoked["reason"] == "it stands in the plan no more"
    assert scene.state_of("ASBL_010") is State.FAIL


def test_a_waiver_of_the_plan_is_of_its_asset(scene: Scene) -> None:
    scene.adopt(_written(30, rule="ASBL_012", asset="crud-db"))
    assert scene.state_of("ASBL_012") is State.WAIVED
    assert scene.state_of("ASBL_012", "site-files") is State.FAIL


def test_a_second_renewal_in_the_plan_needs_another_contact(scene: Scene) -> None:
    for turn in range(2):
        scene.adopt(_written(20 * turn + 10))
        scene.clock.at += 15 * DAY
    with pytest.raises(PlanInvalid):
        scene.adopt(_written(80))
    scene.adopt(_written(80, granted_by="lead"))
    assert scene.state_of("ASBL_010") is State.WAIVED
    assert [each["renewal"] for each in scene.records("waiver.granted")] == [0, 1, 2]


def test_one_that_is_granted_by_hand_counts_and_stays_when_a_plan_is_adopted(scene: Scene) -> None:
    fact = grant(scene.state, scene.clock, scene.asked(asset="crud-db"), actor=ACTOR)
    assert scene.state_of("ASBL_010") is State.WAIVED
    scene.adopt(**{"30 5 * * *": "40 5 * * *"})
    assert scene.state_of("ASBL_010") is State.WAIVED
    (waiver,) = listed(scene.state, scene.clock).found
    assert (waiver.grant.seq, waiver.grant.data.about) == (fact.seq, "mariadb:/run/mysqld/mysqld.sock")


def test_taken_back_it_counts_no_more(scene: Scene) -> None:
    fact = grant(scene.state, scene.clock, scene.asked(), actor=ACTOR)
    revoke(scene.state, scene.clock, fact.seq, reason="done", actor=ACTOR)
    assert scene.state_of("ASBL_010") is State.FAIL
    with pytest.raises(WaiverOver):
        revoke(scene.state, scene.clock, fact.seq, reason="done", actor=ACTOR)
    with pytest.raises(WaiverUnknown):
        revoke(scene.state, scene.clock, 1, reason="done", actor=ACTOR)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"rule": "MAINT_011"}, WaiverNever),
        ({"rule": "maint-043"}, WaiverNever),
        ({"until": (LATER + 91 * DAY).isoformat()}, WaiverTooLong),
        ({"until": (LATER - DAY).isoformat()}, WaiverEnded),
        ({"until": "2026-12-24"}, WaiverUntilUnreadable),
        ({"until": "soon"}, WaiverUntilUnreadable),
        ({"by": "admn"}, GranterUnknown),
        ({"reason": " "}, WaiverUnfounded),
        ({"ticket": "x" * 201}, WaiverUnfounded),
        ({"reason": "two\nlines"}, WaiverUnfounded),
        ({"asset": "crud-bd"}, WaivedThingUnknown),
        ({"asset": "mariadb:/elsewhere#x"}, WaivedThingUnknown),
    ],
)
def test_what_the_law_refuses_is_not_recorded(scene: Scene, options: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        grant(scene.state, scene.clock, scene.asked(**options), actor=ACTOR)
    assert scene.records("waiver.granted") == []


def test_by_hand_a_second_renewal_needs_another_contact(scene: Scene) -> None:
    for _ in range(2):
        grant(scene.state, scene.clock, scene.asked(), actor=ACTOR)
        scene.clock.at += 40 * DAY
    with pytest.raises(WaiverSamePerson):
        grant(scene.state, scene.clock, scene.asked(), actor=ACTOR)
    grant(scene.state, scene.clock, scene.asked(by="lead"), actor=ACTOR)
    assert listed(scene.state, scene.clock).found[0].days == 60


def test_a_thing_that_the_inventory_found_is_waived_by_its_identity(scene: Scene) -> None:
    found = DatabaseFound(engine="mariadb", identities=("mariadb:/run/mysqld/mysqld.sock",), name="forum")
    with Book.open(scene.state, scene.clock) as book:
        book.append(InventoryTaken(system="Debian", databases=(found,), web_roots=()), actor=ACTOR)
    assert scene.state_of("ASBL_010", None) is State.FAIL
    asked = scene.asked(asset="mariadb:/run/mysqld/mysqld.sock#forum")
    grant(scene.state, scene.clock, asked, actor=ACTOR)
    assert scene.state_of("ASBL_010", None) is State.WAIVED
    assert scene.state_of("ASBL_010") is State.FAIL


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        main.run([*words])
    return int(left.value.code or 0), capsys.readouterr().out


def test_as_it_is_typed(plans: Plans, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    now = SystemClock().read().at
    clock = MovableClock(now - 10 * DAY)
    adopt(plans.write(plans.example()), state=state, clock=clock, actor=ACTOR)
    assert _run(capsys, "waiver", "list", "--state", str(state)) == (0, "No rule was waived in the last 400 days.\n")
    words = ("--by", "lead", "--until", (now + 30 * DAY).isoformat(), "--state", str(state))
    code, said = _run(capsys, "waiver", "grant", "ASBL_010", "--reason", "no room", "--ticket", "OPS-1", *words)
    assert code == 0
    assert "Recorded: ASBL_010 is waived while it is broken." in said
    code, said = _run(capsys, "waiver", "list", "--json", "--state", str(state))
    (told,) = json.loads(said)["waivers"]
    assert (told["rule"], told["granter"], told["counts"], told["days"]) == ("ASBL_010", "Développeur lead", True, 1)
    code, said = _run(capsys, "waiver", "revoke", str(told["record"]), "--reason", "done", "--state", str(state))
    assert code == 0
    code, said = _run(capsys, "waiver", "list", "--state", str(state), "--lang", "fr")
    assert "retirée le" in said
    assert "accordée par Développeur lead : no room (OPS-1)" in said.replace("\u00a0", " ")
