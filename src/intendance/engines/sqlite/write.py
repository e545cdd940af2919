"""A restore of a database into a file that did not exist before."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intendance.engines import Consumer, StreamInSet
from intendance.engines.sqlite import faults
from intendance.engines.sqlite.read import MEDIA, STREAM
from intendance.ledger.canonical import clean
from intendance.model.errors.engine import DestinationTaken, DestinationUnusable, LoadFailed
from intendance.model.evidence.restore import Check
from intendance.model.plan import SqliteAsset
from intendance.system import process

COMPANIONS = ("-wal", "-shm", "-journal")
_ELSEWHERE = "Name a new file in a folder that exists and that you may write to."


class WriteSession:
    """Writes the stream `db` into a new file, closed to others."""

    def __init__(self, asset: SqliteAsset, streams: Sequence[StreamInSet], into: str) -> None:
        self.file = Path(os.path.abspath(into))  # noqa: PTH100 -- symbolic links stay as they were written
        self.destination = str(self.file)
        self.unfinished = self.destination
        self._asset = asset
        self._details = next((each.details for each in streams if (each.name, each.media) == (STREAM, MEDIA)), None)
        self._created = False
        if self._details is None:
            raise self._unusable("the set holds no SQLite database")

    def prepare(self) -> None:
        """Create the file. Raises DestinationTaken, also for what SQLite would take for its journal, and
        DestinationUnusable."""
        for companion in ("", *COMPANIONS):
            if os.path.lexists(self.destination + companion):
                raise DestinationTaken(destination=self.destination + companion)
        needed = int((self._details or {}).get("copy_bytes", 0))
        try:
            free = shutil.disk_usage(self.file.parent).free
            if free < needed:
                raise self._unusable(f"{needed} bytes are needed and {free} are free there")
            os.close(os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        except FileExistsError:
            raise DestinationTaken(destination=self.destination) from None
        except OSError as failure:
            raise self._unusable(failure.strerror or "it cannot be created") from None
        self._created = True

    def consumers(self) -> Sequence[Consumer]:
        """The program that writes the file."""

        def finish(code: int, stderr: str) -> None:
            if code != 0:
                said = f"it was ended by signal {-code}" if code < 0 else faults.said_in(stderr)[1]
                raise LoadFailed(destination=self.destination, detail=f"{said}.")

        return (Consumer(stream=STREAM, argv=faults.argv("load", self.destination), finish=finish),)

    def check(self) -> tuple[Check, ...]:
        """SQLite's own check of the file, and its tables and rows against those of the copy that was stored."""
        done = process.run(faults.argv("check", self.destination), deadline_seconds=3600, accept=range(-64, 256))
        if done.code != 0:
            return (Check(name="integrity", ok=False, found=faults.said_in(done.stderr)[1]),)
        found, wanted = faults.answer(done.stdout), self._details or {}
        unchecked = [said for said in found["warnings"] if "could not be checked" in said]
        return (
            Check(name="integrity", ok=True, found=clean(unchecked[0]) if unchecked else "every page is right"),
            _rows(found["tables"], wanted["tables"]),
            Check(
                name="other objects",
                ok=found["objects"] == wanted["objects"],
                found=", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in found["objects"].items()),
            ),
        )

    def publish(self) -> None:
        """The file has its name from the beginning."""

    def discard(self) -> None:
        """Remove the file, if this session created it."""
        if self._created:
            self.file.unlink(missing_ok=True)
            self._created = False

    def close(self) -> None:
        """Nothing is left open."""

    def _unusable(self, detail: str) -> DestinationUnusable:
        return DestinationUnusable(destination=self.destination, detail=detail, remedy=_ELSEWHERE)


def _rows(found: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> Check:
    """Tables compared by name and rows; names in the one form that manifests have."""
    here, there = (Counter((clean(table["name"]), table["rows"]) for table in tables) for tables in (found, wanted))
    differing = sorted({name for name, _ in (here - there) | (there - here)})
    if differing:
        return Check(name="tables and rows", ok=False, found=f"not as in the set: {', '.join(differing[:8])}")
    rows = sum(int(table["rows"]) for table in found)
    return Check(name="tables and rows", ok=True, found=f"{len(found)} tables with {rows} rows, as in the set")
