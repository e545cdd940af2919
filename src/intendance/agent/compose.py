"""One state folder, opened: its ledger, journal, adopted plan and paths, for as long as somebody works with it."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from intendance.agent.layout import StateLayout
from intendance.agent.opening import open_book
from intendance.ledger.book import Book
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, DirectoryStore, MariadbAsset, Plan, Schedule
from intendance.model.verdict import Fact
from intendance.plan import adopted
from intendance.runs.decide import Line
from intendance.runs.journal import Journal
from intendance.runs.rows import DEADLINE_SECONDS
from intendance.system.clock import Clock


@dataclass(slots=True)
class Node:
    """What the use cases of a node work with. `plan` is the adopted plan as last read."""

    layout: StateLayout
    clock: Clock
    book: Book
    journal: Journal
    plan: Plan

    def reread_plan(self) -> None:
        """Take a plan adopted since into use."""
        self.plan = adopted.read(self.layout.state)

    def adoption(self) -> Fact[PlanAdopted]:
        """The record of the plan in force."""
        (latest,) = self.book.facts("plan.adopted", latest=1)
        return latest

    def lines(self) -> tuple[Line, ...]:
        """The schedules of the plan in force."""
        return lines_of(self.plan)


@contextmanager
def open_node(state: Path, clock: Clock) -> Iterator[Node]:
    """Open a state folder. Raises NoState, LedgerLost, StateUnusable and the ledger's own refusals."""
    book = open_book(state, clock)
    try:
        yield Node(
            layout=StateLayout(state),
            clock=clock,
            book=book,
            journal=Journal(book, clock),
            plan=adopted.read(state),
        )
    finally:
        book.close()


def lines_of(plan: Plan) -> tuple[Line, ...]:
    """Every schedule of a plan as a line: `backup.<kind>`, `inspect`, `prune` and `drill` of each asset."""
    lines = []
    for asset in plan.assets.values():
        if asset.backup is None:
            continue
        scheduled = {f"backup.{kind}": schedule for kind, schedule in asset.backup.kinds.items()}
        scheduled["inspect"] = asset.backup.inspect
        scheduled["prune"] = _pruned_here(plan)
        scheduled["drill"] = asset.drill.schedule if asset.drill is not None and drills_here(plan, asset) else None
        lines += [
            Line(
                asset=asset.name,
                activity=activity,
                cron=schedule.cron,
                zone=plan.organisation.timezone,
                catch_up=schedule.catch_up,
            )
            for activity, schedule in scheduled.items()
            if schedule is not None
        ]
    return tuple(lines)


def drills_here(plan: Plan, asset: Asset) -> bool:
    """Whether the node tries restores of its own backups: where its plan says so in as many words, never under
    maint."""
    return asset.drill is not None and asset.drill.host == plan.node.id and "maint" not in plan.catalogues


def _pruned_here(plan: Plan) -> Schedule | None:
    """When the node prunes by itself: only where the plan says so in as many words, and never under maint."""
    if plan.prune is None or plan.prune.host != plan.node.id or "maint" in plan.catalogues:
        return None
    return plan.prune.schedule


def deadline_seconds(plan: Plan, asset: str, activity: str) -> int:
    """How long a run of an activity may take: as the plan says for that kind of backup, else a day."""
    found = plan.assets.get(asset)
    deadlines = {} if found is None or found.backup is None else found.backup.deadlines_seconds
    written = {f"backup.{kind}": seconds for kind, seconds in deadlines.items()}
    return written.get(activity, DEADLINE_SECONDS)


def secret_environment(plan: Plan) -> Mapping[str, str]:
    """The environment variables in which the plan says that secrets are; children get no others of the caller's."""
    references = [asset.connect.credentials for asset in plan.assets.values() if isinstance(asset, MariadbAsset)]
    references += [store.credentials for store in plan.stores.values() if not isinstance(store, DirectoryStore)]
    names = {reference.env for reference in references if reference is not None}
    return {name: os.environ[name] for name in names if name is not None and name in os.environ}


def person() -> str:
    """The actor's name for what somebody asks for at a terminal: `person:<user name>`."""
    try:
        return f"person:{pwd.getpwuid(os.geteuid()).pw_name}"
    except KeyError:
        return f"person:uid-{os.geteuid()}"
