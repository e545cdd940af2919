"""MariaDB: a server and those of its databases that the plan names, read by its own client programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intendance.engines import BackupSession, Engine, RestoreSession, Source, StreamInSet
from intendance.engines.mariadb import asking, dump, physical, survey
from intendance.engines.mariadb.client import Client
from intendance.engines.mariadb.load import DatabaseRestore, FolderRestore
from intendance.engines.mariadb.physical_restore import PhysicalRestore
from intendance.model.errors import IntendanceError, InternalError
from intendance.model.errors.drill import QuestionRefused
from intendance.model.plan import Asset, BackupKind, MariadbAsset


class MariadbEngine:
    """Reads and loads one MariaDB asset. Raises the errors of `model/errors/engine.py`."""

    def __init__(self, asset: MariadbAsset) -> None:
        self.asset = asset

    def look(self) -> Source:
        """What stands there now: version, databases, sizes, and whether the account may read it all."""
        client = Client(self.asset)
        try:
            return dump.source_of(self.asset, survey.take(client, self.asset), client.warnings)
        finally:
            client.close()

    def ask(self, sql: str, point_time: str, deadline_seconds: int) -> str | None:
        """What the server answers to a question of the plan. Raises QuestionRefused."""
        client = Client(self.asset)
        try:
            script = asking.script(sql, point_time, deadline_seconds)
            return asking.answer(client.query(script, deadline_seconds=deadline_seconds + 30), sql)
        except QuestionRefused:
            raise
        except IntendanceError as failed:
            raise QuestionRefused(sql=sql, detail=failed.message.rstrip(".")) from failed
        finally:
            client.close()

    def back_up(
        self,
        kind: BackupKind,
        scratch: Path,
        expected_bytes: int | None = None,  # noqa: ARG002 -- the server knows its sizes
    ) -> BackupSession:
        """Open a logical backup, or a physical one."""
        if kind not in ("logical", "physical"):
            raise InternalError(detail=f"backup kind {kind!r} of a MariaDB asset")
        client = Client(self.asset, also_groups=physical.GROUPS if kind == "physical" else ())
        try:
            if kind == "physical":
                return physical.PhysicalSession(self.asset, client, scratch)
            return dump.DumpSession(self.asset, client)
        except BaseException:
            client.close()
            raise

    def restore(
        self,
        streams: Sequence[StreamInSet],
        details: Mapping[str, Any],
        into: str,
        scratch: Path,  # noqa: ARG002 -- what programs write meanwhile lies beside the data
    ) -> RestoreSession:
        """Open a restore: `into` with a slash is a new folder, else a new database (NEW, or OLD=NEW)."""
        if any(stream.media == physical.MEDIA for stream in streams):
            return PhysicalRestore(streams, details, into)
        if "/" in into:
            return FolderRestore(streams, details, into)
        client = Client(self.asset)
        try:
            return DatabaseRestore(client, streams, into)
        except BaseException:
            client.close()
            raise


def open_engine(asset: Asset) -> Engine:
    """The adapter for an asset of the plan."""
    if not isinstance(asset, MariadbAsset):
        raise InternalError(detail=f"asset {asset.name} is not a MariaDB server")
    return MariadbEngine(asset)
