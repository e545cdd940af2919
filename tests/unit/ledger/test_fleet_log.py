"""A stranger with exports of the fleet log and of a node's ledger, and with a policy: by both verifiers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from intendance.agent.against import Kept
from intendance.agent.ledger_view import export_bundle, verify_bundle
from intendance.fleet.binding.decide import HeldHead, own_note, sheet
from intendance.fleet.log import FleetLog
from intendance.ledger.book import Book
from intendance.ledger.cosignature import WitnessKey
from intendance.ledger.layout import Layout
from intendance.ledger.note import checkpoint_text, sign_note
from intendance.ledger.report import Case, Report
from intendance.model.errors.ledger import FleetLogUnusable, PolicyUnusable
from intendance.model.evidence.heads import HeadsBound
from tests.support import bundles
from tests.support.growing_log import key_of
from tests.support.ledger_material import Ticking, begin, ended, fill
from tests.unit.ledger.test_witnesses import cosigned_by

KEYS = {n: WitnessKey(f"w{n}.example", key_of(n).public_key().public_bytes_raw()) for n in (1, 2, 3)}


@dataclass
class Fleet:
    """A manager's log, a node's ledger whose heads it binds, witnesses and a stranger's folder."""

    log: FleetLog
    node: Path
    place: Path
    key: str = ""

    def record(self, count: int = 1) -> None:
        for _ in range(count):
            self.log.append(ended(), "person:anne")

    def bind(self, state: Path | None = None) -> None:
        with Book.open(state or self.node, Ticking()) as book:
            head = HeldHead(
                node="web-01",
                incarnation=1,
                size=book.size(),
                note=book.layout.checkpoint.read_text(),
                key=book.key.text,
            )
        note = own_note(head)
        assert note is not None
        self.bind_note(head, note)

    def bind_note(self, head: HeldHead, note: str) -> None:
        self.log.append_with(HeadsBound(logs=1), "schedule:heads", sheet([(head, note)]), "application/gzip")

    def cosign(self, *numbers: int) -> None:
        layout = Layout(self.log.folder)
        layout.witnessed.mkdir(exist_ok=True)
        for number in numbers:
            cosigned = cosigned_by(KEYS[number], layout.checkpoint.read_bytes(), seed=number)
            (layout.witnessed / f"w{number}").write_bytes(cosigned)

    def policy(self, quorum: str, *, log: str | None = None) -> Path:
        with self.log.open() as book:
            lines = [f"log {log or book.key.text}"]
        lines += [f"witness w{n} {key.text}" for n, key in KEYS.items()]
        path = self.place / "policy"
        path.write_text("\n".join([*lines, quorum, ""]))
        return path

    def export(self, state: Path, name: str, first: int | None = None, last: int | None = None) -> Path:
        path = self.place / name
        export_bundle(state, Ticking(), path, first=first, last=last)
        return path


TWO_OF_THREE = "group two 2 w1 w2 w3\nquorum two"


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    node = tmp_path / "node"
    with begin(node) as book:
        fill(book, 9)
        log = FleetLog(tmp_path / "manager", "asbl", Ticking())
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    return Fleet(log, node, stranger)


def judged(bundle: Path, policy: Path | None = None, fleet_log: Path | None = None) -> tuple[Report, str]:
    """Our report and the other verifier's words, once both came to one exit code."""
    report = verify_bundle(bundle, elsewhere=Kept(policy=policy, fleet_log=fleet_log))
    words = [*(["--policy", str(policy)] if policy else []), *(["--fleet-log", str(fleet_log)] if fleet_log else [])]
    code, said = bundles.alone(bundle, *words)
    assert code == report.exit_code, (report.findings, said)
    return report, said


def cases(report: Report) -> set[Case]:
    return {each.case for each in report.findings}


def test_a_fleet_log_under_a_policy(fleet: Fleet) -> None:
    fleet.bind()
    fleet.record(2)
    fleet.cosign(1, 3)
    report, said = judged(fleet.export(fleet.log.folder, "fleet"), fleet.policy(TWO_OF_THREE))
    assert report.exit_code == 0
    assert report.quorum is not None
    assert (report.quorum.cosigned, report.quorum.witnesses, report.quorum.size) == (2, 3, 4)
    assert report.bound is not None
    assert (report.bound.ledgers, report.bound.heads) == (1, 1)
    assert "2 of the 3 witnesses that can count cosigned, enough for 4 records" in said
    assert "1 heads of nodes" in said


def test_too_few_witnesses_and_their_names(fleet: Fleet) -> None:
    fleet.record()
    fleet.cosign(2)
    report, said = judged(fleet.export(fleet.log.folder, "fleet"), fleet.policy(TWO_OF_THREE))
    assert (cases(report), report.exit_code) == ({Case.QUORUM_MISSED}, 5)
    assert "missing: w1.example, w3.example. Compare their keys" in report.findings[0].detail
    assert "missing: w1.example, w3.example" in said


def test_a_cosignature_of_an_older_tree_vouches_for_that_one(fleet: Fleet) -> None:
    fleet.record(3)
    fleet.cosign(1)
    fleet.record(3)
    fleet.cosign(2)
    bundle, policy = fleet.export(fleet.log.folder, "fleet"), fleet.policy(TWO_OF_THREE)
    report, said = judged(bundle, policy)
    assert (cases(report), report.exit_code) == ({Case.QUORUM_BEHIND}, 5)
    assert "cosigned 4 records, an older tree" in report.findings[0].detail
    assert "`--to 3`" in report.findings[0].detail
    assert "cosigned 4 records, an older tree" in said
    only = verify_bundle(bundle, last=3, elsewhere=Kept(policy=policy))
    assert (only.exit_code, cases(only)) == (0, set())
    part = fleet.export(fleet.log.folder, "part", last=3)
    judged_part, _ = judged(part, policy)
    assert judged_part.exit_code == 0


def test_a_log_or_a_witness_of_another_key(fleet: Fleet) -> None:
    fleet.record()
    fleet.cosign(1, 2, 3)
    bundle = fleet.export(fleet.log.folder, "fleet")
    with begin(fleet.place / "other") as book:
        other = book.key.text
    report, _ = judged(bundle, fleet.policy(TWO_OF_THREE, log=other))
    assert (cases(report), report.exit_code) == ({Case.KEY_NOT_IN_POLICY}, 5)
    policy = fleet.policy("quorum w1")
    stranger = WitnessKey("w1.example", key_of(7).public_key().public_bytes_raw())
    policy.write_text(policy.read_text().replace(KEYS[1].text, stranger.text))
    report, _ = judged(bundle, policy)
    assert (cases(report), report.exit_code) == ({Case.QUORUM_MISSED}, 5)
    policy.write_text("quorum w1\n")
    with pytest.raises(PolicyUnusable):
        judged(bundle, policy)
    assert bundles.alone(bundle, "--policy", str(policy))[0] == 2


def test_two_forks_of_the_fleet_log_convict_its_key(fleet: Fleet, tmp_path: Path) -> None:
    fleet.record(2)
    with Book.open(fleet.log.folder, Ticking()) as book:
        book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fork = FleetLog(tmp_path / "fork", "asbl", Ticking())
    shutil.copytree(fleet.log.folder, fork.folder)
    fleet.record(2)
    fork.append(ended(), "person:mallory")
    fork.append(ended(), "person:mallory")
    fleet.cosign(1)
    shutil.copytree(Layout(fleet.log.folder).witnessed, Layout(fork.folder).witnessed)
    policy = fleet.policy("quorum w1")
    assert judged(fleet.export(fleet.log.folder, "fleet"), policy)[0].exit_code == 0
    report, said = judged(fleet.export(fork.folder, "forked"), policy)
    assert (cases(report), report.exit_code) == ({Case.HISTORY_REWRITTEN}, 1)
    assert "TAMPERED" in said


def test_a_nodes_export_against_the_bound_heads(fleet: Fleet) -> None:
    fleet.bind()
    with Book.open(fleet.node, Ticking()) as book:
        fill(book, 300)
    fleet.bind()
    fleet.cosign(1, 2)
    with Book.open(fleet.node, Ticking()) as book:
        fill(book, 5)
    held, policy = fleet.export(fleet.log.folder, "fleet.tar"), fleet.policy(TWO_OF_THREE)
    for name, first in (("whole", None), ("part", 200)):
        report, said = judged(fleet.export(fleet.node, name, first=first), policy, held)
        assert report.exit_code == 0, said
        assert report.bound_size == 310
        assert any("after the 310 records that the fleet log binds" in each for each in report.not_checked)
        assert "of 310" in said


def test_a_node_that_rolled_back_or_wrote_its_history_anew(fleet: Fleet, tmp_path: Path) -> None:
    with Book.open(fleet.node, Ticking()) as book:
        book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(fleet.node, tmp_path / "copy")
    with Book.open(fleet.node, Ticking()) as book:
        fill(book, 3)
    fleet.bind()
    held = fleet.export(fleet.log.folder, "fleet")
    report, said = judged(fleet.export(tmp_path / "copy", "cut"), None, held)
    assert (cases(report), report.exit_code) == ({Case.ROLLED_BACK}, 3)
    with Book.open(tmp_path / "copy", Ticking()) as book:
        for _ in range(7):
            book.append(ended("another history"), actor="schedule:inspect")
    report, said = judged(fleet.export(tmp_path / "copy", "anew"), None, held)
    assert (cases(report), report.exit_code) == ({Case.HISTORY_REWRITTEN}, 1)
    assert "the first 13 records are not those" in said


def test_two_forks_that_a_fleet_log_binds_are_said_without_the_nodes_export(fleet: Fleet, tmp_path: Path) -> None:
    with Book.open(fleet.node, Ticking()) as book:
        book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copytree(fleet.node, tmp_path / "copy")
    for state, seed in ((fleet.node, "a"), (tmp_path / "copy", "b")):
        with Book.open(state, Ticking()) as book:
            fill(book, 1)
            book.append(book.facts("run.ended")[0].data, actor=f"person:{seed}")
        fleet.bind(state)
    report, _ = judged(fleet.export(fleet.log.folder, "fleet"))
    assert (cases(report), report.exit_code) == ({Case.BOUND_CONTRADICTED}, 1)
    report, _ = judged(fleet.export(fleet.node, "node"), None, fleet.place / "fleet")
    assert report.exit_code == 1


def test_heads_that_the_quorum_did_not_see_count_for_nothing(fleet: Fleet) -> None:
    fleet.record()
    fleet.cosign(1)
    fleet.bind()
    held, node = fleet.export(fleet.log.folder, "fleet"), fleet.export(fleet.node, "node")
    assert judged(node, None, held)[0].exit_code == 0
    report, _ = judged(node, fleet.policy("quorum w1"), held)
    assert (cases(report), report.exit_code) == ({Case.NOT_BOUND}, 5)


def test_a_head_that_the_fleet_log_made_up(fleet: Fleet) -> None:
    with Book.open(fleet.node, Ticking()) as book:
        key, origin = book.key, book.origin
    note = sign_note(checkpoint_text(origin, 3, bytes(32)), origin, key_of(8)).decode()
    head = HeldHead(node="web-01", incarnation=1, size=3, note=note, key=key.text)
    fleet.bind_note(head, note)
    report, _ = judged(fleet.export(fleet.node, "node"), None, fleet.export(fleet.log.folder, "fleet"))
    assert (cases(report), report.exit_code) == ({Case.PIN_OF_ANOTHER_KEY, Case.NOT_BOUND}, 5)


def _cut_tar(held: Path) -> Path:
    cut = held.with_name("cut.tar")
    cut.write_bytes(held.read_bytes()[: held.stat().st_size // 2])
    return cut


def _without_records(held: Path) -> Path:
    for path in (held / "ledger" / "tile" / "entries").rglob("*"):
        if path.is_file():
            path.unlink()
    return held


@pytest.mark.parametrize(("name", "spoil", "code"), [("f.tar", _cut_tar, 5), ("f", _without_records, 3)])
def test_a_cut_export_of_the_fleet_log(fleet: Fleet, name: str, spoil: Callable[[Path], Path], code: int) -> None:
    fleet.bind()
    fleet.record(3)
    node, held = fleet.export(fleet.node, "node"), spoil(fleet.export(fleet.log.folder, name))
    report, said = judged(node, None, held)
    assert report.fleet_log is not None
    assert report.exit_code == code
    assert "the fleet log: " in said


def test_what_is_no_fleet_log_is_refused(fleet: Fleet) -> None:
    node = fleet.export(fleet.node, "node")
    with pytest.raises(FleetLogUnusable) as refused:
        verify_bundle(node, elsewhere=Kept(fleet_log=node))
    assert refused.value.exit_code == 2
    assert bundles.alone(node, "--fleet-log", str(node))[0] == 2
