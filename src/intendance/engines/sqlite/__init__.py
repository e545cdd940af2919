"""SQLite: one database file, copied at one instant while it is in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intendance.engines import BackupSession, Engine, RestoreSession, Source, StreamInSet
from intendance.engines.sqlite import read
from intendance.engines.sqlite.write import WriteSession
from intendance.model.errors import InternalError
from intendance.model.plan import Asset, BackupKind, SqliteAsset

BUSY_SECONDS = 60.0
"""How long a writer may hold the database before the backup gives up."""

MEMORY_FOLDER = "/dev/shm"  # noqa: S108 -- where Linux keeps files in memory; nobody else can open what is made there


class SqliteEngine:
    """Reads and loads one SQLite database. Raises the errors of `model/errors/engine.py`."""

    def __init__(
        self, asset: SqliteAsset, *, busy_seconds: float = BUSY_SECONDS, memory_folder: str = MEMORY_FOLDER
    ) -> None:
        self.asset = asset
        self._busy_seconds = busy_seconds
        self._memory_folder = memory_folder

    def look(self) -> Source:
        """What stands there now; only headers are read."""
        return read.look(self.asset)

    def back_up(
        self,
        kind: BackupKind,
        scratch: Path,  # noqa: ARG002 -- nothing of a database is put on a disk
        expected_bytes: int | None = None,  # noqa: ARG002 -- the file itself says its size
    ) -> BackupSession:
        """Open a full backup."""
        if kind != "full":
            raise InternalError(detail=f"backup kind {kind!r} of a SQLite database")
        return read.ReadSession(self.asset, self._busy_seconds, self._memory_folder)

    def restore(
        self,
        streams: Sequence[StreamInSet],
        details: Mapping[str, Any],  # noqa: ARG002 -- the stream says enough
        into: str,
        scratch: Path,  # noqa: ARG002
    ) -> RestoreSession:
        """Open a restore into the file `into`, which must not exist."""
        return WriteSession(self.asset, streams, into)


def open_engine(asset: Asset) -> Engine:
    """The adapter for an asset of the plan."""
    if not isinstance(asset, SqliteAsset):
        raise InternalError(detail=f"asset {asset.name} is not a SQLite database")
    return SqliteEngine(asset)
