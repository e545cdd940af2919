"""A restore of a database into a file that did not exist before, and that has its name only once it is whole."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intendance.engines import Consumer, StreamInSet
from intendance.engines.naming import counted
from intendance.engines.new_folder import NewFolder
from intendance.engines.sqlite import faults
from intendance.engines.sqlite.read import MEDIA, STREAM
from intendance.ledger.canonical import clean
from intendance.model.errors.engine import DestinationTaken, DestinationUnusable, LoadFailed
from intendance.model.evidence.restore import Check
from intendance.model.plan import SqliteAsset
from intendance.system import process
from intendance.system.publish import publish_name, sync_directory

COMPANIONS = ("-wal", "-shm", "-journal")
_SINGULAR: Mapping[str, str] = {
    "indexes": "index",
    "triggers": "trigger",
    "views": "view",
    "virtual_tables": "virtual table",
}
_ELSEWHERE = "Name a new file in a folder that exists and that you may write to."


class WriteSession:
    """Writes the stream `db` into a new file, closed to others. Until it is checked it lies in a folder of its own
    beside, which the next restore to that name clears away when this one is killed."""

    def __init__(self, asset: SqliteAsset, streams: Sequence[StreamInSet], into: str) -> None:
        self.file = Path(os.path.abspath(into))  # noqa: PTH100 -- symbolic links stay as they were written
        self.destination = str(self.file)
        self._folder = NewFolder(self.file)
        self.unfinished = str(self._folder.partial)
        self._copy = self._folder.partial / "database"
        self._asset = asset
        self._details = next((each.details for each in streams if (each.name, each.media) == (STREAM, MEDIA)), None)
        self._published = False
        if self._details is None:
            raise self._unusable("the set holds no SQLite database")

    def prepare(self) -> None:
        """Create the file under its partial name. Raises DestinationTaken, also for what SQLite would take for its
        journal, and DestinationUnusable."""
        self._require_free_names()
        self._folder.create(int((self._details or {}).get("copy_bytes", 0)))
        try:
            os.close(os.open(self._copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        except OSError as failure:
            raise self._unusable(failure.strerror or "it cannot be created") from None

    def consumers(self) -> Sequence[Consumer]:
        """The program that writes the file."""

        def finish(code: int, stderr: str) -> None:
            if code != 0:
                said = f"it was ended by signal {-code}" if code < 0 else faults.said_in(stderr)[1]
                raise LoadFailed(destination=self.destination, detail=f"{said}.")

        return (Consumer(stream=STREAM, argv=faults.argv("load", str(self._copy)), finish=finish),)

    def check(self) -> tuple[Check, ...]:
        """SQLite's own check of the file, and its tables and rows against those of the copy that was stored."""
        done = process.run(
            self._within(faults.argv("check", str(self._copy))), deadline_seconds=3600, accept=range(-64, 256)
        )
        if done.code != 0:
            return (Check(name="integrity", ok=False, found=faults.said_in(done.stderr)[1]),)
        found, wanted = faults.answer(done.stdout), self._details or {}
        unchecked = [said for said in found["warnings"] if "could not be checked" in said]
        return (
            Check(name="integrity", ok=True, found=clean(unchecked[0]) if unchecked else "every page is right"),
            rows_as_stored(found["tables"], wanted["tables"]),
            Check(
                name="other objects",
                ok=found["objects"] == wanted["objects"],
                found=", ".join(counted(count, _SINGULAR[kind]) for kind, count in found["objects"].items()),
            ),
        )

    def publish(self) -> None:
        """Give the file, which is on the disk, its name. Raises DestinationTaken when somebody took it meanwhile,
        DestinationUnusable."""
        self._require_free_names()
        try:
            publish_name(self._copy, self.file)
            self._published = True
            sync_directory(self.file.parent)
        except FileExistsError:
            raise DestinationTaken(destination=self.destination) from None
        except OSError as failure:
            raise self._unusable(failure.strerror or "it cannot be given its name") from None
        self._folder.discard()

    def discard(self) -> None:
        """Remove what this session created."""
        if self._published:
            self.file.unlink(missing_ok=True)
            self._published = False
        self._folder.discard()

    def close(self) -> None:
        """Let go of the folder."""
        self._folder.close()

    def _within(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """How a program is started that reads what was stored."""
        return argv

    def _require_free_names(self) -> None:
        for companion in ("", *COMPANIONS):
            if os.path.lexists(self.destination + companion):
                raise DestinationTaken(destination=self.destination + companion)

    def _unusable(self, detail: str) -> DestinationUnusable:
        return DestinationUnusable(destination=self.destination, detail=detail, remedy=_ELSEWHERE)


def rows_as_stored(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> Check:
    """Tables compared by name and rows; names in the one form that manifests have."""
    here, there = (Counter((clean(table["name"]), table["rows"]) for table in tables) for tables in (found, wanted))
    differing = sorted({name for name, _ in (here - there) | (there - here)})
    if differing:
        return Check(name="tables and rows", ok=False, found=f"not as in the set: {', '.join(differing[:8])}")
    rows = sum(int(table["rows"]) for table in found)
    return Check(
        name="tables and rows",
        ok=True,
        found=f"{counted(len(found), 'table')} with {counted(rows, 'row')}, as in the set",
    )
