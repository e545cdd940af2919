"""Guided restores from outside: what was lost is back in production, and the way back works."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from intendance.engines.private_mariadb import PrivateServer
from tests.support.state import Answer, Site, half_a_day_away
from tests.support.trees import snapshot

pytestmark = pytest.mark.gnupg


def guide(site: Site, *words: str) -> Answer:
    return site.run("restore", "guide", *words, environment={"GNUPGHOME": str(site.keys.owner.home)}, timeout=300)


def steps(site: Site, asset: str) -> list[tuple[str, bool]]:
    with site.node() as node:
        return [(fact.data.step, fact.data.ok) for fact in reversed(node.book.facts("restore.guided", asset=asset))]


FIVE = [("identify", True), ("choose", True), ("test", True), ("replace", True), ("verify", True)]


def done(site: Site, name: str, *words: str) -> Any:
    """All five steps at once; `test_a_tree_is_put_back_and_taken_back` goes by both calls."""
    answer = guide(site, name, *words, "--yes", "--confirm", name, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["state"] == "done"
    return answer.json


def test_a_tree_is_put_back_and_taken_back(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    wanted = snapshot(site.tree)
    (site.tree / "photo.bin").unlink()
    (site.tree / "dossier 1" / "fichier-001-é.txt").write_text("<script>defaced</script>")
    (site.tree / "shell.php").write_text("stranger")
    harmed = snapshot(site.tree)
    prepared = guide(site, "site-files")
    assert prepared.code == 3
    assert "nothing in production was touched" in prepared.out
    assert snapshot(site.tree) == harmed
    refused = guide(site, "site-files", "--confirm", "site")
    assert refused.code == 2
    assert "`site` is not `site-files`" in refused.err
    assert snapshot(site.tree) == harmed
    inode = site.tree.stat().st_ino
    answer = guide(site, "site-files", "--confirm", "site-files", "--json").json
    assert snapshot(site.tree) == wanted
    assert site.tree.stat().st_ino == inode, "the folder itself stays: a web server stands in it"
    assert steps(site, "site-files") == FIVE
    (safety,) = answer["safety"]
    assert safety["set"] in {folder.name for folder in site.sets()}
    assert (Path(answer["items"][0]["kept"]) / "shell.php").read_text() == "stranger"
    back = guide(site, "site-files", "--back", "--confirm", "site-files")
    assert back.code == 0, back.err
    assert snapshot(site.tree) == harmed
    assert steps(site, "site-files")[-1] == ("back", True)
    assert guide(site, "site-files", "--back", "--confirm", "site-files").code == 2


def test_one_file_one_folder_and_a_pattern(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    wanted = snapshot(site.tree)
    shutil.rmtree(site.tree / "dossier 2")
    (site.tree / "photo.bin").write_bytes(b"")
    newer = site.tree / "dossier 3" / "since.txt"
    newer.write_text("made since")
    done(site, "site-files", "--path", "dossier 2", "--path", "photo.b*")
    assert newer.read_text() == "made since"
    newer.unlink()
    found = snapshot(site.tree)
    kept = [name for name in wanted if b"dossier 3" not in name and name != b"."]  # whose own times moved on
    assert {name: found.get(name) for name in kept} == {name: wanted[name] for name in kept}
    nothing = guide(site, "site-files", "--path", "absent/*")
    assert nothing.code == 3, "what a pattern finds is known once the test restore stands"
    refused = guide(site, "site-files", "--confirm", "site-files")
    assert refused.code == 2
    assert "The set holds nothing that matches `absent/*`" in refused.err
    assert guide(site, "site-files", "--cancel").code == 0
    assert not list(site.base.glob(".www.intendance-*/restored"))


def test_a_safety_copy_is_never_the_last_consistent_set(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    wanted = snapshot(site.tree)
    (site.tree / "photo.bin").write_bytes(b"")
    harmed = snapshot(site.tree)
    done(site, "site-files")
    assert guide(site, "site-files", "--back", "--confirm", "site-files").code == 0
    assert snapshot(site.tree) == harmed
    ended = guide(site, "site-files", "--confirm", "site-files")
    assert ended.code == 2
    assert "There is no guided restore of site-files to go on with" in ended.err
    at_once = guide(site, "site-files", "--yes", "--confirm", "site-files")
    assert at_once.code == 0, at_once.err
    assert snapshot(site.tree) == wanted


def test_what_no_backup_keeps_stays_where_it_is(bare_site: Site) -> None:
    site = bare_site
    site.write_plan()
    text = site.plan.read_text().replace(f"path: {site.tree}", f"path: {site.tree}\n    exclude: ['cache/*', '*.log']")
    site.plan.write_text(text)
    for folder in ("cache", "dossier 1/deep"):
        (site.tree / folder).mkdir()
    (site.tree / "dossier 1" / "deep" / "kept.txt").write_text("kept")
    site.adopt()
    assert site.run("backup", "run", "site-files").code == 0
    (site.tree / "cache" / "page").write_text("cached")
    log = site.tree / "dossier 1" / "deep" / "visits.log"
    log.write_text("a visit")
    log_inode = log.stat().st_ino
    (site.tree / "dossier 1" / "deep" / "kept.txt").write_text("lost")
    (site.tree / "photo.bin").unlink()
    done(site, "site-files")
    assert (site.tree / "cache" / "page").read_text() == "cached"
    assert log.stat().st_ino == log_inode
    assert (site.tree / "dossier 1" / "deep" / "kept.txt").read_text() == "kept"
    assert (site.tree / "photo.bin").exists()


def test_a_tree_that_is_gone_comes_back_without_a_safety_copy(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    wanted = snapshot(site.tree)
    shutil.rmtree(site.tree)
    answer = done(site, "site-files")
    assert snapshot(site.tree) == wanted
    assert answer["safety"] == [{"asset": "site-files", "set": None, "store": None, "unsafe": None}]


# --- databases ---------------------------------------------------------------------------------------------------


@pytest.fixture
def rich(database_site: Site, mariadb_server: PrivateServer, mariadb_database: str) -> str:
    """A database with one of everything: keys, trigger, view, routines, event, sequence, and grants on a routine."""
    name = mariadb_database
    mariadb_server.execute(
        f"""USE {name};
        CREATE TABLE dues (id INT PRIMARY KEY, member INT, paid INT NOT NULL DEFAULT 0,
          CONSTRAINT of_member FOREIGN KEY (member) REFERENCES members (id) ON DELETE CASCADE);
        INSERT INTO dues SELECT id, id, 10 FROM members;
        CREATE SEQUENCE numbers;
        CREATE VIEW payers AS SELECT m.name, d.paid FROM members m JOIN dues d ON d.member = m.id;
        CREATE VIEW aaa AS SELECT * FROM payers;
        CREATE TRIGGER clean BEFORE INSERT ON dues FOR EACH ROW SET NEW.paid = ABS(NEW.paid);
        CREATE PROCEDURE total() SELECT SUM(paid) FROM dues;
        CREATE FUNCTION tax(a INT) RETURNS INT DETERMINISTIC RETURN a * 2;
        CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' ENABLE DO DELETE FROM dues WHERE paid < 0;
        CREATE EVENT asleep ON SCHEDULE EVERY 1 DAY STARTS '2037-01-01' DISABLE DO DELETE FROM dues;
        CREATE USER IF NOT EXISTS cashier@localhost;
        GRANT EXECUTE ON PROCEDURE {name}.total TO cashier@localhost;
        GRANT SELECT ON {name}.dues TO cashier@localhost;"""
    )
    return name


def everything(server: PrivateServer, name: str) -> dict[str, str]:
    questions = {
        "members": f"CHECKSUM TABLE {name}.members EXTENDED",
        "dues": f"SELECT * FROM {name}.dues ORDER BY id",
        "keys": f"SHOW CREATE TABLE {name}.dues",
        "tables": f"SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
        f" WHERE TABLE_SCHEMA='{name}' ORDER BY 1",
        "view": f"USE {name}; SHOW CREATE VIEW aaa; SHOW CREATE VIEW payers; SELECT COUNT(*) FROM aaa",
        "trigger": f"SELECT TRIGGER_NAME, ACTION_STATEMENT, DEFINER FROM information_schema.TRIGGERS"
        f" WHERE TRIGGER_SCHEMA='{name}' ORDER BY 1",
        "routines": f"SELECT ROUTINE_NAME, ROUTINE_DEFINITION, DEFINER FROM information_schema.ROUTINES"
        f" WHERE ROUTINE_SCHEMA='{name}' ORDER BY 1",
        "events": f"SELECT EVENT_NAME, STATUS, EVENT_DEFINITION FROM information_schema.EVENTS"
        f" WHERE EVENT_SCHEMA='{name}' ORDER BY 1",
        "grants": "SHOW GRANTS FOR cashier@localhost",
    }
    found = {}
    for what, sql in questions.items():
        try:
            found[what] = server.execute(sql)
        except Exception as error:  # noqa: BLE001 -- what was harmed cannot be asked; that is the same before and after
            found[what] = type(error).__name__
    return found


@pytest.mark.mariadb
def test_a_database_is_put_back_with_all_that_belongs_to_it_and_taken_back(
    database_site: Site, mariadb_server: PrivateServer, rich: str
) -> None:
    site, server = database_site, mariadb_server
    assert site.run("backup", "run", "crud-db").code == 0
    wanted = everything(server, rich)
    server.execute(
        f"""USE {rich}; DELETE FROM members WHERE id > 100; DROP EVENT nightly; DROP FUNCTION tax;
        CREATE OR REPLACE VIEW payers AS SELECT 1 AS name, 2 AS paid; CREATE TABLE stranger (a INT);
        CREATE OR REPLACE PROCEDURE total() SELECT 'defaced'; DROP TRIGGER clean"""
    )
    harmed = everything(server, rich)
    assert harmed != wanted
    try:
        answer = done(site, "crud-db")
        assert everything(server, rich) == wanted
        assert steps(site, "crud-db") == FIVE
        (item,) = answer["items"]
        assert server.execute(f"SELECT COUNT(*) FROM {item['kept']}.members").strip() == "101"
        assert item["restored"] not in server.execute("SHOW DATABASES").split()
        assert answer["removals"] == [f"DROP DATABASE `{item['kept']}`;"]
        back = guide(site, "crud-db", "--back", "--confirm", "crud-db")
        assert back.code == 0, back.err
        assert everything(server, rich) == harmed
    finally:
        _drop_beside(server, rich)


@pytest.mark.mariadb
def test_one_table_is_put_back_and_its_keys_hold(database_site: Site, mariadb_server: PrivateServer, rich: str) -> None:
    site, server = database_site, mariadb_server
    assert site.run("backup", "run", "crud-db").code == 0
    wanted = everything(server, rich)
    server.execute(f"USE {rich}; UPDATE members SET name = 'lost'")
    harmed = everything(server, rich)
    try:
        answer = done(site, "crud-db", "--table", "members")
        assert everything(server, rich) == wanted, "the key of dues refers to the table in production again"
        with pytest.raises(Exception, match="foreign key"):
            server.execute(f"INSERT INTO {rich}.dues VALUES (9999, 9999, 1)")
        server.execute(f"DELETE FROM {rich}.members WHERE id = 7")
        assert server.execute(f"SELECT COUNT(*) FROM {rich}.dues WHERE member = 7").strip() == "0"
        server.execute(f"INSERT INTO {rich}.members VALUES (7, 'lost'); INSERT INTO {rich}.dues VALUES (7, 7, 10)")
        assert any(check["name"] == "foreign keys" for check in answer["items"][0]["verified"])
        back = guide(site, "crud-db", "--back", "--confirm", "crud-db")
        assert back.code == 0, back.err
        assert everything(server, rich) == harmed
        done(site, "crud-db", "--table", "dues")
        assert everything(server, rich)["keys"] == wanted["keys"]
    finally:
        _drop_beside(server, rich)


@pytest.mark.mariadb
def test_a_dropped_database_comes_back(database_site: Site, mariadb_server: PrivateServer, rich: str) -> None:
    site, server = database_site, mariadb_server
    assert site.run("backup", "run", "crud-db").code == 0
    wanted = everything(server, rich)
    server.execute(f"DROP DATABASE {rich}")
    try:
        done(site, "crud-db")
        found = everything(server, rich)
        assert {**found, "grants": ""} == {**wanted, "grants": ""}, "grants on routines go with the database"
    finally:
        _drop_beside(server, rich)


def _drop_beside(server: PrivateServer, name: str) -> None:
    for each in server.execute("SHOW DATABASES").split():
        if each.startswith((f"{name[:36]}_restored_", f"{name[:36]}_replaced_")):
            server.execute(f"DROP DATABASE {each}")
    server.execute("DROP USER IF EXISTS cashier@localhost")


# --- SQLite ------------------------------------------------------------------------------------------------------


@pytest.fixture
def notes(bare_site: Site) -> Path:
    """A SQLite database beside the site's files; the plan is adopted."""
    path = bare_site.base / "data" / "notes.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "PRAGMA journal_mode = WAL; CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT);"
            "INSERT INTO note (text) VALUES ('one'), ('two');"
        )
    path.chmod(0o640)
    bare_site.write_plan(
        more=f"""  notes:
    kind: sqlite
    path: {path}
    backup:
      full: {{schedule: "{half_a_day_away()} *"}}
      stores: [local]
      retention: {{points: 90d}}
"""
    )
    bare_site.adopt()
    return path


def texts(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM note ORDER BY id")]


def test_a_database_in_use_is_put_back_under_its_users(bare_site: Site, notes: Path) -> None:
    site = bare_site
    assert site.run("backup", "run", "notes").code == 0
    with closing(sqlite3.connect(notes)) as user:
        user.execute("DELETE FROM note")
        user.commit()
        inode = notes.stat().st_ino
        answer = done(site, "notes")
        assert [row[0] for row in user.execute("SELECT text FROM note")] == ["one", "two"]
        assert notes.stat().st_ino == inode
        assert oct(notes.stat().st_mode)[-3:] == "640"
        user.execute("INSERT INTO note (text) VALUES ('three')")
        user.commit()
    assert texts(Path(answer["items"][0]["kept"])) == []
    back = guide(site, "notes", "--back", "--confirm", "notes")
    assert back.code == 0, back.err
    assert texts(notes) == []
    (aside,) = [path for path in notes.parent.iterdir() if path.name.endswith("Z")]
    assert texts(aside) == ["one", "two", "three"], "what was written since is kept"


@pytest.mark.parametrize("harm", ["missing", "no database"])
def test_a_database_that_cannot_be_opened_is_replaced_by_name(bare_site: Site, notes: Path, harm: str) -> None:
    site = bare_site
    assert site.run("backup", "run", "notes").code == 0
    if harm == "missing":
        notes.unlink()
    else:
        notes.write_bytes(b"encrypted by somebody " * 100)
    prepared = guide(site, "notes", "--json")
    assert prepared.code == 3, prepared.err
    if harm != "missing":
        refused = guide(site, "notes", "--confirm", "notes")
        assert refused.code == 1
        assert "No safety copy of notes could be made" in refused.err
        assert notes.read_bytes().startswith(b"encrypted")
    answer = guide(site, "notes", "--confirm", "notes", "--without-safety-copy", "--json")
    assert answer.code == 0, answer.err
    assert texts(notes) == ["one", "two"]
    assert guide(site, "notes", "--back", "--confirm", "notes").code == 0
    if harm == "missing":
        assert not notes.exists()
    else:
        assert notes.read_bytes().startswith(b"encrypted")


# --- sites -------------------------------------------------------------------------------------------------------


@pytest.mark.mariadb
def test_a_whole_site_is_put_back_together(
    database_site: Site, mariadb_server: PrivateServer, mariadb_database: str
) -> None:
    site, server = database_site, mariadb_server
    site.plan.write_text(site.plan.read_text() + "sites:\n  crud: {assets: [crud-db, site-files]}\n")
    site.adopt()
    assert site.run("backup", "run").code == 0
    wanted = snapshot(site.tree)
    shutil.rmtree(site.tree / "dossier 1")
    server.execute(f"TRUNCATE {mariadb_database}.members")
    try:
        done(site, "crud")
        assert snapshot(site.tree) == wanted
        assert server.execute(f"SELECT COUNT(*) FROM {mariadb_database}.members").strip() == "500"
        assert steps(site, "site-files") == steps(site, "crud-db") == FIVE
        assert guide(site, "crud", "--back", "--confirm", "crud").code == 0
        assert not (site.tree / "dossier 1").exists()
        assert server.execute(f"SELECT COUNT(*) FROM {mariadb_database}.members").strip() == "0"
    finally:
        _drop_beside(server, mariadb_database)
