"""Files: a tree, read and written by GNU tar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intendance.engines import BackupSession, Engine, RestoreSession, Source, StreamInSet
from intendance.engines.files import read
from intendance.engines.files.databases import without_databases
from intendance.engines.files.differential import ChangesSession
from intendance.engines.files.write import WriteSession
from intendance.model.errors import InternalError
from intendance.model.plan import Asset, BackupKind, FilesAsset


class FilesEngine:
    """Reads and loads one tree of files. Raises the errors of `model/errors/engine.py`.

    `within`: a restore may be made in the tree itself, for one that is to take its place.
    """

    def __init__(self, asset: FilesAsset, *, within: bool = False) -> None:
        self.asset = without_databases(asset)
        self._within = within

    def look(self) -> Source:
        """What stands there now; no content is read."""
        return read.look(self.asset)

    def back_up(self, kind: BackupKind, scratch: Path, expected_bytes: int | None = None) -> BackupSession:
        """Open a full backup; `scratch` takes the names of files, not their content."""
        if kind != "full":
            raise InternalError(detail=f"backup kind {kind!r} of a file tree")
        return read.ReadSession(self.asset, scratch, expected_bytes)

    def back_up_changes(self, base: Path, scratch: Path, expected_bytes: int) -> BackupSession:
        """Open a differential backup against the notes of a full one. Raises BaseUnusable."""
        return ChangesSession(self.asset, base, scratch, expected_bytes)

    def restore(
        self,
        streams: Sequence[StreamInSet],
        details: Mapping[str, Any],  # noqa: ARG002 -- the streams say enough
        into: str,
        scratch: Path,  # noqa: ARG002
    ) -> RestoreSession:
        """Open a restore into the folder `into`, which must not exist."""
        return WriteSession(self.asset, streams, into, within=self._within)


def open_engine(asset: Asset) -> Engine:
    """The adapter for an asset of the plan."""
    if not isinstance(asset, FilesAsset):
        raise InternalError(detail=f"asset {asset.name} is not a tree of files")
    return FilesEngine(asset)
