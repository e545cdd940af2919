"""A host's ledger taken into view at the manager: verified whole, believed by the manager's plan, recorded in the fleet
log with all its records beside it; the judge takes it as that host's word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from intendance.fleet.database.connect import Database
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.fleet.words.service import take_imported
from intendance.ledger.taking import Believed, Taken, take_bundle
from intendance.model.errors.plan import PlanOfOtherVersion
from intendance.model.plan import Plan
from intendance.plan.adopted import decode
from intendance.system import lock


def believed(fleet: str, layout: ManagerLayout, common: Path) -> Believed:
    """Whose ledgers the manager's plan believes. A host that two nodes name otherwise is believed under neither key.

    Raises PlanOfOtherVersion.
    """
    hosts: dict[str, str | None] = {}
    own = set()
    for plan in _plans(layout, common):
        own.add(plan.node.id)
        for name, host in plan.hosts.items():
            same = name not in hosts or hosts[name] == host.ledger_key
            hosts[name] = host.ledger_key if same else None
    return Believed(fleet=fleet, hosts=hosts, own=frozenset(own))


def _plans(layout: ManagerLayout, common: Path) -> Iterator[Plan]:
    for path in (*sorted(layout.plans.glob("*.json")), common):
        if path.is_file():
            try:
                yield decode(path.read_bytes())
            except ValueError as error:
                raise PlanOfOtherVersion(state=path.parent, detail=str(error)) from error


def import_bundle(
    database: Database, log: FleetLog, layout: ManagerLayout, believed: Believed, bundle: Path, *, actor: str
) -> Taken:
    """Take the ledger of a bundle into view. Nothing is taken of one that is refused.

    Recorded first, then given to the judge; whoever is killed in between has the manager do it. Raises what
    `take_bundle` and opening a ledger raise, LockHeld, DatabaseUnreachable.
    """
    with lock.held(layout.folder / "import.lock", purpose="Importing a ledger"), log.open() as book:
        taken = take_bundle(book, believed, bundle, actor=actor)
        with database.begin() as connection:
            take_imported(connection, book)
    return taken
