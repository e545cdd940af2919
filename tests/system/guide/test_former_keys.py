"""A rebuilt node: sets that its lost ledger's key signed are drilled and pruned like its own, by it and beside it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.agent.rebuilding import Asked, restart_ledger
from intendance.ledger.book import Book
from intendance.model.evidence.lifecycle import Genesis
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock
from tests.support.state import Answer, Site, next_second

pytestmark = pytest.mark.gnupg
PRUNER = {"node": "web-01", "host": "laptop"}


@dataclass
class Rebuilt:
    """Two sets of the lost node's key and one of the present one, oldest first; `here` prunes and drills."""

    site: Site
    here: str
    former: str
    present: str
    sets: list[str]

    def run(self, *words: str) -> Answer:
        """As the node or as the host beside it, which has the plan's file and the private key of a person."""
        beside = () if self.here == "web-01" else ("--plan", str(self.site.plan))
        return self.site.run(*beside, *words, state=self.state, environment=self.site.keys.owner.environment)

    @property
    def state(self) -> Path:
        return self.site.state if self.here == "web-01" else self.site.base / "laptop"

    def drill(self, *words: str) -> Answer:
        there = () if self.here == "web-01" else ("--from-store", str(self.site.store), "--host", "laptop")
        return self.run("drill", "run", "site-files", *there, *words, "--json")

    def look(self) -> Answer:
        return self.run("backup", "inspect", *(() if self.here == "web-01" else ("--host", "laptop")), "--deep")

    def folder(self, name: str) -> Path:
        return self.site.store / "testing/web-01/site-files" / name


def genesis(site: Site) -> Genesis:
    with site.node() as node:
        (first,) = node.book.facts("genesis", latest=1)
        found: Genesis = first.data
        return found


@pytest.fixture(params=PRUNER)
def rebuilt(site: Site, request: pytest.FixtureRequest) -> Rebuilt:
    here = PRUNER[request.param]
    text = site.write_plan(full=None).read_text().replace("points: 90d", "points: 30d").rstrip()
    drill = f"\n    drill: {{host: {here}}}" if here == "web-01" else ""
    hosts = f"hosts:\n  laptop: {{held_by: admin}}\n  web-01: {{held_by: admin}}\nprune: {{host: {here}}}\n"
    site.plan.write_text(f"{text}{drill}\n{hosts}")
    shutil.rmtree(site.state)
    site.adopt(MovableClock(datetime.now(UTC) - timedelta(days=1)))  # ledgers are named by the second they began in
    former = genesis(site).openpgp_fingerprint
    back_up(site)
    back_up(site)
    shutil.rmtree(site.state)
    asked = Asked(from_store=str(site.store), fingerprint=former)
    restart_ledger(site.state, SystemClock(), asked, "web-01")
    site.adopt()
    back_up(site)
    began = genesis(site)
    assert began.former_keys == (former,)
    sets = sorted(each.name for each in site.sets())
    return Rebuilt(site, here, former, began.openpgp_fingerprint, sets)


def back_up(site: Site) -> None:
    next_second()
    made = site.run("backup", "run", "site-files", "--no-inspect")
    assert made.code == 0, made.err


def test_what_its_earlier_key_signed_is_drilled_and_pruned(rebuilt: Rebuilt) -> None:
    oldest, younger, newest = rebuilt.sets
    done = rebuilt.drill()
    assert done.code == 0, "two ledgers number from 0, and that is no rollback: " + done.err
    assert (done.json["point"], done.json["trust"]["signed_by"]) == (newest, rebuilt.present)
    early = rebuilt.drill("--point", younger)
    assert early.code == 0, early.err
    trust = early.json["trust"]
    assert (trust["fingerprint"], trust["signed_by"]) == (rebuilt.present, rebuilt.former)

    looked = rebuilt.look()
    assert looked.code == 0, looked.out + looked.err
    for name, age in zip(rebuilt.sets, (60, 40, 0), strict=True):
        at = (datetime.now(UTC) - timedelta(days=age)).timestamp()
        for path in rebuilt.folder(name).iterdir():
            os.utime(path, (at, at))
    shown = rebuilt.run("backup", "prune", "--dry-run", "--json")
    assert shown.code == 0, shown.err
    (store,) = shown.json["assets"][0]["stores"]
    assert [each["act"] for each in store["sets"]] == ["mark", "keep", "keep"]
    first = rebuilt.run("backup", "prune", "site-files", "--confirm", "site-files")
    assert first.code == 0, first.err

    a_week_later(rebuilt)
    pruned = rebuilt.run("backup", "prune", "site-files", "--confirm", "site-files")
    assert pruned.code == 0, pruned.err
    assert [rebuilt.folder(name).exists() for name in (oldest, younger)] == [False, True]


def a_week_later(rebuilt: Rebuilt) -> None:
    """The ledger as it would be had its pruning been eight days ago."""
    with Book.open(rebuilt.state, SystemClock()) as book:
        (marked,) = book.facts("prune.marked")
        at = (datetime.now(UTC) - timedelta(days=8)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        book.append(replace(marked.data, marked_at=at), actor="person:test", asset="site-files")
