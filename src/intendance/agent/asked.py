"""What somebody asks for in their own process, on a node or on a host: by which plan, of which assets, on record."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intendance.agent.compose import person
from intendance.agent.stopping import Stopper
from intendance.ledger.book import Book
from intendance.model.errors.runs import AssetUnknown, NotBackedUp
from intendance.model.errors.state import NoState
from intendance.model.evidence import Evidence
from intendance.model.plan import Asset, Plan
from intendance.model.record import Record
from intendance.system.clock import Clock


def plan_of_file(plans: Sequence[Path], state: Path, clock: Clock, node: str | None = None) -> Plan:
    """The first plan that is there, for a machine that adopts none. Raises NoState, PlanInvalid."""
    file = next((each for each in plans if each.is_file()), None)
    if file is None:
        raise NoState(state=state)
    from intendance.plan.load import load  # on hosts alone

    return load(file, clock.read().at).valid(node)


def backed_up(plan: Plan, name: str | None) -> Sequence[Asset]:
    """The asset of that name, or all that have a backup. Raises AssetUnknown, NotBackedUp."""
    if name is None:
        return [each for each in plan.assets.values() if each.backup is not None]
    found = plan.assets.get(name)
    if found is None:
        raise AssetUnknown(asset=name, suggestion=".", known=", ".join(plan.assets))
    if found.backup is None:
        raise NotBackedUp(asset=name)
    return [found]


class RecordedSteps:
    """The steps of what somebody asks for in their own process: what it records stands in the ledger at once."""

    def __init__(self, book: Book, stopper: Stopper, asset: str, activity: str, clock: Clock) -> None:
        self.run = f"{asset}.{activity}.{clock.read().at:%Y%m%dT%H%M%SZ}"
        self.attempt = 1
        self.asset = asset
        self.actor = person()
        self.records: list[Record] = []
        self._book = book
        self._stopper = stopper

    def memo(self, step: str) -> dict[str, Any] | None:  # noqa: ARG002 -- as `runs.Steps` has it
        return None

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:  # noqa: ARG002
        if evidence is None:
            return None
        with self._stopper.shielded():
            record = self._book.append(evidence, actor=self.actor, asset=self.asset, run=self.run)
            self.records.append(record)
        return record
