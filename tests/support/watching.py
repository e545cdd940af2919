"""A manager's watch in a test: a real database, a clock that the test moves, notifiers that remember what they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, insert, select, text, update

from intendance.fleet.alerts.outbox import Worker
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.beats.decide import MISSING_US
from intendance.fleet.database import lease, tables
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.detection import decide
from intendance.fleet.detection.leader import Leader
from intendance.model.alerting import Alerts, AlertStep, EmailChannel, SmsChannel, Way, Window
from intendance.model.plan import Contact
from intendance.model.secret import SecretReference
from intendance.notifiers import Delivery, Message
from tests.support.clock import MovableClock

ADMIN = Contact(name="Admin", email="admin@example.org", phone="+32470000001")
LEAD = Contact(name="Lead", email="lead@example.org", phone="+32470000002")
BEATS_SECONDS = 50.0
ACCEPTED = Delivery(outcome="accepted", code="250", provider_id="Q1")


def policy(
    *, windows: tuple[Window, ...] = (), sms: bool = True, smtp: str = "smtp://127.0.0.1:25", **changed: Any
) -> Policy:
    """The plan of the manual: mail and SMS at once, SMS after ten minutes, the lead after thirty."""
    alerts = Alerts(
        email=EmailChannel(smtp=smtp, sender="intendance@example.org"),
        sms=SmsChannel(template="generic", url="http://127.0.0.1:9", credentials=SecretReference(env="X"))
        if sms
        else None,
        critical=(
            AlertStep(after_seconds=0, to="admin", by=("email", "sms") if sms else ("email",)),
            AlertStep(after_seconds=600, to="admin", by=("sms",) if sms else ("email",)),
            AlertStep(after_seconds=1800, to="lead", by=("email",)),
        ),
        warning=(AlertStep(after_seconds=0, to="admin", by=("email",)),),
    )
    settings: dict[str, Any] = {
        "fleet": "asbl",
        "organisation": "ASBL Exemple",
        "zone": "Europe/Brussels",
        "language": "fr",
        "alerts": alerts,
        "people": {"admin": ADMIN, "lead": LEAD},
        "windows": windows,
    }
    return Policy(**settings | changed)


_NEXT = text("""
SELECT min(at_us) FROM (
  SELECT deadline_us - CASE WHEN state = 'up' THEN 45000000 ELSE 0 END AS at_us FROM node_state
  WHERE state IN ('up', 'late')
  UNION ALL SELECT 0 FROM node_state WHERE state = 'missing' AND streak >= 2 AND deadline_us > :now_us
  UNION ALL SELECT next_us FROM escalation JOIN alert ON alert.id = escalation.alert
  WHERE escalation.state = 'waiting' AND alert.state IN ('firing', 'resolved') AND suppressed IS NULL
  UNION ALL SELECT next_us FROM outbox WHERE state IN ('queued', 'failed', 'sending')
  UNION ALL SELECT acked_until_us FROM alert WHERE state = 'acked'
) AS every
""")


class Passing(Leader):
    """A leader of which a test says that it ticked in a time in which there was nothing to do."""

    def pass_over(self) -> None:
        instant = self._clock.read()
        self._ticked = (to_us(instant.at), instant.mono_ns // 1000)


@dataclass
class Memory:
    """A notifier that takes everything, or answers what it is told to."""

    way: Way
    answer: Callable[[Message], Delivery] = lambda _: ACCEPTED
    taken: list[Message] = field(default_factory=list)

    def deliver(self, message: Message, deadline_seconds: float) -> Delivery:
        delivery = self.answer(message)
        if delivery.accepted:
            self.taken.append(message)
        return delivery


class Watch:
    """Nodes, beats, the leader's ticks, the workers."""

    def __init__(self, database: Database, at: datetime, wanted: Policy | None = None, *, canary: bool = False) -> None:
        self.database = database
        self.clock = MovableClock(at)
        self.policy = wanted or policy()
        self.mail, self.sms = Memory("email"), Memory("sms")
        self.held = lease.Lease("leader", "test", 1, 2**62)
        with database.begin() as connection:
            row = {"name": "leader", "holder": "test", "epoch": 1, "until_us": 2**62}
            connection.execute(insert(tables.lease).values(**row))
            if not canary:
                for name in ("canary.begun_us", "canary.done_us"):
                    connection.execute(insert(tables.setting).values(name=name, value=str(to_us(at))))
        self._beat_at = self.now_us / 1e6 + BEATS_SECONDS
        self.restart()

    def restart(self, hear: Callable[[], object] = tuple, log_fault: Callable[[], str] = str) -> None:
        """As a new process: nothing is remembered but the database."""
        self.leader = Passing(self.database, lambda: self.policy, self.clock, hear=hear, log_fault=log_fault)
        self.workers = [
            Worker(self.database, notifier, lambda: self.policy, self.clock, holder="w", chance=lambda: 0.5)
            for notifier in (self.mail, self.sms)
        ]

    @property
    def now_us(self) -> int:
        return to_us(self.clock.at)

    def enrol(self, names: list[str], site: str = "") -> None:
        """Nodes that beat just now."""
        now = self.now_us
        with self.database.begin() as connection:
            connection.execute(
                insert(tables.node),
                [{"node": name, "incarnation": 1, "enrolled_us": now, "site": site} for name in names],
            )
            state = {"incarnation": 1, "state": "up", "state_since_us": now, "last_seen_us": now, "streak": 2}
            deadline = {"deadline_us": now + MISSING_US}
            connection.execute(insert(tables.node_state), [{"node": name, **state, **deadline} for name in names])

    def beat(self, *names: str, skew_ms: int = 0) -> None:
        """A beat of each, as ingest writes it."""
        now = self.now_us
        state = tables.node_state.c
        in_time = now - state.last_seen_us <= 90 * decide.SECOND_US
        heard = update(tables.node_state).where(state.node.in_(names)).values(
            last_seen_us=now, deadline_us=now + MISSING_US, skew_ms=skew_ms,
            streak=case((in_time, state.streak + 1), else_=1),
        )  # fmt: skip
        with self.database.begin() as connection:
            connection.execute(heard)

    def judge(self, name: str, rule: str, state: str, severity: str, asset: str = "") -> None:
        """A verdict, as the judge writes it."""
        place = {"node": name, "rule": rule, "asset": asset}
        told = {"state": state, "severity": severity, "since_us": 0, "reason": "{}", "evidence": "[]"}
        these = tables.verdict.c
        with self.database.begin() as connection:
            connection.execute(
                delete(tables.verdict).where(these.node == name, these.rule == rule, these.asset == asset)
            )
            row = {**place, **told, "attested_by": "", "judged_us": self.now_us}
            connection.execute(insert(tables.verdict).values(**row))

    def wait(self, seconds: float, *, beating: tuple[str, ...] = (), step: float = 4.0, send: bool = True) -> None:
        """Let time pass: a tick each `step` while anything is due, a beat of those `beating` each 50 s, what is due is
        sent. The ticks of a time in which nothing is due are left out."""
        end = self.clock.at + timedelta(seconds=seconds)
        quiet = 0.0  # whatever the test did is seen first
        self._beat_at = min(self._beat_at, self.now_us / 1e6 + BEATS_SECONDS)
        while self.clock.at < end:
            passed = min(max(step, quiet), (end - self.clock.at).total_seconds())
            if passed > step:
                self.clock.move(timedelta(seconds=passed - step))
                self.leader.pass_over()
                passed = step
            self.clock.move(timedelta(seconds=passed))
            if self.now_us / 1e6 >= self._beat_at:
                self.beat(*beating)
                self._beat_at = self.now_us / 1e6 + BEATS_SECONDS
            self.tick()
            if send:
                self.send()
            quiet = min(self.quiet_seconds(), self._beat_at - self.now_us / 1e6)

    def quiet_seconds(self) -> float:
        """For how long nothing is due."""
        with self.database.read() as connection:
            due_us = connection.execute(_NEXT, {"now_us": self.now_us}).scalar_one()
        return 600.0 if due_us is None else (due_us - self.now_us) / 1e6

    def tick(self) -> None:
        self.leader.tick(self.held)

    def send(self) -> None:
        for worker in self.workers:
            while worker.send_one():
                pass

    def rows(self, table: Any, *where: Any) -> list[Any]:
        """In the order of their keys: left to itself, PostgreSQL tells what was changed last, or elsewhere."""
        with self.database.read() as connection:
            return list(connection.execute(select(table).where(*where).order_by(*table.primary_key)).all())

    def alerts(self, cause: str | None = None) -> list[Any]:
        where = () if cause is None else (tables.alert.c.cause == cause,)
        return self.rows(tables.alert, *where)
