"""A host's ledger, taken into view at the manager: on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from intendance.agent.ledger_view import verify_ledger
from intendance.fleet import importing
from intendance.fleet.attesting.perform import Bench, keep
from intendance.fleet.compose import Settings, _remember
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import word
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.fleet.planning import files
from intendance.fleet.verdicts.judge import Judge
from intendance.ledger.book import Book
from intendance.ledger.origin import FLEET_LOG
from intendance.ledger.taking import Taken
from intendance.model.errors import IntendanceError
from intendance.model.errors.elsewhere import (
    ImportForked,
    ImportHostUnknown,
    ImportKeyDiffers,
    ImportKeyUnknown,
    ImportOfOtherFleet,
    ImportOlder,
    ImportUnverified,
)
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.model.verdict import Attestor, State
from intendance.plan.load import load
from tests.support import bundles
from tests.support.paired import ASSET, Pair, make_pair
from tests.support.received import receive
from tests.support.state import Site

pytestmark = pytest.mark.gnupg
NODE = "web-01"


class Managed:
    """A node and its laptop, and the manager that has the node's ledger and the same plan."""

    def __init__(self, pair: Pair, database: Database) -> None:
        self.pair = pair
        self.database = database
        self.layout = ManagerLayout(pair.site.base / "fleet")
        self.layout.folder.mkdir(parents=True)
        self.log = FleetLog(self.layout.state, "testing", pair.clock)

    def arrive(self) -> None:
        """The node's plan is the manager's too, and its ledger is here."""
        files.write(self.layout, load(self.pair.site.plan, self.pair.clock.at).plans)
        receive(self.database, self.pair.site.state, self.pair.clock, NODE)

    def bring(self, bundle: Path) -> Taken:
        believed = importing.believed("testing", self.layout, self.layout.plan)
        return importing.import_bundle(self.database, self.log, self.layout, believed, bundle, actor="person:test")

    def refused(self, bundle: Path, error: type[IntendanceError]) -> None:
        before = (self.log.size(), self.words)
        with pytest.raises(error):
            self.bring(bundle)
        assert (self.log.size(), self.words) == before

    @property
    def words(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(word)).scalar_one())

    def attested(self) -> tuple[State, Attestor | None]:
        judge = Judge(self.database, pytest.fail)
        (found,) = [
            each
            for each in judge.from_nothing(NODE, self.pair.clock.at)
            if (each.rule, each.asset) == ("MAINT_010", ASSET)
        ]
        return found.state, found.attested_by

    def verified(self) -> bool:
        return verify_ledger(self.log.folder).worst is None


@pytest.fixture
def managed(bare_site: Site, fleet_database: Database) -> Managed:
    return Managed(make_pair(bare_site), fleet_database)


def test_what_a_believed_host_saw_counts_in_the_fleets_verdicts(managed: Managed) -> None:
    managed.pair.trust()
    managed.arrive()
    assert managed.attested()[0] is State.UNKNOWN
    managed.pair.look()
    taken = managed.bring(managed.pair.export("one.tar"))
    assert (taken.evidence.host, taken.evidence.size, taken.evidence.added) == ("laptop", 2, 2)
    assert managed.attested() == (State.PASS, Attestor.DRILL_HOST)
    with Book.open(managed.log.folder, managed.pair.clock) as book:
        (record,) = book.records(kind="ledger.imported")
    assert (record.seq, record.actor, record.node) == (taken.seq, "person:test", FLEET_LOG)
    managed.pair.clock.move(timedelta(minutes=1))
    managed.pair.look()
    again = managed.bring(managed.pair.export("two.tar"))
    assert (again.evidence.size, again.evidence.added) == (3, 1)
    assert managed.words == 2
    assert managed.verified()


def test_what_is_kept_of_it_and_changed_later_is_found(managed: Managed) -> None:
    managed.pair.trust()
    managed.arrive()
    managed.pair.look()
    managed.bring(managed.pair.export("one.tar"))
    assert managed.verified()
    with Book.open(managed.log.folder, managed.pair.clock) as book:
        book.connection.execute("UPDATE imported SET asset = 'other' WHERE seq = 1")
    assert not managed.verified()


def test_an_older_a_forked_and_a_changed_ledger_are_refused(managed: Managed) -> None:
    pair = managed.pair
    pair.trust()
    managed.arrive()
    pair.look()
    older = pair.export("older.tar")
    fork = pair.site.base / "fork"
    shutil.copytree(pair.laptop, fork)
    pair.look()
    managed.bring(pair.export("one.tar"))
    managed.refused(older, ImportOlder)
    managed.refused(pair.export("same.tar"), ImportOlder)
    for _ in range(2):
        pair.look(fork, hashed_bytes=7)
    managed.refused(pair.export("fork.tar", fork), ImportForked)
    pair.look()
    whole = bundles.load(pair.export("whole"))
    name = next(each for each in whole if "tile/entries" in each)
    spoilt = bundles.summed(whole | {name: b"web-02".join(whole[name].rsplit(b"web-01", 1))})
    assert spoilt != whole
    managed.refused(bundles.store(spoilt, pair.site.base / "spoilt"), ImportUnverified)
    assert managed.attested() == (State.PASS, Attestor.DRILL_HOST)


@pytest.mark.parametrize(
    ("hosts", "error"),
    [
        ("", ImportHostUnknown),
        ("hosts: {laptop: {held_by: lead}}", ImportKeyUnknown),
        ("other", ImportKeyDiffers),
    ],
)
def test_only_the_key_that_the_plan_names_counts(managed: Managed, hosts: str, error: type[IntendanceError]) -> None:
    pair = managed.pair
    if hosts == "other":
        pair.trust(pair.begin("impostor"))
    elif hosts:
        pair.believe(hosts)
    managed.arrive()
    pair.look()
    managed.refused(pair.export("one.tar"), error)
    assert managed.attested()[0] is State.UNKNOWN


def test_a_ledger_of_another_fleet_is_refused(managed: Managed) -> None:
    managed.pair.trust()
    managed.arrive()
    managed.refused(managed.pair.export("one.tar", managed.pair.begin("far", fleet="other")), ImportOfOtherFleet)


def test_killed_between_the_record_and_the_judge_the_manager_tells_the_judge(
    managed: Managed, monkeypatch: pytest.MonkeyPatch
) -> None:
    managed.pair.trust()
    managed.arrive()
    managed.pair.look()

    def gone(*_: object) -> None:
        raise DatabaseUnreachable(where="test", detail="gone")

    with monkeypatch.context() as patched:
        patched.setattr(importing, "take_imported", gone)
        with pytest.raises(DatabaseUnreachable):
            managed.bring(managed.pair.export("one.tar"))
    assert managed.words == 0
    bench = Bench(
        database=managed.database,
        log=managed.log,
        clock=managed.pair.clock,
        fleet="testing",
        plans=managed.layout.plans,
        common=managed.layout.plan,
    )
    for _ in range(2):
        keep(bench)
    assert managed.words == 1
    assert managed.attested() == (State.PASS, Attestor.DRILL_HOST)


@pytest.mark.parametrize("fleet_address", ["sqlite"], indirect=True)
def test_the_command_imports_at_the_manager_where_no_node_lives(managed: Managed, sqlite_template: Path) -> None:
    managed.pair.trust()
    managed.arrive()
    managed.pair.look()
    state = managed.layout.state
    shutil.copy(sqlite_template, managed.layout.database)
    _remember(managed.layout, Settings(state=state, fleet="testing", plan=str(managed.layout.plan)))
    words = ("ledger", "import", str(managed.pair.export("one.tar")), "--json")
    imported = managed.pair.site.run(*words, state=state)
    assert imported.code == 0, imported.err
    assert (imported.json["host"], imported.json["evidence"]) == ("laptop", {"node": FLEET_LOG, "seq": 1})
    again = managed.pair.site.run(*words, "--manager", state=state)
    assert again.code != 0
    assert "laptop" in again.err
