"""Full and differential together: the base is chosen, watched over, restored first; without one a full is made."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta

import pytest

from intendance.activities.restore.decide import Wish
from intendance.model.errors.sets import PointFaulty
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.plan import FilesAsset
from tests.support.trees import fill_oddly, snapshot
from tests.support.workshop import Workshop

INSTEAD = "a full backup in place of a differential, which had nothing to build on: "


@pytest.fixture
def site(workshop: Workshop) -> Workshop:
    fill_oddly(workshop.tree)
    (workshop.tree / "a").mkdir()
    (workshop.tree / "a" / "page").write_text("a" * 100_000)
    (workshop.tree / "b").mkdir()
    (workshop.tree / "b" / "page").write_text("b")
    old = workshop.tree / "old"
    old.mkdir()
    (old / "gone").write_text("g")
    return workshop


def change(site: Workshop) -> None:
    shutil.rmtree(site.tree / "old")
    (site.tree / "a").rename(site.tree / "c")
    (site.tree / "b").rename(site.tree / "a")
    (site.tree / "c").rename(site.tree / "b")
    (site.tree / "new").write_text("n")
    os.link(site.tree / "empty file", site.tree / "third name")
    (site.tree / "quote'\"\\backslash").chmod(0o600)


def kept(site: Workshop) -> list[str]:
    return sorted(path.name for path in (site.base / "state" / "agent" / "snapshots" / "site").iterdir())


def back(site: Workshop, done: BackupCompleted) -> None:
    into = site.base / "back"
    site.restore(Wish(asset="site", into=str(into), point=done.set))
    assert snapshot(into) == snapshot(site.tree)
    shutil.rmtree(into)


def test_a_differential_holds_what_changed_and_brings_back_all(site: Workshop) -> None:
    full = site.back_up()
    assert kept(site) == [f"{full.set}.snar"]
    change(site)
    done = site.back_up(kind="differential")
    assert (done.kind, done.sequence) == ("differential", 1)
    assert not any(warning.startswith(INSTEAD) for warning in done.warnings)
    assert kept(site) == [f"{full.set}.snar"]
    back(site, done)
    (site.tree / "new").unlink()
    back(site, site.back_up(kind="differential"))
    assert [(seen.sets, seen.faulty) for seen in site.inspect(deep=True)] == [(3, 0)] * len(site.stores)


def test_without_a_full_backup_one_is_made_and_later_ones_build_on_it(site: Workshop) -> None:
    first = site.back_up(kind="differential")
    assert (first.kind, first.warnings[0]) == ("full", f"{INSTEAD}there is no full backup in the first store yet")
    assert ".backup-differential." in first.set
    second = site.back_up(kind="differential")
    assert second.kind == "differential"
    back(site, second)


def test_two_snapshots_are_kept(site: Workshop) -> None:
    sets = [site.back_up().set for _ in range(3)]
    assert kept(site) == [f"{name}.snar" for name in sets[1:]]


def test_a_full_is_made_when_no_base_serves(site: Workshop) -> None:
    full = site.back_up()
    (site.base / "state" / "agent" / "snapshots" / "site" / f"{full.set}.snar").write_bytes(b"GNU tar-1.34-2\nhalf")
    done = site.back_up(kind="differential")
    assert done.kind == "full"
    assert done.warnings[0] == f"{INSTEAD}{full.set}: tar's notes on the full backup cannot be read"
    declared = site.assets["site"]
    assert isinstance(declared, FilesAsset)
    site.declare(FilesAsset(name="site", path=declared.path, exclude=("a",), backup=declared.backup))
    done = site.back_up(kind="differential")
    assert done.kind == "full"
    assert done.warnings[0].split(": ")[2].startswith("it was made of another source, with other patterns")


@pytest.mark.parametrize(
    ("what", "why"), [("clock", "the clock stands before its end"), ("part", "tree-00000.zst.gpg missing")]
)
def test_nor_is_an_unsuitable_base_built_upon(site: Workshop, what: str, why: str) -> None:
    full = site.back_up()
    if what == "clock":
        site.clock.move(timedelta(days=-2))
    else:
        (site.folder(full.set) / "tree-00000.zst.gpg").unlink()
    done = site.back_up(kind="differential")
    assert (done.kind, done.warnings[0].startswith(f"{INSTEAD}{full.set}: {why}")) == ("full", True)


def test_a_damaged_base_is_not_built_upon(site: Workshop) -> None:
    full = site.back_up()
    part = site.folder(full.set) / "tree-00000.zst.gpg"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.chmod(0o600)
    part.write_bytes(content)
    site.inspect(deep=True)
    done = site.back_up(kind="differential")
    assert (done.kind, done.warnings[0]) == ("full", f"{INSTEAD}{full.set}: the last inspection found it damaged")


def test_a_differential_without_its_base_is_a_fault_and_no_point(site: Workshop) -> None:
    full = site.back_up()
    done = site.back_up(kind="differential")
    for store in site.stores:
        shutil.rmtree(site.folder(full.set, store=store))
    fault = f"the set that it builds on is not there: {full.set}"
    for seen in site.inspect():
        assert {each.set: each.fault for each in seen.damaged}[done.set] == fault
    with pytest.raises(PointFaulty, match="the set that it builds on is not there"):
        site.restore(Wish(asset="site", into=str(site.base / "back"), point=done.set))
    assert not (site.base / "back").exists()
