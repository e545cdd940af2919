"""Deleting on another machine, with a login that only the host that prunes has."""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import asyncssh

from intendance.model.errors.prune import DeleteCredentialsMissing
from intendance.model.plan import SftpStore as Declared
from intendance.stores import StoredObject
from intendance.stores.keys import SEGMENT, is_cut_short
from intendance.stores.sftp import GONE, TAKEN, SftpStore, is_folder, text


def open_prunable(declared: Declared) -> SftpPruner:
    """The folder of the plan, for whoever may delete in it; nobody is called before its first method is.

    Raises DeleteCredentialsMissing.
    """
    if declared.delete_credentials is None:
        raise DeleteCredentialsMissing(store=declared.name)
    user = declared.delete_user or declared.user
    return SftpPruner(replace(declared, credentials=declared.delete_credentials, user=user))


class SftpPruner(SftpStore):
    """A folder of another machine, of which the far side lets files be removed."""

    def now(self) -> datetime:
        """As `Prunable.now`: the time that the far side gives to a file that is written."""
        path = f"{self._root}/.clock.{secrets.token_hex(8)}.part"
        with self.translated("ask for its time"):
            self._require_mark()
            self._write_small(path, b"what time is it?\n")
            try:
                seen = self._look(path)
            finally:
                self._remove(path)
        return datetime.fromtimestamp(0 if seen is None else seen.mtime or 0, UTC)

    def everything(self, prefix: str) -> Iterator[StoredObject]:
        """As `Prunable.everything`: objects, and the hidden files of puts that did not end."""
        yield from self.list(prefix)
        yield from sorted(self._cut_short(self._path(prefix), prefix), key=lambda stored: stored.key)

    def delete(self, stored: StoredObject) -> None:
        """As `Prunable.delete`."""
        folder, _, name = stored.key.rpartition("/")
        path = posixpath.join(self._path(folder), name) if is_cut_short(name) else self._path(stored.key)
        with self.translated(f"delete {stored.key}"):
            self._require_mark()
            with suppress(*GONE):
                self._ask(lambda far: far.remove(path))

    def tidy(self, prefix: str) -> None:
        """As `Prunable.tidy`."""
        folder = self._path(prefix)
        with self.translated(f"delete the folder {prefix}"):
            self._require_mark()
            with suppress(*GONE, *TAKEN, asyncssh.SFTPDirNotEmpty):  # version 3 has no word for one that is not empty
                self._ask(lambda far: far.rmdir(folder))

    def _cut_short(self, folder: str, prefix: str) -> Iterator[StoredObject]:
        with self.translated(f"list {prefix}"):
            try:
                entries = self._ask(lambda far: far.readdir(folder.encode()))
            except GONE:
                return
        for entry in entries:
            name, attrs = text(entry.filename), entry.attrs
            if is_folder(attrs) and SEGMENT.fullmatch(name):
                yield from self._cut_short(f"{folder}/{name}", f"{prefix}/{name}")
            elif is_cut_short(name) and not is_folder(attrs):
                yield self._stored(f"{prefix}/{name}", attrs)
