"""What the command line lists of a fleet, word for word, 80 columns wide, in both languages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from intendance.cli import alert_words, node
from intendance.cli.page import Page
from intendance.fleet.database.connect import open_database
from intendance.fleet.nodes.service import NodeSeen
from intendance.language.texts import translator
from tests.support import golden
from tests.support.alerted import Alerted
from tests.support.fleet import BEGAN

FOLDER = Path(__file__).parent / "fleet"
Language = Literal["en", "fr"]
ZONE = "Europe/Brussels"
ISO = re.compile(r"\d{4}-\d\d-\d\dT")
"""An instant as machines read it."""
STATES = {"web-01": "up", "nas-1": "late", "mail-01": "missing", "new-01": "unobservable", "old-01": "decommissioned"}


def _nodes() -> list[NodeSeen]:
    return [
        NodeSeen(
            node=name, incarnation=1, state=state, skew_ms=0, software="intendance 0.1.0", fingerprint="f",
            last_seen_at=None if state == "unobservable" else BEGAN - timedelta(seconds=45 * number), enrolled_at=BEGAN,
            decommissioned_at=None, evidence_size=9, signed_size=9, findings=1 if name == "nas-1" else 0,
        )
        for number, (name, state) in enumerate(STATES.items())
    ]  # fmt: skip


@pytest.fixture
def alerted(sqlite_template: Path, tmp_path: Path) -> Iterator[Alerted]:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database:
        found = Alerted(database)
        found.live()
        yield found


def _expect(page: Page, name: str, language: Language) -> None:
    assert max(map(len, page.lines)) <= page.width
    assert [line for line in page.lines if ISO.search(line)] == []
    golden.expect(FOLDER / f"{name}.{language}.txt", golden.text(page.lines))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nodes(language: Language) -> None:
    page = Page(width=80)
    node.draw_list(page, translator(language, "node"), _nodes(), ZONE)
    _expect(page, "nodes", language)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_alerts_and_one_of_them(alerted: Alerted, language: Language) -> None:
    alerts = alerted.alerts
    page = Page(width=80)
    alert_words.draw_list(page, language, alerts.listed(ended=True), alerts.silences(), ZONE, alerts.now)
    page.blank()
    shown = alerts.shown(alerted.open_numbers["mail-01 node.missing"])
    alert_words.draw_one(page, language, shown, ZONE, alerts.now)
    _expect(page, "alerts", language)
