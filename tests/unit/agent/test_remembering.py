"""A wiped state folder, a new name: an asset stays as old as it is."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.agent.adoption import adopt
from intendance.agent.judging import judge
from intendance.ledger.book import Book
from intendance.model.plan import DirectoryStore
from intendance.model.verdict import State
from intendance.sets.manifest import MANIFEST, encode
from intendance.stores import adopt_store, open_store
from intendance.system.machine_mark import machine_mark
from tests.support.clock import MovableClock
from tests.support.evidence import text
from tests.support.plans import NOON, Plans
from tests.support.sets import manifest

pytestmark = pytest.mark.gnupg
DAY = timedelta(days=1)
SOCKET = "mariadb:/run/mysqld/mysqld.sock"
FIRST = text(NOON - 40 * DAY)


@pytest.fixture
def site(plans: Plans, tmp_path: Path) -> tuple[str, Path]:
    """A plan whose store stands in this test's folder."""
    folder = tmp_path / "backups"
    adopt_store(DirectoryStore(name="local", path=str(folder)))
    return plans.changed(("/var/backups/intendance", str(folder))), folder


def _put(folder: Path, asset: str, sequence: int = 0, node: str = "web-01", **changes: Any) -> None:
    run = f"{asset}.backup-full.2026110{sequence + 1}T020000Z"
    changes |= {"node": node, "asset": asset, "run": run, "set": f"{run}.1"}
    made = manifest(sequence, **changes)
    store = open_store(DirectoryStore(name="local", path=str(folder)))
    store.put(f"asbl-exemple/{node}/{asset}/{made.set}/{MANIFEST}", [encode(made)])


def _first(state: Path, clock: MovableClock, asset: str) -> str:
    with Book.open(state, clock) as book:
        return str(book.facts("asset.declared", asset=asset, latest=1)[0].data.first_declared_at)


def test_after_the_state_was_wiped_the_stores_tell_since_when(
    plans: Plans, site: tuple[str, Path], tmp_path: Path
) -> None:
    plan, folder = site
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plan), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == text(NOON)
    _put(folder, "crud-db", identity=SOCKET, first_seen=FIRST)
    shutil.rmtree(state)
    adopt(plans.write(plan), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == FIRST
    assert _first(state, clock, "site-files") == text(NOON)
    states = {each.asset: each.state for each in judge(state, clock).verdicts if each.rule == "ASBL_010"}
    assert states["crud-db"] is State.FAIL, "what was due before is due still"


def test_under_whatever_name_its_sets_lie(plans: Plans, site: tuple[str, Path], tmp_path: Path) -> None:
    plan, folder = site
    _put(folder, "old-name", identity=SOCKET, first_seen=FIRST)
    _put(folder, "crud-db", identity="mariadb:/run/other.sock", first_seen=text(NOON - 90 * DAY))
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plan), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == FIRST


def test_what_cannot_be_read_is_passed_over(plans: Plans, site: tuple[str, Path], tmp_path: Path) -> None:
    plan, folder = site
    store = open_store(DirectoryStore(name="local", path=str(folder)))
    store.put(f"asbl-exemple/web-01/crud-db/crud-db.backup-logical.20200101T000000Z.1/{MANIFEST}", [b"{}"])
    _put(folder, "crud-db", 1, identity=SOCKET, first_seen=FIRST)
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plan), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == FIRST


def test_what_the_ledger_knows_is_not_asked_of_the_stores(plans: Plans, site: tuple[str, Path], tmp_path: Path) -> None:
    plan, folder = site
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plan), state=state, clock=clock, actor="person:x")
    _put(folder, "crud-db", identity=SOCKET, first_seen=FIRST)
    adopt(plans.write(plan.replace("30 5 * * *", "40 5 * * *")), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == text(NOON)


ANOTHER = {"files": 3, "machine": "0" * 32}


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ({"files": 3, "machine": machine_mark("asbl-exemple")}, FIRST),
        ({"files": 3}, FIRST),
        (ANOTHER, text(NOON)),
    ],
)
def test_enrolled_under_another_name_it_is_as_old_as_this_machine_kept_it(
    plans: Plans, site: tuple[str, Path], tmp_path: Path, source: dict[str, Any], first: str
) -> None:
    plan, folder = site
    _put(folder, "crud-db", node="web-00", identity=SOCKET, first_seen=FIRST, source=source)
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plan), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == first
    states = {each.asset: each.state for each in judge(state, clock).verdicts if each.rule == "ASBL_010"}
    assert states["crud-db"] is (State.FAIL if first == FIRST else State.PENDING)


def test_of_a_node_of_this_name_every_set_counts_whatever_machine_it_was(
    plans: Plans, site: tuple[str, Path], tmp_path: Path
) -> None:
    plan, folder = site
    _put(folder, "crud-db", identity=SOCKET, first_seen=FIRST, source=ANOTHER)
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plan), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == FIRST


def test_the_sets_of_another_fleet_tell_nothing(plans: Plans, site: tuple[str, Path], tmp_path: Path) -> None:
    plan, folder = site
    _put(folder, "crud-db", identity=SOCKET, first_seen=FIRST)
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plan.replace("asbl-exemple", "asbl")), state=state, clock=clock, actor="person:x")
    assert _first(state, clock, "crud-db") == text(NOON)
