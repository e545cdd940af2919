"""One look into the stores of one asset: with the manager's own credentials, by the key of the node as its ledger has
it, recorded in the fleet log. It reads ciphertext and deletes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from intendance.activities.inspect.perform import InspectContext, InspectJob
from intendance.activities.inspect.perform import perform as inspect
from intendance.fleet.attesting.plans import plan_of
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import node_state
from intendance.fleet.log import FleetLog
from intendance.fleet.verdicts.source import NodeLedger
from intendance.fleet.words.service import take_imported, take_own
from intendance.fleet.words.spoken import FAILED, MANAGER, Words
from intendance.ledger.origin import of_fleet
from intendance.model.errors import IntendanceError
from intendance.model.errors.attesting import NodeKeyNotHeld, NodeNotHeard, NodeOnThisMachine, NothingInReach
from intendance.model.evidence import Evidence
from intendance.model.evidence.inspection import InspectionFailed
from intendance.model.evidence.lifecycle import Genesis
from intendance.model.frozen import dataclass
from intendance.model.plan import DirectoryStore, Plan
from intendance.model.record import Record
from intendance.model.verdict import Fact
from intendance.stores import Store, open_store
from intendance.stores.directory import MARK
from intendance.system.clock import Clock

ACTOR = "schedule:inspect"
_SAME_FOR = timedelta(hours=20)
"""A failure that lasts is recorded so often, not at every try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a look is made with; `plans` is the folder of the nodes' plans, `common` the manager's one plan."""

    database: Database
    log: FleetLog
    clock: Clock
    fleet: str
    plans: Path
    common: Path


class _Remembered:
    """What the manager said of an asset of one node before, and what hosts deleted there."""

    def __init__(self, bench: Bench, node: str) -> None:
        self.origin = of_fleet(bench.fleet)
        self._bench = bench
        self._node = node

    def facts(
        self,
        kind: str,
        *,
        asset: str | None = None,
        since: datetime | None = None,  # noqa: ARG002 -- as a ledger has it
        latest: int | None = None,
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind, newest first, at most `latest`."""
        with self._bench.database.read() as connection:
            return Words(connection, self._node).own(kind, asset=asset or "", latest=latest)


class _Recorded:
    """The steps of a look: each stands in the fleet log, signed, before anybody judges by it."""

    attempt = 1
    actor = ACTOR

    def __init__(self, bench: Bench, node: str, asset: str) -> None:
        self.asset = asset
        self.run = f"{asset}.inspect.{bench.clock.read().at:%Y%m%dT%H%M%SZ}"
        self.failures = 0
        self._bench = bench
        self._node = node

    def memo(self, step: str) -> dict[str, Any] | None:  # noqa: ARG002 -- as `runs.Steps` has it
        return None

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:  # noqa: ARG002
        if isinstance(evidence, InspectionFailed):
            self.failures += 1
            if self._is_known(evidence):
                return None
        if evidence is not None:
            self._bench.log.append_about(evidence, ACTOR, asset=self.asset, run=self.run)
            keep(self._bench)
        return None

    def _is_known(self, failure: InspectionFailed) -> bool:
        """Whether the same was recorded lately, and no look succeeded since."""
        with self._bench.database.read() as connection:
            words = Words(connection, self._node)
            of_store = [each for each in words.own(FAILED, asset=self.asset) if each.data.store == failure.store]
            looked = words.own("inspection.completed", asset=self.asset, latest=1)
        if not of_store or (looked and looked[0].seq > of_store[0].seq):
            return False
        last = of_store[0]
        young = self._bench.clock.read().at - last.at < _SAME_FOR
        return young and (last.data.error, last.data.message) == (failure.error, failure.message)


def keep(bench: Bench) -> None:
    """Give the judge what stands in the fleet log. Raises DatabaseUnreachable, and what opening a ledger raises."""
    with bench.log.open() as book, bench.database.begin() as connection:
        take_own(connection, book)
        take_imported(connection, book)


def look(bench: Bench, node: str, asset: str) -> int:
    """Look into all stores of an asset that are in reach; how many could not be looked into.

    Whatever keeps the manager from looking is recorded too. Raises DatabaseUnreachable, and what writing a ledger
    raises.
    """
    steps = _Recorded(bench, node, asset)
    try:
        plan = plan_of(node, bench.plans, bench.common)
        key = _key(bench, node)
        stores = _stores(plan, asset, lambda name, error: _fail(steps, bench, node, name, error))
    except IntendanceError as error:
        _fail(steps, bench, node, "", error)
        return steps.failures
    context = InspectContext(
        stores=stores,
        book=_Remembered(bench, node),
        clock=bench.clock,
        by=MANAGER,
        fingerprint=key.trusted_keys[0],
        trust="enrolled",
        former_keys=key.trusted_keys[1:],
        prunings=_told(bench, node, asset, ("prune.begun", "prune.completed"), key),
        drills=_told(bench, node, asset, ("drill.completed",), key),
    )
    try:
        inspect(InspectJob(plan=plan, asset=asset), context, steps, lambda _: None)
    except IntendanceError as error:
        if not steps.failures:
            _fail(steps, bench, node, "", error)
    return steps.failures


def _fail(steps: _Recorded, bench: Bench, node: str, store: str, error: IntendanceError) -> None:
    evidence = InspectionFailed(
        store=store, by=MANAGER, error=error.code, message=error.message, next_step=error.advice, fleet=bench.fleet,
        node=node,
    )  # fmt: skip
    steps.commit("failed", {}, evidence)


def fail(bench: Bench, node: str, asset: str, error: IntendanceError) -> None:
    """Record that a look failed as a whole."""
    _fail(_Recorded(bench, node, asset), bench, node, "", error)


def _key(bench: Bench, node: str) -> Genesis:
    """The beginning of the node's ledger, which names the key that signs its sets and was signed by the key that was
    enrolled. Raises NodeNotHeard, NodeOnThisMachine, NodeKeyNotHeld."""
    with bench.database.read() as connection:
        begun = NodeLedger(connection, node).facts("genesis", latest=1)
        boot = connection.execute(select(node_state.c.boot).where(node_state.c.node == node)).scalar()
    if not boot:  # it may be this machine's
        raise NodeNotHeard(node=node)
    if boot == bench.clock.read().boot:
        raise NodeOnThisMachine(node=node)
    if not begun or not begun[0].data.openpgp_fingerprint:
        raise NodeKeyNotHeld(node=node)
    found: Genesis = begun[0].data
    return found


def _stores(plan: Plan, asset: str, fails: Callable[[str, IntendanceError], None]) -> tuple[Store, ...]:
    """The stores that can be meant on this machine: a folder without its mark is one of the node's own disk. One that
    cannot be opened does not keep the others from being looked into. Raises NothingInReach."""
    declared = plan.assets.get(asset)
    names = declared.backup.stores if declared is not None and declared.backup is not None else ()
    stores, in_reach = [], 0
    for name in names:
        wanted = plan.stores[name]
        if isinstance(wanted, DirectoryStore) and not (Path(wanted.path) / MARK).exists():
            continue
        in_reach += 1
        try:
            stores.append(open_store(wanted))
        except IntendanceError as error:
            fails(name, error)
    if not in_reach:
        raise NothingInReach(asset=asset)
    return tuple(stores)


def _told(bench: Bench, node: str, asset: str, kinds: Sequence[str], key: Genesis) -> tuple[Any, ...]:
    """What was deleted on purpose, or drilled, as far as the node's ledger and those of its hosts tell here."""
    with bench.database.read() as connection:
        ledger = NodeLedger(connection, node)
        plans = ledger.facts("plan.adopted", latest=1)
        hosts = plans[0].data.hosts if plans else ()
        words = Words(connection, node, trusted=key.trusted_keys, hosts=hosts)
        return tuple(
            fact.data for kind in kinds for fact in (*ledger.facts(kind, asset=asset), *words.facts(kind, asset=asset))
        )
