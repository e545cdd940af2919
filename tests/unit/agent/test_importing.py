"""Another machine's ledger is taken into view, or refused with one sentence and nothing changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from intendance.agent import ledger_view
from intendance.ledger import imports, taking
from intendance.ledger.beginning import Before
from intendance.ledger.book import Book
from intendance.ledger.verify import verify
from intendance.model.errors.elsewhere import (
    ImportForked,
    ImportHostUnknown,
    ImportIsPart,
    ImportKeyDiffers,
    ImportKeyUnknown,
    ImportOfOtherFleet,
    ImportOfOurOwn,
    ImportOlder,
    ImportUnverified,
)
from intendance.model.errors.ledger import BundleUnusable
from intendance.model.verdict import Attestor, State
from tests.support import bundles, drills
from tests.support.paired import ASSET, Pair, make_pair
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


@pytest.fixture
def pair(bare_site: Site) -> Pair:
    return make_pair(bare_site)


def test_what_a_believed_host_saw_counts_as_its_word(pair: Pair) -> None:
    assert pair.attested()[0] is State.UNKNOWN
    pair.trust()
    pair.look()
    imported = pair.bring(pair.export("one.tar"))
    assert (imported.evidence.host, imported.evidence.size, imported.evidence.added) == ("laptop", 2, 2)
    assert pair.attested() == (State.PASS, Attestor.DRILL_HOST)

    pair.clock.move(timedelta(minutes=5))
    pair.look()
    again = pair.bring(pair.export("two"))
    assert (again.evidence.size, again.evidence.added) == (3, 1)
    assert ledger_view.verify_ledger(pair.site.state).worst is None


@pytest.mark.parametrize(
    "changes",
    [
        {"fleet": "other"},
        {"node": "web-02"},
        {"node_fingerprint": "E" * 40},
        {"node": "", "fleet": ""},
        {"by": "manager"},
        {"by": "self"},
        {"by": "web-01"},
    ],
)
def test_what_a_host_saw_of_another_node_is_no_word_about_this_one(pair: Pair, changes: dict[str, Any]) -> None:
    pair.trust()
    pair.look(**changes)
    pair.bring(pair.export("one.tar"))
    assert pair.attested()[0] is State.UNKNOWN


def test_of_a_rebuilt_node_what_came_back_under_its_earlier_key_counts_and_what_was_seen_does_not(pair: Pair) -> None:
    with Book.open(pair.site.state, pair.clock) as book:
        lost = book.record(0).data["openpgp_fingerprint"]
    head = (pair.site.state / "agent" / "ledger" / "checkpoint").read_text()
    shutil.rmtree(pair.site.state)
    Book.create(
        pair.site.state, fleet="testing", node="web-01", openpgp_fingerprint="C" * 40, software="test",
        clock=pair.clock, before=Before(head=head, keys=(lost,)),
    ).close()  # fmt: skip
    key = pair.key(pair.laptop)
    pair.believe(f'hosts: {{laptop: {{held_by: lead, ledger_key: "{key}"}}}}')
    with Book.open(pair.laptop, pair.clock) as book:
        for key in (lost, "C" * 40, "E" * 40):
            made = drills.completed(by="laptop", node_fingerprint=key)
            book.append(made, actor="person:test", asset=ASSET)
    for key in (lost, "C" * 40):
        pair.look(node_fingerprint=key)
    pair.bring(pair.export("one.tar"))
    with Book.open(pair.site.state, pair.clock) as book:
        view = imports.View(book)
        drilled = [fact.data.node_fingerprint for fact in view.facts("drill.completed", asset=ASSET)]
        looked = [fact.data.node_fingerprint for fact in view.facts("inspection.completed", asset=ASSET)]
    assert (drilled, looked) == (["C" * 40, lost], ["C" * 40])


def test_a_host_that_the_plan_no_longer_believes_says_nothing(pair: Pair) -> None:
    pair.trust()
    pair.look()
    pair.bring(pair.export("one.tar"))
    pair.believe("hosts: {laptop: {held_by: lead}}", "laptop")
    assert pair.attested()[0] is State.UNKNOWN
    pair.believe(f'hosts: {{laptop: {{held_by: lead, ledger_key: "{pair.key(pair.begin("another"))}"}}}}', "laptop")
    assert pair.attested()[0] is State.UNKNOWN


def test_a_replay_and_an_older_bundle(pair: Pair) -> None:
    pair.trust()
    pair.look()
    older = pair.export("older.tar")
    pair.look()
    newer = pair.export("newer.tar")
    pair.bring(newer)
    assert "2 records, and 3 of laptop" in pair.refused(older, ImportOlder).message
    pair.refused(newer, ImportOlder)


def test_a_fork(pair: Pair) -> None:
    pair.trust()
    pair.look()
    fork = pair.site.base / "fork"
    shutil.copytree(pair.laptop, fork)
    pair.look()
    pair.bring(pair.export("one.tar"))
    for _ in range(3):
        pair.clock.move(timedelta(seconds=1))
        pair.look(fork)
    pair.refused(pair.export("forked.tar", fork), ImportForked)


def test_a_log_that_was_in_view_before_another_is_not_rolled_back_by_the_way(pair: Pair) -> None:
    pair.trust()
    older = pair.export("older.tar")
    pair.look()
    pair.bring(pair.export("newer.tar"))
    pair.clock.move(timedelta(minutes=1))
    anew = pair.begin("anew")
    pair.trust(anew)
    pair.bring(pair.export("anew.tar", anew))
    pair.trust()
    pair.refused(older, ImportOlder)


def test_a_bundle_that_changes_while_it_is_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.trust()
    pair.look()
    bundle = pair.export("one")

    def verified(*given: Any, **named: Any) -> Any:
        report = verify(*given, **named)
        entries = bundle / "ledger/tile/entries/000.p/2"
        content = entries.read_bytes()
        assert content.count(b'"faulty":0') == 1
        entries.write_bytes(content.replace(b'"faulty":0', b'"faulty":9'))
        return report

    monkeypatch.setattr(taking, "verify", verified)
    monkeypatch.setattr(taking, "check_files", lambda files, report: None)  # it changed after that too
    assert "is kept of it" in pair.refused(bundle, ImportUnverified).message


def test_another_key_another_fleet_another_machine_and_our_own_ledger(pair: Pair) -> None:
    pair.refused(pair.export("nobody.tar"), ImportHostUnknown)
    pair.believe("hosts: {laptop: {held_by: lead}}")
    unknown = pair.refused(pair.export("keyless.tar"), ImportKeyUnknown)
    assert pair.key(pair.laptop) in unknown.advice
    pair.trust()
    pair.refused(pair.export("anew.tar", pair.begin("anew")), ImportKeyDiffers)
    pair.refused(pair.export("fleet.tar", pair.begin("fleet", fleet="elsewhere")), ImportOfOtherFleet)
    pair.refused(pair.export("tower.tar", pair.begin("tower", node="tower")), ImportHostUnknown)
    pair.refused(pair.export("own.tar", pair.site.state), ImportOfOurOwn)


def test_a_part_a_thing_that_is_none_and_nothing_at_all(pair: Pair) -> None:
    pair.trust()
    pair.look()
    pair.refused(pair.export("part", first=0, last=1), ImportIsPart)
    stray = pair.site.base / "stray.tar"
    stray.write_bytes(b"no tar")
    pair.refused(stray, BundleUnusable)
    pair.refused(pair.site.base / "absent", BundleUnusable)
    empty = pair.site.base / "empty"
    empty.mkdir()
    pair.refused(empty, ImportUnverified)


def _flip(name: str, at: int) -> Callable[[bundles.Bundle], bundles.Bundle]:
    def changed(bundle: bundles.Bundle) -> bundles.Bundle:
        content = bytearray(bundle[name])
        content[at] ^= 1
        return bundles.summed(bundle | {name: bytes(content)})

    return changed


def _shortened(bundle: bundles.Bundle) -> bundles.Bundle:
    return bundles.summed({name: content for name, content in bundle.items() if "tile/0/" not in name})


def _unsummed(bundle: bundles.Bundle) -> bundles.Bundle:
    return bundle | {"kinds.json": b"{}\n"}


@pytest.mark.parametrize(
    "tamper",
    [_flip("ledger/tile/entries/000.p/2", -5), _flip("ledger/checkpoint", -5), _shortened, _unsummed],
    ids=["record", "signature", "tile", "sums"],
)
def test_a_tampered_bundle(pair: Pair, tamper: Callable[[bundles.Bundle], bundles.Bundle]) -> None:
    pair.trust()
    pair.look()
    bundle = bundles.load(pair.export("whole"))
    pair.refused(bundles.store(tamper(bundle), pair.site.base / "tampered"), ImportUnverified)
    pair.bring(pair.site.base / "whole")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE imported SET content = CAST(replace(content, 'local', 'lokal') AS BLOB) WHERE seq = 1",
        "UPDATE imported SET kind = 'drill.completed' WHERE seq = 1",
        "DELETE FROM imported WHERE seq = 1",
    ],
)
def test_a_view_that_was_changed_here_is_found_by_verify(pair: Pair, statement: str) -> None:
    pair.trust()
    pair.look()
    pair.bring(pair.export("one.tar"))
    with Book.open(pair.site.state, pair.clock) as book:
        assert book.connection.execute(statement).rowcount == 1
    report = ledger_view.verify_ledger(pair.site.state)
    assert [(str(found.fault), found.where) for found in report.findings] == [("tampered", "view of laptop")]


def test_the_module_has_no_other_door() -> None:
    assert [name for name in vars(taking) if name.startswith("take")] == ["take_bundle"]
