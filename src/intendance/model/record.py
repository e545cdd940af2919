"""A ledger record: the envelope in which every piece of evidence is kept (`docs/ledger.md`)."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from typing import Any

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Bytes too large for a record, named by their SHA-256; `size` in bytes, `media` an IANA media type."""

    sha256: str
    size: int
    media: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One leaf of a node's log. `seq` and `prev` order records; `ts` (RFC 3339, UTC, microseconds) is information.

    `mono_us` counts microseconds since `boot` (nanoseconds would outgrow what every JSON reader holds exactly, 2^53,
    in 104 days). `data` holds only strings, integers, booleans, null, lists and objects of these: canonical JSON has
    no floats. Its shape per `kind` is a dataclass of `model/evidence/`.
    """

    v: int
    seq: int
    node: str
    boot: str
    ts: str
    mono_us: int
    kind: str
    actor: str
    prev: str
    data: dict[str, Any]
    asset: str | None = None
    run: str | None = None
    attachments: list[Attachment] = field(default_factory=list)


def instant(text: str) -> datetime:
    """An instant as evidence writes it; aware. Raises ValueError for what is none: evidence holds it as text, which is
    of the right form whatever it says."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text[:40])  # of which zone?
    return at
