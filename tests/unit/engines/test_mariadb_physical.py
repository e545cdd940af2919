"""The pure parts of physical backups: rights, sentences, what a restore may expect, options of a server."""

from __future__ import annotations

import pytest

from intendance.engines.mariadb import physical, physical_faults, privileges
from intendance.engines.mariadb.survey import Database, Table
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import (
    AccessDenied,
    EngineFailed,
    FilesNotCopied,
    RedoOverrun,
    SourceBusy,
    SourceUnreachable,
)

HASHED = "GRANT RELOAD ON *.* TO `b`@`localhost` IDENTIFIED BY PASSWORD '*D821809F681A40A6E379B50D0463EFAE20BDD122'"


@pytest.mark.parametrize(
    ("granted", "binary_log", "lacking"),
    [
        ("ALL PRIVILEGES ON *.*", True, ""),
        ("RELOAD, PROCESS ON *.*", False, ""),
        ("RELOAD, PROCESS ON *.*", True, "BINLOG MONITOR"),
        ("PROCESS ON *.*", False, "RELOAD"),
        ("ALL PRIVILEGES ON `shop`.*", True, "RELOAD, PROCESS, BINLOG MONITOR"),
    ],
)
def test_the_statement_names_what_is_missing_and_no_more(granted: str, *, binary_log: bool, lacking: str) -> None:
    grants = privileges.parse([f"GRANT {granted} TO `b`@`localhost`"])
    said = privileges.missing_for_copy(grants, "b@localhost", binary_log=binary_log)
    assert said == ((f"GRANT {lacking} ON *.* TO `b`@`localhost`;",) if lacking else ())


@pytest.mark.parametrize(
    ("code", "stderr", "kind"),
    [
        (1, "[00] Error: missing required privilege RELOAD on *.*\n[00]   1." + HASHED, AccessDenied),
        (1, "[00] Failed to connect to MariaDB server: Access denied for user 'b'@'localhost'.", AccessDenied),
        (1, "[00] Failed to connect to MariaDB server: Can't connect to local server.", SourceUnreachable),
        (1, "[00] mariabackup: Try increasing the innodb_log_file_size.", RedoOverrun),
        (1, "[00] FATAL ERROR: 2026-11-22 01:12:31 Can't open backup-my.cnf for reading", EngineFailed),
        (0, "[00] 2026-11-22 01:10:21 Streaming xtrabackup_info", EngineFailed),
        (1, "[00] 2026-11-22 01:10:21 completed OK!", EngineFailed),
        (-9, "", EngineFailed),
    ],
)
def test_a_failure_is_one_sentence_without_a_secret(code: int, stderr: str, kind: type[IntendanceError]) -> None:
    fault = physical_faults.from_backup("crud-db", stderr, code=code)
    assert type(fault) is kind
    assert "\n" not in fault.message
    assert "D821809F" not in fault.message + fault.advice
    assert "01:1" not in fault.message


def test_only_its_last_word_makes_it_whole() -> None:
    assert physical_faults.from_backup("crud-db", "[00] 2026-11-22 01:10:21 completed OK!\n", code=0) is None


def test_what_the_watch_cut_short_goes_first() -> None:
    fault = physical_faults.from_backup("crud-db", "interrupted", code=1, blocked="`BACKUP STAGE START` had waited")
    assert isinstance(fault, SourceBusy)


@pytest.mark.parametrize(
    ("tool", "fits"),
    [("10.11.19", True), ("10.11.20", True), ("10.11.6", False), ("10.6.19", False), ("11.4.3", False), ("?", False)],
)
def test_a_tool_of_the_same_series_and_no_older_fits(tool: str, *, fits: bool) -> None:
    if fits:
        physical.require_series("crud-db", "mariadb-backup", tool, "10.11.19-MariaDB-0+deb12u1")
        return
    with pytest.raises(FilesNotCopied, match=r"10\.11\.19"):
        physical.require_series("crud-db", "mariadb-backup", tool, "10.11.19-MariaDB-0+deb12u1")


def _database(*tables: tuple[str, int], views: int = 0) -> Database:
    made = Database(name="shop", character_set="utf8mb4", collation="utf8mb4_general_ci")
    made.tables = [
        Table(name=name, type="BASE TABLE", engine="InnoDB", rows_estimated=rows, data_bytes=1, index_bytes=0)
        for name, rows in tables
    ]
    made.counts["view"] = views
    return made


def test_a_restore_expects_only_what_stood_there_before_and_after() -> None:
    common = physical.common_details(
        _database(("a", 900), ("gone", 5), views=2), _database(("a", 100), ("new", 7), views=1)
    )
    assert [(table["name"], table["rows_estimated"]) for table in common["tables"]] == [("a", 100)]
    assert common["objects"] == {"trigger": 0, "routine": 0, "event": 0}


def test_the_options_of_a_restored_server_come_from_the_signed_manifest() -> None:
    details = {"page_size_bytes": 8192, "lower_case_table_names": 1, "data_file_path": "a:1G", "undo_tablespaces": 3}
    assert physical.server_options(details) == (
        "--innodb-page-size=8192",
        "--lower-case-table-names=1",
        "--innodb-data-file-path=a:1G",
        "--innodb-undo-tablespaces=3",
    )
    hostile = physical.server_options(details | {"data_file_path": "a:1G --init-file=/x"})
    assert not any("init-file" in option for option in hostile)
