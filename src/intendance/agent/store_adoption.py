"""Making the stores of a plan ready when it is adopted, so that no backup has to create a place by itself."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.opening import open_book
from intendance.model.errors import IntendanceError
from intendance.model.plan import Plan
from intendance.stores import adopt_store
from intendance.system.clock import Clock


def adopt_stores(state: Path, plan: Plan, clock: Clock) -> tuple[IntendanceError, ...]:
    """Make ready every store that never held a backup of this node; returns why some could not be.

    A store that did hold one is left alone: if it has lost its mark, another disk is mounted there, or none.
    """
    with open_book(state, clock) as book:
        used = {name for fact in book.facts("backup.completed") for name in fact.data.stores}
    refused = []
    for name, declared in plan.stores.items():
        if name not in used:
            try:
                adopt_store(declared)
            except IntendanceError as error:
                refused.append(error)
    return tuple(refused)
