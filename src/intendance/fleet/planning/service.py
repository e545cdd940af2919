"""The manager reads its plan again when it is told to, without an end: no beat and no alert waits for it.

Recorded, then put in force. Killed in between, the next start reads the file anyway and finds its record. The plan of a
start is in force before it is recorded: a log that cannot be read or written keeps nobody from being watched.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import FrameType

from intendance.fleet.alerts.policy import policy_of
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.fleet.planning import files
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import FleetOfAnother
from intendance.model.evidence.acts import FleetPlanned
from intendance.model.plan import Plan
from intendance.plan.adopted import decode
from intendance.plan.load import Checked, load
from intendance.system.clock import Clock

KIND = "fleet.planned"
ACTOR = "manager"
MEDIA = "text/plain"
_LOOK_SECONDS = 0.25
_AGAIN_NS = 60 * 10**9
_SHOWN = 3
STAYS = (
    "where it listens, its database and its environment are those of its start; for others: "
    "`systemctl restart intendance-manager`"
)
"""They come by its command line, not by the plan; sockets, sessions and locks hang on them."""


class Requests:
    """How often somebody asked, by SIGHUP. It takes no lock: a signal may come while it is told of one."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """Ask once more."""
        self.count += 1


class Planning:
    """Reads the file `source` again. Empty: this manager follows a plan that somebody else puts in its place."""

    def __init__(
        self,
        *,
        layout: ManagerLayout,
        source: str,
        fleet: str,
        log: FleetLog,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._layout = layout
        self._source = source
        self._fleet = fleet
        self._log = log
        self._clock = clock
        self._say = say
        self._owed = ""
        self._fault = ""
        self._tried_ns = 0

    @property
    def trouble(self) -> str:
        """What keeps the plan in force from being recorded, in a sentence; empty when nothing does."""
        return f"The plan in force is not in the fleet log yet: {self._fault}" if self._fault else ""

    def begin(self, source_sha256: str) -> None:
        """Record the plan that the manager was started with, unless the newest record is of it. What cannot be
        recorded now is told, and tried again."""
        if self._source:
            self._owed = source_sha256
            self._try()

    def settle(self) -> None:
        """Once a minute, try again to record what could not be."""
        if self._owed and self._clock.read().mono_ns - self._tried_ns >= _AGAIN_NS:
            self._try()

    def _try(self) -> None:
        self._tried_ns = self._clock.read().mono_ns
        fault = ""
        try:
            self._record(self._owed, files.in_force(self._layout))
        except IntendanceError as error:
            fault = error.message
        except (OSError, sqlite3.Error) as error:
            fault = str(error)
        if fault and fault != self._fault:
            self._say(f"the plan in force is not in the fleet log yet: {fault}")
        self._fault = fault

    def run(self, requests: Requests, stop: threading.Event) -> None:
        """Read it again whenever somebody asked, until told to stop."""
        answered = 0
        while not stop.wait(_LOOK_SECONDS):
            self.settle()
            asked = requests.count
            if asked != answered:
                answered = asked
                self.reload()

    def reload(self) -> bool:
        """Adopt the plan as it is in its file now; whether it is in force. One that is not sound changes nothing."""
        try:
            return self._adopt()
        except IntendanceError as error:
            self._say(f"the plan stays as it was: {error.message}")
        except (OSError, sqlite3.Error) as error:
            self._say(f"the plan stays as it was: {error}")
        return False

    def _adopt(self) -> bool:
        if not self._source:
            self._say("this manager follows the plan that was adopted on its machine: `intendance plan adopt`")
            return False
        checked = load(Path(self._source), self._clock.read().at)
        if not checked.plans:
            self._say(f"the plan stays as it was: {_faults(checked)}")
            return False
        first = next(iter(checked.plans.values()))
        if first.fleet != self._fleet:
            raise FleetOfAnother(kept=self._fleet, named=first.fleet)
        wanted = files.planned(checked.plans)
        same = wanted == files.in_force(self._layout)
        self._record(checked.source_sha256, wanted)
        if same:
            self._say(f"the plan in {self._source} is the one in force")
            self._say(STAYS)
            return True
        before = decode(self._layout.plan.read_bytes())
        files.write(self._layout, checked.plans)
        self._say(f"the plan in {self._source} is in force for {', '.join(checked.plans)}")
        self._tell_what_stays(before, first)
        return True

    def _record(self, source_sha256: str, sheet: bytes) -> None:
        digest, count = sha256(sheet).hexdigest(), sheet.count(b"\n")
        newest = self._log.newest(KIND)
        if newest is None or newest.data.plans_sha256 != digest:
            told = FleetPlanned(source_sha256=source_sha256, plans_sha256=digest, nodes=count)
            self._log.append_with(told, ACTOR, sheet, MEDIA)
        self._owed = self._fault = ""

    def _tell_what_stays(self, before: Plan, now: Plan) -> None:
        """What no plan changes in a running manager, with what to do."""
        if policy_of(before).urls != policy_of(now).urls:
            self._say("nodes that join from now on are told the new addresses; a node that joined before keeps its own "
                      "until it joins again: `intendance node enroll`")  # fmt: skip
        self._say(STAYS)


def _faults(checked: Checked) -> str:
    told = [f"line {each.line}: {each.path}: {each.message}" for each in checked.problems[:_SHOWN]]
    more = len(checked.problems) - len(told)
    return "; ".join(told) + (f"; and {more} more: `intendance plan check {checked.file}`" if more else "")
