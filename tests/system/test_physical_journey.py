"""A physical backup by the real command line: adopt, show, back up, list, restore into a folder."""

from __future__ import annotations

import re

import pytest

from tests.support.state import Site

pytestmark = [pytest.mark.gnupg, pytest.mark.mariadb, pytest.mark.usefixtures("mariadb_backup")]


def test_a_server_comes_back_in_a_folder(database_site: Site) -> None:
    site = database_site
    logical = re.search(r"      logical: .*\n", site.plan.read_text())
    assert logical is not None
    physical = logical[0].replace("logical", "physical")
    site.plan.write_text(site.plan.read_text().replace(logical[0], logical[0] + physical))
    adopted = site.run("plan", "adopt", str(site.plan))
    assert adopted.code == 0, adopted.err
    assert "physical backup" in site.run("plan", "show").out

    made = site.run("backup", "run", "crud-db", "--kind", "physical")
    assert made.code == 0, made.err
    assert "crud-db: physical backup done in" in made.out
    (point,) = site.run("backup", "list", "crud-db", "--json").json["points"]
    assert point["kind"] == "physical"
    assert point["id"].startswith("crud-db.backup-physical.")

    target = site.base / "server"
    restored = site.run(
        "restore", "run", "crud-db", "--into", str(target), "--json", environment=site.keys.owner.environment
    )
    assert restored.code == 0, restored.err
    assert restored.json["seconds"]["replay"] > 0
    assert all(check["ok"] for check in restored.json["checks"])
    assert (target / "data" / "ibdata1").is_file()
    verdicts = {(each["rule"], each["asset"]): each["state"] for each in site.run("status", "--json").json["verdicts"]}
    assert verdicts["ASBL_010", "crud-db"] != "fail"
    assert site.run("ledger", "verify").code == 0
