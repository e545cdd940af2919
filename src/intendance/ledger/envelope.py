"""Records and their bytes: what is written, and how it is read back typed."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, Generic, TypeVar

import msgspec

from intendance.ledger import canonical
from intendance.model.errors.ledger import RecordTooLarge, RecordUnreadable
from intendance.model.evidence import KINDS, Evidence
from intendance.model.record import Attachment, Record
from intendance.model.verdict import Fact
from intendance.system.redaction import redact

VERSION = 1
NO_PREVIOUS = "0" * 64
"""`prev` of the genesis record."""

_SENTENCES = frozenset({"message", "next_step"})
"""Members that repeat what programs said. They are redacted where it is heard; this is the last door."""
_ABSENT_EMPTY = frozenset({"former_keys"})
"""Members that came later and are left out where they say nothing: the same events give the same bytes as before."""

D = TypeVar("D")


class Typed(msgspec.Struct, Generic[D], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A record decoded straight into the dataclass of its kind."""

    v: int
    seq: int
    node: str
    boot: str
    ts: str
    mono_us: int
    kind: str
    asset: str | None
    run: str | None
    actor: str
    data: D
    attachments: list[Attachment]
    prev: str


def digest(content: bytes) -> str:
    """The SHA-256 by which the next record names this one."""
    return sha256(content).hexdigest()


def evidence_data(evidence: Evidence) -> dict[str, Any]:
    """Evidence as the `data` of a record: plain values, text cleaned, sentences about failures without secrets."""
    plain: dict[str, Any] = msgspec.to_builtins(evidence)
    for name in _SENTENCES & plain.keys():
        plain[name] = redact(plain[name])
    for name in _ABSENT_EMPTY & plain.keys():
        if not plain[name]:
            del plain[name]
    if _is_clean(plain):
        return plain
    cleaned: dict[str, Any] = _clean(plain)
    return cleaned


def _is_clean(value: object) -> bool:
    try:
        written = canonical.write(value)
        return written.isascii() and b"\\u0000" not in written
    except (ValueError, OverflowError):  # halves of surrogate pairs; integers beyond any limit
        return False


def encode(record: Record) -> bytes:
    """The canonical bytes of a record. Raises NotCanonical, RecordTooLarge."""
    content = _usual_bytes(record)
    if content is None:
        content = canonical.encode({field.name: _plain(getattr(record, field.name)) for field in fields(record)})
    if len(content) > canonical.LIMIT_BYTES:
        raise RecordTooLarge(kind=record.kind, size=len(content), limit=canonical.LIMIT_BYTES)
    return content


def _usual_bytes(record: Record) -> bytes | None:
    """The bytes of a record in its usual form, shown to be canonical by reading them back; None for any other."""
    try:
        content = canonical.write(record)
        usual = same_again(record.kind, content) is not None and canonical.is_normal(content)
    except (ValueError, RecursionError, OverflowError):
        return None
    return content if usual and not canonical.has_long_numbers(content) else None


def same_again(kind: str, content: bytes) -> Typed[Any] | None:
    """The record that these bytes are, when reading it typed and writing it again gives the same bytes; else None.

    The same bytes: no member twice, unsorted, unknown or absent, no other spelling, no fraction. What this leaves open
    is `canonical.is_normal` and `has_long_numbers`, and the length. Raises ValueError, RecursionError, OverflowError.
    """
    if kind not in KINDS:
        return None
    typed = decoder(kind).decode(content)
    return typed if canonical.write(typed) == content else None


def decode(content: bytes, seq: int) -> Record:
    """The record of canonical bytes. Raises RecordUnreadable; `seq` is for its message."""
    try:
        return _record_decoder().decode(content)
    except (ValueError, RecursionError) as error:
        raise RecordUnreadable(seq=seq, detail=str(error)) from None


def fact(content: bytes, kind: str, seq: int) -> Fact[Any]:
    """The fact that a record of a known kind states. Raises RecordUnreadable."""
    try:
        typed = decoder(kind).decode(content)
        at = datetime.fromisoformat(typed.ts)
    except (ValueError, RecursionError) as error:
        raise RecordUnreadable(seq=seq, detail=str(error)) from None
    return Fact(
        node=typed.node, seq=typed.seq, at=at, kind=typed.kind, asset=typed.asset, actor=typed.actor, data=typed.data
    )


@cache
def decoder(kind: str) -> msgspec.json.Decoder[Typed[Any]]:
    """The decoder of records of one known kind."""
    shape = KINDS[kind]
    return msgspec.json.Decoder(Typed[shape])  # type: ignore[valid-type]


@cache
def _record_decoder() -> msgspec.json.Decoder[Record]:
    return msgspec.json.Decoder(Record)


def _plain(value: object) -> object:
    return msgspec.to_builtins(value) if isinstance(value, list) else value


def _clean(value: Any) -> Any:
    match value:
        case str():
            return canonical.clean(value)
        case list() | tuple():
            return [_clean(item) for item in value]
        case dict():
            return {key: _clean(item) for key, item in value.items()}
        case _:
            return value
