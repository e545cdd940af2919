"""The statements of a mariadb-dump stream, found while it flows by: bounded memory, no byte added or lost. Pure.

Rows are found by one property of the dump: it writes a newline inside a text as `\\n`, so that `);` at the end of a
line ends an INSERT, whatever its rows hold. Everything else, a thousandth of a large dump, is read as the client reads
it: quotes, comments, and DELIMITER lines. What is not understood makes `Splitter` give up, and then the rest of the
stream is passed on as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from intendance.model.frozen import dataclass

LONGEST_STATEMENT_BYTES = 32 << 20
"""Of what is no INSERT; a longer one is not held in memory but ends the splitting."""

# Possessive: tried in every way, a name of backquotes in a list of names would take hours.
NAME = rb"`(?:[^`]|``)++`"
_INSERT = re.compile(rb"INSERT INTO (" + NAME + rb") (?:\((?:" + NAME + rb",? ?)+\) )?VALUES[ \n]\(")
_INSERT_BEGINS = b"INSERT INTO `"
_ROWS_END = b");\n"
_LEAD = re.compile(rb"(?:\s+|--(?=[\x00-\x20])[^\n]*\n|#[^\n]*\n|/\*(?!M?!).*?\*/)*", re.DOTALL)
_TOKEN = re.compile(
    rb"""
     '(?:[^'\\]|\\.)*'  |  "(?:[^"\\]|\\.)*"  |  `[^`]*`
    | /\*(?!M?!).*?\*/
    | (?:\#|--(?=[\x00-\x20]))[^\n]*\n
    | ^[ \t]*[Dd][Ee][Ll][Ii][Mm][Ii][Tt][Ee][Rr][ \t]+(?P<delimiter>\S+)[ \t]*\r?\n
    | (?P<end>;;|;)
    | (?P<open>['"`]|/\*(?!M?!))
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
_SANDBOX = re.compile(rb"/\*M?!999999\\-[^\n]*\*/ ?;?\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of the stream, in order. `table` is the quoted name where they are rows; such a statement may come in
    several pieces, of which the last one `ends` it. Other statements come whole, with the comments before them, a block
    between two DELIMITER lines in one piece."""

    content: bytes
    table: bytes | None = None
    ends: bool = True

    @property
    def statement(self) -> bytes:
        """What is said, without the comments and blanks around it."""
        return self.content[_lead(self.content, 0) :].strip()


class NotUnderstood(Exception):
    """From here on the stream can only be passed on as it is; `rest` is what was held back of it."""

    def __init__(self, rest: bytes) -> None:
        self.rest = rest
        super().__init__("not understood")


class Splitter:
    """Takes the stream by `feed`, gives its pieces; `finish` gives the last one, which may be no whole statement."""

    def __init__(self, longest_statement_bytes: int = LONGEST_STATEMENT_BYTES) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._delimiter = b";"
        self._rows_of: bytes | None = None
        self._longest = longest_statement_bytes

    def feed(self, content: bytes | memoryview) -> Iterator[Piece]:
        """The pieces that end in what was given so far. Raises NotUnderstood."""
        self._buffer += content
        while (piece := self._next()) is not None:
            yield piece
        if self._rows_of is None and len(self._buffer) > self._longest:
            raise NotUnderstood(self._rest())

    def finish(self) -> Iterator[Piece]:
        """What is left when the stream has ended."""
        rest, table = self._rest(), self._rows_of
        if rest:
            yield Piece(rest, table, ends=table is None)

    def _next(self) -> Piece | None:
        if self._rows_of is not None:
            return self._rows(0)
        if self._delimiter != b";":
            return self._statement()
        begins = _lead(self._buffer, 0)
        if self._scanned > begins:
            return self._statement()
        sandbox = _SANDBOX.match(self._buffer, begins)
        if sandbox is not None:
            return self._cut(sandbox.end())
        insert = _INSERT.match(self._buffer, begins)
        if insert is not None:
            self._rows_of = insert[1]
            return self._rows(insert.end())
        statement = self._statement()
        if statement is None and self._buffer.startswith(_INSERT_BEGINS, begins):
            self._scanned = 0  # more of its head is to come
        return statement

    def _rows(self, begins: int) -> Piece | None:
        end = self._buffer.find(_ROWS_END, begins)
        table = self._rows_of
        if end >= 0:
            self._rows_of = None
            return self._cut(end + len(_ROWS_END), table)
        held = len(_ROWS_END) - 1  # the end mark may be cut in two
        if len(self._buffer) <= begins + held:
            return None
        return self._cut(len(self._buffer) - held, table, ends=False)

    def _statement(self) -> Piece | None:
        """Up to the delimiter; only whole lines are looked at, because a token may be cut at their end."""
        limit = self._buffer.rfind(b"\n") + 1
        while (token := _TOKEN.search(self._buffer, self._scanned, limit)) is not None:
            if token["open"] is not None:
                self._scanned = token.start()
                return None
            self._scanned = token.end()
            if token["delimiter"] is not None:
                self._delimiter = bytes(token["delimiter"])
                if self._delimiter == b";":
                    return self._cut(self._scanned)
                if self._delimiter != b";;":
                    raise NotUnderstood(self._rest())
            elif token["end"] is not None and self._delimiter == b";":
                return self._cut(token.start() + 1)
        self._scanned = max(self._scanned, limit)
        return None

    def _cut(self, end: int, table: bytes | None = None, *, ends: bool = True) -> Piece:
        content = bytes(memoryview(self._buffer)[:end])
        del self._buffer[:end]
        self._scanned = 0
        return Piece(content, table, ends)

    def _rest(self) -> bytes:
        rest = bytes(self._buffer)
        self._buffer.clear()
        self._scanned = 0
        return rest


def _lead(content: bytes | bytearray, begins: int) -> int:
    """Where a statement begins, after comments and blanks."""
    found = _LEAD.match(content, begins)
    return begins if found is None else found.end()
