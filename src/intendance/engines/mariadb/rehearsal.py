"""A drill of a MariaDB server: loaded, started and asked in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intendance.engines import StreamInSet
from intendance.engines.mariadb import asking, faults, physical
from intendance.engines.mariadb.client import literals
from intendance.engines.mariadb.load import FolderRestore
from intendance.engines.mariadb.physical_restore import PhysicalRestore
from intendance.engines.mariadb.privileges import quoted
from intendance.engines.mariadb.server_folder import ServerFolder
from intendance.engines.rehearsing import Rehearsal
from intendance.model.errors.drill import QuestionRefused
from intendance.model.errors.process import ProgramFailed, ProgramTimedOut
from intendance.model.evidence.restore import Check
from intendance.system.sandbox import Sandbox

_TABLES = (
    "SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ({names}) AND TABLE_TYPE IN "
    "('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_SCHEMA, TABLE_NAME;"
)

_SETTINGS = (
    "SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.GLOBAL_VARIABLES WHERE VARIABLE_NAME IN "
    "('EVENT_SCHEDULER', 'LOCAL_INFILE', 'GENERAL_LOG', 'SLOW_QUERY_LOG', 'LOG_OUTPUT');"
)
_SET = frozenset(
    {
        ("EVENT_SCHEDULER", "OFF"),
        ("LOCAL_INFILE", "OFF"),
        ("GENERAL_LOG", "OFF"),
        ("SLOW_QUERY_LOG", "OFF"),
        ("LOG_OUTPUT", "FILE"),
    }
)
"""What a dump never sets: each of them is as our own arguments left it."""


class _Asked(ServerFolder):
    """What a drill asks of the restored server."""

    databases: tuple[str, ...]

    def content(self) -> Mapping[str, str]:
        """The rows and the checksum of every table."""
        if not self.databases:
            return {}
        tables = [(row[0], row[1]) for row in self._query(_TABLES.format(names=literals(self.databases)))]
        if not tables:
            return {}
        named = [f"{quoted(database)}.{quoted(table)}" for database, table in tables]
        counts = self._query("\n".join(f"SELECT COUNT(*) FROM {name};" for name in named))  # noqa: S608 -- quoted
        sums = self._query("\n".join(f"CHECKSUM TABLE {name} EXTENDED;" for name in named))
        return {
            f"{database}.{table}": f"{rows[0]} rows, checksum {found[-1]}"
            for (database, table), rows, found in zip(tables, counts, sums, strict=True)
        }

    def ask(self, sql: str, point_time: str, deadline_seconds: int) -> str | None:
        """The answer of the restored server. Raises QuestionRefused."""
        server = self._running()
        try:
            said = server.execute(
                asking.script(sql, point_time, deadline_seconds), deadline_seconds=deadline_seconds + 30
            )
        except ProgramTimedOut as late:
            raise QuestionRefused(sql=sql, detail=f"no answer within {deadline_seconds} s") from late
        except ProgramFailed as failed:
            detail = faults.sentence_of(str(failed.params.get("detail", "")))
            raise QuestionRefused(sql=sql, detail=detail) from failed
        return asking.answer([tuple(line.split("\t")) for line in said.splitlines()], sql)

    def holds(self, name: str) -> Check:
        """A server holds no files."""
        return Check(name=f"holds {name}", ok=False, found="it is a server")


class LogicalRehearsal(_Asked, FolderRestore):
    """A dump, loaded into a server of our own."""

    def __init__(
        self, streams: Sequence[StreamInSet], details: Mapping[str, Any], into: str, sandbox: Sandbox, *, plain: bool
    ) -> None:
        FolderRestore.__init__(self, streams, details, into, sandbox=sandbox, plain=plain)
        self.databases = tuple(self._held)

    def check(self) -> tuple[Check, ...]:
        """As any restore; and that no statement of the dump changed what the server may do."""
        changed = [row[0] for row in self._query(_SETTINGS) if (row[0], row[1]) not in _SET]
        said = f"changed by what was loaded: {', '.join(changed)}" if changed else "as they were"
        return (*FolderRestore.check(self), Check(name="settings", ok=not changed, found=said))


class PhysicalRehearsal(_Asked, PhysicalRestore):
    """The files of a server, opened by one of our own."""

    def __init__(self, streams: Sequence[StreamInSet], details: Mapping[str, Any], into: str, sandbox: Sandbox) -> None:
        PhysicalRestore.__init__(self, streams, details, into, sandbox=sandbox)
        self.databases = tuple(str(each["database"]) for each in self._databases)


def open_rehearsal(
    streams: Sequence[StreamInSet], details: Mapping[str, Any], into: str, sandbox: Sandbox, *, by_hand: bool
) -> Rehearsal:
    """A rehearsal of a logical or physical set. Raises DestinationUnusable."""
    if any(stream.media == physical.MEDIA for stream in streams):
        return PhysicalRehearsal(streams, details, into, sandbox)
    return LogicalRehearsal(streams, details, into, sandbox, plain=by_hand)
