"""A log that grows and signs, for witnesses: written straight from RFC 6962 and the pages of C2SP, with no code of
ours: a second opinion."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def _hash(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def merkle_root(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, by its own definition."""
    if not entries:
        return _hash()
    if len(entries) == 1:
        return _hash(b"\x00", entries[0])
    k = _split(len(entries))
    return _hash(b"\x01", merkle_root(entries[:k]), merkle_root(entries[k:]))


def merkle_proof(old: int, entries: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n]) of RFC 6962, 2.1.2, by its own definition."""
    return _subproof(old, entries, whole=True) if 0 < old < len(entries) else []


def _subproof(old: int, entries: list[bytes], *, whole: bool) -> list[bytes]:
    if old == len(entries):
        return [] if whole else [merkle_root(entries)]
    k = _split(len(entries))
    if old <= k:
        return [*_subproof(old, entries[:k], whole=whole), merkle_root(entries[k:])]
    return [*_subproof(old - k, entries[k:], whole=False), merkle_root(entries[:k])]


def key_of(seed: int) -> Ed25519PrivateKey:
    """A key, always the same for a number."""
    return Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass
class GrowingLog:
    """One log and its key. `entries` may be changed at will: that is how it forks."""

    origin: str = "asbl/log"
    entries: list[bytes] = field(default_factory=list)
    private: Ed25519PrivateKey = field(default_factory=lambda: key_of(1))

    @property
    def _public(self) -> bytes:
        return b"\x01" + self.private.public_key().public_bytes_raw()

    @property
    def _key_id(self) -> bytes:
        return _hash(self.origin.encode(), b"\n", self._public)[:4]

    @property
    def vkey(self) -> str:
        return f"{self.origin}+{self._key_id.hex()}+{base64_of(self._public)}"

    def grow(self, count: int = 1, word: str = "entry") -> None:
        self.entries += [f"{word} {len(self.entries) + each}".encode() for each in range(count)]

    def text(self, size: int | None = None) -> str:
        size = len(self.entries) if size is None else size
        return f"{self.origin}\n{size}\n{base64_of(merkle_root(self.entries[:size]))}\n"

    def checkpoint(self, size: int | None = None) -> str:
        text = self.text(size)
        return f"{text}\n— {self.origin} {base64_of(self._key_id + self.private.sign(text.encode()))}\n"

    def request(self, old: int, size: int | None = None) -> bytes:
        """What is posted to add-checkpoint."""
        size = len(self.entries) if size is None else size
        proof = "".join(f"{base64_of(each)}\n" for each in merkle_proof(old, self.entries[:size]))
        return f"old {old}\n{proof}\n{self.checkpoint(size)}".encode()


def openssl_says(text: str, line: str, vkey: str, folder: Path) -> tuple[int, bool]:
    """When a cosignature was made, and whether OpenSSL's command line finds that it fits."""
    name, key_id, material = vkey.split("+", 2)
    dash, signer, content = line.rstrip("\n").split(" ")
    assert (dash, signer) == ("—", name)
    raw, public = base64.b64decode(content), base64.b64decode(material)
    assert public[:1] == b"\x04"
    assert raw[:4].hex() == key_id == _hash(name.encode(), b"\n", public)[:4].hex()
    at = int.from_bytes(raw[4:12], "big")
    (folder / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + public[1:])
    (folder / "signature").write_bytes(raw[12:])
    (folder / "message").write_bytes(f"cosignature/v1\ntime {at}\n{text}".encode())
    words = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der", "-rawin"]
    words += ["-in", "message", "-sigfile", "signature"]
    return at, subprocess.run(words, cwd=folder, capture_output=True, check=False).returncode == 0
