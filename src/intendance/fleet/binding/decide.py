"""When heads are bound, and what of a head is: pure."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from intendance.ledger.cosignature import line_of
from intendance.ledger.note import VerifierKey, read_checkpoint, verify_note
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.frozen import dataclass

EVERY = timedelta(hours=1)
AT_ONCE = 1000
"""Heads of one record. A sheet is some 600 bytes a head before compression, and the notes in the database that go with
it are one short transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldHead:
    """The newest head of a ledger that the manager verified, as its database has it; `key` is the ledger's vkey."""

    node: str
    incarnation: int
    size: int
    note: str
    key: str


def is_due(now: datetime, bound_at: datetime | None) -> bool:
    """Whether an hour has passed since heads were bound. A clock that was put back makes it so at once."""
    return bound_at is None or not timedelta(0) <= now - bound_at < EVERY


def own_note(head: HeldHead) -> str | None:
    """The head's signed note with its own ledger's signature and no other; None when it is not what it should be."""
    try:
        key = VerifierKey.parse(head.key)
        checkpoint, note = read_checkpoint(head.note.encode())
    except (NoteMalformed, UnicodeEncodeError):
        return None
    if checkpoint.origin != key.name or checkpoint.size != head.size or not verify_note(note, key):
        return None
    own = next(each for each in note.signatures if (each.name, each.key_id) == (key.name, key.key_id))
    return f"{note.text}\n{line_of(own)}"


def sheet(notes: Iterable[tuple[HeldHead, str]]) -> bytes:
    """The attachment: for each ledger one JSON object on a line, compressed; the same bytes for the same heads."""
    lines = (
        json.dumps({"incarnation": head.incarnation, "node": head.node, "note": note}, ensure_ascii=False) + "\n"
        for head, note in notes
    )
    return gzip.compress("".join(lines).encode(), mtime=0)
