"""A manager's watching put together: who sees, who tells, and who is told that somebody sees."""

from __future__ import annotations

import random
from collections.abc import Callable

from intendance.fleet.alerts.beside import Beside
from intendance.fleet.alerts.outbox import Worker
from intendance.fleet.alerts.own import ObserverSeen, observer_of
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.ways import WAYS, PlannedWay
from intendance.fleet.detection.leader import Leader
from intendance.fleet.detection.observer import Observer
from intendance.fleet.manager import Manager
from intendance.fleet.writing import TOLD_NS, WATCHING


def watch(manager: Manager, policy: Callable[[], Policy], log_fault: Callable[[], str]) -> None:
    """Let the leader see who is silent and whether the log can be written, and let messages leave."""

    def seen() -> ObserverSeen | None:
        with manager.database.read() as connection:
            return observer_of(connection, policy())

    manager.observer = seen
    leader = Leader(manager.database, policy, manager.clock, hear=manager.ingest.flush, log_fault=log_fault)
    manager.duties["detector"] = leader.tick
    observer = Observer(
        manager.database,
        policy,
        manager.clock,
        leads=lambda: manager.lease is not None,
        heard_us=lambda: manager.ingest.flushed_at_us,
    )
    manager.loops["observer"] = observer.run
    notifiers = {way: PlannedWay(way, policy) for way in WAYS}
    beside = Beside(lambda: manager.writing.unwritten(WATCHING, TOLD_NS), policy, notifiers, manager.clock, manager.say)
    manager.loops["beside"] = beside.run
    for way, notifier in notifiers.items():
        worker = Worker(manager.database, notifier, policy, manager.clock, holder=manager.holder, chance=random.random)
        manager.loops[way] = worker.run
