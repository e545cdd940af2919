"""What `intendance ledger` says to people, word for word, in both languages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from intendance.agent.against import Kept
from intendance.agent.ledger_view import export_bundle, list_records, one_record, take_head, verify_ledger
from intendance.cli import ledger_pages
from intendance.cli.output import Output
from intendance.language.texts import Translator, translator
from intendance.ledger.book import Book
from intendance.model.evidence import Evidence
from intendance.model.evidence.backup import BackupCompleted, BackupFailed, PacketCheck
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.lifecycle import AssetDropped
from intendance.model.evidence.restore import Check, Phases, RestoreCompleted
from intendance.model.evidence.run import RunEnded, RunMissed
from tests.support import golden
from tests.support.ledger_material import Ticking, begin
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "ledger" / "pages"
Language = Literal["en", "fr"]
INSTANT = "2026-11-21T08:00:00.000000Z"
_HEX = re.compile(r"\b[0-9a-f]{16,64}\b")
_NOTE = re.compile(r"[A-Za-z0-9+/]{40,}={0,2}")
_KEY = re.compile(r"\+[0-9a-f]{8}\+")


def told() -> list[Evidence]:
    """One record of each kind that has words of its own, as far as a ledger of that age would hold them."""
    backup = BackupCompleted(
        set="shop.backup-logical.20261121T080000Z.1", kind="logical", engine="mariadb", engine_version="10.11.6",
        started_at=INSTANT, completed_at=INSTANT, recovers_to=INSTANT, stores=("local", "far"), parts=3,
        source_bytes=4 * 2**30, stored_bytes=1536 * 2**20, manifest_sha256="ab" * 32, recipients=("AB" * 20,),
        packets=PacketCheck(parts=3, recipients=("AB" * 20,), integrity_protected=True),
    )  # fmt: skip
    failed = BackupFailed(
        set="shop.backup-logical.20261121T080000Z.2", kind="logical", engine="mariadb", started_at=INSTANT, step="read",
        error="store_full", message="The store local is full.", next_step="Make room.",
    )  # fmt: skip
    looked = InspectionCompleted(
        store="local", by="self", sets=1200, faulty=2, incomplete=0, stored_bytes=2**40, hashed_bytes=2**30, newest=(),
        days=(), oldest_recovers_to=INSTANT, zone="Europe/Brussels",
    )  # fmt: skip
    restored = RestoreCompleted(
        set=backup.set, kind="logical", engine="mariadb", store="local", destination="/srv/back", target="newest",
        reached=INSTANT,
        phases=Phases(fetch_ms=1, decrypt_ms=1, load_ms=1, replay_ms=0, check_ms=1, total_ms=4200),
        checks=(Check(name="tables", ok=True, found="3"), Check(name="rows", ok=False, found="2 instead of 3")),
        restored_bytes=2**20,
    )  # fmt: skip
    missed = RunMissed(activity="backup.logical", first_missed=INSTANT, last_missed=INSTANT, count=3, caught_up_by=None)
    return [
        backup,
        failed,
        looked,
        restored,
        missed,
        AssetDropped(engine="files", identity="files:/srv/old", first_declared_at=INSTANT),
    ]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pages") / "state"
    with begin(place) as book:
        for evidence in told():
            book.append(evidence, actor="schedule:backup.logical", asset="shop")
        attached = book.attach(b"x" * 5000, "text/plain")
        done = RunEnded(activity="inspect", outcome="crashed", attempt=1, message="killed")
        book.append(
            done, actor="person:anne", asset="shop", run="shop.inspect.20261121T080000Z", attachments=[attached]
        )
    return place


@pytest.fixture(scope="module")
def spoiled(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same ledger after somebody wrote into the database, and a record that is not signed."""
    place = tmp_path_factory.mktemp("spoiled") / "state"
    shutil.copytree(state, place)
    with Book.open(place, Ticking()) as book:
        book.connection.execute("DROP TRIGGER record_is_never_changed")
        book.connection.execute("UPDATE record SET kind = 'run.missed' WHERE seq = 2")
    return place


def pages(state: Path, spoiled: Path, place: Path) -> dict[str, Callable[[Translator, Output], None]]:
    """Each page by the name of its file."""
    clock = Ticking()
    older = place / "older"
    listed = list_records(state, clock, kind=None, asset=None, last=20)
    none = list_records(state, clock, kind="run.missed", asset="absent", last=20)
    full = one_record(state, clock, 7)
    head = take_head(state, clock, older)
    sound = verify_ledger(state, elsewhere=Kept(pin=older))
    some = verify_ledger(state, first=2, last=4)
    changed = verify_ledger(spoiled)
    whole = export_bundle(state, clock, place / "whole")
    part = export_bundle(state, clock, place / "part.tar", first=2, last=7)
    return {
        "show": lambda _, output: ledger_pages.listing(_, listed, output),
        "show-none": lambda _, output: ledger_pages.listing(_, none, output),
        "show-record": lambda _, output: ledger_pages.record(_, full, output),
        "checkpoint": lambda _, output: ledger_pages.head(_, head, None, output),
        "verify": lambda _, output: ledger_pages.report(_, sound, output),
        "verify-range": lambda _, output: ledger_pages.report(_, some, output),
        "verify-tampered": lambda _, output: ledger_pages.report(_, changed, output),
        "export": lambda _, output: ledger_pages.exported(_, whole, output),
        "export-part": lambda _, output: ledger_pages.exported(_, part, output),
    }


def settled(text: str, place: Path) -> str:
    """Without the key and what follows from it."""
    text = text.replace(str(place), "PLACE")
    text = re.sub(r"(?m)^— .*$", "— SIGNATURE", text)
    text = _NOTE.sub("BASE64", _KEY.sub("+KEYID+", _HEX.sub("HEX", text)))
    text = re.sub(r"\d+([.,]\d)?[ \u00a0][KM]i[Bo]", "SIZE", text)
    return re.sub(r"\d+([ \u00a0])(files|fichiers), SIZE", r"MANY\1\2, SIZE", text)  # rules and texts come and go


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_people_read(
    state: Path, spoiled: Path, tmp_path: Path, language: Language, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    _ = translator(language, *ledger_pages.DOMAINS)
    for name, draw in pages(state, spoiled, tmp_path).items():
        draw(_, Output(as_json=False))
        heard = capsys.readouterr()
        found = settled(heard.out + ("---\n" + heard.err if heard.err else ""), tmp_path)
        golden.expect(FOLDER / f"{name}.{language}.txt", golden.text(found.splitlines()))


def test_the_french_pages_keep_french_typography() -> None:
    for name in ("show", "show-none", "show-record", "checkpoint", "export", "export-part"):
        lines = (FOLDER / f"{name}.fr.txt").read_text(encoding="utf-8").splitlines()
        spaced = [re.sub(" +", " ", line.strip()) for line in lines]
        prose = [
            line
            for line in spaced
            if not re.search(r"data\.|BASE64|HEX|PLACE|SIGNATURE|person:|\d:\d|---|--pin|`", line)
        ]
        assert [fault for line in prose for fault in french_faults(line)] == [], name
