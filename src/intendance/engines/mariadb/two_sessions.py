"""The program that loads a dump by two sessions of the client:
`… [--defer TABLE]… [--pass-fd N]… [--silence-events] -- CLIENT…`.

The dump comes on standard input and is never written anywhere. Rows of a table with a primary key go to whichever
session is free; its secondary indexes are made after them, by one session while the other goes on with the next table,
and foreign keys when all is there. What the dump says besides is done in its order by the first session, at the moment
when all that it may rest on is done. Each session runs mariadb's own client, in its sandbox where it has one, and says
when a statement is done by answering a SELECT that follows it.

When one session fails, the other is ended, and standard error says what the client said and at which table.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence

from intendance.engines.mariadb import silencing
from intendance.engines.mariadb.deferring import Creation, creation
from intendance.engines.mariadb.privileges import quoted
from intendance.engines.mariadb.splitter import NAME, NotUnderstood, Piece, Splitter
from intendance.system import process

QUEUED_BYTES = 4 << 20
"""What may wait for a session; a dump's INSERT has about 1 MiB (net_buffer_length of mariadb-dump)."""
READ_BYTES = 1 << 20

_ANSWERS = ("--unbuffered", "--skip-column-names")
_PREAMBLE = re.compile(rb"(?:/\*M?!\d+ )?SET |CREATE DATABASE |USE `|/\*M?!999999|\Z")
_FOOTER = b"/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */"
_SETTING = re.compile(rb"(?:/\*M?!\d+ )?SET (?:@saved_cs_client|character_set_client)\b")
_NEXT_OBJECT = re.compile(
    rb"DROP TABLE IF EXISTS |/\*!50001 DROP (?:TABLE|VIEW) IF EXISTS "
    rb"|/\*!50001 CREATE (?:TABLE|VIEW) " + NAME + rb" (?:AS SELECT\s+1 AS |\(\n)"
)
_OF_THE_TABLE = re.compile(rb"DELIMITER |/\*!40000 ALTER TABLE " + NAME + rb" (?:DISABLE|ENABLE) KEYS \*/")
_ECHO_ENDS = "-" * 14 + "\n"
_LINE = re.compile(r" at line \d+")


class LoadFailed(Exception):
    """A session ended before it was told to."""


class Session:
    """One client, its queue, and what it has not yet said to be done. Every wait ends when any session fails."""

    def __init__(self, argv: Sequence[str], pass_fds: Sequence[int], changed: threading.Condition) -> None:
        self.child = process.start(
            (*argv, *_ANSWERS), stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=tuple(pass_fds)
        )
        process.widen(self.child.stdin)
        self.outstanding: deque[bytes] = deque()
        self.failed = False
        self._done = secrets.token_hex(8).encode()  # which no SELECT of the dump can answer
        self._changed = changed
        self._queue: deque[bytes | None] = deque()
        self._queued_bytes = self._labelled = 0
        self._closed = False
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._write, self._read)]
        for thread in self._threads:
            thread.start()

    @property
    def full(self) -> bool:
        """Whether it has enough to do."""
        return self._queued_bytes > QUEUED_BYTES

    @property
    def load_bytes(self) -> int:
        return self._queued_bytes + len(self.outstanding)

    def put(self, content: bytes, label: bytes, *, ends: bool = True) -> None:
        """Queue a statement or a piece of one; `label` says what it is about."""
        with self._changed:
            self._queue.append(content + b"\nSELECT '" + self._done + b"';\n" if ends else content)
            self._queued_bytes += len(content)
            if ends:
                self.outstanding.append(label)
            self._changed.notify_all()

    def put_raw(self, content: bytes) -> None:
        """Queue bytes that nobody waits for."""
        with self._changed:
            self._queue.append(content)
            self._queued_bytes += len(content)
            self._changed.notify_all()

    def close(self) -> None:
        """No more comes: the client ends by itself."""
        with self._changed:
            self._closed = True
            self._queue.append(None)
            self._changed.notify_all()

    def ended_well(self) -> bool:
        """Wait for the client's end, after `close`."""
        for thread in self._threads:
            thread.join()
        return self.child.wait() == 0 and not self.outstanding

    def _write(self) -> None:
        while True:
            with self._changed:
                while not self._queue:
                    self._changed.wait()
                content = self._queue.popleft()
            if content is None:
                self.child.stdin.close()
                return
            view = memoryview(content)
            try:
                while view:
                    view = view[os.write(self.child.stdin.fileno(), view) :]
            except BrokenPipeError:
                return  # the reader sees its end
            with self._changed:
                self._queued_bytes -= min(len(content), self._queued_bytes)
                self._changed.notify_all()

    def _read(self) -> None:
        with os.fdopen(os.dup(self.child.stdout.fileno()), "rb") as answers:
            for line in answers:
                if line.rstrip(b"\n") == self._done:
                    with self._changed:
                        self.outstanding.popleft()
                        self._changed.notify_all()
        with self._changed:
            self.failed = not self._closed or bool(self.outstanding)
            self._changed.notify_all()


class Loader:
    """Decides which session does what, and when."""

    def __init__(
        self, argv: Sequence[str], pass_fds: Sequence[int], deferred: Collection[bytes], *, silent: bool = False
    ) -> None:
        self.silent = silent
        self._changed = threading.Condition()
        self._first = Session(argv, pass_fds, self._changed)
        self._second = Session(argv, pass_fds, self._changed)
        self.sessions = (self._first, self._second)
        self._deferred = deferred
        self._preamble = True
        self._table: Creation | None = None
        self._taker: Session | None = None
        self._indexes: deque[Creation] = deque()
        self._foreign_keys: list[Creation] = []

    def take(self, piece: Piece) -> None:
        """Do what a piece of the dump says. Raises LoadFailed, EventUnknown."""
        if piece.table is not None:
            self._preamble = False
            self._rows(piece, piece.table)
            return
        if self.silent:
            piece = silencing.silenced(piece)
        statement = piece.statement
        if self._preamble and _PREAMBLE.match(statement):
            for session in self.sessions:  # one after the other: both would make the database
                session.put(piece.content, b"")
                self._until(lambda session=session: not session.outstanding)  # type: ignore[misc]
            return
        self._preamble = False
        made = creation(statement, self._deferred)
        if made is not None:
            self._begin_table(made)
        else:
            self._in_order(statement, piece.content)

    def take_last(self, piece: Piece) -> None:
        """What stands at the end of the dump, and may be no whole statement: the client says what is wrong with it."""
        if self.silent and piece.table is None:
            piece = silencing.silenced(piece)
        if self._taker is None:
            self._settle()
        (self._taker or self._first).put_raw(piece.content)
        self._taker = None

    def pass_on(self, read: Callable[[], bytes]) -> None:
        """From here on everything as it comes, by the first session."""
        self._settle()
        while content := read():
            self._until(lambda: not self._first.full)
            self._first.put_raw(content)

    def finish(self) -> None:
        """All of the dump was taken. Raises LoadFailed."""
        self._settle()
        self._first.close()
        if not self._first.ended_well():
            self._first.failed = True
            raise LoadFailed
        self._make_foreign_keys(self._second)
        self._until(lambda: not self._second.outstanding)
        self._second.close()
        if not self._second.ended_well():
            self._second.failed = True
            raise LoadFailed

    def complaint(self) -> str:
        """What the session that failed said, and where it was."""
        session = next(each for each in self.sessions if each.failed)
        other = self._first if session is self._second else self._second
        other.child.end()
        code = session.child.wait()
        # Before it says what is wrong, the client repeats the statement, with its rows, between two lines of dashes.
        said = session.child.stderr().rpartition(_ECHO_ENDS)[2].strip() or f"the client ended with code {code}"
        said = _LINE.sub("", said)
        label = session.outstanding[0].decode(errors="replace") if session.outstanding else ""
        return f"{said} (table {label})" if label else said

    def _rows(self, piece: Piece, table: bytes) -> None:
        taker = self._taker
        if taker is None:
            self._hand_out_indexes()
            self._until(lambda: any(not each.full for each in self._able(table)))
            taker = min(self._able(table), key=lambda each: each.load_bytes)
        else:
            session = taker
            self._until(lambda: not session.full)
        taker.put(piece.content, table, ends=piece.ends)
        self._taker = None if piece.ends else taker

    def _able(self, table: bytes) -> list[Session]:
        """Who may take rows of that table now."""
        made = self._table
        if made is None or made.table != table or not made.parallel or b"" in self._first.outstanding:
            return [self._first]
        # While it makes the indexes of another table, the second session takes no rows.
        return [self._first] if any(label != table for label in self._second.outstanding) else list(self.sessions)

    def _begin_table(self, made: Creation) -> None:
        self._end_table()
        self._table = made
        self._first.put(made.create, b"")
        if made.foreign_keys:
            self._foreign_keys.append(made)

    def _in_order(self, statement: bytes, content: bytes) -> None:
        if _SETTING.match(statement) is None:
            if _OF_THE_TABLE.match(statement):
                self._settle_rows()
            elif _NEXT_OBJECT.match(statement):
                self._end_table()
            else:
                self._settle()
                if statement.startswith(_FOOTER):
                    self._make_foreign_keys(self._first)
        self._first.put(content, b"")

    def _end_table(self) -> None:
        """The rows of the last table are complete: its indexes are to be made."""
        table, self._table = self._table, None
        if table is None:
            return
        if table.indexes:
            self._settle_rows()
            self._indexes.append(table)
        self._hand_out_indexes()

    def _hand_out_indexes(self) -> None:
        if self._indexes and not self._second.outstanding:
            table = self._indexes.popleft()
            self._second.put(table.indexes, table.table)

    def _settle_rows(self) -> None:
        """Wait until no session has rows before it. The second may go on with indexes of another table."""
        table = self._table.table if self._table is not None else b""
        self._until(lambda: not self._first.outstanding and table not in self._second.outstanding)

    def _settle(self) -> None:
        """Wait until all that came before is done: rows, and indexes, by whoever is free."""
        self._end_table()
        while self._indexes:
            self._until(lambda: any(not each.outstanding for each in self.sessions))
            table = self._indexes.popleft()
            idle = next(each for each in self.sessions if not each.outstanding)
            idle.put(table.indexes, table.table)
        self._until(lambda: not any(each.outstanding for each in self.sessions))

    def _make_foreign_keys(self, session: Session) -> None:
        """As the dump would have: rows are not looked at."""
        if self._foreign_keys:
            session.put(b"SET SESSION foreign_key_checks=0;", b"")
        for table in self._foreign_keys:
            session.put(table.foreign_keys, table.table)
        self._foreign_keys = []

    def _until(self, ready: Callable[[], bool]) -> None:
        with self._changed:
            while not ready() and not any(each.failed for each in self.sessions):
                self._changed.wait()
        if any(each.failed for each in self.sessions):
            raise LoadFailed


def load(loader: Loader, descriptor: int) -> None:
    """Take the dump from a descriptor to its end. Raises LoadFailed."""
    splitter = Splitter()
    try:
        while content := os.read(descriptor, READ_BYTES):
            for piece in splitter.feed(content):
                loader.take(piece)
        for piece in splitter.finish():
            loader.take_last(piece)
    except NotUnderstood as held_back:
        if loader.silent:  # what follows may be events, and they would run as soon as they are made
            raise silencing.EventUnknown from None
        rest = [held_back.rest]
        loader.pass_on(lambda: rest.pop() if rest else os.read(descriptor, READ_BYTES))
    loader.finish()


def main() -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--defer", action="append", default=[])
    parser.add_argument("--pass-fd", action="append", type=int, default=[])
    parser.add_argument("--silence-events", action="store_true")
    parser.add_argument("client", nargs="+")
    options = parser.parse_args()
    deferred = frozenset(quoted(name).encode() for name in options.defer)
    loader = Loader(options.client, options.pass_fd, deferred, silent=options.silence_events)
    try:
        load(loader, 0)
    except silencing.EventUnknown as unknown:
        for session in loader.sessions:
            session.child.end()
        sys.stderr.write(f"{unknown}\n")
        return 1
    except LoadFailed:
        sys.stderr.write(loader.complaint() + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
