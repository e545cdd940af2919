"""How busy a server is, in one short conversation: connections, long statements, deadlocks, where its data lies.

No statement's text is read out of the server: it may hold a row of user data.
"""

from __future__ import annotations

from intendance.engines.mariadb import faults
from intendance.engines.mariadb.client import Client
from intendance.model.frozen import dataclass
from intendance.system import process

DEADLINE_SECONDS = 10.0
_OPTIONS = ("--batch", "--skip-column-names", "--connect-timeout=5", "--skip-reconnect")
# Statements by which backups read tables (`client/mysqldump.cc`) take as long as a table is large. Without PROCESS, the
# list of processes silently holds the account's own alone, and the last statement fails.
_ASKED = r"""
SET SESSION sql_mode='', max_statement_time=5;
SET SESSION TRANSACTION READ ONLY;
SELECT VARIABLE_NAME, VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS
 WHERE VARIABLE_NAME IN ('THREADS_CONNECTED', 'UPTIME', 'INNODB_DEADLOCKS');
SELECT 'MAX_CONNECTIONS', @@max_connections;
SELECT 'DATADIR', @@datadir;
SELECT 'QUERY_MS', COALESCE(MAX(ROUND(TIME_MS)), 0) FROM information_schema.PROCESSLIST
 WHERE COMMAND IN ('Query', 'Execute') AND ID <> CONNECTION_ID() AND USER <> 'system user'
   AND COALESCE(INFO, '') NOT REGEXP '^SELECT /\\*!40001 SQL_NO_CACHE';
SELECT 'SEES_OTHERS', COUNT(*) FROM information_schema.INNODB_TRX;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """What a server said of itself. `connections` are those of others. `query_ms`: for how long the longest statement
    has been running, without those by which backups read; None when the account may not see those of others.
    `deadlocks` since its start; None when it does not count them."""

    connections: int
    connections_allowed: int
    query_ms: int | None
    deadlocks: int | None
    uptime_seconds: int
    folder: str


def feel(client: Client) -> Pulse:
    """Ask once. Raises SourceUnreachable, AccessDenied and what else the client's programs say, ProgramTimedOut."""
    done = process.run(
        client.argv("mariadb", *_OPTIONS),
        input=_ASKED.encode(),
        deadline_seconds=DEADLINE_SECONDS,
        pass_fds=client.pass_fds,
        accept=range(256),
    )
    said = dict(line.split("\t", 1) for line in done.stdout.decode(errors="replace").splitlines() if "\t" in line)
    sees_others = "SEES_OTHERS" in said
    if "QUERY_MS" not in said or not (sees_others or faults.number_of(done.stderr) in faults.DENIED):
        raise client.fault(done.stderr, done.code)
    return Pulse(
        connections=max(0, int(said["THREADS_CONNECTED"]) - 1),
        connections_allowed=int(said["MAX_CONNECTIONS"]),
        query_ms=int(said["QUERY_MS"]) if sees_others else None,
        deadlocks=int(said["INNODB_DEADLOCKS"]) if "INNODB_DEADLOCKS" in said else None,
        uptime_seconds=int(said["UPTIME"]),
        folder=said["DATADIR"],
    )
