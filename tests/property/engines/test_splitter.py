"""A dump cut anywhere is split the same, into the statements that it was made of."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from intendance.engines.mariadb.splitter import Piece, Splitter

_NASTY = st.text(st.sampled_from(list("'\"`;\\/*-#()\n\r\0 \x1aDELIMITER\tINSERT é🎉x1,!M")), max_size=40)


def literal(text: str) -> bytes:
    """As mariadb-dump writes a text: mysql_real_escape_string."""
    escapes = {"\0": "\\0", "\n": "\\n", "\r": "\\r", "\\": "\\\\", "'": "\\'", '"': '\\"', "\x1a": "\\Z"}
    return ("'" + "".join(escapes.get(each, each) for each in text) + "'").encode()


def name(text: str) -> bytes:
    return ("`" + text.replace("\0", "").replace("`", "``") + "`").encode() if text.replace("\0", "") else b"`t`"


@st.composite
def rows(draw: st.DrawFn) -> tuple[bytes, bytes | None]:
    table = name(draw(_NASTY))
    columns = draw(st.lists(_NASTY.map(name), max_size=2))
    head = b"INSERT INTO " + table + b" " + (b"(" + b", ".join(columns) + b") " if columns else b"") + b"VALUES\n"
    values = draw(st.lists(st.lists(_NASTY.map(literal), min_size=1, max_size=3), min_size=1, max_size=3))
    return head + b",\n".join(b"(" + b",".join(row) + b")" for row in values) + b";", table


@st.composite
def others(draw: st.DrawFn) -> tuple[bytes, bytes | None]:
    text, table = draw(_NASTY), name(draw(_NASTY))
    comment = re.sub(r"\*/|[\r\n]", "", text).encode()
    body = b"BEGIN\n  SET a = " + literal(text) + b";\n  -- " + comment + b"\nEND"
    return draw(
        st.sampled_from(
            [
                b"CREATE TABLE " + table + b" (\n  `a` text DEFAULT " + literal(text) + b"\n) ENGINE=InnoDB;",
                b"/*!40101 SET @a = " + literal(text) + b" */;",
                b"DELIMITER ;;\nCREATE PROCEDURE " + table + b"() " + body + b" ;;\nDELIMITER ;\n",
                b"-- Table structure for table " + comment + b"\nDROP TABLE IF EXISTS " + table + b";",
            ]
        )
    ), None


def whole(pieces: list[Piece]) -> list[tuple[bytes, bytes | None]]:
    """Statements again, from the pieces of rows."""
    found: list[tuple[bytes, bytes | None]] = []
    begun = b""
    for piece in pieces:
        begun += piece.content
        if piece.ends:
            found.append((begun, piece.table))
            begun = b""
    assert begun == b""
    return found


@given(st.lists(st.one_of(rows(), others()), max_size=8), st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_the_statements_come_out_as_they_went_in(
    statements: list[tuple[bytes, bytes | None]], sizes: list[int]
) -> None:
    content = b"".join(statement + b"\n" for statement, _ in statements)
    splitter = Splitter()
    pieces: list[Piece] = []
    at = turn = 0
    while at < len(content):
        size = sizes[turn % len(sizes)]
        pieces += splitter.feed(content[at : at + size])
        at, turn = at + size, turn + 1
    pieces += splitter.finish()
    found = whole(pieces)
    assert b"".join(statement for statement, _ in found) == content
    shown = [(statement.strip(), table) for statement, table in found if statement.strip()]
    assert shown == [(statement.strip(), table) for statement, table in statements]
