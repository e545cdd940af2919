"""What the leader does four times a second, in one transaction under its lease: detection, alerts, messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal

from sqlalchemy import Connection, select

from intendance.fleet.alerts import outbox, perform, recording, rules
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.windows import Open, open_window
from intendance.fleet.beats.hearers import Hearers
from intendance.fleet.database.connect import Database, from_us, to_us
from intendance.fleet.database.lease import Lease, holds
from intendance.fleet.database.settings import read_setting, write_setting
from intendance.fleet.database.tables import node_state
from intendance.fleet.detection import ahead, blindness, canary, decide, unlogged, weaker, witnesses
from intendance.fleet.detection import perform as detection
from intendance.fleet.detection.decide import Blind
from intendance.fleet.detection.glance import Glance, glance
from intendance.language.texts import Translator, translator
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.system.clock import Clock

TICK = "detector.tick_us"
_SECOND_US = decide.SECOND_US
_CLOCKS_EVERY_US = 10 * _SECOND_US
_AUDIT_EVERY_US = 60 * _SECOND_US


class Leader:
    """The leader's memory between ticks; everything that must outlive it is in the database."""

    def __init__(
        self,
        database: Database,
        policy: Callable[[], Policy],
        clock: Clock,
        *,
        hear: Callable[[], object] = tuple,
        log_fault: Callable[[], str] = str,
    ) -> None:
        """`hear` writes the beats that came and are not written yet: before any node is called silent. `log_fault` says
        what keeps the fleet log from being written, or nothing."""
        self._hear = hear
        self._log_fault = log_fault
        self._database = database
        self._policy = policy
        self._clock = clock
        self._began_us = to_us(clock.read().at)
        self._epoch = -1
        self._ticked: tuple[int, int] | None = None
        self._unwritten = False
        self._hearers = Hearers()
        self._forget()
        self.audited = 0

    def _forget(self) -> None:
        """What was done and not committed is to be done: nothing of it may be remembered as done."""
        self._last: dict[str, int] = {}
        self._shape: tuple[int, ...] = ()
        self._window: Open | None = None
        self._verdicts: tuple[int, ...] | None = None

    def tick(self, held: Lease) -> None:
        """One look at everything. Does nothing when the lease is no longer ours. Raises DatabaseUnreachable."""
        try:
            self._tick(held)
        except DatabaseUnreachable:
            self._unwritten = True
            raise

    def _tick(self, held: Lease) -> None:
        instant = self._clock.read()
        now_us, mono_us = to_us(instant.at), instant.mono_ns // 1000
        policy = self._policy()
        with self._database.read() as connection:
            seen = glance(connection, now_us)
        if seen.missing or self._was_set_back(now_us, mono_us):
            self._hear()
        second = self._is_due("second", _SECOND_US, now_us)
        fresh = self._ticked is None or held.epoch != self._epoch
        urgent = fresh or seen.moving or seen.due or self._blind(now_us, mono_us) or seen.shape != self._shape
        if second or urgent:
            # What a second brings by itself is found again after power loss; no message leaves before a later
            # transaction, which is durable, took it: and that makes this one durable too.
            try:
                with self._database.begin(durable=urgent) as connection:
                    if not holds(connection, held, now_us):
                        self._forget()
                        return
                    blind = self._notice_blindness(connection, held, policy, now_us, mono_us)
                    if blind:
                        canary.begin_anew(connection, now_us)
                    if seen.moving or fresh or blind:
                        detection.look(connection, policy, now_us)
                    if second:
                        self._now_and_then(connection, policy, seen, now_us)
                    self._tell(connection, policy, now_us)
            except BaseException:
                self._forget()
                raise
        self._epoch, self._ticked, self._unwritten = held.epoch, (now_us, mono_us), False

    def _blind(self, now_us: int, mono_us: int) -> bool:
        return self._ticked is not None and (
            decide.blindness(self._ticked[0], now_us, mono_us - self._ticked[1]) is not None
        )

    def _was_set_back(self, now_us: int, mono_us: int) -> bool:
        return self._ticked is not None and decide.set_back_us(self._ticked[0], now_us, mono_us - self._ticked[1]) > 0

    def _notice_blindness(self, connection: Connection, held: Lease, policy: Policy, now_us: int, mono_us: int) -> bool:
        blind, back_us = None, 0
        if self._ticked is not None:
            last, elapsed = self._ticked[0], mono_us - self._ticked[1]
            blind = decide.blindness(last, now_us, elapsed)
            back_us = decide.set_back_us(last, now_us, elapsed)
        if self._ticked is None or (held.epoch != self._epoch and (blind is None or blind.cause != decide.CLOCK_SET)):
            known = read_setting(connection, TICK)
            blind = decide.blindness(known, now_us, None)
            back_us = decide.set_back_us(known, now_us, 0)
            if known is None and self._unwritten:  # it never could, since it began
                blind = Blind(min(self._began_us, now_us), now_us, decide.UNWRITTEN)
            # Beats that waited in our own memory until something could be written again were heard by nobody else.
            handed_over = known is not None and not self._unwritten and decide.may_be_handed_over(known, now_us)
            if known is not None and handed_over and _others_heard(connection, known, now_us):
                blind = None
        fresh = self._ticked is None or held.epoch != self._epoch
        since_us = self._hearers.lost_since(connection, held.holder, now_us, mono_us, fresh=fresh)
        lost = decide.lost_beats(blind, since_us, now_us)
        if blind is None and lost is not None:
            detection.note_lost_beats(connection, lost)
        blind = lost if blind is not None else None
        if blind is not None:
            if self._unwritten and blind.cause != decide.CLOCK_SET:
                blind = replace(blind, cause=decide.UNWRITTEN)
            if back_us > 0:
                ahead.forget(connection, now_us)
            detection.note_blindness(connection, blind)
            recording.bring_forward(connection, back_us)
            blindness.tell(connection, blind, back_us, policy, now_us)
        return blind is not None

    def _is_due(self, name: str, every_us: int, now_us: int) -> bool:
        if abs(now_us - self._last.get(name, 0)) < every_us:
            return False
        self._last[name] = now_us
        return True

    def _now_and_then(self, connection: Connection, policy: Policy, seen: Glance, now_us: int) -> None:
        write_setting(connection, TICK, now_us)
        if seen.acks:
            perform.expire(connection, now_us)
        if seen.lasting:
            detection.settle(connection, now_us)
            detection.calm(connection, now_us)
            blindness.end(connection, now_us)
        if seen.dead:
            outbox.exhume(connection, policy, now_us)
        canary.watch(connection, policy, now_us)
        witnesses.watch(connection, policy, now_us)
        unlogged.watch(connection, policy, self._log_fault(), now_us)
        weaker.watch(connection, policy, now_us)
        verdicts = rules.stamp(connection)
        if verdicts != self._verdicts:
            rules.watch(connection, policy, now_us)
            self._verdicts = verdicts
        if self._is_due("clocks", _CLOCKS_EVERY_US, now_us):
            ahead.hold_back(connection, now_us)
            detection.check_clocks(connection, policy, now_us)
            detection.end_of_those_gone(connection, now_us)
        if self._is_due("audit", _AUDIT_EVERY_US, now_us):
            self.audited += len(perform.audit(connection, now_us))
            self._shape = ()

    def _tell(self, connection: Connection, policy: Policy, now_us: int) -> None:
        """Other alerts, other silences, another window: then it is said anew who is told. What is due is told."""
        window = open_window(policy.windows, policy.zone, from_us(now_us)) if policy.windows else None
        seen = glance(connection, now_us)
        if seen.shape != self._shape or window != self._window:
            perform.refresh(connection, window, now_us)
            self._shape, self._window = glance(connection, now_us).shape, window
        _ = _words(policy.language)
        if seen.due:
            perform.escalate(connection, policy, _, now_us)
        if seen.stuck:
            perform.use_other_ways(connection, policy, _, now_us)


@cache
def _words(language: Literal["fr", "en"]) -> Translator:
    return translator(language, "alert_texts")


def _others_heard(connection: Connection, since_us: int, now_us: int) -> bool:
    """Whether somebody heard nodes while no leader ticked: another manager, at work all the time."""
    margin = 2 * _SECOND_US
    heard = node_state.c.last_seen_us.between(since_us + margin, now_us - margin)
    return connection.execute(select(node_state.c.node).where(heard).limit(1)).first() is not None
