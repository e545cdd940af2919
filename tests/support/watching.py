"""A manager's watch in a test: a real database, a clock that the test moves, notifiers that remember what they took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from intendance.fleet.alerts.outbox import Worker
from intendance.fleet.alerts.policy import Policy
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
                connection.execute(insert(tables.setting).values(name="canary.begun_us", value=str(2**62)))
                connection.execute(insert(tables.setting).values(name="canary.done_us", value=str(2**62)))
        self.restart()

    def restart(self) -> None:
        """As a new process: nothing is remembered but the database."""
        self.leader = Leader(self.database, lambda: self.policy, self.clock)
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
            deadline = {"deadline_us": now + decide.MISSING_US}
            connection.execute(insert(tables.node_state), [{"node": name, **state, **deadline} for name in names])

    def beat(self, *names: str, skew_ms: int = 0) -> None:
        """A beat of each, as ingest writes it."""
        now = self.now_us
        with self.database.begin() as connection:
            for name in names:
                ours = tables.node_state.c.node == name
                row = connection.execute(select(tables.node_state).where(ours)).one()
                in_time = now - row.last_seen_us <= 90 * decide.SECOND_US
                connection.execute(
                    update(tables.node_state).where(ours).values(
                        last_seen_us=now, deadline_us=now + decide.MISSING_US, skew_ms=skew_ms,
                        streak=row.streak + 1 if in_time else 1,
                    )
                )  # fmt: skip

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
        """Let time pass: a tick each `step`, a beat of those `beating` each 30 s, what is due is sent."""
        left = seconds
        since_beat = 0.0
        while left > 0:
            passed = min(step, left)
            self.clock.move(timedelta(seconds=passed))
            left -= passed
            since_beat += passed
            if beating and since_beat >= 30:
                self.beat(*beating)
                since_beat = 0.0
            self.tick()
            if send:
                self.send()

    def tick(self) -> None:
        self.leader.tick(self.held)

    def send(self) -> None:
        for worker in self.workers:
            while worker.send_one():
                pass

    def rows(self, table: Any, *where: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table).where(*where)).all())

    def alerts(self, cause: str | None = None) -> list[Any]:
        where = () if cause is None else (tables.alert.c.cause == cause,)
        return self.rows(tables.alert, *where)
