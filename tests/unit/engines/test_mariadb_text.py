"""The pure parts of the MariaDB engine: grants, heads of dumps, sentences, names of streams."""

from __future__ import annotations

import pytest

from intendance.engines import StreamInSet
from intendance.engines.mariadb import faults, heads, privileges
from intendance.engines.mariadb.dump import stream_names
from intendance.engines.mariadb.load import choose
from intendance.engines.mariadb.survey import Database, Table, differences
from intendance.model.errors.engine import (
    AccessDenied,
    DestinationUnusable,
    EngineFailed,
    SourceChanged,
    SourceMissing,
    SourceUnreachable,
)

ACCOUNT = "backup@localhost"
FULL = "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT, LOCK TABLES ON `crud\\_asbl`.* TO `backup`@`localhost`"
PROC = "GRANT SELECT ON `mysql`.`proc` TO `backup`@`localhost`"


def test_nothing_is_missing_for_an_account_that_has_all() -> None:
    grants = privileges.parse(["GRANT USAGE ON *.* TO `backup`@`localhost`", FULL, PROC])
    assert privileges.missing(grants, ACCOUNT, ["crud_asbl"], locking=["crud_asbl"]) == ()
    assert not privileges.reads_accounts(grants)


def test_the_statements_name_exactly_what_is_missing() -> None:
    grants = privileges.parse(["GRANT SELECT, EVENT ON `crud\\_asbl`.* TO `backup`@`localhost`"])
    assert privileges.missing(grants, ACCOUNT, ["crud_asbl"], locking=["crud_asbl"]) == (
        "GRANT SHOW VIEW, TRIGGER, LOCK TABLES ON `crud\\_asbl`.* TO `backup`@`localhost`;",
        "GRANT SELECT ON mysql.proc TO `backup`@`localhost`;",
    )


def test_rights_by_role_count() -> None:
    grants = privileges.parse(["GRANT `r` TO `backup`@`localhost`", FULL.replace("`backup`@`localhost`", "`r`"), PROC])
    assert privileges.missing(grants, ACCOUNT, ["crud_asbl"]) == ()


def test_an_escaped_underscore_is_no_wildcard_and_a_bare_one_is() -> None:
    bare = privileges.parse(["GRANT SELECT ON `crud_a`.* TO `b`@`%`"])
    escaped = privileges.parse(["GRANT SELECT ON `crud\\_a`.* TO `b`@`%`"])
    assert privileges.has(bare, "SELECT", "crudxa")
    assert not privileges.has(escaped, "SELECT", "crudxa")
    assert privileges.has(escaped, "SELECT", "crud_a")


def test_of_two_patterns_for_one_account_the_more_specific_one_counts_alone() -> None:
    grants = privileges.parse(
        ["GRANT SELECT, TRIGGER ON `crud%`.* TO `b`@`%`", "GRANT SELECT ON `crud\\_a`.* TO `b`@`%`"]
    )
    assert privileges.has(grants, "TRIGGER", "crud_b")
    assert not privileges.has(grants, "TRIGGER", "crud_a")


def test_a_right_on_columns_is_not_one_on_the_table() -> None:
    grants = privileges.parse(["GRANT SELECT (a, b), INSERT ON `x`.`t` TO `b`@`%`"])
    assert not privileges.has(grants, "SELECT", "x", "t")
    assert privileges.has(grants, "INSERT", "x", "t")
    assert not privileges.has(grants, "INSERT", "x")


def test_a_password_in_show_grants_does_not_confuse() -> None:
    (grant,) = privileges.parse(["GRANT PROCESS ON *.* TO `u`@`localhost` IDENTIFIED BY PASSWORD '*D821 ON `x`.* TO '"])
    assert grant.rights == {"PROCESS"}
    assert grant.database is None


BODY = b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump 10.19\nINSERT INTO `t` VALUES\n('USE `old`;\n');\n"
DUMP = heads.head("old", "utf8mb4", "utf8mb4_bin").encode() + BODY


def test_only_the_head_gets_the_new_name() -> None:
    assert heads.renamed(DUMP, "old", "new") == heads.head("new", "utf8mb4", "utf8mb4_bin").encode() + BODY


def test_the_sandbox_line_goes_for_clients_without_sandbox() -> None:
    assert heads.without_sandbox(DUMP) == DUMP.replace(BODY[: BODY.index(b"-- MariaDB")], b"")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        BODY,
        b"\n" + DUMP,
        DUMP.replace(b"USE `old`;\n\n", b"USE `other`;\n\n"),
        DUMP.replace(b"USE `old`;\n\n", b"USE `old`; USE `victim`;\n\n"),
        DUMP.replace(b"EXISTS*/ `old`", b"EXISTS*/ `other`"),
        DUMP.replace(b"COLLATE utf8mb4_bin", b"COLLATE utf8mb4_bin */; DROP DATABASE x; /*"),
        DUMP[:80],
    ],
)
def test_a_head_that_is_not_as_expected_is_refused(head: bytes) -> None:
    with pytest.raises(heads.HeadUnexpected):
        heads.renamed(head, "old", "new")


def test_odd_names_survive() -> None:
    odd = heads.head("o`l@d\\1", "latin1", "latin1_bin").encode()
    assert heads.renamed(odd, "o`l@d\\1", "a$1\\g<0>") == heads.head("a$1\\g<0>", "latin1", "latin1_bin").encode()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("ERROR 2002 (HY000): Can't connect to local server through socket '/x' (2)", SourceUnreachable),
        ('mariadb-dump: Got error: 2002: "Can\'t connect" when trying to connect', SourceUnreachable),
        ("mariadb-dump: Error 2013: Lost connection to server during query when dumping table `t`", SourceUnreachable),
        ("ERROR 1045 (28000): Access denied for user 'a'@'localhost'", AccessDenied),
        ("ERROR 1142 (42000) at line 1: SELECT command denied to user 'u' for table `x`.`t`", AccessDenied),
        ("ERROR 1049 (42000): Unknown database 'x'", SourceMissing),
        ("mariadb-dump: Error 1412: Table definition has changed, please retry transaction", SourceChanged),
        ("mariadb-dump: Couldn't execute 'show create table `z`': Table 'x.z' doesn't exist (1146)", SourceChanged),
        ("mariadb-dump: Couldn't execute 'SHOW FIELDS': View 'x.v' references invalid table(s) (1356)", EngineFailed),
        ("", EngineFailed),
    ],
)
def test_what_a_dump_says_becomes_an_error_of_the_tree(said: str, error: type[Exception]) -> None:
    fault = faults.from_dump("crud-db", said, code=2)
    assert type(fault) is error
    assert "\n" not in fault.message
    assert fault.advice


def test_no_row_of_user_data_is_repeated() -> None:
    said = "ERROR 1062 (23000) at line 40: Duplicate entry 'it's marie@example.org' for key 'email'"
    assert "marie" not in faults.sentence_of(said)
    said = "ERROR 1064 (42000) at line 7: You have an error near ''Jean','Dupont')' at line 1"
    assert "Jean" not in faults.sentence_of(said)


def test_the_echo_of_a_statement_is_left_out() -> None:
    said = "--------------\nSELECT secret\n--------------\n\nERROR 1146 (42S02) at line 1: Table 'a.b' doesn't exist"
    assert faults.sentence_of(said) == "ERROR 1146 (42S02) at line 1: Table 'a.b' doesn't exist"


def test_the_end_of_a_long_echo_is_left_out_too() -> None:
    said = "(7,'Jean','Dupont')\n--------------\n\nERROR 1100 (HY000) at line 9: Table 's' was not locked"
    assert faults.sentence_of(said) == "ERROR 1100 (HY000) at line 9: Table '…' was not locked"


def test_streams_are_named_after_databases_and_never_alike() -> None:
    names = stream_names(["crud_asbl_ong", "Été", "a_b", "a-b", "x" * 64])
    assert names["crud_asbl_ong"] == "db-crud-asbl-ong"
    assert len(set(names.values())) == 5
    assert all(len(name) <= 48 for name in names.values())
    assert names["a_b"].startswith("db-x")


def _streams(*databases: str) -> list[StreamInSet]:
    return [StreamInSet(name=f"db-{name}", media="sql", details={"database": name}) for name in databases]


def test_one_database_needs_no_choice() -> None:
    old, new, stream = choose([*_streams("crud"), StreamInSet(name="accounts", media="sql", details={})], "copy")
    assert (old, new, stream.name) == ("crud", "copy", "db-crud")


def test_of_several_one_is_chosen() -> None:
    assert choose(_streams("a", "b"), "b=copy")[:2] == ("b", "copy")
    with pytest.raises(DestinationUnusable, match="several databases: a, b"):
        choose(_streams("a", "b"), "copy")
    with pytest.raises(DestinationUnusable, match="no database c"):
        choose(_streams("a", "b"), "c=copy")


@pytest.mark.parametrize("name", ["", "mysql", "SYS", "a b", "a`b", "x" * 65, "-x", "é", "a.b", "a\n"])
def test_a_bad_name_for_a_new_database_is_refused(name: str) -> None:
    with pytest.raises(DestinationUnusable):
        choose(_streams("crud"), name)


def _database(**stamps: str) -> Database:
    table = Table(name="t", type="BASE TABLE", engine="InnoDB", rows_estimated=1, data_bytes=1, index_bytes=1)
    found = Database(name="d", character_set="utf8mb4", collation="x", tables=[table])
    found.stamps = {("table", name): (stamp,) for name, stamp in stamps.items()}
    return found


def test_what_is_gone_or_another_one_is_a_difference_and_what_is_new_is_not() -> None:
    assert differences(_database(a="1", b="1", c="1"), _database(a="1", b="2", n="9")) == (
        "table b is another one",
        "table c is gone",
    )
    assert differences(_database(a="1"), _database(a="1")) == ()


def test_views_are_dumped_after_those_on_which_they_stand() -> None:
    database = _database()
    database.views = {"a": "select * from `d`.`z`", "z": "select 1 from `d`.`m` join `d`.`t`", "m": "select 2"}
    assert database.listed_for_dump() == ("t", "m", "z", "a")


def test_views_that_stand_on_tables_alone_need_no_order() -> None:
    database = _database()
    database.views = {"a": "select * from `d`.`t`", "b": "select 1"}
    assert database.listed_for_dump() == ()


def test_views_that_seem_to_stand_on_each_other_do_not_stop_a_dump() -> None:
    database = _database()
    database.views = {"a": "select '`d`.`b`'", "b": "select * from `d`.`a`"}
    assert database.listed_for_dump() == ("t", "a", "b")
