"""A set that an inspection found faulty is passed over by restores that name no point, and that is said everywhere."""

from __future__ import annotations

import shutil

import pytest

from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def test_a_shrunken_set_is_not_what_comes_back_unless_somebody_names_it(site: Site) -> None:
    assert site.run("backup", "run", "--no-inspect").code == 0
    for folder in list(site.tree.glob("dossier *")):
        shutil.rmtree(folder)
    (site.tree / "photo.bin").write_bytes(b"")
    assert site.run("backup", "run", "--no-inspect").code == 0
    newer, older = (point["id"] for point in site.run("backup", "list", "--json").json["points"])
    before = site.run("restore", "plan", "site-files", "--into", "back", "--json").json
    assert (before["point"], before["passed_over"]) == (newer, [])

    looked = site.run("backup", "inspect")
    assert f"FAULT {newer}: it is shrunken" in looked.out

    planned = site.run("restore", "plan", "site-files", "--into", "back")
    assert f"  set         {older} " in planned.out
    assert f"{newer} (" in planned.out
    assert "is nearer and not used: it is shrunken" in planned.out
    answer = site.run("restore", "plan", "site-files", "--into", "back", "--json").json
    assert answer["point"] == older
    assert [each["point"] for each in answer["passed_over"]] == [newer]

    listed = site.run("backup", "list")
    assert "FAULTY" in next(line for line in listed.out.splitlines() if newer in line)
    assert f"FAULT {newer}: it is shrunken" in listed.err
    found = {point["id"]: point["found_faulty"] for point in site.run("backup", "list", "--json").json["points"]}
    assert found[older] is None
    assert found[newer].startswith("it is shrunken")

    named = site.run("restore", "plan", "site-files", "--point", newer, "--into", "back")
    assert named.code == 0
    assert "note: the latest inspection found it faulty: it is shrunken" in named.out

    done = site.run("restore", "run", "site-files", "--into", "back", environment=site.keys.owner.environment)
    assert done.code == 0, done.err
    assert len(list((site.base / "back").glob("dossier */*"))) == 40


def test_the_bytes_of_dead_attempts_are_told(site: Site) -> None:
    assert site.run("backup", "run", "--no-inspect").code == 0
    (whole,) = site.sets()
    dead = whole.with_name("site-files.backup-full.20200101T000000Z.1")
    dead.mkdir()
    (dead / "tree-00000.zst.gpg").write_bytes(b"x" * 4096)
    listed = site.run("backup", "list")
    assert "site-files: 1 attempt without a manifest in local, 4.0 KiB: never listed, not restorable." in listed.err
    assert dead.name not in listed.out
    answer = site.run("backup", "list", "--json").json
    assert answer["remains"] == [{"asset": "site-files", "store": "local", "attempts": 1, "stored_bytes": 4096}]
    assert "  1 incomplete attempt of 4.0 KiB, not listed" in site.run("backup", "inspect").out
    with site.node() as node:
        (fact,) = node.book.facts("inspection.completed")
        assert (fact.data.incomplete, fact.data.incomplete_bytes) == (1, 4096)
