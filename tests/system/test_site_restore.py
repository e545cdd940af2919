"""A site by the real command line: a MariaDB database, its files and a SQLite database come back together, or not at
all."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from intendance.engines.new_folder import partial_name
from intendance.engines.private_mariadb import PrivateServer
from tests.support.sqlite import dump, members
from tests.support.state import Site, until
from tests.support.trees import snapshot

pytestmark = pytest.mark.gnupg


def with_members(site: Site, assets: str) -> Site:
    """The site with a SQLite database beside its other assets, and `crud`, which takes these together."""
    file = members(site.base / "members.sqlite")
    site.plan.write_text(
        f"""{site.plan.read_text()}  members:
    kind: sqlite
    path: {file}
    backup:
      full: {{schedule: "15 * * * *"}}
      stores: [local]
      retention: {{points: 30d}}
sites:
  crud: {{assets: [{assets}]}}
"""
    )
    shown = site.run("plan", "show", str(site.plan))
    assert f"crud: a site, whose assets can be restored together: {assets}" in shown.out
    adopted = site.run("plan", "adopt", str(site.plan))
    assert adopted.code == 0, adopted.err
    return site


@pytest.fixture
def two(bare_site: Site) -> Site:
    """Files and a SQLite database."""
    bare_site.write_plan()
    return with_members(bare_site, "site-files, members")


def opened(site: Site) -> dict[str, str]:
    return dict(site.keys.owner.environment)


def records(site: Site, kind: str) -> list[Any]:
    with site.node() as node:
        return [(record.seq, record.asset, record.data) for record in node.book.records(kind=kind)]


def nothing_left(folder: Path) -> bool:
    return not folder.exists() and not folder.with_name(partial_name(folder.name)).exists()


@pytest.mark.mariadb
def test_everything_comes_back_side_by_side(
    database_site: Site, mariadb_server: PrivateServer, mariadb_database: str
) -> None:
    site = with_members(database_site, "crud-db, site-files, members")
    assert site.run("backup", "run").code == 0
    target = site.base / "back"

    planned = site.run("restore", "plan", "crud", "--into", str(target), "--json").json
    assert planned["schema"] == "intendance.site-plan/1"
    assert [each["destination"] for each in planned["assets"]] == [
        str(target / "crud-db"),
        str(target / "site-files"),
        str(target / "members.sqlite"),
    ]
    restored = site.run("restore", "run", "crud", "--into", str(target), "--json", environment=opened(site))
    assert restored.code == 0, restored.err
    answer = restored.json
    assert [each["point"] for each in answer["assets"]] == [each["point"] for each in planned["assets"]]
    assert answer["skew_seconds"] == planned["skew_seconds"] > 0
    assert all(check["ok"] for each in answer["assets"] for check in each["checks"])
    assert partial_name("back") not in restored.out + restored.err

    assert sorted(path.name for path in target.iterdir()) == ["crud-db", "members.sqlite", "site-files"]
    assert snapshot(target / "site-files") == snapshot(site.tree)
    assert dump(target / "members.sqlite") == dump(site.base / "members.sqlite")
    server = PrivateServer(target / "crud-db" / "data")
    server.start()
    try:
        wanted = mariadb_server.execute(f"CHECKSUM TABLE {mariadb_database}.members EXTENDED")
        assert server.execute(f"CHECKSUM TABLE {mariadb_database}.members EXTENDED") == wanted
    finally:
        server.stop()

    ((seq, asset, tied),) = records(site, "site.restored")
    assert (seq, asset) == (answer["evidence"]["seq"], None)
    single = {seq: (asset, data) for seq, asset, data in records(site, "restore.completed")}
    assert {share["seq"]: share["asset"] for share in tied["shares"]} == {seq: each[0] for seq, each in single.items()}
    for share in tied["shares"]:
        _, data = single[share["seq"]]
        assert (data["site"], data["set"], data["destination"]) == ("crud", share["set"], share["destination"])
    assert tied["reached_from"] == min(share["reached"] for share in tied["shares"])
    assert site.run("ledger", "verify").code == 0


def test_the_skew_is_said_in_words_and_what_is_left_out_is_named(two: Site) -> None:
    for asset in ("site-files", "members"):
        assert two.run("backup", "run", asset).code == 0
    done = time.monotonic()
    until(lambda: time.monotonic() > done + 1.1, "more than a second: how far they are apart is told in whole ones")
    assert two.run("backup", "run", "members").code == 0
    older, newest = (point["id"] for point in reversed(two.run("backup", "list", "members", "--json").json["points"]))
    said = two.run("restore", "plan", "crud", "--into", "back")
    assert said.code == 0, said.err
    assert "asked for: the newest points that belong together" in said.out
    assert re.search(
        r"\d+\xa0s apart: what changed within that time is in some of them and not in the others", said.out
    )
    assert f"set {older}" in said.out
    assert newest not in said.out
    assert "`intendance restore run members` takes it" in said.out
    french = two.run("--lang", "fr", "restore", "plan", "crud", "--into", "back")
    assert "d’écart\u00a0: ce qui a changé entre-temps est dans les uns et pas dans les autres" in french.out

    planned = two.run("restore", "plan", "crud", "--into", "back", "--json").json
    assert [each["asset"] for each in planned["newer"]] == ["members"]
    at = planned["newer"][0]["recovers_to"]
    asked = two.run("restore", "plan", "crud", "--into", "back", "--to", at, "--json").json
    assert [each["point"] for each in asked["assets"]][1] == newest
    assert asked["skew_seconds"] > planned["skew_seconds"]
    restored = two.run("restore", "run", "crud", "--into", "back", "--to", at, environment=opened(two))
    assert restored.code == 0, restored.err
    assert "Restored the site crud into" in restored.out
    early = two.run("restore", "plan", "crud", "--into", "b", "--to", "2020-01-01 00:00")
    assert early.code == 2
    assert "has no recovery point at or before" in early.err


def test_the_base_of_a_differential_is_named(two: Site) -> None:
    both = r'\1\n      differential: {schedule: "0 3 1 1 *"}'
    two.plan.write_text(re.sub(r"( +full: \{.*\})", both, two.plan.read_text(), count=1))
    assert two.run("plan", "adopt", str(two.plan)).code == 0
    assert two.run("backup", "run", "site-files", "--kind", "full").code == 0
    assert two.run("backup", "run", "site-files", "--kind", "differential").code == 0
    assert two.run("backup", "run", "members").code == 0
    points = two.run("backup", "list", "site-files", "--json").json["points"]
    base = next(point["id"] for point in points if point["kind"] == "full")
    said = two.run("restore", "plan", "site-files", "--into", "back")
    assert f"  builds on   {base}, which is restored first" in said.out
    assert two.run("restore", "plan", "site-files", "--into", "back", "--json").json["base"] == base
    planned = two.run("restore", "plan", "crud", "--into", "back")
    assert f"builds on {base}, which is restored first" in planned.out


def test_when_one_asset_fails_nothing_is_left_and_it_is_said_which(two: Site) -> None:
    assert two.run("backup", "run").code == 0
    (part,) = two.store.glob("*/*/members/*/db-00000.zst.gpg")
    part.chmod(0o600)
    content = bytearray(part.read_bytes())
    content[-200] ^= 1
    part.write_bytes(content)
    target = two.base / "back"
    failed = two.run("restore", "run", "crud", "--into", str(target), environment=opened(two))
    assert failed.code == 1
    assert "The site crud was not restored, because of members: " in failed.err
    assert (
        f"Nothing of the site is left at {target}; what was restored of site-files is taken away again." in failed.err
    )
    assert partial_name("back") not in failed.err
    assert nothing_left(target)
    ((_, _, data),) = records(two, "site.failed")
    (whole,) = two.run("backup", "list", "site-files", "--json").json["points"]
    assert (data["asset"], data["error"], data["undone"]) == ("members", "part_damaged", [whole["id"]])
    assert data["left_behind"] == ""
    ((_, asset, fact),) = records(two, "restore.failed")
    assert (asset, fact["site"], fact["destination"]) == ("members", "crud", str(target / "members.sqlite"))
    states = {run["asset"]: run["state"] for run in two.run("run", "list", "--json").json["runs"][:2]}
    assert states == {"members": "failed", "site-files": "succeeded"}


def test_what_is_not_asked_rightly_is_refused_before_anything_is_done(two: Site) -> None:
    assert two.run("backup", "run").code == 0
    (two.base / "there").mkdir()
    for words, sentence in (
        (("crud", "--into", "there"), "already exists"),
        (("crud", "--into", str(two.store / "x")), "it lies inside the store local"),
        (("crud", "--into", "x", "--point", "any"), "`crud` is a site"),
        (("crud", "--into", "x", "--stream", "tree"), "`crud` is a site"),
        (("crude", "--into", "x"), "no asset and no site `crude`; did you mean `crud`?"),
        (("crud", "--into", "x", "--store", "none"), "in a store `none`"),
    ):
        refused = two.run("restore", "run", *words, environment=opened(two))
        assert refused.code == 2, (words, refused.err)
        assert sentence in refused.err
    assert records(two, "site.failed") == []
    assert nothing_left(two.base / "x")


def test_without_the_private_key_nothing_is_left(two: Site) -> None:
    assert two.run("backup", "run").code == 0
    failed = two.run("restore", "run", "crud", "--into", "back", environment={"GNUPGHOME": str(two.base)})
    assert failed.code == 1
    assert "because of site-files" in failed.err
    assert nothing_left(two.base / "back")
