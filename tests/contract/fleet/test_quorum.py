"""Who of the plan's witnesses cosigned the head that the fleet log's page shows: real witnesses, real signatures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from intendance.fleet.database.connect import Database
from intendance.fleet.log import FleetLog
from intendance.fleet.own_log import HeldLog, OwnLog
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.fleet.witnessing.perform import Witnessing
from intendance.language.texts import translator
from intendance.ledger.layout import Layout
from intendance.model.evidence.heartbeat import HeartbeatsSummed
from intendance.model.plan import Witness
from intendance.web.log_pages import log_page
from tests.support.clock import MovableClock
from tests.support.witnesses import witness_of


class Several:
    """A fleet log, and three witnesses that know it."""

    def __init__(self, database: Database, folder: Path, clock: MovableClock, stack: ExitStack) -> None:
        self.clock = clock
        self.log = FleetLog(folder / "state", "asbl", clock)
        self.record()
        self.named = [
            Witness(url=served.url, key=served.key)
            for served in (
                stack.enter_context(witness_of(folder / f"at-{at}", self.log, clock, f"w/{at}")) for at in (1, 2, 3)
            )
        ]
        self.shown_to = self.named
        self.witnessing = Witnessing(database, self.log.folder, lambda: self.shown_to, clock, lambda _: None)
        about = About(fleet="asbl", organisation="ASBL", zone="UTC")
        self.verdicts = Verdicts(database, clock, about, say=pytest.fail, log=self.log.size)

    def record(self) -> None:
        self.log.append(HeartbeatsSummed(day="2026-11-21", nodes=1, heard=1440, told_later=0, gaps=0), "manager")

    def look(self) -> None:
        self.clock.move(timedelta(minutes=2))
        self.witnessing.look()

    def held(self) -> HeldLog:
        return OwnLog(self.log, self.clock, lambda: self.named).held()

    def page(self) -> tuple[str, str, str]:
        """Its shape, its answer, and all that it says of who signed."""
        view = log_page(self.held(), self.verdicts.standing(), None, translator("en", "web"))
        said = [f"{each.name}: {each.text}" for each in view.definitions if each.name.startswith("Signature of")]
        return view.shape, view.answer, "\n".join((*view.facts, *said))


@pytest.fixture
def several(fleet_database: Database, tmp_path: Path, clock: MovableClock) -> Iterator[Several]:
    with ExitStack() as stack:
        yield Several(fleet_database, tmp_path, clock, stack)


def test_each_that_signed_is_counted_and_the_others_are_not_green(several: Several) -> None:
    assert (several.held().quorum.cosigned, several.held().quorum.wanted) == (0, 3)
    assert several.page()[0] == "pending"
    several.shown_to = several.named[:2]
    several.look()
    quorum = several.held().quorum
    assert [(each.name, each.cosigned, each.at) for each in quorum.witnesses] == [
        ("w/1", True, several.clock.at),
        ("w/2", True, several.clock.at),
        ("w/3", False, None),
    ]
    shape, answer, said = several.page()
    assert (shape, "not every witness" in answer) == ("pending", True)
    assert "cosigned by 2 of 3 witnesses" in said
    assert "w/3: has cosigned nothing that is here" in said
    several.shown_to = several.named
    several.look()
    several.clock.move(timedelta(minutes=9))
    shape, answer, said = several.page()
    assert (shape, "verified" in answer, several.held().quorum.is_met) == ("pass", True, True)
    assert "w/3: cosigned this head on" in said
    assert "9\xa0min ago" in said
    several.record()
    assert several.page()[0] == "pending"
    assert "not yet this head" in several.page()[2]


def test_a_cosignature_counts_by_its_signature_alone(several: Several, tmp_path: Path) -> None:
    several.look()
    assert several.held().quorum.cosigned == 3
    kept = Layout(several.log.folder).witnessed
    good = (kept / quote("w/1", safe="")).read_bytes()
    (kept / quote("w/2", safe="")).write_bytes(good)  # another's, under its name
    (kept / quote("w/3", safe="")).write_bytes(b"\xff torn")
    assert [each.cosigned for each in several.held().quorum.witnesses] == [True, False, False]
    several.named = [Witness(url="http://127.0.0.1:9", key="w/1+00000000+AAAA"), *several.named]
    assert (several.held().quorum.wanted, several.page()[0]) == (4, "pending")
    shutil.rmtree(kept)
    assert several.held().quorum.cosigned == 0


def test_a_witness_that_cosigned_more_than_is_here_has_not_cosigned_this_head(several: Several, tmp_path: Path) -> None:
    shutil.copytree(several.log.folder, tmp_path / "older")
    several.record()
    several.look()
    kept = tmp_path / "kept"
    shutil.copytree(Layout(several.log.folder).witnessed, kept)
    shutil.rmtree(several.log.folder)
    shutil.copytree(tmp_path / "older", several.log.folder)
    shutil.copytree(kept, Layout(several.log.folder).witnessed, dirs_exist_ok=True)
    assert several.held().quorum.cosigned == 0
    assert several.page()[0] == "pending"
    assert "more than is here" in several.page()[2]


def test_a_plan_without_witnesses_wants_none(several: Several) -> None:
    several.named = []
    assert (several.held().quorum.wanted, several.held().quorum.is_met) == (0, False)
    assert several.page()[0] == "pass"
    assert "of 0" not in several.page()[2]
