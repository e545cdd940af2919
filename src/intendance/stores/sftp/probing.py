"""Trying, on another machine, what a thief with the node's key would: only to what the probe wrote."""

from __future__ import annotations

import secrets

import asyncssh

from intendance.model.evidence.probe import Attempt
from intendance.model.plan import SftpStore as Declared
from intendance.stores.probing import Probed, attempted
from intendance.stores.sftp import SftpStore
from intendance.stores.sftp.link import Link


def probe(declared: Declared, prefix: str) -> Probed:
    """Write one small file, then try to write over it, rename and delete it. What cannot be deleted stays there.

    Raises the errors of stores when not even writing can be tried.
    """
    store, key = _Prober(declared), f"{prefix}/{secrets.token_hex(8)}"
    written = attempted("write", lambda: store.put(key, [b"a probe of this store\n"]))
    if written.outcome != "done":
        return Probed(attempts=(written,), endpoint=declared.host, locks="no")
    others = [
        attempted("read", lambda: store.head(key)),
        attempted("overwrite", lambda: store.write_over(key)),
        _wrong_secret(declared),
    ]
    moved = f"{key}-renamed"
    others.append(attempted("rename", lambda: store.move(key, moved)))
    there = moved if others[-1].outcome == "done" else key
    others.append(attempted("delete", lambda: store.remove(there)))
    return Probed(attempts=(written, *others), endpoint=declared.host, locks="no")


class _Prober(SftpStore):
    """Does to a file what no store of ours does."""

    def write_over(self, key: str) -> None:
        """Open a file that is there, and take its bytes away."""
        path = self._path(key)
        with self.translated("write over it"):
            file = self._opened(path, asyncssh.FXF_WRITE | asyncssh.FXF_TRUNC)
            try:
                self._send(file, b"other bytes", 0).result()
            finally:
                self._close(file)

    def move(self, key: str, to: str) -> None:
        """Take a file out of everybody's sight."""
        with self.translated("rename it"):
            self._ask(lambda far: far.rename(self._path(key), self._path(to)))

    def remove(self, key: str) -> None:
        """Take a file away."""
        with self.translated("delete it"):
            self._ask(lambda far: far.remove(self._path(key)))


def _wrong_secret(declared: Declared) -> Attempt:
    """With a key that nobody was told of: a machine that lets it in asks for none."""
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    return attempted("wrong_secret", lambda: _log_in(declared, stranger))


def _log_in(declared: Declared, key: str) -> None:
    store = SftpStore(declared, Link(declared, lambda: key))
    store.free_bytes()
