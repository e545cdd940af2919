"""The safety copy: what stands in production as a set of its own, made by an ordinary backup and read back whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from intendance.activities.restore.prove import prove
from intendance.agent import service
from intendance.agent.compose import Node
from intendance.agent.follow import Watcher
from intendance.agent.guide.case import Safety
from intendance.agent.wanted import planned, stores_of
from intendance.model.errors import IntendanceError
from intendance.model.errors.guide import GuideUnsafe
from intendance.model.plan import Asset
from intendance.runs import Progress
from intendance.runs.progress import Pace, Reading
from intendance.sets.fetch import asset_folder

_PREFERRED = ("logical", "differential", "full", "physical")
"""Kinds of backup, the one that is taken first: of a database what any server reads, of a tree what is made quickly."""


def safety_copy(
    node: Node, state: Path, asset: str, watcher: Watcher, moved: Callable[[Reading], None], *, accept_none: bool
) -> Safety:
    """Back an asset up and read the set back to its last byte. Raises GuideUnsafe unless none is accepted."""
    try:
        return _made(node, state, planned(node, asset), watcher, moved)
    except IntendanceError as error:
        if not accept_none:
            raise GuideUnsafe(asset=asset, detail=error.message) from error
        return Safety(asset=asset, unsafe=error.message)


def _made(node: Node, state: Path, asset: Asset, watcher: Watcher, moved: Callable[[Reading], None]) -> Safety:
    kinds = asset.backup.kinds if asset.backup else {}
    kind = next(each for each in _PREFERRED if each in kinds)
    (outcome, *_) = service.back_up(state, node.clock, asset=asset.name, kind=kind, watcher=watcher, inspected=False)
    completed = outcome.latest("backup.completed")
    if completed is None:
        run = outcome.run
        raise GuideUnsafe(asset=asset.name, detail=run.message or f"the run {run.id} ended as {run.state}.")
    held = completed.data.stores[0]
    store = next(each for each in stores_of(node, asset) if each.name == held)
    (genesis,) = node.book.facts("genesis", latest=1)
    pace = Pace(1)

    def progress(seen: Progress) -> None:
        reading = pace.reading(seen)
        if reading is not None:
            moved(reading)

    prove(
        store,
        asset_folder(node.plan.fleet, node.plan.node.id, asset.name),
        completed.data.set,
        completed.data.manifest_sha256,
        genesis.data.trusted_keys,
        progress,
    )
    return Safety(asset=asset.name, set=completed.data.set, store=held)
