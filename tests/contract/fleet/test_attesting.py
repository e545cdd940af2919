"""The manager looks into stores itself, and its judge takes what it saw as another's word: on SQLite and PostgreSQL,
in a folder, over S3 and over SFTP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select, update

from intendance.fleet.attesting.decide import AGAIN, EVERY, Watched, due
from intendance.fleet.attesting.perform import keep
from intendance.fleet.attesting.service import Attesting
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_record, node_state, word
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.verdicts.judge import Judge
from intendance.ledger.source import open_source
from intendance.ledger.verify import verify
from intendance.model.plan import DirectoryStore, FilesAsset
from intendance.model.verdict import Attestor, State
from intendance.stores import adopt_store
from tests.support.attested import NODE, Place
from tests.support.radosgw import Shelf
from tests.support.sshd import SshServer
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg
ONE = pytest.mark.parametrize("fleet_address", ["sqlite"], indirect=True)


@pytest.fixture
def place(workshop: Workshop, fleet_database: Database) -> Place:
    return Place(workshop, fleet_database)


def test_what_the_manager_saw_turns_the_nodes_word_into_anothers(place: Place) -> None:
    workshop = place.workshop
    workshop.back_up(later=timedelta(hours=1))
    workshop.inspect()
    place.arrive()
    before = place.said("MAINT_010")
    assert (before.state, before.reason.code) == (State.UNKNOWN, "self_attested")
    assert place.look() == 0
    (seen,) = place.words()
    assert (seen["by"], seen["node"], seen["trust"]) == ("manager", NODE, "enrolled")
    assert (seen["sets"], seen["faulty"], seen["node_fingerprint"]) == (1, 0, workshop.keys.node.fingerprint)
    assert seen["hashed_bytes"] > 0
    assert len(seen["thirtieths"]) == 1
    assert NODE in Judge(place.database, pytest.fail).due(place.clock.at), "a word is a reason to judge"
    found = place.said("MAINT_010")
    assert (found.state, found.attested_by) == (State.PASS, Attestor.MANAGER)
    assert found.cites[0].node == "fleet.log"
    with place.bench.log.open() as book:
        assert book.record(found.cites[0].seq).kind == "inspection.completed"
    assert NODE not in Judge(place.database, pytest.fail).due(place.clock.at)
    place.clock.move(timedelta(hours=27))
    assert place.said("MAINT_010").state is State.FAIL, "time alone breaks it"


@ONE
def test_a_set_that_was_taken_away_or_changed_is_seen(place: Place) -> None:
    workshop = place.workshop
    first = workshop.back_up()
    second = workshop.back_up(later=timedelta(hours=1))
    workshop.inspect()
    place.arrive()
    assert place.look() == 0
    part = next(workshop.folder(second.set).glob("tree-*"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.chmod(0o600)
    part.write_bytes(content)
    place.look()
    newest = place.words()[-1]
    assert newest["faulty"] == 1
    assert place.said("ASBL_012").reason.code == "faulty"
    for file in workshop.folder(first.set).iterdir():
        file.chmod(0o600)
        file.unlink()
    place.look()
    assert place.words()[-1]["faulty"] == 2, "what was there before is missed"


@ONE
def test_only_the_key_that_the_nodes_ledger_names_counts(place: Place) -> None:
    workshop = place.workshop
    workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    with place.database.begin() as connection:
        (row,) = connection.execute(select(evidence_record).where(evidence_record.c.seq == 0)).all()
        other = bytes(row.content).replace(workshop.keys.node.fingerprint.encode(), b"A" * 40)
        assert other != bytes(row.content)
        connection.execute(update(evidence_record).where(evidence_record.c.seq == 0).values(content=other))
    place.look()
    assert place.words()[-1]["faulty"] == 1
    assert place.said("MAINT_010").state is not State.PASS


def test_a_word_about_sets_of_another_key_is_not_taken(place: Place) -> None:
    workshop = place.workshop
    workshop.back_up(later=timedelta(hours=1))
    workshop.inspect()
    place.arrive()
    assert place.look() == 0
    with place.database.begin() as connection:
        (row,) = connection.execute(select(word)).all()
        other = bytes(row.content).replace(workshop.keys.node.fingerprint.encode(), b"A" * 40)
        connection.execute(update(word).values(content=other))
    assert place.said("MAINT_010").reason.code == "self_attested"


def test_never_backed_up_and_an_empty_store_are_broken_not_unknown(place: Place) -> None:
    place.arrive()
    assert place.look() == 0
    (seen,) = place.words()
    assert (seen["sets"], seen["newest"]) == (0, [])
    found = place.said("MAINT_010")
    assert (found.state, found.reason.code) == (State.FAIL, "never")


@ONE
def test_a_set_far_smaller_than_those_before_is_faulty(place: Place) -> None:
    workshop = place.workshop
    for number in range(4):
        (workshop.tree / f"more-{number}").write_bytes(os.urandom(600_000))
    for _ in range(4):
        workshop.back_up()
    for number in range(4):
        (workshop.tree / f"more-{number}").unlink()
    for file in [each for each in workshop.tree.rglob("*") if each.is_file()]:
        file.unlink()
    workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    assert place.look() == 0
    newest = place.words()[-1]["newest"][0]
    assert newest["fault"], newest
    assert place.said("ASBL_012").reason.code == "faulty"


def test_what_keeps_the_manager_from_looking_is_told_with_what_to_do(place: Place) -> None:
    workshop = place.workshop
    workshop.back_up(later=timedelta(hours=1))
    workshop.inspect()
    place.arrive()
    ManagerLayout(place.state).plans.joinpath(f"{NODE}.json").unlink()
    assert place.look() == 1
    assert place.look() == 1
    (failed,) = place.words("inspection.failed")
    assert failed["error"] == "node_not_in_plan"
    found = place.said("MAINT_010")
    assert (found.state, found.reason.code) == (State.UNKNOWN, "manager_blind")
    assert "nodes:" in str(found.reason.params["message"])
    place.write_plan()
    assert place.look() == 0
    assert place.said("MAINT_010").state is State.PASS


@ONE
def test_the_managers_own_machine_is_no_other(place: Place) -> None:
    place.workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    with place.database.begin() as connection:
        connection.execute(update(node_state).values(boot=place.clock.read().boot))
    assert place.look() == 1
    assert place.words("inspection.failed")[0]["error"] == "node_on_this_machine"


@ONE
def test_a_folder_of_the_nodes_own_disk_is_out_of_reach(place: Place) -> None:
    workshop = place.workshop
    workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    elsewhere = DirectoryStore(name="local", path=str(workshop.base / "nowhere"))
    place.write_plan(local=elsewhere)
    assert place.look() == 1
    assert place.words("inspection.failed")[0]["error"] == "nothing_in_reach"


@ONE
def test_a_key_that_never_arrived_is_told(place: Place) -> None:
    place.workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    with place.database.begin() as connection:
        connection.execute(evidence_record.delete().where(evidence_record.c.seq == 0))
    assert place.look() == 1
    assert place.words("inspection.failed")[0]["error"] == "node_key_not_held"


@ONE
def test_over_s3_with_credentials_that_only_read(place: Place, locked_shelf: Shelf) -> None:
    shelf, workshop = locked_shelf, place.workshop
    workshop.further["offsite"] = shelf.declared
    workshop.stores = ("offsite",)
    workshop.declare(FilesAsset(name="site", path=str(workshop.tree), backup=workshop.backup_plan("full")))
    adopt_store(shelf.declared)
    workshop.back_up(later=timedelta(hours=1))
    place.write_plan(offsite=shelf.store_of(shelf.reader))
    place.arrive()
    assert place.look() == 0, place.words("inspection.failed")
    (seen,) = place.words()
    assert (seen["store"], seen["sets"], seen["faulty"]) == ("offsite", 1, 0)
    assert seen["newest"][0]["version"]
    refused = shelf.credentials(shelf.reader).with_name("none.ini")
    refused.write_text("[default]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n")
    refused.chmod(0o600)
    wrong = replace(shelf.declared, credentials=replace(shelf.declared.credentials, file=str(refused)))
    place.write_plan(offsite=wrong)
    assert place.look() == 1
    assert place.words("inspection.failed")[0]["next_step"]
    refused.unlink()
    assert place.look() == 1
    assert len(place.words("inspection.failed")) == 2, "another reason is another record"


@ONE
def test_over_sftp(place: Place, ssh_server: SshServer) -> None:
    workshop = place.workshop
    far = ssh_server.store(name="offsite")
    workshop.further["offsite"] = far
    workshop.stores = ("offsite",)
    workshop.declare(FilesAsset(name="site", path=str(workshop.tree), backup=workshop.backup_plan("full")))
    adopt_store(far)
    workshop.back_up(later=timedelta(hours=1))
    place.write_plan()
    place.arrive()
    assert place.look() == 0, place.words("inspection.failed")
    assert place.words()[0]["sets"] == 1
    place.write_plan(offsite=replace(far, port=1))
    assert place.look() == 1
    assert place.words("inspection.failed")[0]["store"] == "offsite"


def test_what_the_log_holds_reaches_the_judge_though_the_manager_was_killed_in_between(place: Place) -> None:
    place.workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    assert place.look() == 0
    with place.database.begin() as connection:
        connection.execute(word.delete())
    keep(place.bench)
    keep(place.bench)
    assert len(place.words()) == 1


# --- when ----------------------------------------------------------------------------------------------------------


def test_a_look_is_due_each_day_after_a_backup_and_not_twice_in_an_hour(place: Place) -> None:
    now = place.clock.at
    never = Watched(node="a", asset="x")
    assert due([never], now) == (never,)
    tried = replace(never, tried_at=now - AGAIN + timedelta(seconds=1))
    assert due([tried], now) == ()
    assert due([replace(tried, tried_at=now - AGAIN)], now) != ()
    fresh = Watched(node="b", asset="x", looked_at=now - timedelta(hours=2), backed_up_at=now - timedelta(hours=3))
    assert due([fresh], now) == ()
    assert due([replace(fresh, backed_up_at=now - timedelta(hours=1))], now) != ()
    assert due([replace(fresh, looked_at=now - EVERY)], now) != ()
    assert due([replace(fresh, looked_at=now + timedelta(days=3))], now) != (), "a clock that was set back"
    old = replace(fresh, looked_at=now - 2 * EVERY)
    older = replace(old, node="c", looked_at=now - 3 * EVERY)
    assert due([old, older, never], now) == (never, older, old)


@ONE
def test_each_look_is_a_process_of_its_own_and_one_that_dies_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    said: list[str] = []
    service = Attesting(place.bench, lambda: True, said.append)
    assert [each.asset for each in service.due()] == ["site"]
    assert service.look_due(threading.Event()) == 1
    assert said == []
    assert len(place.words()) == 1, place.words("inspection.failed")
    assert service.due() == ()
    monkeypatch.setattr("intendance.fleet.attesting.service.sys.executable", "/bin/false")
    place.clock.move(timedelta(days=1))
    service.look_due(threading.Event())
    (failed,) = place.words("inspection.failed")
    assert failed["error"] == "look_ended"
    assert said


@ONE
def test_a_look_that_is_killed_leaves_nothing_and_is_made_again(place: Place) -> None:
    """SIGKILL while it re-reads: the log is whole, nothing half is said, the next look says it all."""
    workshop = place.workshop
    (workshop.tree / "large").write_bytes(os.urandom(3_000_000))
    workshop.back_up(later=timedelta(hours=1))
    place.arrive()
    url = place.database.engine.url.render_as_string(hide_password=False)
    order = {"state": str(place.state), "fleet": "testing", "common": "", "address": url, "node": NODE, "asset": "site"}
    for delay in (0.05, 0.4, 0.8):
        child = subprocess.Popen([sys.executable, "-m", "intendance.fleet.attesting"], stdin=subprocess.PIPE)
        assert child.stdin is not None
        child.stdin.write(msgspec.json.encode(order))
        child.stdin.close()
        killer = threading.Timer(delay, child.send_signal, [signal.SIGKILL])
        killer.start()
        child.wait()
        killer.cancel()
    place.look()
    keep(place.bench)
    assert all(each["faulty"] == 0 and each["sets"] == 1 for each in place.words())
    assert place.words()
    with open_source(ManagerLayout(place.state).log) as source:
        assert verify(source).worst is None
