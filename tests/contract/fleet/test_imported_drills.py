"""MAINT_014 as judged from a host's ledger that was taken into view, by the manager and by the node alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from intendance.agent.judging import judge
from intendance.fleet.database.connect import Database
from intendance.fleet.verdicts.judge import Judge
from intendance.ledger.book import Book
from intendance.model.evidence import Evidence
from intendance.model.verdict import Attestor, State, Verdict
from tests.contract.fleet.test_importing import NODE, Managed
from tests.support import drills
from tests.support.paired import ASSET, make_pair
from tests.support.state import Site

pytestmark = pytest.mark.gnupg
DAY = timedelta(days=1)
BELIEVED = {
    "brought back from afar": ({}, State.PASS, "drilled", Attestor.DRILL_HOST),
    "from a folder": ({"store_kind": "directory"}, State.FAIL, "not_off_site", Attestor.DRILL_HOST),
    "of another node": ({"node": "web-02"}, State.FAIL, "never_drilled", Attestor.SELF),
    "of sets that another key signed": ({"node_fingerprint": "E" * 40}, State.FAIL, "never_drilled", Attestor.SELF),
    "by somebody else than signs the log": ({"by": "desk"}, State.FAIL, "never_drilled", Attestor.SELF),
    "by the node, it says": ({"by": "self"}, State.FAIL, "never_drilled", Attestor.SELF),
}


class Drilled(Managed):
    """The same, in which the laptop drills."""

    def key_of_node(self) -> str:
        with Book.open(self.pair.site.state, self.pair.clock) as book:
            return str(book.record(0).data["openpgp_fingerprint"])

    def drill(self, **changes: Any) -> None:
        self.record(drills.completed(**{"by": "laptop", "node_fingerprint": self.key_of_node()} | changes))

    def record(self, evidence: Evidence, asset: str = ASSET) -> None:
        with Book.open(self.pair.laptop, self.pair.clock) as book:
            book.append(evidence, actor="person:test", asset=asset)

    def taken(self, name: str = "one.tar") -> None:
        """Both take what the laptop wrote so far."""
        bundle = self.pair.export(name)
        self.bring(bundle)
        self.pair.bring(bundle)

    def verdict(self) -> Verdict:
        """What both say."""
        now = self.pair.clock.at
        by_manager = [each for each in Judge(self.database, pytest.fail).from_nothing(NODE, now) if _is_it(each)]
        by_node = [
            each for each in judge(self.pair.site.state, self.pair.clock, rule="MAINT_014").verdicts if _is_it(each)
        ]
        (found,), (other,) = by_manager, by_node
        assert _said(found) == _said(other)
        return found


def _is_it(verdict: Verdict) -> bool:
    return (verdict.rule, verdict.asset) == ("MAINT_014", ASSET)


def _said(verdict: Verdict) -> tuple[object, ...]:
    return verdict.state, verdict.reason, verdict.since, verdict.attested_by, verdict.next_change_at


@pytest.fixture
def managed(bare_site: Site, fleet_database: Database) -> Drilled:
    made = Drilled(make_pair(bare_site), fleet_database)
    made.pair.trust()
    made.arrive()
    return made


@pytest.mark.parametrize("said", BELIEVED)
def test_a_drill_counts_that_a_believed_host_made_of_this_nodes_sets(managed: Drilled, said: str) -> None:
    changes: Mapping[str, Any]
    changes, state, code, attestor = BELIEVED[said]
    assert managed.verdict().state is State.PENDING
    managed.pair.clock.move(33 * DAY)
    assert managed.verdict().reason.code == "never_drilled"
    managed.drill(**changes)
    managed.taken()
    found = managed.verdict()
    assert (found.state, found.reason.code, found.attested_by) == (state, code, attestor)


def test_a_failure_after_it_is_told_and_after_32_days_it_is_old(managed: Drilled) -> None:
    managed.drill()
    managed.pair.clock.move(timedelta(hours=1))
    managed.record(drills.failed(by="laptop"))
    managed.taken()
    found = managed.verdict()
    assert (found.state, found.reason.code) == (State.PASS, "drilled_then_failed")
    managed.pair.clock.move(33 * DAY)
    found = managed.verdict()
    assert (found.state, found.reason.code, found.attested_by) == (State.FAIL, "drill_failed", Attestor.DRILL_HOST)
    managed.drill()
    assert managed.verdict().state is State.FAIL, "not taken yet"
    managed.taken("two.tar")
    assert managed.verdict().reason.code == "drilled"


def test_a_drill_of_another_asset_says_nothing_of_this_one(managed: Drilled) -> None:
    managed.record(drills.completed(by="laptop", node_fingerprint=managed.key_of_node()), asset="other")
    managed.taken()
    assert managed.verdict().state is State.PENDING


def test_a_drill_of_a_host_whose_clock_is_ahead_is_taken_and_makes_nothing_green(managed: Drilled) -> None:
    managed.pair.clock.move(33 * DAY)
    now = managed.pair.clock.at
    managed.pair.clock.jump(now + 10 * DAY)
    managed.drill()
    managed.pair.clock.jump(now)
    managed.taken()
    assert managed.words == 1
    found = managed.verdict()
    assert found.state is not State.PASS
    managed.pair.clock.move(11 * DAY)
    assert managed.verdict().state is State.PASS
