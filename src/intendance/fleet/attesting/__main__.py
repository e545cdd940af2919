"""`python -m intendance.fleet.attesting`: one look, in a process of its own that can take no more than its share."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from intendance.fleet.attesting.perform import Bench, look
from intendance.fleet.database.connect import open_database
from intendance.fleet.database.plain import is_file
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock, SystemClock

DATA_BYTES = 512 << 20
"""What it may hold in memory of its own: a look at many thousands of sets takes a fifth of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the process is told on its standard input: an address may hold a password."""

    state: str
    fleet: str
    address: str
    common: str
    node: str
    asset: str


def main(read: Callable[[], bytes], say: Callable[[str], object], clock: Clock) -> int:
    """Look as told; 1 when not even that could be recorded, which is said."""
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    order = msgspec.json.decode(read(), type=Order)
    layout = ManagerLayout(Path(order.state))
    try:
        with open_database(Path(order.address) if is_file(order.address) else order.address) as database:
            bench = Bench(
                database=database,
                log=FleetLog(layout.state, order.fleet, clock),
                clock=clock,
                fleet=order.fleet,
                plans=layout.plans,
                common=Path(order.common),
            )
            look(bench, order.node, order.asset)
    except IntendanceError as error:
        say(f"{error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer.read, sys.stderr.write, SystemClock()))
