"""Restores of a logical backup: into a new database on the same server, or into a folder with a server of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from intendance.engines import Consumer, StreamInSet
from intendance.engines.mariadb import compare, faults, heads, loading, privileges, survey
from intendance.engines.mariadb.client import MAX_PACKET, Client, literal
from intendance.engines.mariadb.dump import ACCOUNTS
from intendance.engines.mariadb.server_folder import COUNT_DEADLINE_SECONDS, LOADING, ServerFolder, loading_sizes
from intendance.engines.private_mariadb import ServerSizes
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import (
    AccessDenied,
    DestinationTaken,
    DestinationUnfinished,
    DestinationUnusable,
    LoadFailed,
)
from intendance.model.evidence.restore import Check
from intendance.system import process
from intendance.system.sandbox import Sandbox

_NAME = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9_$-]{0,63}\Z")
# Binary mode keeps carriage returns in the bodies of routines, --comments keeps comments there.
LOAD = ("--batch", "--binary-mode", "--comments", "--default-character-set=utf8mb4", "--skip-reconnect", MAX_PACKET)
_EVENTS = "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = {name} AND STATUS = 'ENABLED';"
UNFINISHED = "intendance_unfinished_restore"
"""A table that stands in a database from its first moment until all of it is loaded and checked: MariaDB cannot give a
database another name in the end."""
_MARK = """
CREATE TABLE {mark} (a INT) COMMENT 'This database is not complete: a restore by Intendance is under way or was killed';
"""
_MARKED = "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = {name} AND TABLE_NAME = {mark};"
_NEW_NAME = "Write `--into NAME` with up to 64 letters, digits, `_`, `-` or `$`, or `--into /a/new/folder`."


def databases_of(streams: Sequence[StreamInSet]) -> dict[str, StreamInSet]:
    """The databases in a set, by their name on the server."""
    return {str(stream.details["database"]): stream for stream in streams if "database" in stream.details}


def choose(streams: Sequence[StreamInSet], into: str) -> tuple[str, str, StreamInSet]:
    """Old name, new name and stream for `into`, which is NEW or OLD=NEW. Raises DestinationUnusable."""
    held = databases_of(streams)
    old, separator, new = into.rpartition("=")
    if not _NAME.match(new) or new.lower() in survey.SYSTEM_DATABASES:
        raise DestinationUnusable(destination=f"`{new}`", detail="that is no name for a new database", remedy=_NEW_NAME)
    names = ", ".join(held) or "none"
    if not separator:
        if len(held) != 1:
            raise DestinationUnusable(
                destination=f"The database {new}",
                detail=f"the set holds several databases: {names}",
                remedy=f"Say which one: `--into OLD={new}`; or restore them all with `--into /a/new/folder`.",
            )
        old = next(iter(held))
    if old not in held:
        raise DestinationUnusable(
            destination=f"The database {new}",
            detail=f"the set holds no database {old} (it holds: {names})",
            remedy=f"Write `--into OLD={new}` with one of the databases that it holds.",
        )
    return old, new, held[old]


class DatabaseRestore:
    """Into a new database on the living server. Its accounts, settings and other databases are left alone."""

    def __init__(self, client: Client, streams: Sequence[StreamInSet], into: str) -> None:
        self.client = client
        self.old, self.destination, self._stream = choose(streams, into)
        self.unfinished = f"the database {self.destination}"
        self._sandbox = client.supports("mariadb", "--sandbox")
        self._created = False
        if self._stream.details.get("other_collations") and self.old != self.destination:
            raise DestinationUnusable(
                destination=f"The database {self.destination}",
                detail=f"some routines of {self.old} were made under another collation, so that its dump changes "
                f"{self.old} itself while it is loaded",
                remedy="Restore it with `--into /a/new/folder` and copy from there.",
            )

    def prepare(self) -> None:
        """Create the empty database, marked as unfinished. Raises DestinationTaken, DestinationUnfinished,
        AccessDenied, SourceUnreachable."""
        details = self._stream.details
        ((account,),) = self.client.query("SELECT CURRENT_USER();")
        self.client.grants = privileges.restoring(account, self.destination)
        charset, collation = str(details["character_set"]), str(details["collation"])
        statement = (
            f"CREATE DATABASE {privileges.quoted(self.destination)} "
            f"CHARACTER SET {literal(charset)} COLLATE {literal(collation)};"
        )
        argv = self.client.argv("mariadb", *LOAD)
        done = process.run(
            argv, input=statement.encode(), deadline_seconds=60, pass_fds=self.client.pass_fds, accept=range(256)
        )
        if faults.number_of(done.stderr) == faults.DATABASE_EXISTS:
            raise self._taken()
        if done.code != 0:
            raise self.client.fault(done.stderr, done.code)
        self._created = True
        self.client.query(_MARK.format(mark=self._mark), read_only=False)

    def consumers(self) -> Sequence[Consumer]:
        """The client that loads the one chosen stream."""
        options = (*LOAD, "--sandbox") if self._sandbox else LOAD
        client = self.client.argv("mariadb", *options, f"--database={self.destination}")
        descriptors = self.client.pass_fds
        return (
            loading.consumer(self._stream, client, self._finished, pass_fds=descriptors, head=self._head, silent=True),
        )

    def check(self) -> tuple[Check, ...]:
        """Tables, rows, other objects, and what still names the original."""
        checks = compare.database(self._query, self.destination, self._stream.details)
        if self.old == self.destination:
            return checks
        return (*checks, compare.outside_references(self._query, self.destination, self.old))

    def publish(self) -> None:
        """Take the mark away: the database is whole."""
        self.client.query(f"DROP TABLE IF EXISTS {self._mark};", read_only=False)

    def discard(self) -> None:
        """Drop the database, if this restore created it."""
        if self._created:
            self.client.query(f"DROP DATABASE IF EXISTS {privileges.quoted(self.destination)};", read_only=False)
            self._created = False

    def close(self) -> None:
        """Let go of the secret."""
        self.client.close()

    @property
    def _mark(self) -> str:
        return f"{privileges.quoted(self.destination)}.{privileges.quoted(UNFINISHED)}"

    def _taken(self) -> IntendanceError:
        name = self.destination
        if self.client.query(_MARKED.format(name=literal(name), mark=literal(UNFINISHED))) == [("1",)]:
            return DestinationUnfinished(database=name, quoted=privileges.quoted(name), mark=UNFINISHED)
        return DestinationTaken(destination=f"The database {name}")

    def _query(self, sql: str) -> list[tuple[str, ...]]:
        return self.client.query(sql, deadline_seconds=COUNT_DEADLINE_SECONDS)

    def _head(self, first: bytes) -> bytes:
        try:
            renamed = heads.renamed(first, self.old, self.destination)
        except heads.HeadUnexpected as refused:
            raise LoadFailed(destination=self.destination, detail=f"{refused}; nothing was loaded.") from None
        return renamed if self._sandbox else heads.without_sandbox(renamed)

    def _finished(self, code: int, stderr: str) -> None:
        if code != 0:
            raise _load_fault(self.destination, self.client.hide(stderr), code, self.client.grants)
        self._silence_events()

    def _silence_events(self) -> None:
        # The copy lives on a server whose event scheduler may run: two sets of events would do the work twice. All were
        # made disabled already, but for the first one of a database, where it came up while the dump began.
        rows = self.client.query(_EVENTS.format(name=literal(self.destination)))
        events = [f"{privileges.quoted(self.destination)}.{privileges.quoted(row[0])}" for row in rows]
        if events:
            self.client.query("".join(f"ALTER EVENT {event} DISABLE ON SLAVE;" for event in events), read_only=False)


class FolderRestore(ServerFolder):
    """Into a new folder: a server of our own on a fresh data directory below it takes every stream, accounts too.

    It is stopped at the end and leaves a data directory that `mariadbd` opens; the check says how. `plain`: by the
    client alone, as somebody does by hand.
    """

    def __init__(
        self,
        streams: Sequence[StreamInSet],
        details: Mapping[str, Any],
        into: str,
        sizes: ServerSizes | None = None,
        *,
        sandbox: Sandbox | None = None,
        plain: bool = False,
    ) -> None:
        super().__init__(into, sandbox)
        self._plain = plain
        self._held = databases_of(streams)
        self._accounts = any(stream.name == ACCOUNTS for stream in streams)
        self._details = details
        self._sizes = sizes or loading_sizes()
        self._refused_accounts: list[str] = []

    def prepare(self) -> None:
        """Create the folder, and start a server in it. Raises DestinationTaken, DestinationUnusable, ProgramMissing,
        PrivateServerFailed."""
        self._create()
        server = self._new_server(self._sizes, *LOADING)
        server.create(
            lower_case_table_names=int(self._details.get("lower_case_table_names", 0)),
            page_size_bytes=int(self._details.get("page_size_bytes", 16384)),
        )
        server.start()

    def consumers(self) -> Sequence[Consumer]:
        """Every database, then the accounts."""
        argv = (*self._running().client_argv(), *LOAD, "--sandbox")
        loads = [
            loading.consumer(stream, argv, self._load_finished(name), plain=self._plain)
            for name, stream in self._held.items()
        ]
        if self._accounts:
            # One account whose log-in plugin this server lacks must not cost all the others: --force goes on.
            loads.append(Consumer(stream=ACCOUNTS, argv=(*argv, "--force"), finish=self._accounts_finished))
        return tuple(
            replace(each, argv=self._within(each.argv, each.environment), environment={}) if self._sandbox else each
            for each in loads
        )

    def check(self) -> tuple[Check, ...]:
        """Each database, the accounts, and the command that starts the restored server."""
        checks: list[Check] = []
        for name, stream in self._held.items():
            checks += compare.database(self._query, name, stream.details)
        if self._accounts:
            refused = self._refused_accounts
            found = f"not taken over: {'; '.join(refused[:3])}" if refused else "loaded"
            checks.append(Check(name="accounts", ok=not refused, found=found))
        checks.append(Check(name="data directory", ok=True, found=f"start it with: {self._start_command()}"))
        return tuple(checks)

    def _load_finished(self, name: str) -> Callable[[int, str], None]:
        def finished(code: int, stderr: str) -> None:
            if code != 0:
                raise _load_fault(f"{self.destination} (database {name})", stderr, code, ())

        return finished

    def _accounts_finished(self, code: int, stderr: str) -> None:
        errors = [line for line in stderr.splitlines() if line.startswith("ERROR")]
        self._refused_accounts = [faults.sentence_of(line) for line in errors]
        if code != 0 and not errors:
            raise _load_fault(f"{self.destination} (accounts)", stderr, code, ())


def _load_fault(destination: str, stderr: str, code: int, grants: tuple[str, ...]) -> IntendanceError:
    fault = faults.from_stderr(destination, stderr, code=code, grants=grants)
    if isinstance(fault, AccessDenied):
        return fault
    detail = f"the client was ended by signal {-code}" if code < 0 else faults.sentence_of(stderr)
    return LoadFailed(destination=destination, detail=detail + ".")
