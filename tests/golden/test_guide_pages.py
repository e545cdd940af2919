"""What `intendance restore guide` says to people, word for word, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from intendance.agent.guide.case import Case, Item, Safety, Wanted
from intendance.agent.guide.guiding import Guided
from intendance.cli import restore_guide
from intendance.engines.replacing import Target
from intendance.language.texts import translator
from intendance.model.evidence.restore import Check
from tests.support import golden
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "guide"
Language = Literal["en", "fr"]
STAMP = "20261122T093000Z"
INSTANT = "2026-11-21T08:00:00.000000Z"
TABLES = Check(name="tables", ok=True, found="7 tables, as in the set")
TREE = Check(name="files", ok=True, found="312 names, 1048576 bytes, as they were tested")
WRITTEN = replace(TREE, found="312 names, 1048577 bytes; something has already written to them since")
DATABASE = Item(
    asset="shop-db", engine="mariadb", target=Target(database="shop"),
    found={"restored": f"shop_restored_{STAMP.lower()}", "kept": f"shop_replaced_{STAMP.lower()}"},
    present=True, standing_bytes=2**27, set="shop-db.backup-logical.20261121T080000Z.1", store="local",
    kind="logical", reached=INSTANT, source_bytes=2**27, tested=(TABLES,),
)  # fmt: skip
FILES = Item(
    asset="shop-files", engine="files", target=Target(), found={"folder": f"/srv/.shop.intendance-{STAMP}"},
    present=False, standing_bytes=0, set="shop-files.backup-full.20261121T080000Z.1", store="local",
    kind="full", reached=INSTANT, source_bytes=2**20, tested=(TREE,),
)  # fmt: skip
SITE = Case(
    id=f"shop.guide.{STAMP}", wanted=Wanted(name="shop"), site="shop", began_at="2026-11-22T09:30:00.000000Z",
    items=(DATABASE, FILES),
)  # fmt: skip
TABLE = replace(DATABASE, target=Target(database="shop", table="members"))
PATHS = replace(FILES, target=Target(paths=("uploads/2026", "*.php")), present=True)
DONE = replace(
    SITE, state="done",
    items=(replace(DATABASE, verified=(TABLES,)), replace(FILES, verified=(TREE,))),
    safety=(
        Safety(asset="shop-db", set="shop-db.backup-logical.20261122T093100Z.1", store="local"),
        Safety(asset="shop-files"),
    ),
)  # fmt: skip
UNSAFE = replace(
    DONE, items=(replace(PATHS, verified=(replace(WRITTEN, ok=False),)),),
    safety=(Safety(asset="shop-files", unsafe="what it holds could not be read to its end: gpg"),),
)  # fmt: skip
REMOVALS = (f"DROP DATABASE `shop_replaced_{STAMP.lower()}`;",)
PAGES: dict[str, Case] = {
    "open": SITE,
    "open-parts": replace(SITE, items=(TABLE, PATHS)),
    "done": DONE,
    "done-unsafe": UNSAFE,
    "back": replace(DONE, state="back"),
    "cancelled": replace(SITE, state="cancelled"),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_people_read(name: str, language: Language) -> None:
    case = PAGES[name]
    removals = REMOVALS if case is DONE else ()
    guided = Guided(case=case, node="crud-web", zone="Europe/Brussels", seqs=(41,), removals=removals)
    said = restore_guide.lines(translator(language, *restore_guide.DOMAINS), guided)
    golden.expect(FOLDER / f"{name}.{language}.txt", golden.text(said))


@pytest.mark.parametrize("name", PAGES)
def test_the_french_pages_keep_french_typography(name: str) -> None:
    lines = (FOLDER / f"{name}.fr.txt").read_text(encoding="utf-8").splitlines()
    prose = [
        re.sub(" +", " ", line.strip())
        for line in lines
        if not line.startswith("    intendance ") and "DROP" not in line
    ]
    assert [fault for line in prose for fault in french_faults(re.sub(r"\d\d:\d\d:\d\dZ?", "0", line))] == []
