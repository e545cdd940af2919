"""Drills in the caller's own process, with the caller's keyring: on the node where its plan says so, or anywhere from
what lies in a store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from intendance.activities.drill import perform as drill
from intendance.activities.drill.decide import Known
from intendance.activities.drill.job import DrillContext, DrillJob
from intendance.activities.drill.scratch import default_parent
from intendance.agent.compose import open_node, person
from intendance.agent.drilling_here import Asked, known, on_node
from intendance.agent.far_place import Place, place_at
from intendance.agent.hosts import NodeKey, own_book, pinned_key, signer, trusted_key, written_fingerprint
from intendance.agent.layout import StateLayout
from intendance.agent.service import find_asset
from intendance.agent.stopping import Stop, Stopper
from intendance.agent.wanted import planned
from intendance.ledger.book import Book
from intendance.model.errors import IntendanceError
from intendance.model.errors.drill import DrillCancelled, DrillKeyChanged, DrillSetsUnknown
from intendance.model.evidence import Evidence
from intendance.model.evidence.drill import DrillCompleted, DrillFailed, Trust
from intendance.model.frozen import dataclass
from intendance.model.record import Record
from intendance.runs import Progress
from intendance.runs.progress import Pace, Reading
from intendance.runs.rows import DEADLINE_SECONDS
from intendance.sets.fetch import asset_folder
from intendance.sets.lineage import former_keys
from intendance.sets.manifest import NODE_KEY
from intendance.stores import Store
from intendance.system import lock
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """A drill that completed, and its record in the ledger `node`; `zone` is the one to say times in."""

    evidence: DrillCompleted
    asset: str
    node: str
    seq: int
    zone: str


Trusting = Callable[[str, str, Trust], None]
"""Is told of the node and of the key that is trusted, and why, before anything is opened."""


def run_here(state: Path, clock: Clock, asked: Asked, moved: Callable[[Reading], None]) -> Drilled:
    """Drill an asset of the plan in force on the node that made its sets: where the plan says that this host does it.

    Raises AssetUnknown, NotBackedUp, StoreUnknown, DrillElsewhere, LockHeld, and what the drill raises.
    """
    with open_node(state, clock) as node:
        find_asset(node, asked.asset)
        asset = planned(node, asked.asset)
        job, context = on_node(node, asset, asked)
        with lock.held(node.layout.asset_lock(asset.name), purpose=f"Drilling {asset.name}"):
            return _perform(job, context, node.plan.organisation.timezone, moved)


def run_from_store(
    state: Path, clock: Clock, asked: Asked, trusting: Trusting, moved: Callable[[Reading], None]
) -> Drilled:
    """Drill from a store alone, on a host that has its own ledger, begun here when there is none.

    Raises DrillSetsUnknown, DrillStoreUnnamed, StoresUnreadable, DrillKeyChanged, LockHeld, and what the drill raises.
    """
    place = place_at(asked.from_store or "", asked.store)
    store, kind = place.store, place.kind
    fleet, node = _whose(place, asked)
    with own_book(state, clock, fleet, asked.host) as book:
        job = DrillJob(fleet=fleet, node=node, asset=asked.asset, point=asked.point)
        signed_by = _signer(store, fleet, node, asked.asset)
        try:
            fingerprint, trust = _trusted(book, (fleet, node), signed_by, asked)
        except DrillKeyChanged as changed:
            failed = _not_run(job, (store.name, kind), book.node, changed)
            book.append(failed, actor=person(), asset=job.asset)
            raise
        trusting(node, fingerprint, trust)
        context = DrillContext(
            store=store,
            store_kind=kind,
            book=book,
            by=book.node,
            fingerprint=fingerprint,
            trust=trust,
            manifests={},
            seen=_seen(book, job, fingerprint),
            parent=asked.scratch or default_parent(),
            clock=clock,
            former_keys=former_keys(store, job.prefix, fingerprint),
        )
        with lock.held(StateLayout(state).asset_lock(asked.asset), purpose=f"Drilling {asked.asset}"):
            return _perform(job, context, "UTC", moved)


def _whose(place: Place, asked: Asked) -> NodeKey:
    """Whose sets are meant. Raises DrillSetsUnknown unless one node alone has sets of that asset."""
    found: set[NodeKey] = set()
    wanted = asked.node or place.node
    for each in place.store.list(place.fleet or ""):
        parts = each.key.split("/")
        if len(parts) == 5 and parts[2] == asked.asset and wanted in (None, parts[1]):
            found.add((parts[0], parts[1]))
    if len(found) != 1:
        several = ", ".join(sorted(f"{fleet}/{node}" for fleet, node in found))
        detail = f"several nodes have sets of it: {several}" if found else "no node has a set of it there"
        raise DrillSetsUnknown(wanted=asked.asset, store=place.store.name, detail=detail)
    return found.pop()


def _signer(store: Store, fleet: str, node: str, asset: str) -> str:
    """The key that lies with the newest set: what is trusted at first use. Raises DrillSetsUnknown."""
    newest, found = signer(store, asset_folder(fleet, node, asset))
    if not newest:
        raise DrillSetsUnknown(wanted=asset, store=store.name, detail="it holds no complete set of it")
    if not found:
        raise DrillSetsUnknown(wanted=asset, store=store.name, detail=f"{NODE_KEY} of {newest} holds no single key")
    return found


def _trusted(book: Book, whose: NodeKey, signed_by: str, asked: Asked) -> tuple[str, Trust]:
    """The key to trust: the one given, else the one of earlier drills, else the one that is there. Raises
    DrillKeyChanged when that is another one."""
    trusted, trust = trusted_key(written_fingerprint(asked.fingerprint), pinned_key(book, whose), signed_by)
    if trusted != signed_by:
        raise DrillKeyChanged(node=whose[1], found=signed_by, trusted=trusted)
    return trusted, trust


def _seen(book: Book, job: DrillJob, fingerprint: str) -> dict[int, Known]:
    """The newest of the sets that earlier drills from anywhere met, by its number."""
    found = {
        fact.data.sequence: known(fact.data, fact.data.ledger)
        for fact in book.facts("drill.completed", asset=job.asset)
        if (fact.data.fleet, fact.data.node, fact.data.node_fingerprint, fact.data.signed_by)
        == (job.fleet, job.node, fingerprint, "")
    }
    return {max(found): found[max(found)]} if found else {}


def _perform(job: DrillJob, context: DrillContext, zone: str, moved: Callable[[Reading], None]) -> Drilled:
    stopper, pace = Stopper(), Pace(1)
    steps = _Recorded(context.book, stopper, job.asset, context.clock.read().at)

    def progress(seen: Progress) -> None:
        reading = pace.reading(seen)
        if reading is not None:
            moved(reading)

    try:
        stopper.arm(DEADLINE_SECONDS)
        evidence = drill.perform(job, context, steps, progress)
        stopper.disarm()
    except Stop:
        cancelled = DrillCancelled(asset=job.asset)
        steps.commit("failed", {}, _not_run(job, (context.store.name, context.store_kind), context.by, cancelled))
        raise cancelled from None
    finally:
        stopper.disarm()
    record = steps.record
    assert record is not None  # noqa: S101 -- the drill returned, so it was recorded
    return Drilled(evidence=evidence, asset=job.asset, node=record.node, seq=record.seq, zone=zone)


def _not_run(job: DrillJob, store: tuple[str, str], by: str, error: IntendanceError) -> DrillFailed:
    return DrillFailed(
        set=job.point or "",
        kind="",
        engine="",
        store=store[0],
        store_kind=store[1],
        by=by,
        fleet=job.fleet,
        node=job.node,
        leg="",
        step="",
        error=error.code,
        message=error.message,
        next_step=error.advice,
    )


class _Recorded:
    """The steps of a drill: what it records stands in the ledger at once, and there is no second attempt."""

    def __init__(self, book: Book, stopper: Stopper, asset: str, at: datetime) -> None:
        self.run = f"{asset}.drill.{at:%Y%m%dT%H%M%SZ}"
        self.attempt = 1
        self.asset = asset
        self.actor = person()
        self.record: Record | None = None
        self._book = book
        self._stopper = stopper

    def memo(self, step: str) -> dict[str, Any] | None:  # noqa: ARG002 -- as `runs.Steps` has it
        return None

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:  # noqa: ARG002
        if evidence is not None:
            with self._stopper.shielded():
                self.record = self._book.append(evidence, actor=self.actor, asset=self.asset, run=self.run)
                self._stopper.disarm()
        return self.record
