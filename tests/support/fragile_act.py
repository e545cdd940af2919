"""`python -m tests.support.fragile_act DATABASE STATE`: for each line that it reads, such as `silence after seal`, a
process that performs that act, on what bears these words as its name, and is killed there. Answers with the number of
its end."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from sqlalchemy import select

from intendance.fleet.accounts import service as accounts_service
from intendance.fleet.accounts.decide import Role
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.acts.carrying import Carrier
from intendance.fleet.alerts import service as alerts_service
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.database.connect import Database, open_database
from intendance.fleet.database.tables import alert
from intendance.fleet.log import FleetLog
from intendance.fleet.nodes import service as nodes_service
from intendance.fleet.nodes.service import Nodes
from intendance.ledger.book import Book, Transaction
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.kill_by_name import around
from tests.support.watching import policy

EFFECTS: tuple[tuple[Any, str], ...] = (
    (Carrier, "carry"),
    (FleetLog, "append_once"),
    (Transaction, "append"),
    (Book, "seal"),
    (Carrier, "_forget"),
)
BOUNDARIES = tuple(
    f"{when} {name}" for name in ("note", *(each for _, each in EFFECTS)) for when in ("before", "after")
)
UNDONE = ("before note", "after note")
"""Where the act's own transaction is not committed."""
LABELS = {"node": "web-01"}
BY = "person:lea"


class Act(NamedTuple):
    """How something is done to what has a name, and where its row for the log is written."""

    perform: Callable[[Database, MovableClock, Carrier, str], object]
    module: ModuleType
    note: str = "note"


def _silence(database: Database, clock: MovableClock, carry: Carrier, name: str) -> object:
    return Alerts(database, policy, clock, carry).silence(LABELS, reason=name, by=BY, lasting_seconds=3600)


def _unack(database: Database, clock: MovableClock, carry: Carrier, name: str) -> object:
    with database.read() as connection:
        number = connection.execute(select(alert.c.id).where(alert.c.node == named(name))).scalar_one()
    return Alerts(database, policy, clock, carry).unack(number, by=BY)


def _role(database: Database, clock: MovableClock, carry: Carrier, name: str) -> object:
    Accounts(database, clock, carry).give_role(named(name), Role.OPERATOR, by=BY)
    return None


def _invite(database: Database, clock: MovableClock, carry: Carrier, name: str) -> object:
    return Nodes(database, "asbl", clock, carry=carry).invite(named(name), by=BY, pin="plain")


ACTS = {
    "silence": Act(_silence, alerts_service),
    "unack": Act(_unack, alerts_service),
    "role": Act(_role, accounts_service),
    "invite": Act(_invite, nodes_service, "note_act"),
}


def named(where: str) -> str:
    """The name of a node or an account, of where who acts on it is killed."""
    return where.replace(" ", "-").replace("_", "")


def act(address: str, state: Path, kind: str, fatal: str) -> None:
    """Perform it."""
    doing = ACTS[kind]
    for place, effect in EFFECTS:
        around(place, effect, fatal)
    around(doing.module, doing.note, fatal.removesuffix("note") + doing.note if fatal in UNDONE else fatal)
    clock = MovableClock(BEGAN)
    with open_database(Path(address) if address.startswith("/") else address) as database:
        doing.perform(database, clock, Carrier(database, FleetLog(state, "asbl", clock), clock, sys.exit), fatal)


if __name__ == "__main__":
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            act(sys.argv[1], Path(sys.argv[2]), *line.strip().split(" ", 1))
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])}\n")
        sys.stdout.flush()
