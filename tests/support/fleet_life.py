"""A fleet in compressed time: real beats into the real ingest, the real leader and mail worker on a real database. Only
the network, the nodes' clocks, the mail server and the passing of time are simulated.

Each node beats by the agent's own rhythm: its phase, its minute of a clock that drifts, its retries within the slot. A
try may be lost on the way there or on the way back, and comes late by up to half a second. Nodes fall silent and come
back; the manager is killed and begins again, and hears nobody meanwhile.

The leader looks at the quarters of a second at which it looks in life, but leaves out those at which there is nothing
to see: until the first instant at which, as the database itself has it, anything is due, or a beat comes of a node that
is not up. Beats only put off what is due, so that it looks wherever it could have called a node missing.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import insert, select

from intendance.agent.heartbeat import Rhythm, next_try, phase_of
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.beats.ingest import Ingest
from intendance.fleet.database import tables
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.manager import TICK_SECONDS
from intendance.wire.messages import Beat
from tests.support.watching import Watch

SECOND_NS = 1_000_000_000
SLOT_NS = 60 * SECOND_NS
NOT_BLIND_SECONDS = 4.0
"""A leader that ticks this often is not blind; where it left more ticks out, it is told that it ticked."""
HOUR_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Silence:
    """A node that says nothing from an instant on, for a while; in seconds of the simulation."""

    node: int
    begins: float
    lasts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What happens, apart from chance. `killed` are instants at which the manager dies, `down_seconds` how long it
    stays so; `jumping` nodes have their wall clock set an hour on in the middle. The leader looks after `looks_seconds`
    even where nothing is due."""

    nodes: int
    seconds: float
    loss: float
    silences: tuple[Silence, ...] = ()
    killed: tuple[float, ...] = ()
    down_seconds: float = 40.0
    jumping: tuple[int, ...] = ()
    looks_seconds: float = NOT_BLIND_SECONDS
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
    heard_seq: int = -1
    heard_at: float = 0.0
    next_at: float = 0.0

    def mono_ns(self, now: float) -> int:
        return self.mono_at_start_ns + int(now * SECOND_NS * self.drift)

    def when(self, mono_ns: int) -> float:
        return (mono_ns - self.mono_at_start_ns) / SECOND_NS / self.drift


@dataclass(frozen=True, slots=True)
class Missing:
    """A node that the manager called missing: when, and since when it had not heard it although it could."""

    node: str
    at: float
    since: float

    @property
    def late_seconds(self) -> float:
        """By how much it was later than 120 s."""
        return self.at - self.since - MISSING_US / 1e6


@dataclass(slots=True)
class Found:
    """What the manager did in that time. `causes` counts the alerts of every kind, `mailed` the nodes that a mail named
    as missing, `open_alerts` what had not ended at the end."""

    missing: list[Missing] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    mailed: list[str] = field(default_factory=list)
    open_alerts: list[str] = field(default_factory=list)
    beats: int = 0
    lost: int = 0
    looks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What was found beside what happened."""

    false: tuple[Missing, ...]
    found: tuple[Missing, ...]
    overlooked: tuple[str, ...]

    @property
    def latest_seconds(self) -> float:
        """The worst lateness of a silence that was found."""
        return max((each.late_seconds for each in self.found), default=0.0)


def account(script: Script, found: Found) -> Account:
    """A silence is found once; to call a node missing that speaks, or again, is false."""
    silences = {_name(each.node): each for each in script.silences}
    right: dict[str, Missing] = {}
    false = []
    for each in found.missing:
        silence = silences.get(each.node)
        if silence is None or each.node in right or not silence.begins <= each.at <= silence.begins + silence.lasts:
            false.append(each)
        else:
            right[each.node] = each
    overlooked = tuple(sorted(silences.keys() - right.keys()))
    return Account(false=tuple(false), found=tuple(right.values()), overlooked=overlooked)


def silences(count: int, nodes: int, seconds: float, seed: int) -> tuple[Silence, ...]:
    """So many, one after the other: what falls silent at once is one alert, and another test's."""
    dice = random.Random(seed)
    spacing = (seconds - 600) / count
    chosen = dice.sample(range(nodes), count)
    return tuple(
        Silence(node, 120 + spacing * place + dice.uniform(0, spacing / 3), 400.0) for place, node in enumerate(chosen)
    )


def a_day(hours: float = 24) -> Script:
    """A thousand nodes, one packet in a hundred lost; four nodes an hour fall silent, the manager is
    killed every second hour."""
    seconds = hours * 3600
    return Script(
        nodes=1000, seconds=seconds, loss=0.01, silences=silences(max(1, int(hours * 4)), 900, seconds, 8),
        killed=tuple(1800.0 + 7200 * each for each in range(int(hours / 2))), jumping=(950, 951), looks_seconds=20,
    )  # fmt: skip


def _name(number: int) -> str:
    return f"node-{number:04}"


class FleetLife:
    """One run of a script. `policy` says who is told."""

    def __init__(self, database: Database, script: Script, policy: Policy, began: datetime) -> None:
        self._database, self._script, self._began = database, script, began
        self._watch = Watch(database, began, policy, canary=True)
        self._clock = self._watch.clock
        self._dice = random.Random(script.seed)
        self._now = 0.0
        self._events: list[tuple[float, int, str, int]] = []
        self._count = 0
        self._down_until: float | None = None
        self._looked_at = self._look_at = 0.0
        self._hears_since = 0.0
        self._silent = {each.node: each for each in script.silences}
        self._nodes = [self._make(number) for number in range(script.nodes)]
        self._by_name = {each.name: each for each in self._nodes}
        self._not_up: frozenset[str] = frozenset()
        self._told_event = 0
        self._enrol()
        self._begin_manager()
        self.found = Found()

    def run(self) -> Found:
        """Live through the script."""
        for number in range(len(self._nodes)):
            self._next_slot(number)
        for at in self._script.killed:
            self._at(at, "kill", 0)
        happen = {"slot": self._slot, "try": self._try, "arrive": self._arrive, "kill": self._kill}
        while self._events and self._events[0][0] <= self._script.seconds:
            at, _, what, number = heapq.heappop(self._events)
            self._pass_until(at)
            happen[what](number)
        self._pass_until(self._script.seconds)
        self._sum_up()
        return self.found

    # --- the manager --------------------------------------------------------------------------------------------

    def _begin_manager(self) -> None:
        self._ingest = Ingest(self._database, self._clock)
        self._ingest.reload()
        self._watch.restart(hear=self._ingest.flush)

    def _kill(self, _: int) -> None:
        """Without a word: what was not written is forgotten."""
        self._look_at = self._down_until = self._now + self._script.down_seconds

    def _pass_until(self, at: float) -> None:
        """Let time pass, with the looks that fall into it."""
        while self._look_at <= at:
            now = self._look_at
            if self._down_until is not None:
                self._down_until, self._hears_since = None, now
                self._set(now)
                self._begin_manager()
            elif now - self._looked_at > NOT_BLIND_SECONDS:
                self._set(now - NOT_BLIND_SECONDS)
                self._watch.leader.pass_over()
            self._set(now)
            self._look()
            quiet = min(self._watch.quiet_seconds(), self._script.looks_seconds)
            self._looked_at, self._look_at = now, now + max(1, math.ceil(quiet / TICK_SECONDS)) * TICK_SECONDS
        self._set(at)

    def _look(self) -> None:
        self._ingest.flush()
        self._watch.tick()
        self._watch.send()
        self.found.looks += 1
        event, alert, state = tables.alert_event.c, tables.alert.c, tables.node_state.c
        news = (
            select(event.id, alert.node)
            .join(tables.alert, alert.id == event.alert)
            .where(event.id > self._told_event, alert.cause == "node.missing", event.event.in_(("opened", "reopened")))
        )
        with self._database.read() as connection:
            rows = connection.execute(news.order_by(event.id)).all()
            self._not_up = frozenset(connection.execute(select(state.node).where(state.state != "up")).scalars())
        for number, node in rows:
            self._told_event = number
            since = max(self._by_name[node].heard_at, self._hears_since)  # our own deafness is nobody's fault
            self.found.missing.append(Missing(node, self._now, since))

    def _sum_up(self) -> None:
        found, alert, out = self.found, tables.alert, tables.outbox
        sent = (out.c.purpose == "firing") & (out.c.state == "sent") & (alert.c.cause == "node.missing")
        with self._database.read() as connection:
            found.causes.update(connection.execute(select(alert.c.cause)).scalars())
            asked = select(alert.c.cause, alert.c.node).where(alert.c.state != "resolved")
            found.open_alerts += [f"{cause} {node}" for cause, node in connection.execute(asked)]
            mails = select(alert.c.node).join(out, out.c.alert == alert.c.id).where(sent)
            found.mailed += sorted(set(connection.execute(mails).scalars()))

    # --- the nodes ----------------------------------------------------------------------------------------------

    def _make(self, number: int) -> _Node:
        name = _name(number)
        return _Node(
            name=name,
            bearer=sha256(name.encode()).hexdigest().encode(),
            rhythm=Rhythm(phase_of(name)),
            mono_at_start_ns=self._dice.randrange(10**6 * SECOND_NS),
            drift=1 + self._dice.uniform(-1e-4, 1e-4),
            skew_us=int(max(-3e6, min(3e6, self._dice.gauss(0, 1_000_000)))),
        )

    def _enrol(self) -> None:
        """All of them known, and heard a moment ago."""
        self._watch.enrol([each.name for each in self._nodes])
        keys = [
            {"node": each.name, "incarnation": 1, "origin": f"asbl/node/{each.name}/1", "ledger_key": "-",
             "fingerprint": each.name, "began_us": to_us(self._began)}
            for each in self._nodes
        ]  # fmt: skip
        node = tables.node
        with self._database.begin() as connection:
            connection.execute(insert(tables.node_key), keys)
            for each in self._nodes:
                token = sha256(each.bearer).hexdigest()
                connection.execute(node.update().where(node.c.node == each.name).values(token_sha256=token))

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
        node.next_at = max(self._now, node.when(begun + SLOT_NS))
        self._at(node.next_at, "slot", number)

    def _next_try(self, number: int) -> None:
        node = self._nodes[number]
        at_ns = next_try(node.slot_ns, node.tried, node.mono_ns(self._now))
        if at_ns is None:
            return
        at = node.when(at_ns)
        if at > self._now:
            self._at(at, "try", number)
        else:
            self._try(number)

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
        if self._down_until is not None:
            self._next_try(number)  # nobody answers
            return
        wall_us = to_us(self._clock.at) + node.skew_us
        if number in self._script.jumping and self._now > self._script.seconds / 2:
            wall_us += HOUR_US
        answer = self._ingest.hear(
            node.bearer,
            Beat(
                v=1, node=node.name, incarnation=1, boot="boot", seq=node.seq, sent_at=wall_us,
                mono_ns=node.mono_ns(self._now), interval_seconds=60, checkpoint="", spooled=0, software="test",
            ),
        )  # fmt: skip
        if (
            node.seq != node.heard_seq
        ):  # the same beat again, because its answer was lost, counts from the first time on
            node.heard_seq, node.heard_at = node.seq, self._now
        self.found.beats += 1
        if node.name in self._not_up:
            self._look_at = min(self._look_at, (math.floor(self._now / TICK_SECONDS) + 1) * TICK_SECONDS)
        if self._dice.random() < self._script.loss:
            self.found.lost += 1
            self._next_try(number)  # it was heard, and the node does not know
            return
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
        self._clock.mono_ns = SECOND_NS + int(now * SECOND_NS)
