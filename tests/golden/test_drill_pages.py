"""What `intendance drill` says to people and to machines, word for word."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.agent.drill_records import Drills, DueDrill
from intendance.agent.drilling import Drilled
from intendance.cli import drill
from intendance.cli.output import Language
from intendance.cli.page import Page
from intendance.language.texts import translator
from intendance.model.evidence.drill import DrillCompleted, DrillFailed, Unusable
from intendance.model.verdict import Fact
from tests.support import drills, golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "drill"
ZONE = "Europe/Brussels"
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
NEWER = "crud-db.backup-logical.20261121T030000Z.1"
WHOLE = drills.completed()
OVER = drills.completed(
    predicted_ms=41_000, passed_over=(Unusable(set=NEWER, fault="db-crud-00000.zst.gpg missing"),), trust="first_use"
)


def drilled(evidence: DrillCompleted) -> Drilled:
    return Drilled(evidence=evidence, asset="crud-db", node="laptop", seq=12, zone=ZONE)


def fact(seq: int, kind: str, data: DrillCompleted | DrillFailed) -> Fact[Any]:
    return Fact(
        kind=kind, node="laptop", seq=seq, at=AT + timedelta(hours=seq), asset="crud-db", actor="person:anne", data=data
    )


LISTED = Drills(
    node="web-01",
    zone=ZONE,
    facts=(fact(3, "drill.failed", drills.failed()), fact(2, "drill.completed", WHOLE)),
    due=(
        DueDrill(asset="crud-db", host="laptop", since=AT, here=False),
        DueDrill(asset="site-files", host="web-01", since=AT, here=True),
    ),
)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("name", "evidence"), [("whole", WHOLE), ("passed-over", OVER)])
def test_what_a_drill_found(name: str, evidence: DrillCompleted, language: Language) -> None:
    page = Page(width=88)
    drill.draw_drilled(page, translator(language, "drill"), drilled(evidence))
    _expect(f"{name}.{language}.txt", page, language)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("name", "found"), [("listed", LISTED), ("none", Drills(node="web-01", zone=ZONE, facts=()))])
def test_the_list(name: str, found: Drills, language: Language) -> None:
    page = Page(width=88)
    drill.draw_drills(page, translator(language, "drill"), found)
    _expect(f"{name}.{language}.txt", page, language)


def test_for_machines() -> None:
    golden.expect_json(FOLDER / "passed-over.json", drill.drilled_json(drilled(OVER)))
    golden.expect_json(FOLDER / "listed.json", drill.drills_json(LISTED))


def _expect(name: str, page: Page, language: Language) -> None:
    said = golden.text(page.lines)
    golden.expect(FOLDER / name, said)
    # What was checked is evidence, and stands in English; commands are code.
    prose = "\n".join(line for line in page.lines if "✓" not in line and "▸" not in line and "part_" not in line)
    prose = re.sub(r"\d\d:\d\d(:\d\d)?|The part .*|damaged: its.*|bytes were.*", "0", prose)
    assert language == "en" or list(french_faults(re.sub(" +", " ", prose))) == []
