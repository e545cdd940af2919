"""Power loss: a real adoption, backup and inspection, cut at any system call, with unsynced writes dropped.

After each: the ledger opens and verifies, what was acknowledged or signed is there, what is listed is whole, and the
next run works.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from intendance.agent import children
from intendance.agent.ledger_view import verify_ledger
from intendance.agent.shelves import list_points
from intendance.runs.rows import Submission
from intendance.system.clock import SystemClock
from tests.support.power import Call, Disk, losses, trace
from tests.support.state import Site, fill

pytestmark = pytest.mark.gnupg

_OCCURRENCES = count()


@dataclass
class Film:
    """What one command did, and the disk from which it began."""

    site: Site
    before: Disk
    calls: list[Call]
    said: Path

    @classmethod
    def of(cls, site: Site, *words: str) -> Film:
        said = site.base / "said"
        before = Disk(site.base, ["state", "store", "said", "restores"])
        into = site.base / "film"
        into.mkdir(exist_ok=True)
        environment = site._environment(None)
        calls = trace(site.command(*words), before, into=into, environment=environment, cwd=site.base, said=said)
        assert len(calls) > 30, (into / "trace").read_text()[:1000]
        return cls(site, before, calls, said)

    def cuts(self, number: int, seed: int) -> Iterator[tuple[int, bool]]:
        """Cuts the film at `number` places and once at its end; yields each with whether its answer had been given."""
        chance = random.Random(seed)
        places = sorted(chance.sample(range(1, len(self.calls)), min(number - 3, len(self.calls) - 1)))
        for place, loss in zip([*places, *[len(self.calls)] * 3], losses(seed), strict=False):
            disk = copy.deepcopy(self.before)
            disk.replay(self.calls[:place])
            disk.fail(loss)
            yield place, self.answered(place)

    def answered(self, place: int) -> bool:
        return any(call.name == "write" and call.words[0] == str(self.said) for call in self.calls[:place])


def signed_size(site: Site) -> int:
    """How many records the checkpoint on disk speaks of."""
    checkpoint = site.state / "agent/ledger/checkpoint"
    return int(checkpoint.read_text().splitlines()[1]) if checkpoint.exists() else 0


def listed_sets(site: Site) -> set[str]:
    """The sets listed now, each seen to be whole to its last byte."""
    listing = list_points(site.state, SystemClock(), asset=None)
    assert (listing.unreadable, listing.failures) == ({}, ())
    assert all(not each.point.fault for each in listing.points)
    for manifest in site.sets():
        for line in (manifest / "SHA256SUMS").read_text().splitlines():
            wanted, name = line.split("  ", 1)
            assert sha256((manifest / name).read_bytes()).hexdigest() == wanted, f"{manifest.name}/{name}"
    return {each.point.set for each in listing.points}


def recovered(site: Site, at_least: int) -> set[str]:
    """What whoever comes next finds, once it has settled what was under way; returns the sets of the ledger."""
    signed = signed_size(site)
    with site.node() as node:
        assert node.book.size() >= max(signed, at_least)
        children.recover(node)
        node.book.seal()
        completed = {each.data["set"] for each in node.book.records(kind="backup.completed")}
    assert verify_ledger(site.state).exit_code == 0
    assert completed <= listed_sets(site)
    return completed


def another_run(site: Site, activity: str = "backup.full") -> None:
    """The next run, from the state as it is."""
    occurrence = datetime(2026, 1, 1, 0, 0, next(_OCCURRENCES) % 60, tzinfo=UTC)
    submission = Submission(asset="site-files", activity=activity, occurrence=occurrence, actor="schedule:backup.full")
    with site.node() as node:
        run = node.journal.begin(submission)
        child = children.start_worker(node, run)
        child.wait(180)
        state = children.settle(node, run, child)
        assert state == "succeeded", node.journal.get(run.id)
    recovered(site, 1)


def cut_a_backup(site: Site, *, cuts: int, seed: int, every: int) -> None:
    assert site.run("backup", "run", "--no-inspect").code == 0
    (first,) = site.sets()
    with site.node() as node:
        records = node.book.size()
    film = Film.of(site, "backup", "run", "--no-inspect")
    (made,) = {each.name for each in site.sets()} - {first.name}
    for number, (place, answered) in enumerate(film.cuts(cuts, seed)):
        completed = recovered(site, records)
        assert first.name in completed, f"cut {place} of {len(film.calls)}"
        assert not answered or made in completed, f"cut {place} of {len(film.calls)}: it had said that it was done"
        if number % every == 0:
            another_run(site)


def cut_an_inspection(site: Site, *, cuts: int, seed: int, every: int) -> None:
    assert site.run("backup", "run", "--no-inspect").code == 0
    with site.node() as node:
        records = node.book.size()
    film = Film.of(site, "backup", "inspect", "--deep")
    for number, (place, answered) in enumerate(film.cuts(cuts, seed)):
        recovered(site, records)
        with site.node() as node:
            seen = len(list(node.book.records(kind="inspection.completed")))
        assert seen == 1 or not answered, f"cut {place} of {len(film.calls)}: it had said that it was done"
        if number % every == 0:
            another_run(site, "inspect")


def cut_an_adoption(site: Site, *, cuts: int, seed: int, every: int) -> None:
    site.write_plan()
    film = Film.of(site, "plan", "adopt", str(site.plan))
    for number, (place, answered) in enumerate(film.cuts(cuts, seed)):
        if answered:
            recovered(site, 2)
        else:
            again = site.run("plan", "adopt", str(site.plan))
            assert again.code == 0, f"cut {place} of {len(film.calls)}: {again.err}"
        with site.node() as node:
            assert [each.seq for each in node.book.records(kind="genesis")] == [0]
        if number % every == 0 or place == len(film.calls):
            another_run(site)


def contents(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def cut_a_restore(site: Site, *, cuts: int, seed: int, every: int) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    site.environment = site.keys.owner.environment
    (site.base / "restores").mkdir()
    target = site.base / "restores/back"
    words = ("restore", "run", "site-files", "--into", str(target))
    film = Film.of(site, *words)
    wanted = contents(site.tree)
    assert contents(target) == wanted
    whole = 0
    for number, (place, answered) in enumerate(film.cuts(cuts, seed)):
        if target.exists():
            whole += 1
            assert contents(target) == wanted, f"cut {place} of {len(film.calls)}"
        else:
            assert not answered, f"cut {place} of {len(film.calls)}: it had said that it was done"
        recovered(site, 1)
        if number % every == 0 and not target.exists():
            again = site.run(*words)
            assert again.code == 0, again.err
            assert contents(target) == wanted
            assert [path.name for path in target.parent.iterdir()] == ["back"]
    assert whole >= 3, "the cuts at the end"


def cut_another_kind(site: Site, asset: str, kind: str, *, cuts: int, seed: int) -> None:
    """A backup of a kind that stands on something: on the notes of a full one, or on a server."""
    assert site.run("backup", "run", asset).code == 0
    standing = {each.name for each in site.sets()}
    film = Film.of(site, "backup", "run", asset, "--kind", kind, "--no-inspect")
    (made,) = {each.name for each in site.sets()} - standing
    for number, (place, answered) in enumerate(film.cuts(cuts, seed)):
        completed = recovered(site, 1)
        assert standing <= completed, f"cut {place} of {len(film.calls)}"
        assert not answered or made in completed, f"cut {place} of {len(film.calls)}: it had said that it was done"
        if number % 4 == 0:
            again = site.run("backup", "run", asset, "--kind", kind, "--no-inspect")
            assert again.code == 0, f"cut {place} of {len(film.calls)}: {again.err}"


def add_kind(site: Site, after: str, kind: str) -> None:
    """The plan with one more kind of backup, in force."""
    line = next(line for line in site.plan.read_text().splitlines() if line.strip().startswith(f"{after}:"))
    added = line.replace(f"{after}:", f"{kind}:", 1)
    site.plan.write_text(site.plan.read_text().replace(line, f"{line}\n{added}", 1))
    site.adopt()


def test_power_lost_during_a_restore(site: Site) -> None:
    cut_a_restore(site, cuts=16, seed=4, every=5)


def test_power_lost_during_a_differential_backup(site: Site) -> None:
    add_kind(site, "full", "differential")
    assert site.run("backup", "run", "site-files", "--kind", "full").code == 0
    fill(site.tree, files=10, seed="d")
    cut_another_kind(site, "site-files", "differential", cuts=9, seed=5)


@pytest.mark.mariadb
@pytest.mark.usefixtures("mariadb_backup")
def test_power_lost_during_a_physical_backup(database_site: Site) -> None:
    add_kind(database_site, "logical", "physical")
    cut_another_kind(database_site, "crud-db", "physical", cuts=7, seed=6)


def test_power_lost_during_a_backup(site: Site) -> None:
    cut_a_backup(site, cuts=24, seed=1, every=8)


def test_power_lost_during_an_inspection(site: Site) -> None:
    cut_an_inspection(site, cuts=12, seed=2, every=6)


def test_power_lost_during_the_first_adoption(bare_site: Site) -> None:
    cut_an_adoption(bare_site, cuts=9, seed=3, every=6)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(4))
def test_power_lost_anywhere(site: Site, seed: int) -> None:
    fill(site.tree, files=100, size=16_384, seed="c")
    cut_a_backup(site, cuts=400, seed=100 + seed, every=40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_power_lost_anywhere_in_a_restore(site: Site, seed: int) -> None:
    cut_a_restore(site, cuts=200, seed=400 + seed, every=40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_power_lost_anywhere_in_an_inspection(site: Site, seed: int) -> None:
    cut_an_inspection(site, cuts=200, seed=200 + seed, every=40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2))
def test_power_lost_anywhere_in_an_adoption(bare_site: Site, seed: int) -> None:
    cut_an_adoption(bare_site, cuts=120, seed=300 + seed, every=20)
