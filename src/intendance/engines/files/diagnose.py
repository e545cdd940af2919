"""What `doctor` says of a tree of files: whether it is there and whoever asks may read all of it. Reads no content."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator

from intendance.engines.diagnosing import refused
from intendance.engines.files.excludes import Excludes
from intendance.model.diagnosis import Condition, Diagnosis, Finding
from intendance.model.errors.engine import SourceMissing, SourceUnreachable
from intendance.model.frozen import dataclass
from intendance.model.plan import FilesAsset

LOOKED_AT = 300_000  # names: about a second and a half; larger trees are looked at as far as that


@dataclass(slots=True)
class _Seen:
    names: int = 0
    unreadable: int = 0
    first: str = ""


def diagnose(asset: FilesAsset) -> Diagnosis:
    """What stands in the way of reading a tree."""
    try:
        if not stat.S_ISDIR(os.stat(asset.path).st_mode):
            error = SourceMissing(asset=asset.name, detail=f"{asset.path} is not a folder")
            return Diagnosis(findings=(refused(asset, error),))
    except FileNotFoundError:
        missing = SourceMissing(asset=asset.name, detail=f"the folder {asset.path} does not exist")
        return Diagnosis(findings=(refused(asset, missing),))
    except OSError as error:
        said = SourceUnreachable(asset=asset.name, detail=f"{asset.path}: {(error.strerror or str(error)).lower()}")
        return Diagnosis(findings=(refused(asset, said),))
    return Diagnosis(findings=(_finding(asset, _look(asset)),), folders=(asset.path,))


def _finding(asset: FilesAsset, seen: _Seen) -> Finding:
    if seen.unreadable:
        condition, code = Condition.WRONG, "files_unreadable"
    elif seen.names == 0:
        condition, code = Condition.REMARK, "tree_empty"
    elif seen.names >= LOOKED_AT:
        condition, code = Condition.OK, "tree_readable_so_far"
    else:
        condition, code = Condition.OK, "tree_readable"
    return Finding(
        area="assets",
        subject=asset.name,
        condition=condition,
        code=code,
        params={"path": asset.path, "names": seen.names, "count": seen.unreadable, "first": seen.first},
        mend=(f"setfacl -R -m u:{os.geteuid()}:rX {shlex.quote(asset.path)}",) if seen.unreadable else (),
        engine=asset.kind,
    )


def _look(asset: FilesAsset) -> _Seen:
    seen = _Seen()
    excludes = Excludes(asset.exclude)
    device = os.stat(asset.path).st_dev
    pending = ["."]
    while pending and seen.names < LOOKED_AT:
        folder = pending.pop()
        for entry in _entries(asset.path, folder, seen):
            path = f"{folder}/{entry.name}"
            if excludes.match(path):
                continue
            seen.names += 1
            if entry.is_dir(follow_symlinks=False):
                if _device(entry) == device:
                    pending.append(path)
            elif entry.is_file(follow_symlinks=False) and _denied(entry.path):
                _note(seen, path)
    return seen


def _entries(root: str, folder: str, seen: _Seen) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(f"{root}/{folder}") as found:
            yield from found
    except FileNotFoundError:  # gone since: what changes while one looks is no fault
        return
    except OSError:
        _note(seen, folder)


def _denied(path: str) -> bool:
    """Whether whoever asks may not read a file that is still there."""
    return not os.access(path, os.R_OK, effective_ids=True) and os.path.lexists(path)


def _device(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat(follow_symlinks=False).st_dev
    except OSError:
        return None


def _note(seen: _Seen, path: str) -> None:
    seen.unreadable += 1
    seen.first = min(seen.first or path, path).encode(errors="replace").decode()
