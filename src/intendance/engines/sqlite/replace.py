"""A restored database in the place of the original.

Where the original can be opened, SQLite itself makes it what was restored, in one transaction (its backup interface):
whoever has it open goes on with the new content, its owner and mode stay, and a kill in the middle is rolled back by
the next who opens it. Where it is missing or no database any more, the restored file takes its name.
"""

from __future__ import annotations

import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intendance.engines.replacing import Standing, Target
from intendance.engines.sqlite import faults, read
from intendance.engines.sqlite.write import COMPANIONS, rows_as_stored
from intendance.model.errors import InternalError
from intendance.model.errors.engine import DatabaseDamaged, SourceMissing
from intendance.model.errors.guide import GuideNoRoom, GuideRefused
from intendance.model.evidence.restore import Check
from intendance.model.plan import Asset, SqliteAsset
from intendance.system import process
from intendance.system.publish import rename_new, sync_directory

BUSY_SECONDS = 30
DEADLINE_SECONDS = 3600.0
_COUNTERS = ((18, 20), (24, 28), (92, 100))
"""Bytes of the header that say how often, by whom and in which mode it was written: https://sqlite.org/fileformat2.html,
section 1.3."""


def where(asset: Asset, target: Target, case: str) -> dict[str, Any]:  # noqa: ARG001 -- the whole file, always
    """Beside the database."""
    if not isinstance(asset, SqliteAsset):
        raise InternalError(detail=f"asset {asset.name} is not a SQLite database")
    path = os.path.realpath(asset.path)
    return {"path": path, "into": f"{path}.intendance-{case}", "kept": f"{path}.intendance-{case}-replaced"}


class DatabaseReplacement:
    """See the module."""

    def __init__(self, asset: SqliteAsset, found: Mapping[str, Any]) -> None:
        self._asset = asset
        self._path = Path(found["path"])
        self._restored = Path(found["into"])
        self._kept = Path(found["kept"])
        self.into, self.kept = found["into"], found["kept"]

    def standing(self) -> Standing:
        """Whether there is a file, and its size."""
        try:
            return Standing(present=True, bytes=self._path.stat().st_size)
        except (FileNotFoundError, NotADirectoryError):
            return Standing(present=False, bytes=0)

    def prepare(self, source_bytes: int) -> None:
        """Raises GuideNoRoom: the restored file, what is kept, and SQLite's journal."""
        place = next(each for each in self._path.parents if each.exists())
        if place != self._path.parent:
            raise GuideRefused(
                asset=self._asset.name,
                detail=f"there is no folder {self._path.parent}",
                remedy="Restore the files around it first, or make the folder as its application wants it.",
            )
        need = source_bytes + 2 * self.standing().bytes
        free = shutil.disk_usage(place).free
        if free < need:
            raise GuideNoRoom(place=str(place), free=_size(free), need=_size(need))

    def plan(self) -> dict[str, Any]:
        """By SQLite, or by name; and for a name whose owner and mode the file gets."""
        owner = self._path if self._path.exists() else self._path.parent
        seen = owner.stat()
        mode = stat.S_IMODE(seen.st_mode) if owner is self._path else 0o640
        return {
            "by": "sqlite" if self._opens() else "name",
            "new": self._restored.stat().st_ino,
            "owner": [seen.st_uid, seen.st_gid, mode],
        }

    def forward(self, plan: Mapping[str, Any]) -> None:
        """Raises GuideRefused, and the errors of the engine."""
        self._give(self._restored, plan)
        if plan["by"] == "sqlite":
            if self._keep(self._restored):
                self._replace(self._restored)
            return
        if _inode(self._path) == plan["new"]:
            return
        self._refuse_holders()
        self._carry(self._path, self._kept)
        rename_new(self._restored, self._path)
        sync_directory(self._path.parent)

    def back(self, plan: Mapping[str, Any]) -> None:
        """What was kept in place again; what is there now is kept under the restored file's name."""
        if plan["by"] == "sqlite":
            self._set_aside()
            self._replace(self._kept)
            return
        self._refuse_holders()
        if _inode(self._path) == plan["new"]:
            self._carry(self._path, self._restored)
        if self._kept.exists() and not self._path.exists():
            self._carry(self._kept, self._path)
        sync_directory(self._path.parent)

    def check(self, plan: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[Check, ...]:  # noqa: ARG002
        """SQLite's own check of what stands there, and its tables and rows against those of the set."""
        found = self._child("survey", str(self._path), str(BUSY_SECONDS))
        unchecked = [said for said in found["warnings"] if "could not be checked" in said]
        return (
            Check(name="integrity", ok=True, found=unchecked[0] if unchecked else "every page is right"),
            rows_as_stored(found["tables"], details["tables"]),
        )

    def tidy(self) -> None:
        """The restored file goes, where it is not the one in place."""
        for path in _with_companions(self._restored):
            path.unlink(missing_ok=True)

    def discard(self) -> None:
        """As `tidy`, with what was kept of an attempt that replaced nothing."""
        self.tidy()
        for path in (*_with_companions(self._kept), *_with_companions(self._second)):
            path.unlink(missing_ok=True)

    def removal(self) -> str:
        """What removes what is kept."""
        return f"rm {shlex.quote(str(self._kept))}*"

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def _second(self) -> Path:
        return self._kept.with_name(f"{self._kept.name}-2")

    def _opens(self) -> bool:
        try:
            read.look(self._asset)
        except (SourceMissing, DatabaseDamaged):
            return False
        return True

    def _give(self, file: Path, plan: Mapping[str, Any]) -> None:
        """The restored file gets the original's owner: the one who reads it, and who will write to it."""
        if not file.exists():
            return
        uid, gid, mode = plan["owner"]
        if os.geteuid() == 0:
            os.chown(file, uid, gid)
        file.chmod(mode if plan["by"] == "name" else 0o600)

    def _keep(self, restored: Path) -> bool:
        """Have a whole copy of the original; whether it still has to be replaced."""
        if not self._kept.exists():
            self._copy_to(self._kept)
            return True
        # A second start. What stands there is the original, what was restored, or one of them written to since; in that
        # case it is kept as well.
        self._copy_to(self._second)
        done = _alike(self._second, restored)
        if done or _alike(self._second, self._kept):
            self._second.unlink()
        return not done

    def _set_aside(self) -> None:
        """What stands there now, under the restored file's name or the next that is free."""
        number, free = 1, self._restored
        while free.exists():
            number += 1
            free = self._restored.with_name(f"{self._restored.name}-{number}")
        self._copy_to(free)

    def _copy_to(self, target: Path) -> None:
        partial = target.with_name(f"{target.name}.partial")
        for path in _with_companions(partial):
            path.unlink(missing_ok=True)
        self._child("keep", str(self._path), str(partial), str(BUSY_SECONDS))
        rename_new(partial, target)
        sync_directory(target.parent)

    def _replace(self, source: Path) -> None:
        self._child("replace", str(self._path), str(source), str(BUSY_SECONDS))

    def _child(self, *words: str) -> dict[str, Any]:
        done = process.run(faults.argv(*words), deadline_seconds=DEADLINE_SECONDS, accept=range(-64, 256))
        if done.code != 0:
            raise GuideRefused(
                asset=self._asset.name,
                detail=faults.failure(self._asset.name, done.code, done.stderr).message.rstrip("."),
                remedy="Mend that and start again: it goes on where it stands. `--back` puts the original back.",
            )
        return faults.answer(done.stdout)

    def _carry(self, source: Path, target: Path) -> None:
        """Give a file and its journals another name; the journals first, for they are worth nothing without it."""
        for suffix in (*COMPANIONS, ""):
            one, other = Path(f"{source}{suffix}"), Path(f"{target}{suffix}")
            if os.path.lexists(one):
                rename_new(one, other)

    def _refuse_holders(self) -> None:
        """Nobody may have the file open whose name is given away: they would go on writing to it."""
        holders = sorted(set(_holders(self._path)))
        if holders:
            raise GuideRefused(
                asset=self._asset.name,
                detail=f"{self._path} is no database that could be written to, and is open in {', '.join(holders)}",
                remedy="Stop what uses it, then start again.",
            )


def _with_companions(path: Path) -> tuple[Path, ...]:
    return (path, *(Path(f"{path}{suffix}") for suffix in COMPANIONS))


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except (FileNotFoundError, NotADirectoryError):
        return None


def _holders(path: Path) -> Iterator[str]:
    wanted = _inode(path)
    if wanted is None:
        return
    for process_folder in Path("/proc").iterdir():
        if not process_folder.name.isdigit() or process_folder.name == str(os.getpid()):
            continue
        try:
            for link in (process_folder / "fd").iterdir():
                if os.path.realpath(link) == str(path) and link.stat().st_ino == wanted:
                    yield f"{(process_folder / 'comm').read_text().strip()} (process {process_folder.name})"
        except OSError:  # it ended, or is not ours to look at
            continue


def _alike(one: Path, other: Path) -> bool:
    """Whether two copies hold the same pages, whatever their headers count."""
    if not (one.exists() and other.exists()) or one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        if _without_counters(first.read(4096)) != _without_counters(second.read(4096)):
            return False
        while piece := first.read(1 << 20):
            if piece != second.read(1 << 20):
                return False
    return True


def _without_counters(head: bytes) -> bytes:
    kept = bytearray(head)
    for begins, ends in _COUNTERS:
        kept[begins:ends] = bytes(ends - begins)
    return bytes(kept)


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def open_replacement(asset: Asset, target: Target, case: str, found: Mapping[str, Any]) -> DatabaseReplacement:  # noqa: ARG001
    """The replacement of a SQLite database."""
    if not isinstance(asset, SqliteAsset):
        raise InternalError(detail=f"asset {asset.name} is not a SQLite database")
    return DatabaseReplacement(asset, found)
