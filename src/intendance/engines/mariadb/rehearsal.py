"""A drill of a MariaDB server: loaded, started and asked in a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from intendance.engines import Consumer, StreamInSet
from intendance.engines.mariadb import asking, faults, physical
from intendance.engines.mariadb.client import literals
from intendance.engines.mariadb.dump import ACCOUNTS
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


_OTHER_DATABASES = (
    "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ({names}) "
    "AND SCHEMA_NAME NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys');"
)
_OTHER_BODIES = (
    "SELECT CONCAT(db, '.', name) FROM mysql.proc WHERE db NOT IN ({names}) AND db <> 'sys' AND (db, name) NOT IN "
    "(('mysql', 'AddGeometryColumn'), ('mysql', 'DropGeometryColumn')) UNION ALL "
    "SELECT CONCAT(db, '.', name) FROM mysql.event WHERE db NOT IN ({names});"
)
_SERVERS_OWN = (
    "CHECKSUM TABLE mysql.global_priv, mysql.db, mysql.tables_priv, mysql.columns_priv, mysql.procs_priv, "
    "mysql.proxies_priv, mysql.roles_mapping, mysql.plugin, mysql.func, mysql.servers EXTENDED;"
)
_SOURCES = "SHOW ALL SLAVES STATUS;"


class LogicalRehearsal(_Asked, FolderRestore):
    """A dump, loaded into a server of our own."""

    def __init__(
        self, streams: Sequence[StreamInSet], details: Mapping[str, Any], into: str, sandbox: Sandbox, *, plain: bool
    ) -> None:
        FolderRestore.__init__(self, streams, details, into, sandbox=sandbox, plain=plain)
        self.databases = tuple(self._held)
        self._fresh: tuple[tuple[str, ...], ...] = ()
        self._strayed: list[str] = []

    def prepare(self) -> None:
        """As any restore; how the server's own tables are before anything is loaded is kept."""
        super().prepare()
        self._fresh = tuple(self._query(_SERVERS_OWN))

    def consumers(self) -> Sequence[Consumer]:
        """As any restore; after each database, whether its dump wrote anywhere else."""
        return tuple(
            each if each.stream == ACCOUNTS else replace(each, finish=self._watched(each.finish))
            for each in super().consumers()
        )

    def _watched(self, finish: Callable[[int, str], None]) -> Callable[[int, str], None]:
        def finished(code: int, stderr: str) -> None:
            finish(code, stderr)
            names = literals(self.databases)
            found = [
                row[0] for sql in (_OTHER_DATABASES, _OTHER_BODIES) for row in self._query(sql.format(names=names))
            ]
            found += [row[0] for row in self._query(_SERVERS_OWN) if row not in self._fresh]
            found += ["a server to copy from" for _ in self._query(_SOURCES)]
            self._strayed += [each for each in found if each not in self._strayed]

        return finished

    def check(self) -> tuple[Check, ...]:
        """As any restore; and that no statement of the dump changed what the server may do, or wrote elsewhere."""
        changed = [row[0] for row in self._query(_SETTINGS) if (row[0], row[1]) not in _SET]
        said = f"changed by what was loaded: {', '.join(changed)}" if changed else "as they were"
        strayed = f"written beside its databases: {', '.join(self._strayed[:8])}" if self._strayed else "nothing"
        return (
            *FolderRestore.check(self),
            Check(name="settings", ok=not changed, found=said),
            Check(name="elsewhere", ok=not self._strayed, found=strayed),
        )


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
