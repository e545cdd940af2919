"""What a machine beside the node has of its own: its ledger, its plan's file, the node's key that it trusts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from intendance import __version__
from intendance.agent.founding import host_name, node_fingerprint
from intendance.agent.opening import open_book
from intendance.ledger.book import Book
from intendance.model.errors.state import NoState
from intendance.model.evidence.drill import Trust
from intendance.sets.fetch import read_small, survey
from intendance.sets.manifest import NODE_KEY
from intendance.stores import Store
from intendance.system import openpgp
from intendance.system.clock import Clock

_KEY_LIMIT_BYTES = 1 << 20
NodeKey = tuple[str, str]
"""Fleet and node."""


def name_here(state: Path, clock: Clock, host: str | None) -> str:
    """What this machine's ledger calls it, or would when it were begun under the name `host`. Raises LedgerFailed."""
    try:
        with open_book(state, clock) as book:
            return book.node
    except NoState:
        return host or host_name()


@contextmanager
def own_book(state: Path, clock: Clock, fleet: str, host: str | None) -> Iterator[Book]:
    """This machine's own ledger; begun under the name `host`, with a key of its own, when there is none."""
    try:
        book = open_book(state, clock)
    except NoState:
        name = host or host_name()
        book = Book.create(
            state,
            fleet=fleet,
            node=name,
            openpgp_fingerprint=node_fingerprint(state, fleet=fleet, node=name),
            software=f"intendance {__version__}",
            clock=clock,
        )
    with book:
        yield book


def signer(store: Store, prefix: str) -> tuple[str, str]:
    """The newest complete set in an asset's folder, and the key that lies with it: what is trusted at first use.

    The set is empty where there is none, the key where the file holds no single one. Raises the errors of stores.
    """
    found = survey(store, prefix).complete
    if not found:
        return "", ""
    newest = max(found, key=lambda name: max(each.stored_at for each in found[name].values()))
    armored = read_small(store, f"{prefix}/{newest}/{NODE_KEY}", _KEY_LIMIT_BYTES).decode("utf-8", errors="replace")
    keys = openpgp.read_keys(armored)
    return newest, keys[0].fingerprint if len(keys) == 1 else ""


def written_fingerprint(given: str | None) -> str:
    """A fingerprint as somebody typed it, in its usual form; empty when none was."""
    return "".join((given or "").split()).replace(":", "").upper().removeprefix("0X")


def pinned_key(book: Book, whose: NodeKey) -> str:
    """The key of a node that this machine trusted before, in a drill or in a look into a store; empty when none."""
    for kind in ("drill.completed", "inspection.completed"):
        for fact in book.facts(kind):
            if (fact.data.fleet, fact.data.node) == whose and fact.data.node_fingerprint:
                return str(fact.data.node_fingerprint)
    return ""


def trusted_key(given: str, pinned: str, found: str) -> tuple[str, Trust]:
    """The key to trust: the one given, else the one trusted before, else the one that lies there."""
    return given or pinned or found, "given" if given else "pinned" if pinned else "first_use"
