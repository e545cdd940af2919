"""`python -m tests.support.fragile_reload STATE PLAN`: for each line that it reads, such as `after seal`, a manager
that reads its plan again and is killed there. Answers with the number of its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.fleet.planning import files
from intendance.fleet.planning.service import Planning
from intendance.ledger.book import Book, Transaction
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.kill_by_name import around

EFFECTS: tuple[tuple[Any, str], ...] = (
    (Transaction, "append"),
    (Book, "seal"),
    (files, "publish"),
    (files, "write"),
)
BOUNDARIES = tuple(f"{when} {name}" for _, name in EFFECTS for when in ("before", "after"))


def reload(state: Path, plan: str, fatal: str) -> None:
    """Read the plan again."""
    for place, effect in EFFECTS:
        around(place, effect, fatal)
    clock = MovableClock(BEGAN)
    Planning(
        layout=ManagerLayout(state),
        source=plan,
        fleet="testing",
        log=FleetLog(state, "testing", clock),
        clock=clock,
        say=sys.exit,
    ).reload()


if __name__ == "__main__":
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            reload(Path(sys.argv[1]), sys.argv[2], line.strip())
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])}\n")
        sys.stdout.flush()
