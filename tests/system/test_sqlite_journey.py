"""A SQLite database by the real command line: checked, shown, examined, backed up, damaged, restored, judged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.sqlite import damage, dump, members
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


@pytest.fixture
def members_site(bare_site: Site) -> Site:
    """A site whose members are in a SQLite database inside its file tree; the plan is adopted."""
    file = members(bare_site.tree / "data.sqlite")
    bare_site.write_plan(
        more=f"""  members:
    kind: sqlite
    path: {file}
    backup:
      full: {{schedule: "15 * * * *"}}
      stores: [local]
      retention: {{points: 30d}}
"""
    )
    bare_site.adopt()
    return bare_site


def file_of(site: Site) -> Path:
    return site.tree / "data.sqlite"


def recorded(site: Site, kind: str) -> list[tuple[str | None, dict[str, object]]]:
    with site.node() as node:
        return [(record.asset, dict(record.data)) for record in node.book.records(kind=kind)]


def test_from_a_plan_to_a_restored_database(members_site: Site) -> None:
    site, file = members_site, file_of(members_site)
    checked = site.run("plan", "check", str(site.plan))
    assert checked.code == 0, checked.err
    assert "members (next" in checked.out
    shown = site.run("plan", "show", str(site.plan))
    assert f"members: the SQLite database {file}" in shown.out
    assert f"{file}, which is backed up as a SQLite database" in shown.out
    findings = {each["subject"]: each for each in site.run("doctor", "--json").json["findings"]}
    assert findings["members"]["condition"] == "ok"

    with closing(sqlite3.connect(file, isolation_level=None)) as application:
        application.execute("INSERT INTO members (name) VALUES ('only in the -wal')")
        made = site.run("backup", "run")
        assert made.code == 0, made.err
        assert "members: full backup done in" in made.out
        assert "SQLite" not in made.err, "no warning about a database that has a backup of its own"
    (point,) = site.run("backup", "list", "members", "--json").json["points"]
    assert point["engine"] == "sqlite"
    assert "db: " in site.run("backup", "show", point["id"]).out
    looked = site.run("backup", "inspect", "--deep")
    assert looked.code == 0, looked.err

    opened = site.keys.owner.environment
    planned = site.run("restore", "plan", "members", "--into", "back.sqlite", "--json")
    assert planned.json["destination"] == str(site.base / "back.sqlite"), "a name without a slash is a file's"
    restored = site.run("restore", "run", "members", "--into", "back.sqlite", "--json", environment=opened)
    assert restored.code == 0, restored.err
    assert [(check["name"], check["ok"]) for check in restored.json["checks"]] == [
        ("integrity", True),
        ("tables and rows", True),
        ("other objects", True),
    ]
    assert dump(site.base / "back.sqlite") == dump(file)
    again = site.run("restore", "run", "members", "--into", "back.sqlite", environment=opened)
    assert again.code == 2
    assert "already exists" in again.err

    assert site.run("restore", "run", "site-files", "--into", "back", environment=opened).code == 0
    assert not list((site.base / "back").glob("data.sqlite*"))
    verdicts = {(each["rule"], each["asset"]): each["state"] for each in site.run("status", "--json").json["verdicts"]}
    assert verdicts["ASBL_010", "members"] == "pass"
    assert site.run("ledger", "verify").code == 0


def ruin(file: Path, how: str) -> None:
    if how == "damaged":
        damage(file)
    elif how == "vanished":
        file.unlink()
    else:
        file.write_bytes(b"a page of text, not a database\n" * 300 if how == "foreign" else b"")


@pytest.mark.parametrize("how", ["damaged", "vanished", "foreign", "emptied"])
def test_what_cannot_be_backed_up_is_one_sentence_and_a_record(members_site: Site, how: str) -> None:
    site, file = members_site, file_of(members_site)
    assert site.run("backup", "run", "members").code == 0
    ruin(file, how)
    made = site.run("backup", "run", "members")
    assert made.code == 1
    assert {
        "damaged": "members is not a whole database: ",
        "vanished": "there is no file",
        "foreign": "not a SQLite database",
        "emptied": "the file is empty (0 bytes)",
    }[how] in made.err
    assert "→" in made.err
    ((asset, failed),) = recorded(site, "backup.failed")
    assert asset == "members"
    assert failed["error"] == ("database_damaged" if how in ("damaged", "foreign") else "source_missing")
    assert len(site.run("backup", "list", "members", "--json").json["points"]) == 1, "the set from before still counts"
    if how != "damaged":  # `doctor` reads no content
        doctor = site.run("doctor", "--json")
        found = {each["subject"]: each for each in doctor.json["findings"]}["members"]
        assert found["condition"] == "wrong"
        assert doctor.code == 1


def test_a_destination_beside_a_foreign_journal_is_refused(members_site: Site) -> None:
    site = members_site
    assert site.run("backup", "run", "members").code == 0
    (site.base / "back.sqlite-wal").write_bytes(b"of another database")
    refused = site.run("restore", "run", "members", "--into", "back.sqlite", environment=site.keys.owner.environment)
    assert refused.code == 2
    assert "back.sqlite-wal" in refused.err
    assert not (site.base / "back.sqlite").exists()
