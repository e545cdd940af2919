"""The inventory that `init` took, kept until the plan that it proposed begins a ledger that it can stand in."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from intendance.agent.layout import StateLayout
from intendance.ledger.book import Book
from intendance.model.evidence.inventory import InventoryTaken
from intendance.model.frozen import dataclass
from intendance.system.publish import publish

FRESH = timedelta(days=1)
"""An older one says nothing about today: the agent takes a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    taken_at: datetime
    evidence: InventoryTaken
    packages: bytes


def keep(state: Path, evidence: InventoryTaken, packages: bytes, now: datetime) -> None:
    """Put an inventory by. Raises OSError."""
    content = msgspec.json.encode(_Kept(taken_at=now, evidence=evidence, packages=packages))
    publish(StateLayout(state).first_inventory, content, mode=0o600, replace=True)


def record_kept(book: Book, state: Path, now: datetime, *, actor: str) -> None:
    """Write the inventory that was put by into the ledger, if it is of today, and put it by no longer."""
    place = StateLayout(state).first_inventory
    try:
        kept = msgspec.json.decode(place.read_bytes(), type=_Kept)
    except (FileNotFoundError, msgspec.MsgspecError):
        return
    if timedelta() <= now - kept.taken_at <= FRESH:
        attached = (book.attach(kept.packages, "text/plain"),) if kept.packages else ()
        book.append(kept.evidence, actor=actor, attachments=attached)
    place.unlink(missing_ok=True)
