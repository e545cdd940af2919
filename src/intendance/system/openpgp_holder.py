"""Making the OpenPGP key of somebody who will hold it: in memory, locked by a passphrase from its first moment on."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intendance.model.errors.openpgp import SigningFailed
from intendance.model.frozen import dataclass
from intendance.system import process
from intendance.system.gpg_agent import end_agent, with_agent

_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""32 signs that are told apart on paper and over the telephone: no 0, O, 1, I."""
_MEMORY = "/dev/shm"  # noqa: S108 -- mkdtemp makes it private; nothing of it reaches a disk
_ROUNDS = ("--s2k-count", "65536")
"""The least that gpg-agent takes. Rounds slow down who guesses a passphrase, by 2^10 at the usual 65,011,712 bytes;
one of 120 random bits cannot be guessed at any speed, and gpg would measure the machine and then hash for seconds at
each of four steps (11.6 s for one key on a loaded machine, 0.3 s without; GnuPG 2.2.40)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderKey:
    """A new key: `private` is its armored secret half, which only `passphrase` opens."""

    fingerprint: str
    public: str
    private: str
    passphrase: str


def code(groups: int) -> str:
    """`K7QM-…`: random groups of four signs, 20 bits each."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(groups))


def plain_code(written: str) -> str:
    """A code as people write it, with or without hyphens, in either case, with the signs that it does not have."""
    folded = written.upper().replace("0", "O").replace("1", "I")
    return "".join(sign for sign in folded if sign in _SIGNS)


def create(user_id: str) -> HolderKey:
    """A key to certify, sign (Ed25519) and decrypt (Curve25519), without expiry; its passphrase has 120 bits.

    Raises SigningFailed when gpg makes none, and what starting it raises.
    """
    passphrase = code(6)
    with _in_memory() as home:
        try:
            kind = ("ed25519", "cert,sign", "never")
            created = _gpg(home, passphrase, "--status-fd", "1", "--quick-generate-key", user_id, *kind)
            lines = [line.split() for line in created.decode().splitlines()]
            fingerprint = next(words[3] for words in lines if words[1:2] == ["KEY_CREATED"])
            _gpg(home, passphrase, "--quick-add-key", fingerprint, "cv25519", "encr", "never")
            public = _gpg(home, passphrase, "--armor", "--export", fingerprint)
            private = _gpg(home, passphrase, "--armor", "--export-secret-keys", fingerprint)
        except StopIteration:
            raise SigningFailed(fingerprint="(new)", detail="gpg reported no new key") from None
    return HolderKey(
        fingerprint=fingerprint, public=public.decode("ascii"), private=private.decode("ascii"), passphrase=passphrase
    )


def held_here(fingerprints: tuple[str, ...]) -> tuple[str, ...]:
    """Those keys whose private half is in the keyring of the user who runs us. Raises what starting gpg raises."""
    asked = process.run(
        ["gpg", "--batch", "--no-tty", "--quiet", "--no-autostart", "--with-colons", "--list-secret-keys"],
        accept=(0, 2),
    )
    rows = [line.split(":") for line in asked.stdout.decode("utf-8", errors="replace").splitlines()]
    found = {row[9] for row in rows if row[0] == "fpr"}
    return tuple(each for each in fingerprints if each in found)


@contextmanager
def _in_memory() -> Iterator[Path]:
    within = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    home = Path(tempfile.mkdtemp(prefix="ik-", dir=within))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _gpg(home: Path, passphrase: str, *words: str) -> bytes:
    argv = ("gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", "--no-options", "--yes",
            "--pinentry-mode", "loopback", "--passphrase-fd", "0", *words)  # fmt: skip
    try:
        return process.run(with_agent(home, argv, *_ROUNDS), input=f"{passphrase}\n".encode()).stdout
    finally:
        end_agent(home)
