"""`intendance ledger …` from the command line in: sentences, tables, JSON, exit codes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from intendance.cli.main import run
from intendance.ledger.book import Book
from intendance.model.evidence.backup import BackupCompleted, BackupFailed, PacketCheck
from tests.support.ledger_material import begin, ended, fill


class Said:
    """What one command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def say(state: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def command(*words: str) -> Said:
        with pytest.raises(SystemExit) as ended_with:
            run(["ledger", *words, "--state", str(state)])
        heard = capsys.readouterr()
        return Said(int(ended_with.value.code or 0), heard.out, heard.err)

    return command


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with begin(tmp_path / "state") as book:
        book.append(
            BackupCompleted(
                set="shop.backup-logical.20261121T080000Z.1",
                kind="logical",
                engine="mariadb",
                engine_version="10.11.6",
                started_at="2026-11-21T08:00:00.000000Z",
                completed_at="2026-11-21T08:03:00.000000Z",
                recovers_to="2026-11-21T08:00:01.000000Z",
                stores=("local",),
                parts=3,
                source_bytes=4 * 2**30,
                stored_bytes=1536 * 2**20,
                manifest_sha256="ab" * 32,
                recipients=("AB" * 20, "CD" * 20),
                packets=PacketCheck(parts=3, recipients=("AB" * 20, "CD" * 20), integrity_protected=True),
            ),
            actor="schedule:backup.logical",
            asset="shop",
            run="shop.backup-logical.20261121T080000Z",
        )
        book.append(
            BackupFailed(
                set="site.backup-full.20261121T090000Z.1",
                kind="full",
                engine="files",
                started_at="2026-11-21T09:00:00.000000Z",
                step="dump",
                error="source_missing",
                message="site is not there: /var/www",
                next_step="…",
            ),
            actor="schedule:backup.full",
            asset="site",
        )
    return tmp_path / "state"


def grow(state: Path, count: int) -> None:
    from tests.support.ledger_material import Ticking

    with Book.open(state, Ticking()) as book:
        fill(book, count)


def test_show_lists_the_newest_records_with_words(say: Any) -> None:
    said = say("show")
    assert said.code == 0
    assert "no." in said.out
    assert "backup.completed" in said.out
    assert "1.5 GiB stored of 4.0 GiB" in " ".join(said.out.split())
    assert "site is not there: /var/www" in " ".join(said.out.split())
    assert "3 of 3 records of asbl/node/web-01/20261121T080000Z" in said.err


def test_show_filters(say: Any, state: Path) -> None:
    assert [record["seq"] for record in say("show", "--kind", "backup.failed", "--json").json["records"]] == [2]
    assert [record["asset"] for record in say("show", "--asset", "shop", "--json").json["records"]] == ["shop"]
    grow(state, 30)
    listing = say("show", "--last", "2", "--json").json
    assert (listing["schema"], listing["size"]) == ("intendance.records/1", 33)
    assert [record["seq"] for record in listing["records"]] == [31, 32]
    assert len(say("show", "--json").json["records"]) == 20
    nothing = say("show", "--asset", "nobody")
    assert (nothing.code, nothing.out) == (0, "")
    assert "None of the 33 records matches." in nothing.err


def test_show_one_record_in_full(say: Any, state: Path) -> None:
    said = say("show", "1")
    assert said.code == 0
    assert "Record 1" in said.out
    assert "data.recovers_to" in said.out
    assert "2 hashes, 64 bytes, lead to the signed root of 3 records" in said.out
    answer = say("show", "1", "--json").json
    assert answer["schema"] == "intendance.record/1"
    assert answer["record"]["kind"] == "backup.completed"
    assert json.loads(answer["canonical"])["seq"] == 1
    assert answer["leaf_hash"] in said.out
    assert answer["proof"]["size"] == 3
    assert len(answer["proof"]["hashes"]) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "99"), "The ledger has no record 99; it holds 3, numbered from 0."),
        (("show", "--kind", "backup.done"), "There are no records of kind `backup.done`."),
        (("verify", "--from", "2", "--to", "1"), "There are no records from 2 to 1"),
        (("verify", "--from", "0", "--to", "3"), "There are no records from 0 to 3"),
        (("verify", "--pin", "/nowhere"), "The pinned checkpoint /nowhere cannot be used: No such file or directory."),
        (("show", "--last", "0"), ""),
        (("show", "first"), ""),
        (("shout",), ""),
    ],
)
def test_questions_wrongly_put_are_one_sentence_and_exit_2(say: Any, words: tuple[str, ...], sentence: str) -> None:
    said = say(*words)
    assert said.code == 2
    assert said.out == ""
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_errors_are_objects_when_json_is_asked_for(say: Any) -> None:
    said = say("show", "99", "--json")
    assert said.code == 2
    assert said.json["error"]["code"] == "record_missing"
    assert said.json["error"]["next_step"]


def test_verify_says_what_was_and_what_was_not_checked(say: Any) -> None:
    said = say("verify")
    assert said.code == 0
    assert said.out.startswith("VERIFIED")
    assert "3 of 3 read, 0 to 2" in said.out
    assert "Not checked" in said.out
    assert "0 witnesses" in said.out
    answer = say("verify", "--json").json
    assert (answer["schema"], answer["result"], answer["findings"]) == ("intendance.verification/1", "verified", [])
    assert answer["checkpoint"]["size"] == 3
    assert any("0 witnesses" in sentence for sentence in answer["not_checked"])


def test_verify_tampered(say: Any, state: Path) -> None:
    tile = state / "agent/ledger/tile/0/000.p/3"
    tile.write_bytes(b"\x00" * 96)
    said = say("verify")
    assert said.code == 1
    assert said.out.startswith("TAMPERED")
    assert "✗ tile/0/000.p/3" in said.out
    answer = say("verify", "--json")
    assert (answer.code, answer.json["result"]) == (1, "tampered")
    assert answer.json["findings"][0]["fault"] == "tampered"


def test_verify_incomplete_and_undetermined(say: Any, state: Path) -> None:
    (state / "agent/ledger/tile/0/000.p/3").unlink()
    assert (say("verify").code, say("verify").out.split()[0]) == (3, "INCOMPLETE")
    said = say("checkpoint")  # brings lost files back
    assert said.code == 0
    assert say("verify").code == 0
    (state / "agent/state.db").write_bytes(b"x" * 5000)
    for leftover in ("state.db-wal", "state.db-shm"):
        (state / "agent" / leftover).unlink(missing_ok=True)
    said = say("verify")
    assert (said.code, said.out.split()[0]) == (5, "UNDETERMINED")


def test_a_checkpoint_taken_away_is_a_pin_later(say: Any, state: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.checkpoint"
    said = say("checkpoint", "--output", str(kept))
    assert said.code == 0
    assert said.out == kept.read_text(encoding="utf-8")
    assert f"intendance ledger verify --pin {kept}" in said.err
    assert "This signs 3 records" in said.err
    grow(state, 300)
    assert say("verify", "--pin", str(kept)).code == 0
    assert say("verify", "--pin", str(kept), "--json").json["pinned_size"] == 3
    again = say("checkpoint", "--output", str(kept))
    assert again.code == 2
    assert "exists already" in again.err
    nowhere = say("checkpoint", "--output", "/proc/nowhere/checkpoint")
    assert nowhere.code == 1
    assert "cannot be written" in nowhere.err


def test_checkpoint_signs_what_was_not_signed_yet(say: Any, state: Path) -> None:
    from tests.support.ledger_material import Ticking

    with Book.open(state, Ticking()) as book, book.transaction() as transaction:
        transaction.append(ended(), actor="person:anne")
    answer = say("checkpoint", "--json").json
    assert (answer["schema"], answer["size"]) == ("intendance.checkpoint/1", 4)
    assert answer["note"].split("\n")[1] == "4"
    assert answer["key"].startswith(f"{answer['origin']}+")


def test_without_a_state_folder(say: Any, state: Path) -> None:
    for path in sorted(state.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    for words in (("show",), ("verify",), ("checkpoint",)):
        said = say(*words)
        assert said.code == 2
        assert "no plan was ever adopted here" in said.err


def test_the_record_by_hand_as_the_documentation_says(say: Any, state: Path) -> None:
    """docs/ledger.md: the leaf hash of a record with nothing but a shell."""
    answer = say("show", "1", "--json").json
    hashed = subprocess.run(
        ["sha256sum"], input=b"\x00" + answer["canonical"].encode(), capture_output=True, check=True
    ).stdout
    assert hashed.split()[0].decode() == answer["leaf_hash"]


def test_export_writes_what_verify_accepts(say: Any, tmp_path: Path) -> None:
    said = say("export", str(tmp_path / "out.tar"))
    assert said.code == 0
    assert "3 records of asbl/node/web-01/20261121T080000Z" in said.out
    assert "Give the auditor the key by another way" in said.err
    verified = say("verify", "--bundle", str(tmp_path / "out.tar"), "--json")
    assert (verified.code, verified.json["result"], verified.json["size"]) == (0, "verified", 3)
    answer = say("export", str(tmp_path / "out"), "--json").json
    assert (answer["schema"], answer["size"], answer["missing_attachments"]) == ("intendance.export/1", 3, [])
    assert say("verify", "--bundle", str(tmp_path / "out")).code == 0
    assert say("export", str(tmp_path / "out")).code == 2
    assert say("verify", "--bundle", str(tmp_path / "none")).code == 2


def test_times_say_their_zone_and_lines_end_where_their_words_end(say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")  # the machine's zone has no say
    listing = say("show")
    assert "time (UTC)" in listing.out
    assert "2026-11-21 08:00:00" in listing.out
    assert [line for line in listing.out.splitlines() if line != line.rstrip()] == []
    assert "schedule:backup" not in listing.out
    full = say("show", "1")
    assert "2026-11-21 08:00:00 UTC" in full.out
    assert "schedule:backup.logical" in full.out
    assert [line for line in full.out.splitlines() if line != line.rstrip()] == []
    monkeypatch.setenv("COLUMNS", "160")
    assert "schedule:backup.logical" in say("show").out


def test_times_are_in_the_zone_of_the_plan_in_force(say: Any, state: Path) -> None:
    from tests.support.evidence import plan
    from tests.support.ledger_material import Ticking

    with Book.open(state, Ticking()) as book:
        book.append(plan("shop"), actor="person:anne")
    assert "time (Europe/Brussels)" in say("show").out
    assert "2026-11-21 09:00:00 CET" in say("show", "1").out


HOSTILE = "shop\x1b]0;owned\x07\x1b[2J\x9b1m\u202egpj.exe"
"""A database, a file, a person that was named to reach the terminal of who reads about it."""


@pytest.fixture
def hostile(state: Path) -> Path:
    from tests.support.ledger_material import Ticking

    with Book.open(state, Ticking()) as book:
        book.append(
            BackupFailed(
                set="site.backup-full.20261121T090000Z.2",
                kind="full",
                engine="files",
                started_at="2026-11-21T09:00:00.000000Z",
                step=HOSTILE,
                error="source_missing",
                message=f"{HOSTILE} is not there: /var/www/{HOSTILE}",
                next_step=HOSTILE,
            ),
            actor=f"person:{HOSTILE}",
            asset=HOSTILE,
            run=HOSTILE,
        )
    return state


@pytest.mark.parametrize("words", [("show",), ("show", "3"), ("show", "--last", "2")])
def test_a_hostile_name_reaches_no_terminal(say: Any, hostile: Path, words: tuple[str, ...]) -> None:
    said = say(*words)
    assert said.code == 0, said.err
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said.out + said.err)
    assert "\\x1b]0;owned" in said.out.replace("\n", "").replace(" ", "")


def test_in_colour_the_only_escapes_are_ours(say: Any, hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    said = say("show", "3")
    assert "\x1b[1m" in said.out
    assert "\x1b" not in re.sub(r"\x1b\[[0-9;]*m", "", said.out)
    assert "\x1b[2J" not in said.out
    assert not {"\x07", "\x9b", "\u202e"} & set(said.out)


def test_who_wants_no_colour_gets_no_escape_at_all(say: Any, hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    for words in (("show", "3"), ("show",), ("verify",)):
        assert "\x1b" not in say(*words).out


@pytest.mark.parametrize("columns", [80, 100])
def test_what_a_verification_says_is_as_wide_as_the_terminal_and_keys_stay_whole(
    say: Any, hostile: Path, monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = say("verify").out.splitlines()
    for line in lines:
        assert len(line) <= columns or line.startswith("  key  ")
    assert any(line.startswith("    ") and line.strip() for line in lines)


def test_json_says_the_hostile_name_and_holds_no_control(say: Any, hostile: Path) -> None:
    said = say("show", "3", "--json")
    assert said.json["record"]["asset"] == HOSTILE
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said.out)


def test_an_error_shows_what_was_typed(say: Any) -> None:
    said = say("show", "--kind", HOSTILE)
    assert said.code == 2
    assert "There are no records of kind" in said.err
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(said.err)
    assert "\\x1b" in said.err
