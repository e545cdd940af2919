"""A node is lost with its state folder: what any one of its sets carries brings its plan back, by hand and by
Intendance, and a stranger's newer set does not."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.state import Answer, Site, next_second

pytestmark = pytest.mark.gnupg

PAGE = Path(__file__).parents[3] / "docs" / "disaster.md"


def by_hand() -> str:
    """The page's commands for somebody without Intendance."""
    found = re.search(r"## Without Intendance\n.*?```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def lose(site: Site) -> None:
    shutil.rmtree(site.state)
    site.plan.unlink()
    shutil.rmtree(site.base / "keys")


def fingerprint(site: Site) -> str:
    with site.node() as node:
        (genesis,) = node.book.facts("genesis")
        return str(genesis.data.openpgp_fingerprint)


def opened(site: Site, *words: str, key: str = "") -> Answer:
    """A command about what lies in the site's store, typed by somebody who holds a key."""
    named = ("--fingerprint", key) if key else ()
    return site.run(*words, "--from-store", str(site.store), *named, environment=site.keys.owner.environment)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept(site: Site) -> dict[str, bytes]:
    keys = files_below(site.base / "keys")
    return {"intendance.yaml": site.plan.read_bytes()} | {f"keys/{name}": content for name, content in keys.items()}


def test_one_set_and_a_key_bring_the_plan_back_by_hand(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    (folder,) = site.sets()
    wanted = kept(site)
    lose(site)
    again = site.base / "again"
    done = subprocess.run(
        ["sh", "-eu", "-c", by_hand()],
        cwd=folder,
        env=site._environment({"GNUPGHOME": str(site.keys.owner.home), "PLAN": str(again)}),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert files_below(again) == wanted


def stranger_beside(site: Site) -> str:
    """Somebody who writes into the store: a newer set under the node's name, whole and well signed, with a plan of
    their own, by a key of their own. Returns that key."""
    other = Site(base=site.base / "stranger", keys=site.keys)
    other.base.mkdir()
    shutil.copytree(site.tree, other.tree)
    (other.tree / "index.php").write_text("<?php system($_GET['c']);")
    other.write_plan()
    shutil.rmtree(other.store, ignore_errors=True)
    other.store.mkdir()
    other.adopt()
    next_second()  # two ledgers know nothing of each other: within one second both sets would have the same name
    assert other.run("backup", "run", "site-files").code == 0
    for each in other.sets():
        shutil.copytree(each, site.store / each.relative_to(other.store))
    return fingerprint(other)


def test_only_sets_of_the_key_that_a_person_names_are_believed(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    (true_set,) = (folder.name for folder in site.sets())
    true_key, wanted = fingerprint(site), kept(site)
    false_key = stranger_beside(site)
    (false_set,) = {folder.name for folder in site.sets()} - {true_set}
    assert false_set > true_set
    lose(site)
    etc = site.base / "etc"
    unnamed = opened(site, "plan", "recover", str(etc))
    assert unnamed.code == 2
    assert true_key in unnamed.err
    assert false_key in unnamed.err
    nobody = opened(site, "plan", "recover", str(etc), key="A" * 40)
    assert nobody.code == 1
    assert f"signed by {'A' * 40}" in nobody.err
    assert not etc.exists()
    _expect_restart_refused(site, true_key)
    answer = opened(site, "plan", "recover", str(etc), "--json", key=true_key)
    assert (answer.code, answer.json["set"]) == (0, true_set), answer.err
    assert files_below(etc) == wanted
    twice = opened(site, "plan", "recover", str(etc), key=true_key)
    assert twice.code == 2
    assert "nothing is overwritten" in twice.err
    restarted = opened(site, "ledger", "restart", "--confirm", "web-01", "--json", key=true_key)
    assert restarted.code == 0, restarted.err
    assert restarted.json["trusted_keys"] == [true_key]
    assert site.run("plan", "adopt", str(etc / "intendance.yaml")).code == 0
    listed = site.run("backup", "list", "--json").json
    assert [point["id"] for point in listed["points"]] == [true_set]
    assert [each["id"] for each in listed["unreadable"]] == [false_set]
    assert site.run("ledger", "verify").code == 0


def _expect_restart_refused(site: Site, key: str) -> None:
    """Unless a person names both the key and the node; nothing is begun before."""
    assert opened(site, "ledger", "restart", "--confirm", "web-01").code == 2
    for confirmed in ((), ("--confirm", "web-02")):
        refused = opened(site, "ledger", "restart", *confirmed, key=key)
        assert refused.code == 2
        assert "Nothing was done" in refused.err
    assert not (site.state / "agent").exists()


def test_a_node_that_is_lost_twice_trusts_both_keys(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    first = fingerprint(site)
    plan = site.plan.read_bytes()
    shutil.rmtree(site.state)
    next_second()  # a ledger is named by the second in which it began
    assert opened(site, "ledger", "restart", "--confirm", "web-01", key=first).code == 0
    assert site.run("plan", "adopt", str(site.plan)).code == 0
    (site.tree / "since.txt").write_text("since")
    next_second()  # and it knows no run of the one before
    assert site.run("backup", "run", "site-files").code == 0
    second = fingerprint(site)
    shutil.rmtree(site.state)
    next_second()
    restarted = opened(site, "ledger", "restart", "--confirm", "web-01", "--json", key=second)
    assert restarted.code == 0, restarted.err
    assert restarted.json["trusted_keys"] == [second, first]
    assert site.plan.read_bytes() == plan
    assert site.run("plan", "adopt", str(site.plan)).code == 0
    listed = site.run("backup", "list", "--json").json
    assert len(listed["points"]) == 2
    assert listed["unreadable"] == []
