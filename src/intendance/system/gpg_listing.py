"""Reading gpg's `--with-colons` listings into keys (GnuPG doc/DETAILS)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from intendance.model.frozen import dataclass

_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")
_DEAD = (b"r", b"e", b"i", b"d", b"n")  # revoked, expired, invalid, disabled, not valid


@dataclass(frozen=True, slots=True, kw_only=True)
class Subkey:
    """A key that can be encrypted to. `key_id` is what a message to it carries; `usable` as gpg judges it now."""

    fingerprint: str
    key_id: str
    created_at: datetime
    expires_at: datetime | None
    usable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """An OpenPGP key as gpg understood it. `has_secret`: the text held its secret half, so it must not be used."""

    fingerprint: str
    user_ids: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked: bool
    has_secret: bool
    encryption_subkeys: tuple[Subkey, ...]

    def encryption_subkey(self) -> Subkey | None:
        """The subkey to encrypt to: the newest usable one, as gpg itself would choose; None when there is none."""
        usable = [subkey for subkey in self.encryption_subkeys if subkey.usable]
        return max(usable, key=lambda subkey: subkey.created_at, default=None)


def parse(colons: bytes) -> tuple[PublicKey, ...]:
    """The keys of a listing, in its order. A secret half shows as a `sec` block, with or without its `pub` block."""
    blocks: list[list[list[bytes]]] = []
    for line in colons.splitlines():
        fields = line.split(b":")
        if fields[0] in (b"pub", b"sec"):
            blocks.append([])
        if blocks:
            blocks[-1].append(fields)
    keys: dict[str, PublicKey] = {}
    secret: set[str] = set()
    for block in blocks:
        key = _parse_key(block)
        keys.setdefault(key.fingerprint, key)
        if any(fields[0] in (b"sec", b"ssb") for fields in block):
            secret.add(key.fingerprint)
    return tuple(replace(key, has_secret=True) if fingerprint in secret else key for fingerprint, key in keys.items())


def _parse_key(block: Sequence[Sequence[bytes]]) -> PublicKey:
    primary = block[0]
    fingerprints: list[str] = []
    encryption: list[Subkey] = []
    pending: Sequence[bytes] | None = None
    for fields in block:
        if fields[0] in (b"pub", b"sec", b"sub", b"ssb"):
            pending = fields
        elif fields[0] == b"fpr" and pending is not None:
            fingerprints.append(fields[9].decode())
            if b"e" in pending[11]:
                encryption.append(_parse_subkey(pending, fingerprints[-1], primary))
            pending = None
    return PublicKey(
        fingerprint=fingerprints[0],
        user_ids=tuple(_text(fields[9]) for fields in block if fields[0] == b"uid"),
        created_at=_instant(primary[5]) or datetime.fromtimestamp(0, UTC),
        expires_at=_instant(primary[6]),
        revoked=primary[1] == b"r",
        has_secret=primary[0] == b"sec",
        encryption_subkeys=tuple(encryption),
    )


def _parse_subkey(fields: Sequence[bytes], fingerprint: str, primary: Sequence[bytes]) -> Subkey:
    return Subkey(
        fingerprint=fingerprint,
        key_id=fields[4].decode(),
        created_at=_instant(fields[5]) or datetime.fromtimestamp(0, UTC),
        expires_at=_instant(fields[6]),
        usable=fields[1] not in _DEAD and primary[1] not in _DEAD and b"D" not in primary[11],
    )


def _instant(field: bytes) -> datetime | None:
    return datetime.fromtimestamp(int(field), UTC) if field.isdigit() and int(field) else None


def _text(field: bytes) -> str:
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), field).decode("utf-8", errors="replace")
