"""A node and a laptop of its plan that looks into its stores, each with a ledger of its own."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.agent import ledger_view
from intendance.agent.adoption import adopt
from intendance.agent.importing import import_bundle
from intendance.agent.judging import judge
from intendance.ledger import imports
from intendance.ledger.book import Book
from intendance.ledger.taking import Imported
from intendance.model.errors import IntendanceError
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.verdict import Attestor, State
from tests.support.clock import MovableClock
from tests.support.evidence import START, completed, inspection, seen
from tests.support.state import Site

ASSET = "site-files"


class Pair:
    """A node whose plan believes a laptop, and the laptop's ledger."""

    def __init__(self, site: Site, clock: MovableClock) -> None:
        self.site = site
        self.clock = clock
        self.laptop = self.begin("laptop")

    def begin(self, place: str, *, fleet: str = "testing", node: str = "laptop") -> Path:
        state = self.site.base / place
        Book.create(
            state, fleet=fleet, node=node, openpgp_fingerprint="F" * 40, software="test", clock=self.clock
        ).close()
        return state

    def key(self, state: Path) -> str:
        with Book.open(state, self.clock) as book:
            return book.key.text

    def believe(self, hosts: str, *confirmed: str) -> None:
        text = self.site.plan.read_text().partition("hosts:")[0].rstrip("\n")
        self.site.plan.write_text(f"{text}\n{hosts}\n")
        adopt(self.site.plan, state=self.site.state, clock=self.clock, actor="person:test", confirmed=confirmed)

    def trust(self, state: Path | None = None) -> None:
        key = self.key(state or self.laptop)
        self.believe(f'hosts: {{laptop: {{held_by: lead, ledger_key: "{key}"}}}}', "laptop")

    def look(self, state: Path | None = None, **changes: Any) -> InspectionCompleted:
        """The laptop sees a whole set in the store, younger than a day."""
        with Book.open(self.site.state, self.clock) as book:
            fingerprint = book.record(0).data["openpgp_fingerprint"]
        evidence = replace(
            inspection([seen(self.clock.at - timedelta(hours=1))], by="laptop"),
            fleet="testing",
            node="web-01",
            node_fingerprint=fingerprint,
        )
        evidence = replace(evidence, **changes)
        with Book.open(state or self.laptop, self.clock) as book:
            book.append(evidence, actor="person:test", asset=ASSET)
        return evidence

    def export(self, name: str, state: Path | None = None, **bounds: int) -> Path:
        path = self.site.base / name
        ledger_view.export_bundle(state or self.laptop, self.clock, path, **bounds)
        return path

    def bring(self, bundle: Path) -> Imported:
        return import_bundle(self.site.state, self.clock, bundle, actor="person:test")

    def refused(self, bundle: Path, error: type[IntendanceError]) -> IntendanceError:
        """Nothing is recorded and nothing is in view of what is refused."""
        with Book.open(self.site.state, self.clock) as book:
            before = (book.size(), self._in_view(book))
        with pytest.raises(error) as told:
            self.bring(bundle)
        with Book.open(self.site.state, self.clock) as book:
            assert (book.size(), self._in_view(book)) == before
        assert told.value.message.count("\n") == 0
        return told.value

    @staticmethod
    def _in_view(book: Book) -> int:
        if not imports.has_table(book.connection):
            return 0
        (count,) = book.connection.execute("SELECT count(*) FROM imported").fetchone()
        return int(count)

    def attested(self) -> tuple[State, Attestor | None]:
        judged = judge(self.site.state, self.clock, rule="MAINT_010")
        (verdict,) = [each for each in judged.verdicts if each.asset == ASSET]
        return verdict.state, verdict.attested_by


def make_pair(site: Site) -> Pair:
    """A node that backed up an hour ago, and looked itself."""
    clock = MovableClock(START)
    text = site.write_plan(full="0 2 * * *").read_text()
    site.plan.write_text(text.replace("[asbl]", "[maint, asbl]"))
    adopt(site.plan, state=site.state, clock=clock, actor="person:test")
    clock.move(timedelta(hours=2))
    with Book.open(site.state, clock) as book:
        at = clock.at - timedelta(hours=1)
        book.append(completed(at), actor="schedule:backup", asset=ASSET)
        book.append(inspection([seen(at)]), actor="schedule:inspect", asset=ASSET)
    return Pair(site, clock)
