"""What verification says of each way in which a ledger can be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from intendance.ledger import canonical, note
from intendance.ledger.book import Book
from intendance.ledger.report import Case, Fault, Report
from intendance.ledger.rows import Block, Row
from intendance.ledger.source import StateSource, Unreadable, open_source
from intendance.ledger.tlog import Edge, bundle, leaf_hash
from intendance.ledger.verify import verify
from intendance.model.errors.ledger import RangeEmpty
from intendance.model.errors.state import NoState
from tests.support.ledger_material import InMemory, Ticking, begin, ended, fill
from tests.unit.ledger.forging import Signer, first_finding, rebuilt, rewritten


def test_a_sound_ledger_is_verified_and_the_limits_are_said(state: Path) -> None:
    with open_source(state) as source:
        report = verify(source)
    assert (report.exit_code, report.worst, report.findings) == (0, None, [])
    assert (report.size, report.records, report.first, report.last) == (600, 600, 0, 599)
    assert (report.signed_size, report.attachments) == (600, 1)
    assert report.tiles == len(list((state / "agent/ledger/tile").rglob("*/*"))) - len(
        [path for path in (state / "agent/ledger/tile").rglob("*/*") if path.is_dir()]
    )
    assert any("0 witnesses" in sentence for sentence in report.not_checked)
    assert any("true when it was written" in sentence for sentence in report.not_checked)


@pytest.mark.parametrize(
    ("first", "last"), [(0, 0), (0, 599), (255, 256), (512, 599), (599, 599), (300, None), (None, 3)]
)
def test_a_range_is_verified_and_said_to_be_one(state: Path, first: int | None, last: int | None) -> None:
    with open_source(state) as source:
        report = verify(source, first=first, last=last)
    assert (report.exit_code, report.first, report.last) == (0, first or 0, 599 if last is None else last)
    assert any(f"before {report.first} and after {report.last}, of 600" in sentence for sentence in report.not_checked)


@pytest.mark.parametrize(("first", "last"), [(5, 4), (600, 600), (0, 600), (600, None), (-1, 3)])
def test_an_empty_range_is_a_question_wrongly_put(ledger: InMemory, first: int, last: int | None) -> None:
    with pytest.raises(RangeEmpty):
        verify(ledger, first=first, last=last)


def test_a_rewritten_record_is_named(ledger: InMemory) -> None:
    report = verify(rewritten(ledger, 57, actor="person:nobody"))
    assert report.exit_code == 1
    assert ("tampered", "record 57", "not what was hashed into tile/0/000") in [
        (found.fault, found.where, found.detail) for found in report.findings
    ]
    assert ("tampered", "record 58") in [(found.fault, found.where) for found in report.findings]
    assert {str(found.case) for found in report.findings} >= {"record_not_the_hashed", "chain_broken", "file_differs"}
    assert verify(ledger, first=57, last=57).exit_code == 1
    assert verify(ledger, first=59, last=300).exit_code == 0


def test_the_last_record_is_bound_too(ledger: InMemory) -> None:
    report = verify(rewritten(ledger, 599, actor="person:nobody"))
    assert report.exit_code == 1
    assert "record 599" in [found.where for found in report.findings]


def test_a_changed_tile_is_told_from_a_changed_record(ledger: InMemory) -> None:
    content = bytearray(ledger.files["tile/0/001"])
    content[32 * 4] ^= 1
    ledger.files["tile/0/001"] = bytes(content)
    assert first_finding(verify(ledger)) == (
        "tampered",
        "tile/0/001",
        "the file differs from the ledger's records at record 260",
    )
    assert verify(ledger, first=300, last=301).exit_code == 1
    assert verify(ledger, first=3, last=4).exit_code == 0


def test_a_changed_bundle_is_named_with_its_record(ledger: InMemory) -> None:
    ledger.files["tile/entries/001"] = ledger.files["tile/entries/001"].replace(
        b'"message":"n170"', b'"message":"n171"'
    )
    report = verify(ledger)
    assert len(report.findings) == 1
    assert first_finding(report)[:2] == ("tampered", "tile/entries/001")
    seq = int(report.findings[0].detail.rpartition(" ")[2])
    assert verify(ledger, first=seq, last=seq).exit_code == 1


@pytest.mark.parametrize(
    "path", ["tile/0/000", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88", "tile/0/002.p/88"]
)
def test_a_missing_file_is_incomplete(ledger: InMemory, path: str) -> None:
    del ledger.files[path]
    assert first_finding(verify(ledger)) == ("incomplete", path, "the file is missing")
    assert verify(ledger, first=0, last=599).exit_code == 3


def test_an_old_partial_tile_may_go_but_not_lie(ledger: InMemory) -> None:
    assert "tile/0/002.p/87" in ledger.files
    ledger.files["tile/0/002.p/87"] = b"x" * (87 * 32)
    assert verify(ledger).exit_code == 1
    del ledger.files["tile/0/002.p/87"]
    assert verify(ledger).exit_code == 0


def test_files_that_do_not_belong(ledger: InMemory) -> None:
    ledger.files["tile/0/notes.txt"] = b""
    assert first_finding(verify(ledger)) == ("undetermined", "tile/0/notes.txt", "no tile has this name")
    del ledger.files["tile/0/notes.txt"]
    ledger.files["tile/0/003.p/1"] = b"x" * 32
    assert first_finding(verify(ledger))[0] == "incomplete"
    del ledger.files["tile/0/003.p/1"]
    ledger.files["tile/0/002.p/89"] = b"x" * 32 * 89
    assert first_finding(verify(ledger))[:2] == ("incomplete", "tile/0/002.p/89")


def test_a_gap_is_incomplete_and_named(ledger: InMemory) -> None:
    del ledger.kept[57]
    report = verify(ledger)
    assert (report.exit_code, first_finding(report)) == (3, ("incomplete", "record 57", "it is missing"))
    assert report.findings[0].case == "record_missing"
    del ledger.kept[57:60]
    assert first_finding(verify(ledger)) == ("incomplete", "records 57 to 60", "they are missing")
    assert verify(ledger, first=0, last=100).exit_code == 3
    del ledger.kept[0]
    assert ("record 0", "incomplete") in [(found.where, found.fault) for found in verify(ledger).findings]


def test_a_shortened_ledger_is_incomplete(ledger: InMemory) -> None:
    del ledger.kept[590:]
    report = verify(ledger)
    assert report.exit_code == 3
    assert "the checkpoint signs 600 records, the database holds 590" in [found.detail for found in report.findings]
    assert verify(ledger, first=0, last=5).exit_code == 3


def test_an_unsigned_tail_is_incomplete(state: Path, tmp_path: Path) -> None:
    with begin(tmp_path / "s") as book:
        fill(book, 3)
        with book.transaction() as transaction:
            transaction.append(ended(), actor="person:anne")
    with open_source(tmp_path / "s") as source:
        report = verify(source)
    assert first_finding(report)[:2] == ("incomplete", "checkpoint")
    assert report.findings[0].detail.startswith("record 4 is not signed yet")
    assert report.findings[0].case == "records_unsigned"


def test_an_empty_ledger_is_not_verified(ledger: InMemory) -> None:
    ledger.kept.clear()
    assert verify(ledger).exit_code == 3
    ledger.signed = None
    ledger.files.clear()
    assert verify(ledger).exit_code == 3


@pytest.mark.parametrize(
    ("column", "value"), [("kind", "backup.failed"), ("asset", None), ("ts", "2026-11-21T08:00:00.123457Z")]
)
def test_the_columns_that_find_a_record_are_compared_with_it(ledger: InMemory, column: str, value: Any) -> None:
    ledger.kept[5] = ledger.kept[5]._replace(**{column: value})
    assert first_finding(verify(ledger))[:2] == ("tampered", "record 5")
    assert verify(ledger, first=5, last=5).exit_code == 1


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"v": 2}, Fault.UNDETERMINED),
        ({"v": True}, Fault.UNDETERMINED),
        ({"kind": "moon.landed"}, Fault.UNDETERMINED),
        ({"extra": 1}, Fault.UNDETERMINED),
        ({"mono_us": "1"}, Fault.UNDETERMINED),
        ({"ts": "2026-11-21 08:00:00.123456Z"}, Fault.UNDETERMINED),
        ({"ts": "2026-13-21T08:00:00.123456Z"}, Fault.UNDETERMINED),
        ({"data": {}}, Fault.UNDETERMINED),
        ({"data": {"activity": "a", "outcome": "b", "attempt": 1, "message": "", "mood": "good"}}, Fault.UNDETERMINED),
        ({"data": {"activity": "a", "outcome": "b", "attempt": "1", "message": ""}}, Fault.UNDETERMINED),
        ({"node": "web-02"}, Fault.TAMPERED),
        ({"seq": 58}, Fault.TAMPERED),
        ({"kind": "genesis"}, Fault.TAMPERED),
    ],
)
def test_what_is_signed_but_not_understood_is_never_passed_over(
    ledger: InMemory, sign: Signer, changes: dict[str, Any], fault: Fault
) -> None:
    row = ledger.kept[57]
    value = json.loads(row.content) | changes
    ledger.kept[57] = Row(57, value["kind"], value["asset"], value["ts"], canonical.encode(value))
    report = verify(rebuilt(ledger, sign))
    assert (report.worst, report.findings[0].where) == (fault, "record 57")


def test_a_member_added_since_may_be_absent(ledger: InMemory, sign: Signer) -> None:
    value = json.loads(ledger.kept[57].content)
    value["kind"] = "inspection.completed"
    value["data"] = {
        "store": "local", "by": "self", "sets": 1, "faulty": 0, "incomplete": 0, "stored_bytes": 1, "hashed_bytes": 0,
        "newest": [
            {"set": "s", "kind": "full", "recovers_to": "t", "completed_at": "t", "stored_bytes": 1, "hashed_bytes": 0,
             "manifest_sha256": "m"}
        ],
        "days": ["2026-11-21"], "oldest_recovers_to": None, "zone": "Europe/Brussels",
    }  # fmt: skip
    ledger.kept[57] = ledger.kept[57]._replace(kind=value["kind"], content=canonical.encode(value))
    assert verify(rebuilt(ledger, sign)).exit_code == 0  # `fault` of a set has a default and is not written
    value["data"]["newest"][0]["colour"] = "red"
    ledger.kept[57] = ledger.kept[57]._replace(content=canonical.encode(value))
    assert verify(rebuilt(ledger, sign)).worst == Fault.UNDETERMINED


def test_large_numbers_and_french_text_are_no_fault(ledger: InMemory, sign: Signer) -> None:
    data = {"activity": "a", "outcome": "b", "attempt": 2**53 - 1, "message": "déjà vu 12345678901234567"}
    assert verify(rebuilt(rewritten(ledger, 57, data=data), sign)).exit_code == 0


def test_a_record_that_no_honest_program_writes(ledger: InMemory, sign: Signer) -> None:
    ledger = rebuilt(ledger, sign)
    content = ledger.kept[599].content.replace(b'"attempt":1', b'"attempt":1.0')
    ledger.kept[599] = ledger.kept[599]._replace(content=content)
    edge = Edge()
    for row in ledger.kept:
        edge.append(leaf_hash(row.content))
    for tile, hashes in edge.partial_tiles():
        ledger.files[tile.path] = b"".join(hashes)
    ledger.files["tile/entries/002.p/88"] = bundle([row.content for row in ledger.kept[512:]])
    ledger.signed = sign(note.checkpoint_text(json.loads(ledger.kept[0].content)["data"]["origin"], 600, edge.root()))
    report = verify(ledger)
    assert len(report.findings) == 1
    assert first_finding(report)[:2] == ("tampered", "record 599")
    assert "canonical" in report.findings[0].detail


def test_attachments(ledger: InMemory) -> None:
    (name,) = ledger.attached
    ledger.attached[name] = b"Manifest"
    assert first_finding(verify(ledger))[:2] == ("tampered", "record 599")
    ledger.attached.clear()
    assert first_finding(verify(ledger))[:2] == ("incomplete", "record 599")


# Reading a state folder


def test_an_unreadable_database_is_undetermined(tmp_path: Path) -> None:
    with begin(tmp_path / "s") as book:
        fill(book, 300)
        book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database = tmp_path / "s/agent/state.db"
    content = bytearray(database.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4096] = b"\xff" * 4096
    database.write_bytes(bytes(content))
    with open_source(tmp_path / "s") as source:
        assert verify(source).exit_code in (1, 3, 5)
    database.write_bytes(b"x" * 10_000)
    with pytest.raises(Unreadable, match="not a database"), open_source(tmp_path / "s"):
        pass


def test_no_state(tmp_path: Path) -> None:
    with pytest.raises(NoState), open_source(tmp_path):
        pass


def test_an_index_that_hides_a_record_is_found(tmp_path: Path) -> None:
    with begin(tmp_path / "s") as book:
        fill(book, 30)
        # An index that leaves records out, under the name of the one that facts are found by.
        book.connection.execute("PRAGMA writable_schema = ON")
        (sql,) = book.connection.execute("SELECT sql FROM sqlite_master WHERE name = 'record_by_kind'").fetchone()
        book.connection.execute(
            "UPDATE sqlite_master SET sql = ? WHERE name = 'record_by_kind'", (f"{sql} WHERE seq <> 7",)
        )
        book.connection.execute("PRAGMA writable_schema = RESET")
        book.connection.execute("REINDEX record_by_kind")
        book.connection.execute("PRAGMA writable_schema = ON")
        book.connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = 'record_by_kind'", (sql,))
    with Book.open(tmp_path / "s", Ticking()) as book:
        assert len(book.facts("run.ended")) == 29
    with open_source(tmp_path / "s") as source:
        report = verify(source)
    assert first_finding(report)[:2] == ("tampered", "database")


class Busy:
    """A state folder to which somebody appends while it is being verified."""

    def __init__(self, source: StateSource, book: Book) -> None:
        self._source = source
        self._book = book

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def rows(self, first: int, end: int) -> Iterator[Row]:
        fill(self._book, 150)
        return self._source.rows(first, end)

    def blocks(self, first: int, end: int) -> Iterator[Block]:
        fill(self._book, 150)
        return self._source.blocks(first, end)


def test_what_is_appended_while_verifying_is_not_seen(tmp_path: Path) -> None:
    with begin(tmp_path / "s") as book:
        fill(book, 250)
        with open_source(tmp_path / "s") as source:
            report = verify(Busy(source, book))
        assert (report.exit_code, report.size) == (0, 251)
        with open_source(tmp_path / "s") as source:
            assert (verify(source).exit_code, source.size()) == (0, 251 + 2 * 150)


def test_only_so_many_findings_are_listed_and_all_are_counted() -> None:
    report = Report()
    for number in range(1000):
        report.add(Case.RECORD_MISSING, f"record {number}", "x")
    report.add(Case.CHAIN_BROKEN, "record 1000", "x")
    assert len(report.findings) == 100
    assert report.counts == {Fault.TAMPERED: 1, Fault.INCOMPLETE: 1000, Fault.UNDETERMINED: 0}
    assert report.exit_code == 1


def test_the_worst_wins() -> None:
    report = Report()
    unknown, missing, broken = Case.RECORD_KIND_UNKNOWN, Case.RECORD_MISSING, Case.CHAIN_BROKEN
    for case, code in ((unknown, 5), (missing, 3), (unknown, 3), (broken, 1)):
        report.add(case, "x", "x")
        assert report.exit_code == code
