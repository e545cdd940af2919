"""A full backup of a tree: one tar of all, and where files changed while they were read, a second tar of just these."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from intendance.engines import Finished, Producer, Source, naming
from intendance.engines.files import tar, walk
from intendance.engines.files.excludes import Excludes
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import AccessDenied, EngineFailed, NothingLeft, SourceChanged, SourceMissing
from intendance.model.plan import FilesAsset
from intendance.system import process

TREE = "tree"
AGAIN = "again"
SNAPSHOT = "snar"

_MOVED = "folders were renamed meanwhile, or one is mounted twice in the tree (then exclude it)"
_EMPTY = "the folder is empty: is a disk not mounted?"
_ALL_EXCLUDED = "they match all that is in the folder"
_DATABASES = "SQLite databases in the tree may be caught in the middle of a write"
_STILL = "still changing when read again"
_GONE = "gone before they could be read"
_MOUNTS = "other file systems are mounted in the tree and are not read"
_SQLITE_ENDINGS = (*walk.SQLITE_NAMES, *walk.SQLITE_COMPANIONS)


def look(asset: FilesAsset) -> Source:
    """What stands at the asset's path. Raises SourceMissing, AccessDenied, NothingLeft, EngineFailed."""
    root = readable_root(asset)
    excludes = _excludes(asset)
    return _looked(asset, root, excludes)[0]


def _looked(asset: FilesAsset, root: str, excludes: Excludes) -> tuple[Source, list[bytes]]:
    """What stands there, and the SQLite databases in it."""
    found = walk.count(root, excludes)
    if found.excluded_entries and found.empty:
        raise NothingLeft(asset=asset.name, detail=_ALL_EXCLUDED)
    databases = [os.fsencode(path) for path in found.databases]
    warnings = [_EMPTY] if found.empty else []
    warnings += [_databases(asset, databases)] if databases else []
    return _source(asset, root, found.bytes, (*warnings, *_idle(excludes))), databases


def _known(asset: FilesAsset, expected_bytes: int, meanwhile: Callable[[], None]) -> Source:
    """The same without a walk, for a tree that was backed up before: what is in it is told by tar's own listing."""
    return _source(asset, readable_root(asset), expected_bytes, tuple(_idle(_excludes(asset))), meanwhile)


def _excludes(asset: FilesAsset) -> Excludes:
    whole = [pattern for pattern in asset.exclude if Excludes([pattern]).match(".")]
    if whole:  # tar would write an empty archive and call that a success
        raise NothingLeft(asset=asset.name, detail=f"`{whole[0]}` matches the folder itself")
    return Excludes(asset.exclude)


def _source(
    asset: FilesAsset,
    root: str,
    estimated_bytes: int,
    warnings: tuple[str, ...],
    meanwhile: Callable[[], None] = lambda: None,
) -> Source:
    return Source(
        engine="files",
        version=_version(asset, meanwhile),
        # The path is what stays: device and inode numbers change with a reboot, a new disk or a deployment.
        identity=f"files:{tar.shown(os.fsencode(root))}",
        estimated_bytes=estimated_bytes,
        details={
            "path": tar.shown(os.fsencode(root)),
            "exclude": list(asset.exclude),
            "databases_elsewhere": list(asset.databases),
        },
        warnings=warnings,
    )


def readable_root(asset: FilesAsset) -> str:
    """The folder itself, symbolic links resolved. Raises SourceMissing, AccessDenied."""
    root = os.path.realpath(asset.path)
    try:
        with os.scandir(root):
            pass
    except FileNotFoundError:
        raise SourceMissing(asset=asset.name, detail=f"there is no folder {asset.path}") from None
    except NotADirectoryError:
        raise SourceMissing(asset=asset.name, detail=f"{asset.path} is not a folder") from None
    except PermissionError:
        raise AccessDenied(
            asset=asset.name,
            detail=f"{asset.path} cannot be read by this user",
            remedy="Run Intendance as root, or as a user who may read the whole folder.",
        ) from None
    except OSError as failure:
        raise EngineFailed(asset=asset.name, detail=f"{asset.path}: {failure.strerror}.") from None
    return root


class ReadSession:
    """One full backup in the making. The scratch folder holds the listing and tar's own notes: names, no content.

    `snapshot` are these notes once the tree was read: what a differential builds on. `meanwhile` is done while a
    program is waited for, when the tree is not looked through beforehand.
    """

    again = AGAIN

    def __init__(
        self,
        asset: FilesAsset,
        scratch: Path,
        expected_bytes: int | None = None,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> None:
        self.asset = asset
        self.told_apart: list[str] = []
        self._walked = expected_bytes is None
        self._root = readable_root(asset)
        if expected_bytes is None:
            self.source, databases = _looked(asset, self._root, _excludes(asset))
            self._tell(_DATABASES, databases)
        else:
            self.source = _known(asset, expected_bytes, meanwhile)
        self._scratch = scratch
        self.snapshot = scratch / SNAPSHOT
        self._steps: list[Callable[[], Producer | None]] = [self._tree, self._again]
        self._changed: list[bytes] = []

    def next_producer(self) -> Producer | None:
        """The tree; then the files that changed meanwhile, if any."""
        while self._steps:
            producer = self._steps.pop(0)()
            if producer is not None:
                return producer
        return None

    def close(self) -> None:
        """Nothing is left open."""

    def _tell(self, what: str, names: Sequence[bytes]) -> None:
        """Names for the machine's own file: warnings and errors only count."""
        if names:
            self.told_apart += [f"{what}:", *(f"  {tar.shown(name)}" for name in names)]

    def _tree(self) -> Producer:
        return self._producer(TREE, (*self._incremental(), "--level=0", "."), self._tree_finished)

    def _incremental(self) -> tuple[str, ...]:
        excludes = (f"--exclude={pattern}" for pattern in self.asset.exclude)
        return (f"--listed-incremental={self.snapshot}", *excludes)

    def _again(self) -> Producer | None:
        if not self._changed:
            return None
        names = self._scratch / "again.names"
        # With their folders, whose times change when names in them are replaced, and depth first: tar sets a folder's
        # time once it leaves it.
        wanted = {*self._changed, *(name.rpartition(b"/")[0] for name in self._changed if b"/" in name)}
        names.write_bytes(b"".join(name + b"\0" for name in sorted(wanted, key=lambda name: name.split(b"/"))))
        selection = ("--no-recursion", "--null", f"--files-from={names}")
        return self._producer(self.again, selection, self._again_finished)

    def _producer(
        self, stream: str, selection: Sequence[str], finished: Callable[[tar.Said, tar.Listing], Finished]
    ) -> Producer:
        said = tar.Said()
        index = self._scratch / f"{stream}.list"

        def finish(code: int, stderr: str) -> Finished:
            del stderr  # all of it was heard, line by line
            if code < 0:
                raise EngineFailed(asset=self.asset.name, detail=f"tar was ended by signal {-code}.")
            # 1: something changed while it was read. 2: something could not be read; of the names that are read again,
            # one that has vanished meanwhile counts as that.
            missing_only = code == 2 and stream == self.again and said.vanished and not said.errors
            explained = code == 0 or (code == 1 and (said.changed or said.vanished)) or missing_only
            if not explained:
                raise self._unreadable(said.errors, code)
            if said.moved:  # the archive holds instructions to rename, on which its own extraction fails
                self._tell("renamed meanwhile", said.moved)
                raise SourceChanged(asset=self.asset.name, detail=f"{_MOVED}: {counted(said.moved, self.asset)}")
            with index.open("rb") as lines:
                return finished(said, tar.read_listing(lines, _SQLITE_ENDINGS))

        return Producer(
            stream=stream,
            media="tar",
            argv=tar.create(self._root, str(index), *selection),
            finish=finish,
            on_stderr=said.hear,
            last=True,
        )

    def _tree_finished(self, said: tar.Said, listing: tar.Listing) -> Finished:
        self._changed = said.changed
        warnings = [] if self._walked else self._not_seen_beforehand(listing)
        details = listing.details() | {
            "archive_bytes": said.archive_bytes, "changed": len(said.changed), "sockets": said.sockets,
        }  # fmt: skip
        return Finished(details=details, warnings=(*warnings, *self.told(said)))

    def _not_seen_beforehand(self, listing: tar.Listing) -> list[str]:
        """What the walk says of a tree when it is looked at for the first time. Raises NothingLeft."""
        if listing.directories <= 1 and not (listing.files or listing.hard_links or listing.symlinks or listing.others):
            with os.scandir(self._root) as entries:
                if self.asset.exclude and any(entries):
                    raise NothingLeft(asset=self.asset.name, detail=_ALL_EXCLUDED)
            return [_EMPTY]
        return self.in_use(listing)

    def in_use(self, listing: tar.Listing) -> list[str]:
        """The SQLite databases among the files that were read."""
        root = os.fsencode(self._root)
        suspects = dict.fromkeys(_without_companion(name) for name in listing.named)
        found = [name for name in suspects if walk.is_sqlite(root + b"/" + name)]
        self._tell(_DATABASES, found)
        return [_databases(self.asset, found)] if found else []

    def _again_finished(self, said: tar.Said, listing: tar.Listing) -> Finished:
        details = listing.details() | {"archive_bytes": said.archive_bytes, "changed": len(said.changed)}
        still = [name for name in said.changed if name != b"."]
        self._tell(_STILL, still)
        warnings = (f"{_STILL}: {counted(still, self.asset)}",) if still else ()
        return Finished(details=details, warnings=warnings)

    def told(self, said: tar.Said) -> list[str]:
        """What tar said of the tree that its owner should know."""
        warnings = []
        for what, names in ((_GONE, said.vanished), (_MOUNTS, said.mounts)):
            if names:
                self._tell(what, names)
                warnings.append(f"{what}: {counted(names, self.asset)}")
        if said.sockets:
            warnings.append(f"sockets, which hold nothing, were left out: {said.sockets}")
        if said.more_changed:
            warnings.append(f"{said.more_changed} more files changed while they were read and were not read again")
        return warnings

    def _unreadable(self, errors: Sequence[tuple[bytes, str]], code: int) -> IntendanceError:
        if not errors:
            return EngineFailed(asset=self.asset.name, detail=f"tar ended with code {code} and did not say why.")
        self.told_apart += ["not read:", *tar.complaints(errors)]
        detail = f"{tar.reasons(errors)} ({_named(self.asset)})"
        if all("Permission denied" in what or "Operation not permitted" in what for _, what in errors):
            return AccessDenied(
                asset=self.asset.name,
                detail=detail,
                remedy="Run Intendance as a user who may read these, or name them under `exclude` in the plan.",
            )
        return EngineFailed(asset=self.asset.name, detail=f"{detail}.")


def _version(asset: FilesAsset, meanwhile: Callable[[], None]) -> str:
    asked = process.start(["tar", "--version"], stdout=subprocess.PIPE)
    try:
        meanwhile()
        asked.raise_for(asked.wait(20))  # its answer is shorter than what a pipe holds
        said = asked.stdout.read().decode(errors="replace").splitlines()
    finally:
        asked.kill()
    if not said or "GNU tar" not in said[0]:
        raise EngineFailed(asset=asset.name, detail="the program `tar` of this machine is not GNU tar.")
    return said[0].removeprefix("tar (GNU tar)").strip()


def _databases(asset: FilesAsset, names: Sequence[bytes]) -> str:
    return f"{_DATABASES}; back them up by themselves: {counted(names, asset)}"


def _without_companion(name: bytes) -> bytes:
    for companion in walk.SQLITE_COMPANIONS:
        name = name.removesuffix(companion.encode())
    return name


def _idle(excludes: Excludes) -> list[str]:
    return [
        f"the pattern `{pattern}` excludes nothing: tar's names end without a slash; write `{pattern.rstrip('/')}`"
        for pattern in excludes.idle()
    ]


def counted(names: Sequence[bytes], asset: FilesAsset) -> str:
    """How many names, and where they stand: the names themselves are for whoever keeps the files."""
    return f"{len(names)} ({_named(asset)})"


def _named(asset: FilesAsset) -> str:
    return f"named in {naming.place(asset.name)} of the state folder"
