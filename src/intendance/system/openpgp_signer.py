"""The node's signature: gpg and an agent of its own, which may be started before there is anything to sign."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from intendance.model.errors.openpgp import SigningFailed
from intendance.model.errors.process import ProgramFailed
from intendance.system import process
from intendance.system.gpg_agent import with_agent
from intendance.system.openpgp import base_argv, reason, workshop_of


def sign(home: Path, fingerprint: str, content: bytes) -> bytes:
    """A detached armored signature (SHA-512) over `content` by a key of `home`. Raises SigningFailed."""
    return Signer(home, fingerprint).sign(content)


class Signer:
    """gpg and its agent, which wait for what they are to sign: that they start takes a fiftieth of a second.

    `sign` once, or `close`; raises SigningFailed.
    """

    def __init__(self, home: Path, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._ends = ExitStack()
        with self._closed_unless_done():
            folder = self._ends.enter_context(workshop_of(home))
            argv = (
                *base_argv(folder), "--digest-algo", "SHA512", "--no-emit-version", "--no-comments", "--armor",
                "--local-user", f"{fingerprint}!", "--output", "-", "--detach-sign",
            )  # fmt: skip
            self._gpg = process.start(with_agent(folder, argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            self._ends.callback(self._gpg.kill)

    def sign(self, content: bytes) -> bytes:
        """A detached armored signature (SHA-512) over `content`. Raises SigningFailed."""
        with self._closed_unless_done():
            signature = process.finish(self._gpg, content).stdout
        self.close()
        return signature

    def close(self) -> None:
        """End gpg and its agent, and remove their home; quiet when that was done."""
        self._ends.close()

    @contextmanager
    def _closed_unless_done(self) -> Iterator[None]:
        try:
            yield
        except (ProgramFailed, OSError) as failure:
            self.close()
            raise SigningFailed(fingerprint=self._fingerprint, detail=reason(str(failure))) from failure
        except BaseException:
            self.close()
            raise
