"""`intendance drill` as people type it: on a laptop with a key and a store, and on the node where the plan says so."""

from __future__ import annotations

import shutil

import pytest

from tests.support.state import Site

pytestmark = pytest.mark.gnupg


@pytest.fixture
def backed_up(site: Site) -> Site:
    (site.tree / "index.php").write_text("<?php echo 1;\n")
    assert site.run("backup", "run", "site-files").code == 0
    return site


def laptop(site: Site) -> Site:
    """Another machine: no plan, no state yet; the key and the store."""
    base = site.base / "laptop"
    base.mkdir()
    return Site(base=base, keys=site.keys)


def test_a_laptop_needs_the_key_and_the_store_alone(backed_up: Site) -> None:
    shutil.copytree(backed_up.store, backed_up.base / "carried")
    shutil.rmtree(backed_up.state)
    at = laptop(backed_up)
    first = at.run("drill", "run", "site-files", "--from-store", str(backed_up.base / "carried"), "--host", "laptop",
                   "--scratch", str(at.base), "--json", environment=backed_up.keys.owner.environment)  # fmt: skip
    assert first.code == 0, first.err
    assert "compare it with its recovery sheet" in first.err
    answer = first.json
    assert (answer["schema"], answer["by"], answer["node"]) == ("intendance.drilled/1", "laptop", "web-01")
    assert answer["trust"]["why"] == "first_use"
    assert [leg["name"] for leg in answer["legs"]] == ["restore", "by_hand"]
    assert all(check["ok"] for leg in answer["legs"] for check in leg["checks"])
    assert answer["evidence"] == {"node": "laptop", "seq": 1}
    assert not list(at.base.glob("intendance-drill-*"))

    again = at.run("drill", "run", "site-files", "--from-store", str(backed_up.base / "carried"),
                   "--scratch", str(at.base), environment=backed_up.keys.owner.environment)  # fmt: skip
    assert again.code == 0, again.err
    assert "comes back whole, by Intendance and by hand" in again.out
    assert at.run("ledger", "verify").code == 0

    other = at.run("drill", "run", "site-files", "--from-store", str(backed_up.base / "carried"), "--fingerprint",
                   "0" * 40, environment=backed_up.keys.owner.environment)  # fmt: skip
    assert other.code == 1
    assert "this host trusts 0000" in other.err
    wrong = at.run("drill", "run", "site-files", "--from-store", str(backed_up.base / "carried"), "--scratch",
                   str(at.base), environment=backed_up.keys.node.environment)  # fmt: skip
    assert wrong.code == 1
    assert "None of the keys that open this set is in this keyring" in wrong.err
    listed = at.run("drill", "list", "--json").json["drills"]
    assert [each["ok"] for each in listed] == [False, False, True, True]
    assert "did not come back" in at.run("drill", "list").out
    assert "n’est pas revenu" in at.run("--lang", "fr", "drill", "list").out


def test_a_node_tries_its_own_only_where_its_plan_says_so(backed_up: Site) -> None:
    owner = backed_up.keys.owner.environment
    refused = backed_up.run("drill", "run", "site-files", environment=owner)
    assert refused.code == 2
    assert "its plan names no host for it" in refused.err
    assert "--from-store" in refused.err

    plan = backed_up.plan.read_text()
    hosts = "hosts:\n  web-01: {held_by: admin}\n"
    here = plan.replace("assets:\n", f"{hosts}assets:\n").rstrip() + "\n    drill: {host: web-01, holds: [index.php]}\n"
    backed_up.plan.write_text(here)
    assert "this node itself" in backed_up.run("plan", "show", str(backed_up.plan)).out
    unconfirmed = backed_up.run("plan", "adopt", str(backed_up.plan))
    assert "restores of site-files are tried on web-01" in unconfirmed.out + unconfirmed.err
    assert unconfirmed.code != 0
    assert backed_up.run("plan", "adopt", str(backed_up.plan), "--confirm", "site-files").code == 0
    assert backed_up.run("backup", "run", "site-files").code == 0
    drilled = backed_up.run("drill", "run", "site-files", "--scratch", str(backed_up.base), environment=owner)
    assert drilled.code == 0, drilled.err
    assert "holds index.php" in drilled.out

    under_maint = backed_up.base / "maint.yaml"
    under_maint.write_text(here.replace("catalogues: [asbl]", "catalogues: [asbl, maint]"))
    said = backed_up.run("plan", "check", str(under_maint))
    assert "its drill proves nothing to others" in said.out + said.err


@pytest.mark.parametrize("words", [("--node", "web-01"), ("--store", "local", "--from-store", "/tmp")])
def test_options_that_go_with_others_say_so(site: Site, words: tuple[str, ...]) -> None:
    refused = site.run("drill", "run", "site-files", *words)
    assert refused.code == 2
    assert "from-store" in refused.err
