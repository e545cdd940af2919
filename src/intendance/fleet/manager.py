"""The manager's own threads: beats are written every 250 ms, one of several managers leads and does what only a leader
does, and messages leave. Crash-only."""

from __future__ import annotations

import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Sequence
from functools import partial

from intendance.fleet.beats import rows
from intendance.fleet.beats.ingest import FLUSH_SECONDS, Ingest
from intendance.fleet.database import lease
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.lease import Lease
from intendance.fleet.evidence.service import Evidence
from intendance.fleet.nodes.service import Nodes
from intendance.model.errors.fleet import DatabaseUnreachable, NotEnrolled
from intendance.system.clock import Clock

Say = Callable[[str], None]
Tick = Callable[[Lease], None]
"""What only a leader does, four times a second: with its lease, whose epoch guards what it writes."""

Loop = Callable[[threading.Event], None]
"""What works in a thread of its own until the event is set."""

TICK_SECONDS = 0.25
_LOOK_EVERY = 4  # flushes between two looks at who may speak


class Manager:
    """One manager at work: what faces ask, and the threads that nobody asks for."""

    def __init__(
        self, database: Database, fleet: str, clock: Clock, say: Say, *, urls: Sequence[str] = (), pin: str = "plain"
    ) -> None:
        self.database = database
        self.fleet = fleet
        self.clock = clock
        self.pin = pin
        self.say = say
        self.nodes = Nodes(database, fleet, clock, urls)
        self.ingest = Ingest(database, clock)
        self.evidence = Evidence(database, clock)
        self.duties: dict[str, Tick] = {}
        self.loops: dict[str, Loop] = {}
        self.lease: Lease | None = None
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{threading.get_native_id()}"
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._stamp: object = None
        self._trouble: dict[str, str] = {}

    def start(self) -> None:
        """Know who may speak, then begin. Raises DatabaseUnreachable."""
        self._stamp = rows.stamp(self.database)
        self.ingest.reload()
        loops: dict[str, Callable[[], None]] = {"beats": self._write_beats, "leader": self._lead}
        loops |= {name: partial(self._do, name, tick) for name, tick in self.duties.items()}
        loops |= {name: partial(loop, self._ending) for name, loop in self.loops.items()}
        for name, loop in loops.items():
            thread = threading.Thread(target=self._guarded, args=(loop,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Write what is remembered, let the lease go, end the threads."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        try:
            self.ingest.flush()
            self._look_at_heads()
            if self.lease is not None:
                lease.release(self.database, self.lease)
        except DatabaseUnreachable as error:
            self.say(f"the last beats could not be written: {error.message}")
        self.lease = None

    @property
    def trouble(self) -> str:
        """What keeps a thread from its work now, in a sentence; empty when nothing does."""
        return " ".join(self._trouble.values())

    def _guarded(self, loop: Callable[[], None]) -> None:
        """A thread that meets the unforeseen ends the whole process: half a manager looks like a whole one."""
        try:
            loop()
        except BaseException:  # noqa: BLE001 -- whatever it is
            self.say(traceback.format_exc())
            os.kill(os.getpid(), signal.SIGTERM)

    def _again(self, work: str, error: DatabaseUnreachable) -> None:
        if work not in self._trouble:
            self.say(f"{error.message} {error.advice}")
        self._trouble[work] = error.message

    def _write_beats(self) -> None:
        count = 0
        while not self._ending.wait(FLUSH_SECONDS):
            count += 1
            try:
                self.ingest.flush()
                self._look_at_heads()
                if count % _LOOK_EVERY == 0:
                    self._look_at_nodes()
                self._trouble.pop("beats", None)
            except DatabaseUnreachable as error:
                self._again("beats", error)

    def _look_at_nodes(self) -> None:
        stamp = rows.stamp(self.database)
        if stamp != self._stamp:
            self.ingest.reload()
            self._stamp = stamp

    def _look_at_heads(self) -> None:
        for live, text, known_size in self.ingest.heads():
            try:
                found = self.evidence.look_at(live.node, live.incarnation, text, known_size)
            except NotEnrolled:
                continue  # decommissioned meanwhile
            if found is None:
                live.note = text
            else:
                self.say(f"{live.node}: {found.kind}: {found.detail}")

    def _lead(self) -> None:
        while not self._ending.wait(TICK_SECONDS):
            try:
                self._keep_lease()
                self._trouble.pop("leader", None)
            except DatabaseUnreachable as error:
                self._again("leader", error)

    def _keep_lease(self) -> None:
        now_us = to_us(self.clock.read().at)
        held = self.lease
        if held is None or not 0 <= held.until_us - now_us - (lease.TTL_US - lease.RENEW_US) <= lease.RENEW_US:
            self.lease = lease.take(self.database, lease.LEADER, self.holder, now_us)

    def _do(self, name: str, tick: Tick) -> None:
        """A leader's duty in its own thread: a long judgement delays no detection, and neither delays the lease."""
        while not self._ending.wait(TICK_SECONDS):
            held = self.lease
            if held is None:
                continue
            try:
                tick(held)
                self._trouble.pop(name, None)
            except DatabaseUnreachable as error:
                self._again(name, error)
