"""`python -m intendance.agent.inventory STATE`: take the inventory of this machine and record it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from intendance.agent import errand
from intendance.agent.inventory import take
from intendance.agent.opening import open_book
from intendance.model.plan import DirectoryStore, Plan
from intendance.plan import adopted
from intendance.system.clock import SystemClock
from intendance.system.priority import session_gives_way


def own_folders(state: Path, plan: Plan) -> tuple[str, ...]:
    """Folders that hold our own work: nothing of the machine's is looked for there."""
    return (str(state.resolve()), *(store.path for store in plan.stores.values() if isinstance(store, DirectoryStore)))


def take_inventory(state: Path) -> None:
    """Take the inventory of this machine and record it in the ledger of a state folder."""
    inventory = take.look(leave_out=own_folders(state, adopted.read(state)))
    with open_book(state, SystemClock()) as book:
        take.record(book, inventory)


def main(arguments: Sequence[str]) -> int:
    """The same as a process that gives way to all others."""
    session_gives_way()
    return errand.run(lambda: take_inventory(Path(arguments[0])))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
