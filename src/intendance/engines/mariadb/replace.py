"""A restored database, or one table of it, in the place of the original: one RENAME TABLE of all at once.

What has no name of its own to be given another schema (triggers, views, routines, events) is made anew from its text,
which is read and written down before anything is done. Grants are by name and stay; routines are replaced, not dropped,
so that theirs stay too. The way back is the same act in the other direction.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from intendance.engines.mariadb import compare, privileges, schema_keys
from intendance.engines.mariadb.client import Client, literal
from intendance.engines.mariadb.load import LOAD
from intendance.engines.mariadb.privileges import quoted
from intendance.engines.mariadb.schema_code import Side, read_side
from intendance.engines.mariadb.schema_keys import ForeignKey
from intendance.engines.mariadb.server_folder import COUNT_DEADLINE_SECONDS
from intendance.engines.replacing import Standing, Target
from intendance.model.errors import IntendanceError, InternalError
from intendance.model.errors.engine import AccessDenied
from intendance.model.errors.guide import GuideFindsNothing, GuideImpossible, GuideNoRoom, GuideRefused
from intendance.model.evidence.restore import Check
from intendance.model.plan import Asset, MariadbAsset
from intendance.system import process

LOCK_SECONDS = 60
RIGHTS = (
    "SELECT", "INSERT", "CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "TRIGGER", "EVENT", "CREATE VIEW",
    "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE",
)  # fmt: skip
_SERVER = """
SELECT 'server', CURRENT_USER(), @@global.read_only, @@datadir;
SELECT 'replica', VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'SLAVE_RUNNING';
SHOW GRANTS;
"""
_SIZE = """
SELECT COUNT(*), CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS UNSIGNED) FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = {name} AND TABLE_TYPE <> 'VIEW'{table};
"""
_TABLES = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {name} AND TABLE_TYPE <> 'VIEW';"
_TRIGGERS = "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = {name};"


def where(asset: Asset, target: Target, case: str) -> dict[str, Any]:
    """Two databases beside the original, on its server."""
    if not isinstance(asset, MariadbAsset):
        raise InternalError(detail=f"asset {asset.name} is not a MariaDB server")
    if target.database is None:
        raise GuideImpossible(asset=asset.name, detail="no database is named")
    short = re.sub(r"[^A-Za-z0-9_$]", "_", target.database)[:36]
    return {
        "database": target.database,
        "restored": f"{short}_restored_{case.lower()}",
        "kept": f"{short}_replaced_{case.lower()}",
    }


class SchemaReplacement:
    """See the module."""

    def __init__(self, asset: MariadbAsset, target: Target, found: Mapping[str, Any]) -> None:
        self._asset = asset
        self._table = target.table
        self._live, self._restored = str(found["database"]), str(found["restored"])
        self.kept = str(found["kept"])
        self.into = f"{self._live}={self._restored}"
        self._client = Client(asset)

    def standing(self) -> Standing:
        """How many tables there are, and how large they seem to be."""
        table = "" if self._table is None else f" AND TABLE_NAME = {literal(self._table)}"
        ((count, size),) = self._query(_SIZE.format(name=literal(self._live), table=table))
        return Standing(present=int(count) > 0, bytes=int(size))

    def prepare(self, source_bytes: int) -> None:
        """Raises AccessDenied, GuideRefused, GuideNoRoom."""
        rows = self._query(_SERVER)
        _, account, read_only, folder = next(row for row in rows if row[0] == "server")
        replica = next((row[1] for row in rows if row[0] == "replica" and len(row) == 2), "OFF")
        if read_only != "0" or replica == "ON":
            raise GuideRefused(
                asset=self._asset.name,
                detail="this server takes what another one gives it (it is a replica, or read-only)",
                remedy="Restore on the server that the site writes to; this one follows it.",
            )
        self._require_rights(account, privileges.parse(row[0] for row in rows if len(row) == 1))
        self._require_room(folder, source_bytes)

    def plan(self) -> dict[str, Any]:
        """Both sides, with the text of all that has to be made anew. Raises GuideFindsNothing."""
        new = read_side(self._client, self._restored, self._table)
        if self._table is not None and not new.tables:
            raise GuideFindsNothing(wanted=f"the table {self._table} of {self._live}")
        old = read_side(self._client, self._live, self._table)
        keys = schema_keys.find(self._query, (self._live, self._restored))
        moved = {*new.tables, *old.tables}
        return {
            "new": asdict(new),
            "old": asdict(old),
            # By the names that they have in production: of each side, and of those that stay and refer to either.
            "keys_new": [
                asdict(each.moved({self._restored: self._live}))
                for each in keys
                if each.schema == self._restored and each.table in new.tables
            ],
            "keys_old": [asdict(each) for each in keys if each.schema == self._live and each.table in old.tables],
            "keys_staying": [
                asdict(each)
                for each in keys
                if each.to_schema == self._live and each.to_table in moved
                and each.schema != self._restored and (each.schema, each.table) not in {(self._live, t) for t in moved}
            ],
        }  # fmt: skip

    def forward(self, plan: Mapping[str, Any]) -> None:
        """Raises GuideRefused."""
        self._exchange(self._restored, self.kept, Side.read(plan["new"]), Side.read(plan["old"]))
        self._mend([*plan["keys_new"], *plan["keys_staying"]], (self._restored, self.kept))

    def back(self, plan: Mapping[str, Any]) -> None:
        """The same in the other direction: what is there now is kept as the restored database."""
        self._exchange(self.kept, self._restored, Side.read(plan["old"]), Side.read(plan["new"]))
        self._mend([*plan["keys_old"], *plan["keys_staying"]], (self._restored, self.kept))

    def check(self, plan: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[Check, ...]:
        """Tables, rows, other objects, and what the foreign keys say."""
        wanted: Mapping[str, Any] = details
        if self._table is not None:
            tables = [each for each in details["tables"] if each["name"] == self._table]
            wanted = {"tables": tables, "objects": {}}
        keys = [ForeignKey.read(each) for each in plan["keys_staying"]]
        if self._table is not None:
            keys += [ForeignKey.read(each) for each in plan["keys_new"]]
        checks = compare.database(self._query, self._live, wanted)
        return (*checks, schema_keys.checked(self._query, keys)) if keys else checks

    def tidy(self) -> None:
        """What is left of the restored database goes: views and routines, and what was not wanted of it."""
        self._run(f"DROP DATABASE IF EXISTS {quoted(self._restored)};")

    def discard(self) -> None:
        """As `tidy`: nothing else was made."""
        self.tidy()

    def removal(self) -> str:
        """What removes what is kept."""
        return f"DROP DATABASE {quoted(self.kept)};"

    def close(self) -> None:
        """Let go of the secret."""
        self._client.close()

    # --- the exchange --------------------------------------------------------------------------------------------

    def _exchange(self, incoming: str, outgoing: str, new: Side, old: Side) -> None:
        """Tables of `incoming` take the place of those in production, which go to `outgoing`; then what has no tables.

        Each step looks at what is there, so that the whole may be begun again.
        """
        live = self._live
        self._run(
            *(f"CREATE DATABASE IF NOT EXISTS {quoted(name)} {side.defaults};"
              for name, side in ((live, new), (outgoing, old if old.defaults else new)))
        )  # fmt: skip
        self._run(*(f"DROP EVENT IF EXISTS {quoted(live)}.{quoted(name)};" for name in (*old.events, *new.events)))
        self._drop_triggers(live, old.tables)
        self._drop_triggers(live, new.tables)
        self._drop_triggers(incoming, new.tables)
        gone = [view for view in old.views if view not in new.views or view in new.tables]
        self._run(*(f"DROP VIEW IF EXISTS {quoted(live)}.{quoted(name)};" for name in gone))
        self._rename(incoming, outgoing, new, old)
        stays = {tuple(each) for each in new.routines}
        self._run(
            *(f"DROP {kind} IF EXISTS {quoted(live)}.{quoted(name)};" for kind, name in old.routines
              if (kind, name) not in stays)
        )  # fmt: skip
        self._load(new.code)
        self._run(*(f"ALTER EVENT {quoted(live)}.{quoted(name)} ENABLE;" for name in new.enabled))
        if self._table is None and new.defaults:
            self._run(f"ALTER DATABASE {quoted(live)} {new.defaults};")

    def _rename(self, incoming: str, outgoing: str, new: Side, old: Side) -> None:
        here, aside, coming = (self._tables(name) for name in (self._live, outgoing, incoming))
        leaving = [name for name in old.tables if name in here and name not in aside]
        arriving = [name for name in new.tables if name in coming]
        lost = [name for name in new.tables if name not in coming and name not in here]
        if lost:
            raise self._refusal(f"what was to take its place is gone: {', '.join(lost[:8])}")
        moves = [(self._live, outgoing, name) for name in leaving] + [(incoming, self._live, name) for name in arriving]
        if moves:
            said = ", ".join(
                f"{quoted(source)}.{quoted(name)} TO {quoted(target)}.{quoted(name)}" for source, target, name in moves
            )
            self._run(f"RENAME TABLE {said};")

    def _mend(self, wanted: Sequence[Mapping[str, Any]], aside: tuple[str, ...]) -> None:
        now = schema_keys.find(self._query, (self._live, *aside))
        keys = [ForeignKey.read(each) for each in wanted]
        self._run(*schema_keys.mending(now, keys, self._live, aside))

    def _drop_triggers(self, database: str, tables: Sequence[str]) -> None:
        rows = self._query(_TRIGGERS.format(name=literal(database)))
        names = [name for name, table in rows if table in tables]
        self._run(*(f"DROP TRIGGER IF EXISTS {quoted(database)}.{quoted(name)};" for name in names))

    def _tables(self, database: str) -> set[str]:
        return {row[0] for row in self._query(_TABLES.format(name=literal(database)))}

    def _load(self, code: str) -> None:
        if not code:
            return
        argv = self._client.argv("mariadb", *LOAD, f"--database={self._live}")
        done = process.run(
            argv,
            input=code.encode("utf-8", "surrogateescape"),
            deadline_seconds=COUNT_DEADLINE_SECONDS,
            pass_fds=self._client.pass_fds,
            accept=range(256),
        )
        if done.code != 0:
            raise self._refusal(self._client.fault(done.stderr, done.code).message.rstrip("."))

    def _run(self, *statements: str) -> None:
        if not statements:
            return
        prelude = f"SET SESSION sql_mode='', foreign_key_checks=0, lock_wait_timeout={LOCK_SECONDS};\n"
        try:
            self._client.query(
                prelude + "\n".join(statements), deadline_seconds=COUNT_DEADLINE_SECONDS, read_only=False
            )
        except IntendanceError as failure:
            raise self._refusal(failure.message.rstrip(".")) from failure

    def _query(self, sql: str) -> list[tuple[str, ...]]:
        return self._client.query(sql, deadline_seconds=COUNT_DEADLINE_SECONDS)

    def _refusal(self, detail: str) -> GuideRefused:
        return GuideRefused(
            asset=self._asset.name,
            detail=detail,
            remedy="Mend that and start again: it goes on where it stands. `--back` puts the original back.",
        )

    # --- what must be so beforehand ------------------------------------------------------------------------------

    def _require_rights(self, account: str, grants: Sequence[privileges.Grant]) -> None:
        names = (self._live, self._restored, self.kept)
        short = [name for name in names if not all(privileges.has(grants, right, name) for right in RIGHTS)]
        everywhere = [grant for grant in grants if grant.database is None]
        sets_users = any(grant.gives("SET USER") or grant.gives("SUPER") for grant in everywhere)
        if short or not sets_users:
            statements = [privileges.restoring(account, name)[0] for name in short]
            statements += [] if sets_users else [privileges.restoring(account, self._live)[1]]
            raise AccessDenied(
                asset=self._asset.name,
                detail=f"the account {account} may not replace the database {self._live}",
                remedy="As the server's administrator: " + " ".join(statements),
            )

    def _require_room(self, folder: str, source_bytes: int) -> None:
        if self._asset.connect.socket is None or not Path(folder).is_dir():
            return  # the server is elsewhere: it says so itself when its disk is full
        need = source_bytes + source_bytes // 4
        free = shutil.disk_usage(folder).free
        if free < need:
            raise GuideNoRoom(place=folder, free=f"{free / 2**20:.0f} MiB", need=f"{need / 2**20:.0f} MiB")


def open_replacement(asset: Asset, target: Target, case: str, found: Mapping[str, Any]) -> SchemaReplacement:  # noqa: ARG001
    """The replacement of a database or of a table."""
    if not isinstance(asset, MariadbAsset):
        raise InternalError(detail=f"asset {asset.name} is not a MariaDB server")
    return SchemaReplacement(asset, target, found)
