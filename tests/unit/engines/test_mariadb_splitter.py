"""Finding the statements of a dump."""

from __future__ import annotations

import pytest

from intendance.engines.mariadb.splitter import NotUnderstood, Piece, Splitter


def split(content: bytes, *, at: int | None = None) -> list[Piece]:
    splitter = Splitter()
    halves = [content] if at is None else [content[:at], content[at:]]
    pieces = [piece for half in halves for piece in splitter.feed(half)]
    pieces += splitter.finish()
    assert b"".join(piece.content for piece in pieces) == content, "no byte is added or lost"
    return pieces


def said(content: bytes, **options: int) -> list[bytes]:
    return [piece.statement for piece in split(content, **options)]


def test_rows_are_rows_whatever_they_say() -> None:
    row = rb"""(1,'a;b','it\'s \\',"x",0xFF,'DELIMITER ;;\n);\nDROP TABLE t;','-- no','/* no')"""
    content = b"-- Dumping\n\nINSERT INTO `a``b` VALUES\n" + row + b",\n" + row + b");\nSELECT 1;\n"
    first, second, end = split(content)
    assert first.table == b"`a``b`"
    assert first.ends
    assert (second.table, second.statement) == (None, b"SELECT 1;")
    assert end.statement == b""


@pytest.mark.parametrize(
    "head",
    [b"INSERT INTO `t` VALUES\n(", b"INSERT INTO `t` VALUES (", b"INSERT INTO `t` (`a`, `b;\n`) VALUES\n(",
     b"INSERT INTO `t` (`a`,`b`) VALUES ("],
)  # fmt: skip
def test_every_form_of_insert_of_the_dump_is_known(head: bytes) -> None:
    assert [piece.table for piece in split(head + b"1,2);\n")] == [b"`t`"]


def test_a_name_of_backquotes_is_read_at_once() -> None:
    """Of 64, the longest name that a column may have; tried in every way in which they could be quoted, for ever."""
    name = b"`" + 64 * b"``" + b"`"
    content = b"INSERT INTO `t` (" + name + b") VALUES\n(1);\n"
    assert [piece.table for piece in split(content, at=100)][-1] == b"`t`"
    assert b"".join(piece.content for piece in split(content, at=100)) == content


@pytest.mark.parametrize(
    "other", [b"INSERT INTO t VALUES (1);\n", b"INSERT INTO `t` SELECT 1;\n", b"REPLACE INTO `t` VALUES (1);\n"]
)
def test_other_ways_to_write_rows_are_plain_statements(other: bytes) -> None:
    assert split(other)[0].table is None


def test_what_ends_no_statement() -> None:
    content = rb"""/* a; */ SET a='x;\'y;', b="z;"";", c=`d;`; -- e; f
# g; h
SET i=1; /*!50001 CREATE VIEW `v` AS SELECT ';' */;
--x;
SET j=--1;
"""
    assert said(content) == [
        rb"""SET a='x;\'y;', b="z;"";", c=`d;`;""",
        b"SET i=1;",
        b"/*!50001 CREATE VIEW `v` AS SELECT ';' */;",
        b"--x;",
        b"SET j=--1;",
        b"",
    ]


def test_a_block_between_delimiters_is_one_piece() -> None:
    body = b"BEGIN\n  INSERT INTO `t` VALUES\n(1);\n  SELECT 'DELIMITER ;\n';\nEND"
    block = b"DELIMITER ;;\n/*!50003 CREATE*/ /*!50003 TRIGGER x " + body + b" */;;\nDELIMITER ;\n"
    assert said(b"SET a=1;\n" + block + b"SET b=1;\n") == [b"SET a=1;", block.strip(), b"SET b=1;", b""]


def test_the_sandbox_line_is_a_piece_of_its_own() -> None:
    content = b"/*M!999999\\- enable the sandbox mode */ \n-- MariaDB dump\n/*!40101 SET NAMES utf8mb4 */;\n"
    assert said(content) == [b"/*M!999999\\- enable the sandbox mode */", b"/*!40101 SET NAMES utf8mb4 */;", b""]


def test_a_row_of_any_length_flows_through() -> None:
    splitter = Splitter(longest_statement_bytes=1000)
    pieces = list(splitter.feed(b"INSERT INTO `t` VALUES\n(0x"))
    for _ in range(100):
        pieces += splitter.feed(b"41" * 500)
    pieces += splitter.feed(b");\n")
    assert len(pieces) >= 100
    assert [piece.ends for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert {piece.table for piece in pieces} == {b"`t`"}


@pytest.mark.parametrize(
    "foreign", [b"DELIMITER //\nSELECT 1//\n", b"DELIMITER $$\n", b"SELECT " + b"1," * 600 + b"\n"]
)
def test_what_it_does_not_understand_it_gives_back(foreign: bytes) -> None:
    splitter = Splitter(longest_statement_bytes=1000)
    given = list(splitter.feed(b"SET a=1;\n"))
    with pytest.raises(NotUnderstood) as raised:
        given += splitter.feed(foreign)
    assert b"".join(piece.content for piece in given) + raised.value.rest == b"SET a=1;\n" + foreign


@pytest.mark.parametrize("cut", [b"INSERT INTO `t` VALUES\n(1),\n(2", b"SELECT 'abc", b"/* abc", b"DELIMITER ;;\nx"])
def test_half_a_statement_at_the_end_is_given_as_it_is(cut: bytes) -> None:
    assert split(b"SET a=1;\n" + cut)[-1].content.endswith(cut[-1:])
