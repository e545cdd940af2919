"""Messages between agent and manager: JSON over HTTP, decoded straight into frozen dataclasses, every size bounded.

A member added later has a default; one that this version does not know is passed over. `v` says what is spoken.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from intendance.model.errors.fleet import MessageMalformed
from intendance.model.frozen import dataclass

VERSION = 1
BEAT_LIMIT_BYTES = 8 * 1024
BACKFILL_LIMIT_BYTES = 256 * 1024
EVIDENCE_LIMIT_BYTES = 8 * 1024 * 1024
ENROL_LIMIT_BYTES = 16 * 1024
INTERVAL_SECONDS = 60

Slug = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{0,39}\Z")]
Words = Annotated[str, Meta(max_length=200, pattern=r"\A[^\x00]*\Z")]
"""PostgreSQL keeps no NUL: one in what a node says must not keep what all others said from being written."""
NoteText = Annotated[str, Meta(max_length=4096, pattern=r"\A[^\x00]*\Z")]
Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Version = Annotated[int, Meta(ge=1, le=VERSION)]
Incarnation = Annotated[int, Meta(ge=1, le=2**31 - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A node lives. `seq` grows within a `boot`; `mono_ns` is of that boot's monotonic clock; `sent_at` in
    microseconds since 1970 by the node's wall clock, information only; `checkpoint` a signed note, or nothing yet."""

    v: Version
    node: Slug
    incarnation: Incarnation
    boot: Words
    seq: Natural
    sent_at: Natural
    mono_ns: Natural
    interval_seconds: Annotated[int, Meta(ge=60, le=60)]
    checkpoint: NoteText
    spooled: Natural
    software: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatAnswer:
    """`server_time` in microseconds since 1970; `next_in_ms` 0: keep the phase, else when the next beat is wanted, once
    and never more than 60 s away; `evidence_size`: how many of the node's records are kept here."""

    server_time: Natural
    next_in_ms: Annotated[int, Meta(ge=0, le=60_000)]
    evidence_size: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class SpooledBeat:
    """A beat that no manager heard; its members are those of `Beat`."""

    boot: Words
    seq: Natural
    sent_at: Natural
    mono_ns: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Beats of the last 24 hours that nobody heard, oldest first. `boot`, `mono_ns` and `sent_at` are of this moment:
    by them the manager knows when the others were, whatever the node's wall clock says."""

    v: Version
    node: Slug
    incarnation: Incarnation
    boot: Words
    sent_at: Natural
    mono_ns: Natural
    beats: Annotated[tuple[SpooledBeat, ...], Meta(min_length=1, max_length=1440)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillAnswer:
    """How many of the beats told of a minute that was not known yet."""

    relabelled: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentBytes:
    """Bytes that a record names; `content` in base64 on the wire."""

    sha256: Sha256
    media: Words
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceBatch:
    """Records `first_seq` and following, each its canonical JSON as text, and a checkpoint that covers them."""

    v: Version
    node: Slug
    incarnation: Incarnation
    first_seq: Natural
    records: Annotated[tuple[Annotated[str, Meta(max_length=65_535)], ...], Meta(min_length=1, max_length=4096)]
    checkpoint: NoteText
    attachments: Annotated[tuple[AttachmentBytes, ...], Meta(max_length=256)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceAnswer:
    """How many of the node's records are kept: the next batch begins there."""

    size: Natural


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A node asks to join: the token as an administrator gave it, and the proof that it holds its ledger's key
    (`wire.signing`). `checkpoint` is its signed head."""

    v: Version
    token: Annotated[str, Meta(max_length=256, pattern=r"\A[^\x00]*\Z")]
    node: Slug
    ledger_key: Annotated[str, Meta(max_length=300, pattern=r"\A[^\x00]*\Z")]
    openpgp_fingerprint: Words
    checkpoint: NoteText
    proof: Words
    software: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentAnswer:
    """The node is known: `bearer` is its secret from now on. `urls` are the manager's, the nearest first."""

    fleet: Slug
    node: Slug
    incarnation: Incarnation
    bearer: Words
    urls: tuple[Words, ...]
    evidence_size: Natural


M = TypeVar("M")


def encode(message: object) -> bytes:
    """The bytes of a message."""
    return msgspec.json.encode(message)


def decode(content: bytes, shape: type[M]) -> M:
    """The message of these bytes. Raises MessageMalformed."""
    known: Any = shape
    try:
        message: M = _decoder(known).decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MessageMalformed(detail=str(error) or type(error).__name__) from None
    return message


@cache
def _decoder(shape: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(shape, strict=True)
