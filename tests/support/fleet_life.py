"""A fleet in compressed time: real beats into the real ingest, the real leader on a real database. Only the network, the
nodes' clocks and the passing of time are simulated.

Each node beats by the agent's own rhythm: its phase, its minute of a clock that drifts, its retries within the slot. A
try may be lost on the way there or on the way back, and comes late by up to half a second. Nodes fall silent and come
back; the manager is killed and begins again, and hears nobody meanwhile.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import insert, select

from intendance.agent.heartbeat import Rhythm, next_try, phase_of
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.beats.ingest import Ingest
from intendance.fleet.database import lease, tables
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.detection.leader import Leader
from intendance.wire.messages import Beat
from tests.support.clock import MovableClock

SECOND_NS = 1_000_000_000
TICK_SECONDS = 4.0
"""A leader that ticks every four seconds is not blind; it sees a silence that much later, and so it ticks each second
while one is near."""
WATCHFUL_US = 110_000_000


@dataclass(frozen=True, slots=True)
class Silence:
    """A node that says nothing from an instant on, for a while; in seconds of the simulation."""

    node: int
    begins: float
    lasts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What happens, apart from chance. `killed` are instants at which the manager dies, `down_seconds` how long it
    stays so; `jumping` nodes have their wall clock set an hour on in the middle."""

    nodes: int
    seconds: float
    loss: float
    silences: tuple[Silence, ...] = ()
    killed: tuple[float, ...] = ()
    down_seconds: float = 40.0
    jumping: tuple[int, ...] = ()
    seed: int = 20261122


@dataclass(slots=True)
class _Node:
    name: str
    bearer: bytes
    rhythm: Rhythm
    mono_at_start_ns: int
    drift: float
    skew_us: int
    slot_ns: int = -1
    tried: int = 0
    seq: int = 0
    heard_at: float = 0.0
    next_at: float = 0.0

    def mono_ns(self, now: float) -> int:
        return self.mono_at_start_ns + int(now * SECOND_NS * self.drift)

    def when(self, mono_ns: int) -> float:
        return (mono_ns - self.mono_at_start_ns) / SECOND_NS / self.drift


@dataclass(slots=True)
class Found:
    """What the manager alerted of: node, seconds at which it said so, and how long after the last beat it had heard."""

    missing: list[tuple[str, float, float]] = field(default_factory=list)
    beats: int = 0
    lost: int = 0
    ticks: int = 0


class FleetLife:
    """One run of a script. `policy` says who is told."""

    def __init__(self, database: Database, script: Script, policy: Policy, began: datetime) -> None:
        self._database, self._script, self._policy = database, script, policy
        self._began = began
        self._clock = MovableClock(began)
        self._dice = random.Random(script.seed)
        self._now = 0.0
        self._events: list[tuple[float, int, str, int]] = []
        self._count = 0
        self._down_until = -1.0
        self._last_tick = 0.0
        self._held = lease.Lease("leader", "test", 1, 2**62)
        self._silent = {each.node: each for each in script.silences}
        self._nodes = [self._make(number) for number in range(script.nodes)]
        self._enrol()
        self._begin_manager()
        self.found = Found()
        self._known: set[int] = set()

    def run(self) -> Found:
        """Live through the script."""
        for number in range(len(self._nodes)):
            self._next_slot(number)
        for at in self._script.killed:
            self._at(at, "kill", 0)
        while self._events and self._events[0][0] <= self._script.seconds:
            at, _, what, number = heapq.heappop(self._events)
            self._pass_until(at)
            {"slot": self._slot, "try": self._try, "arrive": self._arrive, "kill": self._kill}[what](number)
        self._pass_until(self._script.seconds)
        return self.found

    # --- the manager --------------------------------------------------------------------------------------------

    def _begin_manager(self) -> None:
        self._ingest = Ingest(self._database, self._clock)
        self._ingest.reload()
        self._leader = Leader(self._database, lambda: self._policy, self._clock, hear=self._ingest.flush)

    def _kill(self, _: int) -> None:
        """Without a word: what was not written is forgotten."""
        self._down_until = self._now + self._script.down_seconds

    def _pass_until(self, at: float) -> None:
        """Let time pass with the leader's ticks, as often as something may be near."""
        while True:
            step = self._step()
            if self._last_tick + step > at:
                break
            self._last_tick += step
            self._set(self._last_tick)
            if self._last_tick < self._down_until:
                continue
            if self._down_until >= 0:
                self._down_until = -1.0
                self._begin_manager()
            self._tick()
        self._set(at)

    def _step(self) -> float:
        longest = max((self._last_tick - self._nodes[each].heard_at for each in self._watched()), default=0.0)
        return 1.0 if longest * 1e6 > WATCHFUL_US else TICK_SECONDS

    def _watched(self) -> Iterator[int]:
        """Those of whom something may be due: of the others a beat is always younger."""
        return (
            each.node
            for each in self._script.silences
            if each.begins <= self._last_tick + TICK_SECONDS and self._last_tick <= each.begins + MISSING_US / 1e6 * 2
        )

    def _tick(self) -> None:
        self._ingest.flush()
        self._leader.tick(self._held)
        self.found.ticks += 1
        with self._database.read() as connection:
            asked = select(tables.alert.c.id, tables.alert.c.node).where(
                tables.alert.c.cause == "node.missing", tables.alert.c.id > max(self._known, default=0)
            )
            rows = connection.execute(asked).all()
        for row in rows:
            self._known.add(row.id)
            node = next(each for each in self._nodes if each.name == row.node)
            self.found.missing.append((row.node, self._now, self._now - node.heard_at))

    # --- the nodes ----------------------------------------------------------------------------------------------

    def _make(self, number: int) -> _Node:
        name = f"node-{number:04}"
        return _Node(
            name=name,
            bearer=sha256(name.encode()).hexdigest().encode(),
            rhythm=Rhythm(phase_of(name)),
            mono_at_start_ns=self._dice.randrange(10**6 * SECOND_NS),
            drift=1 + self._dice.uniform(-1e-4, 1e-4),
            skew_us=int(self._dice.gauss(0, 1_000_000)),
        )

    def _enrol(self) -> None:
        """All of them known, and heard a moment ago."""
        now_us = to_us(self._began)
        heard = {"incarnation": 1, "state": "up", "state_since_us": now_us, "last_seen_us": now_us, "streak": 2}
        with self._database.begin() as connection:
            connection.execute(insert(tables.lease).values(name="leader", holder="test", epoch=1, until_us=2**62))
            for name in ("canary.begun_us", "canary.done_us"):
                connection.execute(insert(tables.setting).values(name=name, value=str(now_us + 2 * 86_400_000_000)))
            connection.execute(
                insert(tables.node),
                [
                    {"node": each.name, "incarnation": 1, "token_sha256": sha256(each.bearer).hexdigest(),
                     "enrolled_us": now_us, "site": ""}
                    for each in self._nodes
                ],
            )  # fmt: skip
            connection.execute(
                insert(tables.node_key),
                [
                    {"node": each.name, "incarnation": 1, "origin": f"asbl/node/{each.name}/1", "ledger_key": "-",
                     "fingerprint": each.name, "began_us": now_us}
                    for each in self._nodes
                ],
            )  # fmt: skip
            connection.execute(
                insert(tables.node_state),
                [{"node": each.name, **heard, "deadline_us": now_us + MISSING_US} for each in self._nodes],
            )

    def _slot(self, number: int) -> None:
        """A slot begins: the beat has a number now, and is tried until it is heard or the slot's tries are over."""
        node = self._nodes[number]
        if node.next_at != self._now:
            return  # the manager wished it earlier, and so it was
        mono_ns = node.mono_ns(self._now)
        node.slot_ns, node.tried, node.seq = node.rhythm.slot(mono_ns + 1_000), 0, mono_ns // 1_000_000
        self._next_slot(number)
        self._next_try(number)

    def _next_slot(self, number: int) -> None:
        node = self._nodes[number]
        begun = node.rhythm.slot(node.mono_ns(self._now) + 1_000)
        node.next_at = max(self._now, node.when(begun + 60 * SECOND_NS))
        self._at(node.next_at, "slot", number)

    def _next_try(self, number: int) -> None:
        node = self._nodes[number]
        at_ns = next_try(node.slot_ns, node.tried, node.mono_ns(self._now))
        if at_ns is not None:
            self._at(node.when(at_ns), "try", number)

    def _try(self, number: int) -> None:
        node = self._nodes[number]
        node.tried += 1
        silence = self._silent.get(number)
        if silence is not None and silence.begins <= self._now < silence.begins + silence.lasts:
            return
        if self._dice.random() < self._script.loss:
            self.found.lost += 1
            self._next_try(number)
        else:
            self._at(self._now + self._dice.uniform(0.01, 0.5), "arrive", number)

    def _arrive(self, number: int) -> None:
        node = self._nodes[number]
        if self._now < self._down_until:
            self._next_try(number)  # nobody answers
            return
        wall_us = to_us(self._clock.at) + node.skew_us
        if number in self._script.jumping and self._now > self._script.seconds / 2:
            wall_us += 3_600_000_000
        answer = self._ingest.hear(
            node.bearer,
            Beat(
                v=1, node=node.name, incarnation=1, boot="boot", seq=node.seq, sent_at=wall_us,
                mono_ns=node.mono_ns(self._now), interval_seconds=60, checkpoint="", spooled=0, software="test",
            ),
        )  # fmt: skip
        node.heard_at = self._now
        self.found.beats += 1
        if self._dice.random() < self._script.loss:
            self.found.lost += 1
            self._next_try(number)  # it was heard, and the node does not know
        else:
            moved = node.rhythm.moved(node.mono_ns(self._now), answer.next_in_ms)
            if moved != node.rhythm:
                node.rhythm = moved
                self._next_slot(number)

    # --- time ---------------------------------------------------------------------------------------------------

    def _at(self, when: float, what: str, number: int) -> None:
        self._count += 1
        heapq.heappush(self._events, (max(when, self._now), self._count, what, number))

    def _set(self, now: float) -> None:
        self._now = now
        self._clock.at = self._began + timedelta(seconds=now)
        self._clock.mono_ns = 1_000_000_000 + int(now * 1e9)
