"""Ways to have the manager vouch for sets that are gone, old, or not this node's: none turns the rule green."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from intendance.fleet.attesting.service import Attesting
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import node_state, word
from intendance.fleet.layout import ManagerLayout
from intendance.model.plan import DirectoryStore
from intendance.model.verdict import State
from intendance.plan.adopted import encode
from intendance.stores import adopt_store
from tests.support.attested import NODE, Place
from tests.support.workshop import Workshop

pytestmark = [pytest.mark.gnupg, pytest.mark.parametrize("fleet_address", ["sqlite"], indirect=True)]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def place(workshop: Workshop, fleet_database: Database) -> Place:
    return Place(workshop, fleet_database)


def shelf(place: Place) -> Path:
    """Where the sets of the asset are in the store."""
    store = place.workshop.plan.stores["local"]
    assert isinstance(store, DirectoryStore)
    return Path(store.path) / "testing" / NODE / "site"


def old_set_under_a_new_name(place: Place) -> None:
    """The set of three days ago, copied under the name of the one that last night's backup would have."""
    old = place.workshop.back_up(later=3 * DAY)
    place.arrive()
    new = old.set.replace(".20261121T", ".20261124T")
    assert new != old.set
    shutil.copytree(shelf(place) / old.set, shelf(place) / new)
    place.look()


def old_set_with_a_new_date(place: Place) -> None:
    """The same, and its manifest says that it is new: its signature says that it is not."""
    old = place.workshop.back_up(later=3 * DAY)
    place.arrive()
    new = old.set.replace(".20261121T", ".20261124T")
    shutil.copytree(shelf(place) / old.set, shelf(place) / new)
    manifest = shelf(place) / new / "MANIFEST.json"
    manifest.chmod(0o600)
    manifest.write_bytes(
        manifest.read_bytes().replace(b"2026-11-21T", b"2026-11-24T").replace(b"20261121T", b"20261124T")
    )
    place.look()


def old_listing(place: Place) -> None:
    """A store that is put back to what it was: the node's word has a newer set, the store shows the old one."""
    workshop = place.workshop
    workshop.back_up(later=timedelta(hours=25))
    kept = workshop.base / "kept"
    shutil.copytree(shelf(place), kept)
    workshop.back_up(later=2 * HOUR)
    workshop.inspect()
    place.arrive()
    shutil.rmtree(shelf(place))
    shutil.copytree(kept, shelf(place))
    place.look()


def old_listing_after_a_look(place: Place) -> None:
    """The manager saw the newer set, and sees it no more."""
    workshop = place.workshop
    workshop.back_up(later=timedelta(hours=25))
    kept = workshop.base / "kept"
    shutil.copytree(shelf(place), kept)
    workshop.back_up(later=HOUR)
    place.arrive()
    place.look()
    assert place.said("MAINT_010").state is State.PASS
    shutil.rmtree(shelf(place))
    shutil.copytree(kept, shelf(place))
    place.clock.move(HOUR)
    place.look()


def another_store(place: Place) -> None:
    """The plan of the manager has another folder by the same name, adopted, and empty."""
    place.workshop.back_up(later=HOUR)
    place.arrive()
    other = DirectoryStore(name="local", path=str(place.workshop.base / "other"))
    adopt_store(other)
    place.write_plan(local=other)
    place.look()


def plan_of_another_node(place: Place) -> None:
    """Another node's plan under this one's name: what is looked at there is not this node's."""
    place.workshop.back_up(later=HOUR)
    place.arrive()
    file = ManagerLayout(place.state).plans / f"{NODE}.json"
    theirs = replace(place.workshop.plan, node=replace(place.workshop.plan.node, id="web-02"))
    file.write_bytes(encode(theirs))
    place.look()


def word_of_another_node(place: Place) -> None:
    """What was seen of another node, under this one's name in the manager's tables."""
    place.workshop.back_up(later=HOUR)
    place.arrive()
    place.look()
    with place.database.begin() as connection:
        (row,) = connection.execute(select(word)).all()
        theirs = bytes(row.content).replace(b'"node":"web-01"', b'"node":"web-02"')
        assert theirs != bytes(row.content)
        connection.execute(update(word).values(content=theirs))


def word_of_another_store(place: Place) -> None:
    """What was seen in a store that is not the asset's, while its own holds nothing any more."""
    place.workshop.back_up(later=HOUR)
    place.arrive()
    place.look()
    shutil.rmtree(shelf(place))
    place.look()
    with place.database.begin() as connection:
        first = connection.execute(select(word).order_by(word.c.seq)).first()
        assert first is not None
        content = json.loads(bytes(first.content))
        assert content["data"]["store"] == "local"


def word_again(place: Place) -> None:
    """A look of three days ago recorded again today, as it was."""
    place.workshop.back_up(later=HOUR)
    place.arrive()
    place.look()
    place.clock.move(3 * DAY)
    with place.database.begin() as connection:
        (row,) = connection.execute(select(word)).all()
        again = bytes(row.content).replace(b'"ts":"2026-11-21T', b'"ts":"2026-11-24T')
        values = {each: getattr(row, each) for each in ("log", "source", "by_whom", "node", "asset", "kind")}
        connection.execute(word.insert().values(**values, seq=99, ts="2026-11-24T13:02:00.000000Z", content=again))


def look_by_a_clock_ahead(place: Place) -> None:
    """The manager looked while its clock was a year ahead; then it was set right, and the sets grew old."""
    place.workshop.back_up(later=HOUR)
    place.arrive()
    at = place.clock.at
    place.clock.jump(at + 365 * DAY)
    place.look()
    place.clock.jump(at + 3 * DAY)


def look_that_fails_after_it_succeeded(place: Place) -> None:
    """What it saw then holds no longer than it would have, whatever the node says since."""
    workshop = place.workshop
    workshop.back_up(later=HOUR)
    place.arrive()
    place.look()
    assert place.said("MAINT_010").state is State.PASS
    place.clock.move(timedelta(hours=23))
    workshop.back_up(later=2 * HOUR)
    workshop.inspect()
    place.arrive()
    (ManagerLayout(place.state).plans / f"{NODE}.json").unlink()
    assert place.look() == 1
    place.clock.move(2 * HOUR)


def node_on_the_same_machine(place: Place) -> None:
    place.workshop.back_up(later=HOUR)
    place.workshop.inspect()
    place.arrive()
    with place.database.begin() as connection:
        connection.execute(update(node_state).values(boot=place.clock.read().boot))
    assert place.look() == 1


def node_whose_machine_nobody_knows_yet(place: Place) -> None:
    """Its ledger arrived before its first heartbeat: it may be this very machine."""
    place.workshop.back_up(later=HOUR)
    place.workshop.inspect()
    place.arrive()
    with place.database.begin() as connection:
        connection.execute(update(node_state).values(boot=""))
    assert Attesting(place.bench, lambda: True, pytest.fail).due() == ()
    assert place.look() == 1
    assert place.words("inspection.failed")[-1]["error"] == "node_not_heard"


WAYS: dict[str, Callable[[Place], None]] = {
    "an old set under a new name": old_set_under_a_new_name,
    "an old set with a new date": old_set_with_a_new_date,
    "a store that answers an old listing": old_listing,
    "one that does so after a look": old_listing_after_a_look,
    "another store by the same name": another_store,
    "the plan of another node": plan_of_another_node,
    "a word about another node": word_of_another_node,
    "a store that was emptied after a look": word_of_another_store,
    "an old word again": word_again,
    "a clock ahead": look_by_a_clock_ahead,
    "a look that fails after it succeeded": look_that_fails_after_it_succeeded,
    "a manager on the node's own machine": node_on_the_same_machine,
    "a node that was not heard yet": node_whose_machine_nobody_knows_yet,
}


@pytest.mark.parametrize("way", WAYS)
def test_it_never_turns_green(way: str, place: Place) -> None:
    WAYS[way](place)
    found = place.said("MAINT_010")
    assert found.state in (State.FAIL, State.UNKNOWN), (found.state, found.reason)
