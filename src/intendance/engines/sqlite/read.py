"""A full backup of a database: a copy of one instant, made and checked in memory, then given as it is."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from intendance.engines import Finished, Producer, Source
from intendance.engines.sqlite import faults
from intendance.model.errors.engine import EngineFailed
from intendance.model.plan import SqliteAsset
from intendance.system import process

STREAM = "db"
MEDIA = "sqlite"


def look(asset: SqliteAsset, memory_folder: str = "") -> Source:
    """What the file's header says; with `memory_folder`, only if a copy has room there.

    Raises SourceMissing, AccessDenied, DatabaseDamaged, MemoryShort, EngineFailed.
    """
    path = os.path.realpath(asset.path)
    done = process.run(faults.argv("look", path, memory_folder), accept=range(-64, 256))
    if done.code != 0:
        raise faults.failure(asset.name, done.code, done.stderr)
    header = faults.answer(done.stdout)
    mark = header["change_mark"]
    return Source(
        engine="sqlite",
        version=sqlite3.sqlite_version,
        identity=f"sqlite:{path}",
        estimated_bytes=mark["file_bytes"] + mark["wal_bytes"],
        details={"path": path, **header},
    )


class ReadSession:
    """One full backup in the making; nothing of it is ever on a disk."""

    def __init__(self, asset: SqliteAsset, busy_seconds: float, memory_folder: str) -> None:
        self.asset = asset
        self.source = look(asset)
        self._arguments = (self.source.details["path"], str(busy_seconds), memory_folder)
        self._given = False

    def next_producer(self) -> Producer | None:
        """The copy; there is nothing else."""
        if self._given:
            return None
        self._given = True
        said: dict[str, Any] = {}

        def finish(code: int, stderr: str) -> Finished:
            if code != 0:
                raise faults.failure(self.asset.name, code, stderr)
            if "found" not in said:
                raise EngineFailed(asset=self.asset.name, detail="the reading process did not say what it read.")
            found: dict[str, Any] = said["found"]
            warnings = tuple(found.pop("warnings"))
            return Finished(details=found, warnings=warnings)

        return Producer(
            stream=STREAM,
            media=MEDIA,
            argv=faults.argv("copy", *self._arguments),
            finish=finish,
            on_stderr=lambda line: said.update(faults.answer(line)),
        )

    def close(self) -> None:
        """Nothing is left open."""
