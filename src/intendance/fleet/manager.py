"""The manager's own threads: beats are written every 250 ms, one of several managers leads and does what only a leader
does, and messages leave. Crash-only."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sqlite3
import threading
import traceback
from collections.abc import Callable
from functools import partial

from intendance.fleet.alerts.own import ObserverSeen
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.beats import hearers, rows
from intendance.fleet.beats.ingest import FLUSH_SECONDS, Ingest
from intendance.fleet.database import lease
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.lease import Lease
from intendance.fleet.evidence.service import Evidence
from intendance.fleet.nodes.service import Nodes
from intendance.fleet.writing import REFUSED_NS, WATCHING, Unwritten, Writing
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import BeatUnwritten, DatabaseUnreachable, NotEnrolled
from intendance.model.errors.state import refusal
from intendance.system.clock import Clock, rfc3339

Say = Callable[[str], None]
Tick = Callable[[Lease], None]
"""What only a leader does, four times a second: with its lease, whose epoch guards what it writes."""

Loop = Callable[[threading.Event], None]
"""What works in a thread of its own until the event is set."""

TICK_SECONDS = 0.25
_LOOK_EVERY = 4  # flushes between two looks at who may speak


class Manager:
    """One manager at work: what faces ask, and the threads that nobody asks for. `policy` is what the plan in force
    says, asked each time. `broken`: it ends for what nobody foresaw, and is to be started anew."""

    def __init__(
        self,
        database: Database,
        fleet: str,
        clock: Clock,
        say: Say,
        *,
        policy: Callable[[], Policy] | None = None,
        pin: str = "plain",
        carry: Callable[[], object] = tuple,
    ) -> None:
        self.database = database
        self.fleet = fleet
        self.clock = clock
        self.pin = pin
        self.say = say
        self.policy = policy or partial(Policy, fleet=fleet, organisation=fleet, zone="UTC", language="en")
        self.nodes = Nodes(database, fleet, clock, lambda: self.policy().urls, carry)
        self.ingest = Ingest(database, clock)
        self.evidence = Evidence(database, clock)
        self.duties: dict[str, Tick] = {}
        self.loops: dict[str, Loop] = {}
        self.complaints: list[Callable[[], str]] = []
        self.observer: Callable[[], ObserverSeen | None] = lambda: None
        self.lease: Lease | None = None
        self.broken = False
        # In a container a process that was killed and the next one have the same name and number.
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._stamp: object = None
        self._said_us = 0
        self.writing = Writing(clock)

    def start(self) -> None:
        """Know who may speak, then begin. Raises DatabaseUnreachable."""
        self._say_that_we_hear()
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
            hearers.leaves(self.database, self.holder)
            self._look_at_heads()
            if self.lease is not None:
                lease.release(self.database, self.lease)
        except DatabaseUnreachable as error:
            self.say(f"the last beats could not be written: {error.message}")
        self.lease = None

    @property
    def trouble(self) -> str:
        """What keeps a thread from its work now, in sentences, a write that hangs too; empty when nothing does."""
        found = self.unwritten()
        hangs = f"Nothing has been written since {rfc3339(found.since)}: {found.reason}." if found is not None else ""
        return " ".join(filter(None, (self.writing.trouble or hangs, *(each() for each in self.complaints))))

    def unwritten(self) -> Unwritten | None:
        """Since when what this manager hears and finds is not written, where that is no moment any more."""
        return self.writing.unwritten(WATCHING, REFUSED_NS)

    def expect_written(self) -> None:
        """That a node may rely on having been heard. Raises BeatUnwritten: it was heard, and is to keep its beat."""
        found = self.writing.unwritten(("beats",), REFUSED_NS)
        if found is not None:
            raise BeatUnwritten(since=rfc3339(found.since))

    def _guarded(self, loop: Callable[[], None]) -> None:
        """A thread that meets the unforeseen ends the whole process: half a manager looks like a whole one."""
        try:
            loop()
        except BaseException:  # noqa: BLE001 -- whatever it is
            self.broken = True
            try:
                self.say(traceback.format_exc())
            finally:  # even where nobody takes its last words
                os.kill(os.getpid(), signal.SIGTERM)

    def _again(self, work: str, error: IntendanceError) -> None:
        if self.writing.failed(work, error.message):
            self.say(f"{error.message} {error.advice}")

    def _write_beats(self) -> None:
        count = 0
        while not self._ending.wait(FLUSH_SECONDS):
            count += 1
            self.writing.begins("beats")
            try:
                self._say_that_we_hear()
                self._look_at_heads()
                if count % _LOOK_EVERY == 0:
                    self._look_at_nodes()
                self.writing.done("beats")
            except DatabaseUnreachable as error:
                self._again("beats", error)

    def _say_that_we_hear(self) -> None:
        """Write the beats that came; and once a second, that all that came before this was written."""
        now_us = to_us(self.clock.read().at)
        self.ingest.flush()
        if not 0 <= now_us - self._said_us < hearers.EVERY_US:
            hearers.hears(self.database, self.holder, now_us)
            self._said_us = now_us

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
            self.writing.begins("leader")
            try:
                self._keep_lease()
                self.writing.done("leader")
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
                self.writing.done(name)
                continue
            self.writing.begins(name)
            try:
                tick(held)
                self.writing.done(name)
            except (IntendanceError, OSError, sqlite3.Error) as error:
                self._again(name, _known(error))


def _known(error: Exception) -> IntendanceError:
    """What a duty could not write, as a known error: the fleet log lies on a disk of its own kind. Raises the error
    where a sound program would not have met it."""
    if isinstance(error, IntendanceError):
        return error
    known = refusal(error)
    if known is not None:
        return known
    raise error
