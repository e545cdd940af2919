"""What every engine promises, whatever it reads: one suite, each engine with its smallest real source."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from intendance.activities.backup.decide import canonical
from intendance.engines import ENGINES, Engine, open_engine
from intendance.engines.private_mariadb import PrivateServer
from intendance.ledger.canonical import encode
from intendance.model.errors import IntendanceError, InternalError
from intendance.model.errors.engine import DestinationTaken, SourceMissing
from intendance.model.plan import Asset, BackupKind, FilesAsset, MariadbAsset, SqliteAsset
from tests.support import engines
from tests.support.mariadb import need_mariadb_backup

STREAM = re.compile(r"[a-z0-9-]{1,48}\Z")


@dataclass(frozen=True)
class Case:
    """A source of one kind: its engine, how to lose it, where to restore, and what stands somewhere."""

    asset: Asset
    kind: BackupKind
    into: str
    content: Callable[[str], str]
    lose: Callable[[], object]
    exists: Callable[[], bool]

    @property
    def engine(self) -> Engine:
        return open_engine(self.asset)


@pytest.fixture(params=[*sorted(ENGINES), "mariadb into a folder", "mariadb physical"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """A case for each engine of the table, and for each other way that it has; an engine without one here fails."""
    makers: dict[str, Callable[[pytest.FixtureRequest, Path], Case]] = {
        "files": _files,
        "mariadb": _mariadb,
        "mariadb into a folder": _mariadb_folder,
        "mariadb physical": _mariadb_physical,
        "sqlite": _sqlite,
    }
    return makers[request.param](request, tmp_path)


def _files(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    tree = tmp_path / "site"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/page.php").write_text("<?php echo 'é';")
    target = tmp_path / "restored"

    def content(where: str) -> str:
        return Path(where, "sub/page.php").read_text()

    return Case(
        asset=FilesAsset(name="site", path=str(tree), backup=None),
        kind="full",
        into=str(target),
        content=lambda where: content(where or str(tree)),
        lose=lambda: tree.rename(tmp_path / "elsewhere"),
        exists=target.exists,
    )


def _mariadb(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    server = request.getfixturevalue("mariadb_server")
    name = request.getfixturevalue("mariadb_database")
    asset: MariadbAsset = request.getfixturevalue("mariadb_asset")
    server.execute("CREATE TABLE t (a INT PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'é'), (2, 'z')", database=name)
    target = f"{name}_copy"
    request.addfinalizer(lambda: server.execute(f"DROP DATABASE IF EXISTS {target}"))

    def exists() -> bool:
        return target in server.execute("SHOW DATABASES").split()

    return Case(
        asset=asset,
        kind="logical",
        into=target,
        content=lambda where: server.execute(f"SELECT * FROM {where or name}.t ORDER BY a"),
        lose=lambda: server.execute(f"DROP DATABASE {name}"),
        exists=exists,
    )


def _mariadb_folder(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    case = _mariadb(request, tmp_path)
    target = tmp_path / "restored"
    (name,) = request.getfixturevalue("mariadb_asset").databases

    def content(where: str) -> str:
        if not where:
            return case.content("")
        server = PrivateServer(Path(where, "data"), options=("--skip-grant-tables",))
        server.start()
        try:
            return server.execute(f"SELECT * FROM {name}.t ORDER BY a")
        finally:
            server.stop()

    return replace(case, into=str(target), content=content, exists=target.exists)


def _mariadb_physical(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    need_mariadb_backup()
    return replace(_mariadb_folder(request, tmp_path), kind="physical")


def _sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    file = tmp_path / "members.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'é'), (2, 'z')"
        )
    target = tmp_path / "restored.sqlite"

    def content(where: str) -> str:
        with closing(sqlite3.connect(where or file)) as connection:
            return "\n".join(connection.iterdump())

    return Case(
        asset=SqliteAsset(name="members", path=str(file), backup=None),
        kind="full",
        into=str(target),
        content=content,
        lose=lambda: file.rename(tmp_path / "elsewhere"),
        exists=target.exists,
    )


def test_looking_reads_the_same_twice(case: Case) -> None:
    assert case.engine.look() == case.engine.look()


def test_a_source_is_described_for_a_manifest(case: Case) -> None:
    source = case.engine.look()
    assert source.engine == case.asset.kind
    assert source.version
    assert source.estimated_bytes > 0
    assert json.loads(json.dumps(source.details)) == source.details
    encode(canonical(source.details))


def test_a_new_name_in_the_plan_is_the_same_source(case: Case) -> None:
    renamed = open_engine(replace(case.asset, name="otherwise"))
    assert renamed.look().identity == case.engine.look().identity


def test_what_was_taken_is_given_back(case: Case, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    taken = engines.take(case.engine.back_up(case.kind, tmp_path / "scratch"))
    before = case.content("")
    session = case.engine.restore(taken.in_set, taken.source.details, case.into, tmp_path / "scratch")
    try:
        checks = engines.load(session, taken)
        assert checks
        assert engines.failed(checks) == []
        assert case.content(session.destination) == before
    finally:
        session.close()


def test_streams_have_names_that_stores_take_and_details_that_manifests_take(case: Case, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    taken = engines.take(case.engine.back_up(case.kind, tmp_path / "scratch"))
    assert taken.streams
    for name, stream in taken.streams.items():
        assert STREAM.match(name)
        assert stream.media in ("tar", "sql", "sqlite", "mbstream")
        assert json.loads(json.dumps(stream.finished.details)) == stream.finished.details
        encode(canonical(stream.finished.details))


def test_two_backups_of_the_same_have_the_same_streams(case: Case, tmp_path: Path) -> None:
    names = []
    for number in range(2):
        scratch = tmp_path / f"scratch{number}"
        scratch.mkdir()
        names.append(list(engines.take(case.engine.back_up(case.kind, scratch)).streams))
    assert names[0] == names[1]


def test_a_restore_writes_over_nothing(case: Case, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    taken = engines.take(case.engine.back_up(case.kind, tmp_path / "scratch"))
    first = case.engine.restore(taken.in_set, taken.source.details, case.into, tmp_path / "scratch")
    engines.load(first, taken)
    first.close()
    standing = case.content(first.destination)
    second = case.engine.restore(taken.in_set, taken.source.details, case.into, tmp_path / "scratch")
    with pytest.raises(DestinationTaken):
        second.prepare()
    second.discard()
    second.close()
    assert case.content(first.destination) == standing


def test_a_restore_given_up_leaves_nothing(case: Case, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    taken = engines.take(case.engine.back_up(case.kind, tmp_path / "scratch"))
    session = case.engine.restore(taken.in_set, taken.source.details, case.into, tmp_path / "scratch")
    engines.load(session, taken)
    assert case.exists()
    session.discard()
    session.close()
    assert not case.exists()


def test_half_a_stream_is_an_error_and_can_be_discarded(case: Case, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    taken = engines.take(case.engine.back_up(case.kind, tmp_path / "scratch"))
    session = case.engine.restore(taken.in_set, taken.source.details, case.into, tmp_path / "scratch")
    session.prepare()
    consumer = next(iter(session.consumers()))
    content = taken.streams[consumer.stream].content
    marks = {"tree": b"page.php", "db": b"CREATE TABLE", "server": content[len(content) // 2 :]}
    cut = content[: content.index(marks.get(consumer.stream, b"'z'")) + 100 * (consumer.stream == "tree")]
    with pytest.raises(IntendanceError):
        engines.feed(consumer, cut)
    session.discard()
    session.close()
    assert not case.exists()


def test_a_source_that_is_gone_is_one_sentence(case: Case) -> None:
    case.lose()
    with pytest.raises(SourceMissing) as raised:
        case.engine.look()
    assert "\n" not in raised.value.message
    assert raised.value.advice


def test_an_unknown_kind_of_backup_is_refused(case: Case, tmp_path: Path) -> None:
    kind: Any = "logical" if case.kind == "full" else "full"
    with pytest.raises(InternalError):
        case.engine.back_up(kind, tmp_path)


def test_a_session_that_was_never_used_closes(case: Case, tmp_path: Path) -> None:
    case.engine.back_up(case.kind, tmp_path).close()
