"""A logical backup: one mariadb-dump for each database, then one for the accounts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from intendance.engines import Finished, Producer, Source
from intendance.engines.mariadb import faults, heads, privileges, survey
from intendance.engines.mariadb.client import MAX_PACKET, Client
from intendance.engines.mariadb.watch import LockWatch
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import EngineFailed, SourceBusy, SourceChanged, TablesRefused
from intendance.model.plan import MariadbAsset

END_MARKER = b"-- Dump completed"
ACCOUNTS = "accounts"
LOCK_BOUND_SECONDS = 60.0
LOCK_POLL_SECONDS = 2.0
# Prints its first argument, then becomes the program that follows.
_HEADED = ("sh", "-c", 'printf %s "$1" && shift && exec "$@"', "sh")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")


def stream_names(databases: Sequence[str]) -> dict[str, str]:
    """The stream of each database: `db-` and its name where that is a slug, else a hash of it; never two alike."""
    slugs = {name: name.lower().replace("_", "-") for name in databases}
    taken = list(slugs.values())
    return {
        name: f"db-{slug}"
        if _SLUG.match(slug) and taken.count(slug) == 1
        else f"db-x{hashlib.sha256(name.encode()).hexdigest()[:24]}"
        for name, slug in slugs.items()
    }


def source_of(asset: MariadbAsset, seen: survey.Survey, warnings: Sequence[str] = ()) -> Source:
    """What stands behind the asset. Raises AccessDenied with the exact GRANT statements, TablesRefused."""
    names = [database.name for database in seen.databases]
    locked = {database.name: database.locked for database in seen.databases if database.locked}
    if locked and asset.non_transactional == "refuse":
        listed = [f"{name}.{table}" for name, tables in locked.items() for table in tables]
        raise TablesRefused(asset=asset.name, detail=_listed(listed))
    lacking = privileges.missing(seen.grants, seen.account, names, locking=list(locked))
    if lacking:
        detail = f"the account {seen.account} may not read all that a dump must hold"
        raise faults.access_denied(asset.name, detail, lacking)
    accounts = privileges.reads_accounts(seen.grants)
    return Source(
        engine="mariadb",
        version=seen.version,
        identity=seen.identity,
        estimated_bytes=sum(database.data_bytes for database in seen.databases),
        details={
            "databases": names,
            "streams": stream_names(names),
            "accounts": accounts,
            "lower_case_table_names": seen.lower_case_table_names,
            "page_size_bytes": seen.page_size_bytes,
        },
        warnings=(*warnings, *_remarks(seen, locked, accounts=accounts)),
    )


class DumpSession:
    """One backup in the making. `close` ends the watch and lets go of the secret."""

    def __init__(
        self,
        asset: MariadbAsset,
        client: Client,
        *,
        lock_bound_seconds: float = LOCK_BOUND_SECONDS,
        lock_poll_seconds: float = LOCK_POLL_SECONDS,
    ) -> None:
        self.asset = asset
        self.client = client
        self._seen = survey.take(client, asset)
        self.source = source_of(asset, self._seen, client.warnings)
        self._streams = stream_names(self.source.details["databases"])
        self._todo = [database.name for database in self._seen.databases]
        self._accounts = bool(self.source.details["accounts"])
        self._bounds = (lock_bound_seconds, lock_poll_seconds)
        self._watch: LockWatch | None = None

    def next_producer(self) -> Producer | None:
        """The dump of the next database, then of the accounts."""
        if self._todo:
            return self._database(self._todo.pop(0))
        if self._accounts:
            self._accounts = False
            return self._producer(ACCOUNTS, ("--system=users", "--insert-ignore"), self._accounts_finished)
        return None

    def close(self) -> None:
        """End what still runs beside the dump."""
        self._end_watch()
        self.client.close()

    def _database(self, name: str) -> Producer:
        # Looked at again just before its own dump: the ones before it may have taken an hour.
        before = survey.take(self.client, self._only(name)).databases[0]
        # A table that takes its numbers from a sequence cannot be loaded under the LOCK TABLES that mariadb-dump writes
        # around its rows (error 1100).
        options = [
            "--quick", "--routines", "--triggers", "--hex-blob", "--no-tablespaces", "--skip-add-locks",
            "--lock-tables" if before.locked else "--single-transaction",
        ]  # fmt: skip
        if self._seen.events_readable:
            options.append("--events")
        if before.versioned:
            options.append("--dump-history")

        def finished(code: int, stderr: str) -> Finished:
            return self._database_finished(before, code, stderr)

        head = heads.head(name, before.character_set, before.collation)
        options += ["--", name, *before.listed_for_dump()]
        return self._producer(self._streams[name], options, finished, head=head)

    def _producer(
        self, stream: str, options: Sequence[str], finished: Callable[[int, str], Finished], *, head: str = ""
    ) -> Producer:
        bound, poll = self._bounds
        self._end_watch()
        self._watch = LockWatch(self.client, bound, poll)
        self._watch.start()
        # What an options file may have switched on is switched off again; see client._ALLOWED for what it may not set.
        common = ("--default-character-set=utf8mb4", MAX_PACKET, "--comments", "--dump-date")
        return Producer(
            stream=stream,
            media="sql",
            argv=(*_HEADED, head, *self.client.argv("mariadb-dump", *common, *options)),
            finish=finished,
            pass_fds=self.client.pass_fds,
            end_marker=END_MARKER,
        )

    def _database_finished(self, before: survey.Database, code: int, stderr: str) -> Finished:
        what = f"{self.asset.name} (database {before.name})"
        fault = self._fault(what, code, stderr)
        if fault is not None and not isinstance(fault, EngineFailed):
            raise fault
        # A dump that failed may have met what somebody altered; one that did not may have been led astray by it.
        altered = survey.differences(before, self._again(before))
        if altered:
            raise SourceChanged(asset=what, detail=_listed(altered))
        if fault is not None:
            raise fault
        details: dict[str, Any] = before.details() | {"read": "under lock" if before.locked else "one snapshot"}
        warnings = () if before.tables else (f"the database {before.name} holds no table",)
        return Finished(details=details, warnings=warnings)

    def _accounts_finished(self, code: int, stderr: str) -> Finished:
        fault = self._fault(f"{self.asset.name} (accounts)", code, stderr)
        if fault is not None:
            raise fault
        return Finished(details={"accounts": True})

    def _again(self, before: survey.Database) -> survey.Database:
        schemas = {before.name: (before.character_set, before.collation)}
        numbers = survey.sees_numbers(self._seen.grants)
        return survey.describe(self.client, schemas, numbers=numbers)[before.name]

    def _fault(self, what: str, code: int, stderr: str) -> IntendanceError | None:
        watch = self._end_watch()
        if code == 0:
            return None
        if watch is not None and watch.blocked is not None:
            return SourceBusy(asset=what, detail=watch.blocked)
        if code < 0:
            return EngineFailed(asset=what, detail=f"mariadb-dump was ended by signal {-code}.")
        return faults.from_dump(what, self.client.hide(stderr), code=code, grants=self.client.grants)

    def _end_watch(self) -> LockWatch | None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        return watch

    def _only(self, name: str) -> MariadbAsset:
        return MariadbAsset(name=self.asset.name, connect=self.asset.connect, databases=(name,), backup=None)


def _remarks(seen: survey.Survey, locked: dict[str, tuple[str, ...]], *, accounts: bool) -> list[str]:
    said = [
        f"writing to the database {name} waits while it is dumped, because of tables that are not InnoDB: "
        f"{_listed(tables)}"
        for name, tables in locked.items()
    ]
    if not accounts:
        statement = privileges.accounts_grant(seen.account)
        said.append(f"the server's accounts and their rights are not backed up; to have them: {statement}")
    if not seen.events_readable:
        said.append("events are not backed up: the server runs with event_scheduler=DISABLED, which hides them")
    return said


def _listed(names: Sequence[str], most: int = 8) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
