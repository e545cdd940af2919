"""SQLite databases of a tree that are backed up by themselves: patterns that leave them and their journals to that."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace

from intendance.model.plan import FilesAsset

COMPANIONS = ("", "-wal", "-shm", "-journal")


def without_databases(asset: FilesAsset) -> FilesAsset:
    """The same tree, leaving out the files of its `databases`; the patterns stand in each set's manifest."""
    root = os.path.realpath(asset.path)
    patterns = [pattern for path in asset.databases for pattern in _patterns(root, os.path.realpath(path))]
    return replace(asset, exclude=(*asset.exclude, *patterns)) if patterns else asset


def _patterns(root: str, path: str) -> Iterator[str]:
    relative = os.path.relpath(path, root)
    if relative == "." or relative.split("/")[0] == "..":  # the node's links are not those of the plan's desk
        return
    literal = re.sub(r"([*?\[\]\\])", r"\\\1", relative)
    for companion in COMPANIONS:
        yield f"./{literal}{companion}"  # names begin with `./` at the top only
