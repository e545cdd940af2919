"""What a node's ledger knows of its past that a new plan, or a waiver, is measured by."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from intendance.agent.opening import open_book
from intendance.catalogue.waivers import LONGEST, LOOK_BACK
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.errors.state import NoState
from intendance.plan.bounds.seen import NOTHING_SEEN, Seen
from intendance.system.clock import Clock

BACKUPS_LOOK_BACK = timedelta(days=100)
"""The longest backup is that of the last months: what a smaller site once took is no measure of it."""


def seen(book: Book, now: datetime) -> Seen:
    """Whose ledger it is, the longest backup of each asset, and the waivers that count for the law."""
    identity = {fact.asset: fact.data.identity for fact in reversed(book.facts("asset.declared"))}
    longest: dict[str, int] = {}
    for fact in book.facts("backup.completed", since=now - BACKUPS_LOOK_BACK):
        took = datetime.fromisoformat(fact.data.completed_at) - datetime.fromisoformat(fact.data.started_at)
        known_as = identity.get(fact.asset)
        if known_as is not None:
            longest[known_as] = max(longest.get(known_as, 0), int(took.total_seconds()))
    since = now - LOOK_BACK - LONGEST
    return Seen(
        node=book.node,
        longest_backup=longest,
        grants=book.facts("waiver.granted", since=since),
        revoked=frozenset(fact.data.grant for fact in book.facts("waiver.revoked", since=since)),
    )


def seen_in(state: Path, clock: Clock) -> Seen:
    """The same for a state folder; nothing where there is no ledger. Raises what opening it raises."""
    try:
        with open_book(state, clock) as book:
            return seen(book, clock.read().at)
    except NoState:
        return NOTHING_SEEN


def seen_if_readable(state: Path, clock: Clock) -> Seen:
    """The same, or nothing where the ledger cannot be opened: a plan can be checked anywhere, and what the ledger adds
    is asked again at its adoption."""
    try:
        return seen_in(state, clock)
    except IntendanceError:
        return NOTHING_SEEN
