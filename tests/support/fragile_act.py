"""`python -m tests.support.fragile_act DATABASE STATE`: for each line that it reads, such as `after seal`, a process
that makes a silence with these words as its reason and is killed there. Answers with the number of its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from intendance.fleet.acts.carrying import Carrier
from intendance.fleet.alerts import service
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.database.connect import open_database
from intendance.fleet.log import FleetLog
from intendance.ledger.book import Book, Transaction
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.kill_by_name import around
from tests.support.watching import policy

EFFECTS: tuple[tuple[Any, str], ...] = (
    (service, "note"),
    (Carrier, "carry"),
    (FleetLog, "append_once"),
    (Transaction, "append"),
    (Book, "seal"),
    (Carrier, "_forget"),
)
BOUNDARIES = tuple(f"{when} {name}" for _, name in EFFECTS for when in ("before", "after"))
UNDONE = ("before note", "after note")
"""Where the act's own transaction is not committed."""
LABELS = {"node": "web-01"}
BY = "person:lea"


def act(address: str, state: Path, fatal: str) -> None:
    """Make the silence."""
    for place, effect in EFFECTS:
        around(place, effect, fatal)
    clock = MovableClock(BEGAN)
    with open_database(Path(address) if address.startswith("/") else address) as database:
        carry = Carrier(database, FleetLog(state, "asbl", clock), clock, sys.exit)
        Alerts(database, policy, clock, carry).silence(LABELS, reason=fatal, by=BY, lasting_seconds=3600)


if __name__ == "__main__":
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            act(sys.argv[1], Path(sys.argv[2]), line.strip())
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])}\n")
        sys.stdout.flush()
