"""Real SQLite databases of every kind, written to meanwhile, damaged, locked, owned by others."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from intendance.engines.files import FilesEngine
from intendance.engines.sqlite import MEMORY_FOLDER, SqliteEngine
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import (
    AccessDenied,
    DatabaseDamaged,
    DatabaseLocked,
    DestinationTaken,
    MemoryShort,
    SourceMissing,
)
from intendance.model.plan import FilesAsset, SqliteAsset
from intendance.system.clock import wait
from tests.support import engines
from tests.support.sqlite import dump, hot, make
from tests.support.state import until

WRITER = Path(__file__).with_name("sqlite_writer.py")
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter."""
    made = Path(tempfile.mkdtemp(prefix="sqlite-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder of this test's own on the file system in memory; every user may write there."""
    made = Path(tempfile.mkdtemp(prefix="sqlite-", dir=MEMORY_FOLDER))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


def engine(file: Path, *, busy: float = 180, memory: str | Path = MEMORY_FOLDER) -> SqliteEngine:
    asset = SqliteAsset(name="members", path=str(file), backup=None)
    return SqliteEngine(asset, busy_seconds=busy, memory_folder=str(memory))


def take(file: Path, memory: str | Path = MEMORY_FOLDER) -> engines.TakenSet:
    return engines.take(engine(file, memory=memory).back_up("full", file.parent))


def back(file: Path, taken: engines.TakenSet, into: Path) -> None:
    session = engine(file).restore(taken.in_set, taken.source.details, str(into), file.parent)
    assert engines.failed(engines.load(session, taken)) == []


@contextmanager
def writing(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A second process that never stops writing; it has written when this begins."""
    child = subprocess.Popen([sys.executable, str(WRITER), str(file)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    try:
        child.stdout.readline()
        yield child
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def has_gone_on(file: Path, logged: int) -> bool:
    """Whether the writer has written more than that."""
    with closing(sqlite3.connect(file, timeout=180)) as connection:
        (newest,) = connection.execute("SELECT max(rowid) FROM log").fetchone()
    return bool(newest > logged)


@pytest.mark.parametrize("mode", ["wal", "delete", "truncate"])
def test_while_somebody_writes_every_copy_is_one_instant(folder: Path, mode: str) -> None:
    file = folder / "money.db"
    rows = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199)"
    make(
        file,
        "CREATE TABLE purse (id INTEGER PRIMARY KEY, cents INT);"
        "CREATE TABLE chest (id INTEGER PRIMARY KEY, cents INT);"
        f"CREATE TABLE log (said TEXT); {rows} INSERT INTO purse SELECT i, 1000 FROM n;"
        f"{rows} INSERT INTO chest SELECT i, 0 FROM n",
        before=f"PRAGMA journal_mode = {mode}",
    )
    seen = []
    with writing(file) as writer:
        for number in range(6):
            taken = take(file)
            copy = folder / f"copy{number}.db"
            back(file, taken, copy)
            with closing(sqlite3.connect(copy)) as connection:
                query = (
                    "SELECT (SELECT sum(cents) FROM purse) + (SELECT sum(cents) FROM chest), (SELECT count(*) FROM log)"
                )
                total, logged = connection.execute(query).fetchone()
            assert total == 200_000
            seen.append(logged)
            until(partial(has_gone_on, file, logged), "the writer to go on")
        assert writer.poll() is None, "the writer was never stopped"
    assert seen == sorted(set(seen)), "something was written between each two"


@pytest.mark.parametrize(
    ("before", "script"),
    [
        ("PRAGMA page_size = 65536", "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(300000))"),
        ("PRAGMA page_size = 512", "CREATE TABLE t (a); INSERT INTO t VALUES ('x'), (NULL), (1.5), (x'00ff')"),
        ("PRAGMA encoding = 'UTF-16'", "CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('é€😀')"),
        ("", "CREATE VIRTUAL TABLE f USING fts5(body); INSERT INTO f VALUES ('hello world')"),
        ("", "CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('a', 1)"),
        (
            "",
            "CREATE TABLE e (a); CREATE VIEW v AS SELECT a FROM e; CREATE TRIGGER g INSERT ON e BEGIN SELECT 1; END",
        ),
        (
            "PRAGMA auto_vacuum = FULL",
            'CREATE TABLE "a ""quoted"" name; é" (a); CREATE INDEX i ON "a ""quoted"" name; é" (a)',
        ),
        ("", "CREATE TABLE t (a AS (b + 1) STORED, b INT); INSERT INTO t (b) VALUES (1); PRAGMA user_version = 7"),
        ("PRAGMA journal_mode = wal", "CREATE TABLE t (a)"),
    ],
)
def test_every_kind_of_database_comes_back(folder: Path, memory: Path, before: str, script: str) -> None:
    file = folder / "it's 100% a #file?.db"
    make(file, script, before=before)
    names = sorted(folder.iterdir())
    taken = take(file, memory)
    assert sorted(folder.iterdir()) == names, "a backup leaves nothing beside the database"
    back(file, taken, folder / "copy.db")
    assert dump(folder / "copy.db") == dump(file)
    assert list(memory.iterdir()) == []


def test_an_attached_database_is_another_one(folder: Path) -> None:
    make(folder / "a.db", f"ATTACH '{folder / 'b.db'}' AS b; CREATE TABLE main.t (a); CREATE TABLE b.u (a)")
    assert [table["name"] for table in take(folder / "a.db").streams["db"].finished.details["tables"]] == ["t"]


def test_what_only_the_application_knows_is_a_warning(folder: Path) -> None:
    file = folder / "own.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.create_collation("ours", lambda a, b: (a > b) - (a < b))
        connection.executescript(
            "CREATE TABLE t (a TEXT COLLATE ours); CREATE INDEX i ON t (a); INSERT INTO t VALUES ('x')"
        )
    taken = take(file)
    assert "no such collation sequence: ours" in taken.warnings[0]
    back(file, taken, folder / "copy.db")


def fails(file: Path, error: type[IntendanceError], *words: str, busy: float = 180) -> None:
    with pytest.raises(error) as raised:
        engines.take(engine(file, busy=busy).back_up("full", file.parent))
    assert "\n" not in raised.value.message
    assert "Traceback" not in raised.value.message
    assert raised.value.advice
    for word in words:
        assert word in raised.value.message


def test_what_is_no_database_is_said(folder: Path) -> None:
    fails(folder / "none.db", SourceMissing, "there is no file")
    fails(folder, SourceMissing, "is not a file")
    (folder / "empty.db").touch()
    fails(folder / "empty.db", SourceMissing, "0 bytes")
    (folder / "noise.db").write_bytes(os.urandom(8192))
    fails(folder / "noise.db", DatabaseDamaged, "not a SQLite database, or it is encrypted")


def test_a_damaged_page_stops_the_backup(folder: Path) -> None:
    file = folder / "d.db"
    make(file, "CREATE TABLE t (a); CREATE INDEX i ON t (a)")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executemany("INSERT INTO t VALUES (?)", ((f"{n:09}" * 20,) for n in range(500)))
    content = bytearray(file.read_bytes())
    content[4096 * 8 : 4096 * 9] = os.urandom(4096)
    file.write_bytes(content)
    fails(file, DatabaseDamaged)


def test_a_writer_that_holds_on_is_waited_for_and_then_named(folder: Path) -> None:
    file = folder / "l.db"
    make(file, "CREATE TABLE t (a)")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        fails(file, DatabaseLocked, "locked", busy=0.2)
        connection.execute("COMMIT")
    take(file)


def test_without_room_in_memory_nothing_is_written(folder: Path) -> None:
    file = folder / "m.db"
    make(file, "CREATE TABLE t (a)")
    asset = SqliteAsset(name="members", path=str(file), backup=None)
    with pytest.raises(MemoryShort, match="not a file system in memory"):
        engines.take(SqliteEngine(asset, memory_folder=str(folder)).back_up("full", folder))
    with file.open("r+b") as grown:  # longer than all memory, with holes
        grown.truncate(1 << 50 if os.statvfs(folder).f_frsize > 4096 else 8 << 40)
    with pytest.raises(MemoryShort, match=r"takes .* MiB of memory"):
        engines.take(SqliteEngine(asset).back_up("full", folder))


def test_what_a_dead_writer_left_is_taken_back(folder: Path) -> None:
    details = take(hot(folder)).streams["db"].finished.details
    assert details["tables"] == [{"name": "t", "rows": 1}]


@as_root
@pytest.mark.parametrize("kind", ["hot", "wal"])
def test_a_folder_that_the_owner_cannot_write_is_said(folder: Path, kind: str) -> None:
    if kind == "hot":
        file = hot(folder)
    else:
        file = folder / "wal.db"
        make(file, "CREATE TABLE t (a)", before="PRAGMA journal_mode = wal")
    for each in folder.iterdir():
        os.chown(each, NOBODY, NOBODY)
    fails(file, AccessDenied)  # the folder is root's


@as_root
def test_root_reads_as_the_owner_and_leaves_nothing_of_its_own(folder: Path) -> None:
    file = folder / "o.db"
    make(file, "CREATE TABLE t (a)", before="PRAGMA journal_mode = wal")
    os.chown(folder, NOBODY, NOBODY)
    os.chown(file, NOBODY, NOBODY)
    killed = (
        "import sqlite3, os, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('INSERT INTO t VALUES (1)'); c.commit(); os._exit(0)"
    )
    # What it leaves in its -wal was made by root; SQLite gives such files to the database's owner.
    subprocess.run([sys.executable, "-c", killed, str(file)], check=True)
    taken = take(file)
    assert taken.streams["db"].finished.details["tables"] == [{"name": "t", "rows": 1}]
    assert {each.stat().st_uid for each in folder.iterdir()} == {NOBODY}


def test_a_journal_beside_the_destination_is_not_adopted(folder: Path) -> None:
    make(folder / "a.db", "CREATE TABLE t (a)")
    taken = take(folder / "a.db")
    (folder / "new.db-wal").write_bytes(b"of another database")
    session = engine(folder / "a.db").restore(taken.in_set, taken.source.details, str(folder / "new.db"), folder)
    with pytest.raises(DestinationTaken):
        session.prepare()


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_the_change_mark_moves_with_a_commit_and_only_then(folder: Path, mode: str) -> None:
    file = folder / "mark.db"
    make(file, "CREATE TABLE t (a)", before=f"PRAGMA journal_mode = {mode}")
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        first = engine(file).look().details["change_mark"]
        take(file)
        assert engine(file).look().details["change_mark"] == first
        connection.execute("INSERT INTO t VALUES (2)")
        assert engine(file).look().details["change_mark"] != first


def test_the_change_mark_moves_where_neither_header_nor_log_tell(folder: Path) -> None:
    """WAL mode, and nobody has the database open before and after: the counter stays, and the log is gone each time."""
    file = folder / "x.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE t (a INT)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
    first = engine(file).look().details["change_mark"]
    wait(0.1)  # the time of change has the grain of the kernel's clock, some milliseconds
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE t SET a = 2")
        connection.commit()
    second = engine(file).look().details["change_mark"]
    assert {name: second[name] for name in second if name != "changed_us"} == {
        name: first[name] for name in first if name != "changed_us"
    }
    assert second != first


def test_a_tree_leaves_declared_databases_to_themselves_and_names_the_others(folder: Path) -> None:
    tree = folder / "site"
    (tree / "data[1]").mkdir(parents=True)
    (tree / "page.html").write_text("hello")
    ours, other = tree / "data[1]/ours.db", tree / "other.db"
    held = []
    for file in (ours, other):
        make(file, "CREATE TABLE t (a)", before="PRAGMA journal_mode = wal")
        held.append(sqlite3.connect(file))
        held[-1].execute("INSERT INTO t VALUES (1)")
        held[-1].commit()
    asset = FilesAsset(name="site", path=str(tree), backup=None, databases=(str(ours), "/elsewhere/x.db"))
    (folder / "scratch").mkdir()
    taken = engines.take(FilesEngine(asset).back_up("full", folder / "scratch"))
    for connection in held:
        connection.close()
    listed = subprocess.run(["tar", "-t"], input=taken.streams["tree"].content, capture_output=True, check=True).stdout
    names = listed.decode().splitlines()
    assert "./other.db" in names
    assert "./data[1]/" in names
    assert not [name for name in names if "ours" in name]
    assert taken.source.details["databases_elsewhere"] == [str(ours), "/elsewhere/x.db"]
    assert "./data\\[1\\]/ours.db-wal" in taken.source.details["exclude"]
    warning = next(each for each in taken.warnings if "SQLite" in each)
    assert ": 1 (" in warning, "other.db, and not ours.db"


def test_readers_in_wal_mode_neither_wait_nor_make_anybody_wait(folder: Path) -> None:
    file = folder / "r.db"
    make(file, "CREATE TABLE t (a); INSERT INTO t VALUES (1)", before="PRAGMA journal_mode = wal")
    with closing(sqlite3.connect(file, isolation_level=None)) as reader, closing(sqlite3.connect(file)) as writer:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        writer.execute("INSERT INTO t VALUES (2)")
        writer.commit()
        assert take(file).streams["db"].finished.details["tables"] == [{"name": "t", "rows": 2}]
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,), "its instant is still its own"


def test_a_reading_process_that_is_killed_leaves_nothing_and_blocks_nobody(folder: Path, memory: Path) -> None:
    file = folder / "k.db"
    make(file, "CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(4000000))")
    session = engine(file, memory=memory).back_up("full", folder)
    producer = session.next_producer()
    assert producer is not None
    child = engines.start(producer)
    assert child.stdout.read(1000).startswith(b"SQLite format 3")  # the copy is made, and waits to be read
    child.kill()
    with pytest.raises(IntendanceError):
        producer.finish(child.wait(180), child.stderr())
    assert list(memory.iterdir()) == []
    assert sorted(path.name for path in folder.iterdir()) == ["k.db"]
    take(file)
