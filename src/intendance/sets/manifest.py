"""The manifest of a set, version 1: what it holds, where it came from, which set stood before it. Pure.

Written last and signed; without it there is no set. The layout is described for people in `docs/sets.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from hashlib import sha256
from typing import Any, NoReturn

import msgspec

from intendance.ledger import canonical
from intendance.model.errors.ledger import NotCanonical
from intendance.model.errors.sets import ManifestInvalid, ManifestVersionUnknown
from intendance.model.frozen import dataclass

VERSION = 1
SCHEMA = "intendance.set/1"
MANIFEST = "MANIFEST.json"
SIGNATURE = "MANIFEST.json.asc"
SUMS = "SHA256SUMS"
RESTORE = "RESTORE.sh"
NODE_KEY = "NODE-KEY.asc"
PAPERS = (SUMS, RESTORE, NODE_KEY)

MANIFEST_LIMIT_BYTES = 32 * 2**20
"""More than 100,000 parts fit, so several TiB: a larger manifest is not one of ours."""

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_STREAM = re.compile(r"[a-z0-9-]{1,48}")
_SET = re.compile(r"[a-z0-9][a-z0-9-]*\.[a-z-]+\.\d{8}T\d{6}Z\.[1-9]\d*")
_HASH = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stored object: an OpenPGP message around one zstd frame (`plain_bytes` and `sha256_plain` are of the
    frame)."""

    name: str
    plain_bytes: int
    cipher_bytes: int
    sha256_plain: str
    sha256_cipher: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What one producer gave, cut into parts in order. `media` is `tar`, `sql`, `mbstream` or `sqlite`;
    `source_bytes` are before compression."""

    name: str
    media: str
    source_bytes: int
    argv: tuple[str, ...]
    parts: tuple[Part, ...]
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the set that is neither a part nor the manifest."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The full set that a differential builds on, and the SHA-256 of its manifest."""

    set: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One set. Instants are RFC 3339 strings in UTC, sizes bytes, hashes lower-case SHA-256, fingerprints upper-case.

    `sequence` (from 0) and `previous` (SHA-256 of the asset's previous manifest in the same ledger, None for the
    first) chain the sets of an asset: one that was taken away leaves a gap. `base` is the set that this one builds
    on; of a differential only. `files` are SHA256SUMS, RESTORE.sh and NODE-KEY.asc.
    """

    fleet: str
    node: str
    ledger: str
    asset: str
    engine: str
    engine_version: str
    identity: str
    first_seen: str
    set: str
    run: str
    attempt: int
    kind: str
    sequence: int
    previous: str | None
    started_at: str
    completed_at: str
    recovers_to: str
    source: dict[str, Any]
    streams: tuple[Stream, ...]
    files: tuple[File, ...]
    recipients: tuple[str, ...]
    retention_days: int
    software: str
    warnings: tuple[str, ...] = ()
    base: Base | None = None
    compression: str = "zstd"
    encryption: str = "openpgp"
    schema: str = SCHEMA
    v: int = VERSION

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for stream in self.streams for part in stream.parts)

    @property
    def source_bytes(self) -> int:
        return sum(stream.source_bytes for stream in self.streams)

    @property
    def stored_bytes(self) -> int:
        """Ciphertext of all parts, in bytes."""
        return sum(part.cipher_bytes for part in self.parts)

    @property
    def recovery_instant(self) -> datetime:
        return datetime.fromisoformat(self.recovers_to)


def part_name(stream: str, index: int) -> str:
    """`tree-00000.zst.gpg`: five digits or more, from 0."""
    return f"{stream}-{index:05d}.zst.gpg"


def digest(content: bytes) -> str:
    """Lower-case hexadecimal SHA-256."""
    return sha256(content).hexdigest()


def encode(manifest: Manifest) -> bytes:
    """The manifest in canonical JSON. Raises ManifestInvalid when it cannot be one."""
    _validate(manifest)
    try:
        content = canonical.encode(msgspec.to_builtins(manifest))
    except NotCanonical as error:
        _refuse(manifest.set, f"it is not canonical JSON: {error.params['detail']}")
    if len(content) > MANIFEST_LIMIT_BYTES:
        _refuse(manifest.set, f"it would be {len(content)} bytes long, more than {MANIFEST_LIMIT_BYTES}")
    return content


def decode(content: bytes, name: str) -> Manifest:
    """Read a manifest whose signature was verified; `name` is the set's, for messages.

    Raises ManifestVersionUnknown, or ManifestInvalid for anything that `encode` would not have written byte for byte.
    """
    try:
        document = canonical.decode(content, limit_bytes=MANIFEST_LIMIT_BYTES)
    except NotCanonical as error:
        _refuse(name, f"it is not canonical JSON: {error.params['detail']}")
    version = document.get("v") if isinstance(document, dict) else None
    if type(version) is int and version != VERSION:
        raise ManifestVersionUnknown(set=name, version=version, known=VERSION)
    try:
        manifest = msgspec.convert(document, Manifest, strict=True)
    except msgspec.ValidationError as error:
        _refuse(name, str(error))
    if encode(manifest) != content:
        _refuse(name, "it holds something that its version does not know")
    return manifest


def sums(parts: Mapping[str, str], papers: Mapping[str, bytes]) -> bytes:
    """SHA256SUMS, as `sha256sum` writes it: the parts in order (name to hash), then the other files (name to
    content)."""
    lines = [f"{value}  {name}\n" for name, value in parts.items()]
    lines += [f"{digest(content)}  {name}\n" for name, content in papers.items()]
    return "".join(lines).encode("ascii")


def _validate(manifest: Manifest) -> None:
    """Raises ManifestInvalid unless all names, hashes, sizes and instants are what this version allows."""
    name = manifest.set
    for problem in (*_identity_problems(manifest), *_content_problems(manifest)):
        _refuse(name, problem)


def _identity_problems(m: Manifest) -> list[str]:
    found = [f"{what} is not a name" for what in ("fleet", "node", "asset") if not _SLUG.fullmatch(getattr(m, what))]
    if (m.v, m.schema, m.compression, m.encryption) != (VERSION, SCHEMA, "zstd", "openpgp"):
        found.append("its schema, compression or encryption is not that of version 1")
    if not _SET.fullmatch(m.set) or m.set != f"{m.run}.{m.attempt}" or not m.run.startswith(f"{m.asset}."):
        found.append("set, run, attempt and asset do not agree")
    if not 0 <= m.sequence <= canonical.LIMIT_INTEGER or (m.previous is None) != (m.sequence == 0):
        found.append("sequence and previous do not agree")
    if m.previous is not None and not _HASH.fullmatch(m.previous):
        found.append("previous is not a hash")
    if not 1 <= m.retention_days <= 100_000:
        found.append("retention_days is out of bounds")
    if (m.kind == "differential") != (m.base is not None):
        found.append("kind and base do not agree")
    if m.base is not None and not (_SET.fullmatch(m.base.set) and _HASH.fullmatch(m.base.sha256)):
        found.append("base is not a set with the hash of its manifest")
    instants = [_instant(value) for value in (m.first_seen, m.started_at, m.completed_at, m.recovers_to)]
    if None in instants:
        found.append("an instant is not RFC 3339 in UTC")
    return found


def _content_problems(m: Manifest) -> list[str]:
    found = []
    if not m.recipients or not all(_FINGERPRINT.fullmatch(each) for each in m.recipients):
        found.append("recipients are not fingerprints")
    if tuple(each.name for each in m.files) != PAPERS or not all(_HASH.fullmatch(each.sha256) for each in m.files):
        found.append(f"files must be {', '.join(PAPERS)} with their hashes")
    names = [stream.name for stream in m.streams]
    if not names or len(set(names)) != len(names):
        found.append("streams are missing or named twice")
    for stream in m.streams:
        if not _STREAM.fullmatch(stream.name) or stream.source_bytes < 0:
            found.append(f"the stream {stream.name!r} is not well formed")
        expected = [part_name(stream.name, index) for index in range(len(stream.parts))]
        if not stream.parts or [part.name for part in stream.parts] != expected:
            found.append(f"the parts of {stream.name} are not numbered from 0 without a gap")
        if not all(_is_part(part) for part in stream.parts):
            found.append(f"a part of {stream.name} has no proper size or hash")
    return found


def _is_part(part: Part) -> bool:
    return (
        0 < part.plain_bytes <= canonical.LIMIT_INTEGER
        and 0 < part.cipher_bytes <= canonical.LIMIT_INTEGER
        and bool(_HASH.fullmatch(part.sha256_plain))
        and bool(_HASH.fullmatch(part.sha256_cipher))
    )


def _instant(value: str) -> datetime | None:
    if not value.endswith("Z"):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _refuse(name: str, detail: str) -> NoReturn:
    raise ManifestInvalid(set=name, detail=detail)
