"""Sending what the outbox holds: one worker for each way, which claims a message, delivers it and writes down what
became of it. Killed in between, it leaves a lease that runs out: the message goes again, once more at most.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, text, update

from intendance.fleet.alerts import decide
from intendance.fleet.alerts.decide import Fate
from intendance.fleet.alerts.policy import UNDELIVERABLE, Policy
from intendance.fleet.alerts.recording import Sighting, alone, clear_many, raise_many
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import alert, delivery_event, outbox
from intendance.model.alerting import Way
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass
from intendance.notifiers import Delivery, Message, Notifier
from intendance.system.clock import Clock

LEASE_US = 60 * decide.SECOND_US
DEADLINE_SECONDS = 30.0
"""Shorter than the lease, so that nobody else takes a message that is still being sent."""
_IDLE_SECONDS = 0.2
_LONGEST_PAUSE_US = 2 * max(decide.BACK_OFF_S) * decide.SECOND_US
_LINE_FAULTS = frozenset({"timeout", "connection", "tls", "credentials"})
"""What is wrong with the way, not with the message: the others of that way wait too."""

_WAITING = text("""
SELECT 1 FROM outbox WHERE channel = :way AND (
  (state IN ('queued', 'failed') AND next_us <= :now_us) OR (state = 'sending' AND lease_until_us <= :now_us)
) LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of a message, at an instant: not written yet."""

    claimed: Row[Any]
    delivery: Delivery
    decided: Fate
    at_us: int


class Worker:
    """Sends by one way. `chance` gives a number in [0, 1) for each pause."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        policy: Callable[[], Policy],
        clock: Clock,
        *,
        holder: str,
        chance: Callable[[], float],
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._policy = policy
        self._clock = clock
        self._holder = holder
        self._chance = chance
        self._paused_until_us = 0
        self._tried: _Tried | None = None
        self.fault: IntendanceError | None = None

    def run(self, stop: threading.Event) -> None:
        """Send until told to stop; a database that cannot be reached is waited for."""
        while not stop.is_set():
            try:
                busy = self.send_one()
                self.fault = None
            except IntendanceError as error:
                self.fault, busy = error, False
            if not busy:
                stop.wait(_IDLE_SECONDS)

    def send_one(self) -> bool:
        """Send one message that is due, if there is one. What became of the one before comes first: while that cannot
        be written, it would be sent again. Raises DatabaseUnreachable."""
        self._write_down()
        now_us = to_us(self._now())
        if 0 < self._paused_until_us - now_us <= _LONGEST_PAUSE_US:
            return False
        with self._database.read() as connection:
            if connection.execute(_WAITING, {"way": self._notifier.way, "now_us": now_us}).first() is None:
                return False
        with self._database.begin() as connection:
            claimed = claim(connection, self._notifier.way, self._holder, now_us)
        if claimed is None:
            return False
        delivery = self._delivered(claimed)
        now_us = to_us(self._now())
        decided = decide.fate(delivery.outcome, claimed.tries + 1, now_us, claimed.expires_us, self._chance())
        if delivery.code in _LINE_FAULTS:
            self._paused_until_us = decided.next_us
        self._tried = _Tried(claimed, delivery, decided, now_us)
        self._write_down()
        return True

    def _write_down(self) -> None:
        tried = self._tried
        if tried is None:
            return
        with self._database.begin() as connection:
            finish(connection, tried.claimed, self._holder, tried.delivery, tried.decided, self._policy(), tried.at_us)
        self._tried = None

    def _delivered(self, claimed: Row[Any]) -> Delivery:
        said = json.loads(claimed.content)
        address = self._policy().address(claimed.contact, self._notifier.way)
        if address is None:
            return Delivery(outcome="permanent", code="address", detail="the plan has no such address")
        message = Message(
            key=claimed.idempotency_key, to=address, subject=said["subject"], text=said["text"], at=self._now()
        )
        return self._notifier.deliver(message, DEADLINE_SECONDS)

    def _now(self) -> datetime:
        return self._clock.read().at


def claim(connection: Connection, way: Way, holder: str, now_us: int) -> Row[Any] | None:
    """Take the message that has been due for longest, for the time of a lease; what a dead worker held is taken up."""
    due = or_(
        and_(outbox.c.state.in_(("queued", "failed")), outbox.c.next_us <= now_us),
        and_(outbox.c.state == "sending", outbox.c.lease_until_us <= now_us),
    )
    found = connection.execute(
        select(outbox).where(outbox.c.channel == way, due).order_by(outbox.c.next_us, outbox.c.id).limit(1)
        .with_for_update(skip_locked=True)
    ).first()  # fmt: skip
    if found is None:
        return None
    connection.execute(
        update(outbox).where(outbox.c.id == found.id).values(
            state="sending", lease_holder=holder, lease_until_us=now_us + LEASE_US, tries=found.tries + 1
        )
    )  # fmt: skip
    return found


def finish(
    connection: Connection,
    claimed: Row[Any],
    holder: str,
    delivery: Delivery,
    decided: Fate,
    policy: Policy,
    now_us: int,
) -> bool:
    """Write down what became of a try; False when another worker has taken the message meanwhile.

    What is dead is an alert of its own, in the same transaction; what arrives by a way ends the alert about it.
    """
    alone(connection)
    ours = (outbox.c.id == claimed.id) & (outbox.c.lease_holder == holder) & (outbox.c.tries == claimed.tries + 1)
    values: dict[str, Any] = {
        "state": decided.state,
        "next_us": decided.next_us,
        "lease_holder": "",
        "lease_until_us": None,
        "last_code": delivery.code,
        "last_detail": delivery.detail,
    }
    if decided.state == "sent":
        values |= {"provider_id": delivery.provider_id, "sent_us": now_us}
    kept = connection.execute(update(outbox).where(ours).values(**values)).rowcount == 1
    event = {"outbox": claimed.id, "at_us": now_us, "result": delivery.outcome, "code": delivery.code}
    connection.execute(insert(delivery_event).values(**event, detail=delivery.detail))
    if not kept:
        return False
    if decided.state == "dead":
        bury(connection, claimed.contact, claimed.channel, delivery.code, policy, now_us)
    elif decided.state == "sent":
        clear_many(connection, [undeliverable(claimed.contact, claimed.channel).key], now_us)
    return True


def undeliverable(contact: str, channel: str, code: str = "") -> Sighting:
    """That somebody could not be told by a way."""
    labels = (("contact", contact), ("channel", channel))
    return Sighting(cause=UNDELIVERABLE, urgency="critical", labels=labels, params=(("code", code),))


def bury(connection: Connection, contact: str, channel: str, code: str, policy: Policy, now_us: int) -> None:
    """Raise what could not be told, through whatever way is left."""
    raise_many(connection, [undeliverable(contact, channel, code)], policy, now_us)


def exhume(connection: Connection, policy: Policy, now_us: int) -> int:
    """Raise those that were dead when they were written: the plan had no address for them."""
    dead = (
        select(outbox.c.contact, outbox.c.channel, outbox.c.last_code, func.max(outbox.c.id).label("row"))
        .where(outbox.c.state == "dead", outbox.c.tries == 0, outbox.c.lease_holder == "")
        .group_by(outbox.c.contact, outbox.c.channel, outbox.c.last_code)
    )
    rows = connection.execute(dead).all()
    for row in rows:
        bury(connection, row.contact, row.channel, row.last_code, policy, now_us)
        same = (outbox.c.contact == row.contact) & (outbox.c.channel == row.channel) & (outbox.c.state == "dead")
        connection.execute(update(outbox).where(same, outbox.c.tries == 0).values(lease_holder="told"))
    return len(rows)


def oldest_due_us(connection: Connection) -> int | None:
    """Since when the message that waits for longest has been waiting; None when none waits."""
    waiting = select(func.min(outbox.c.made_us)).where(
        outbox.c.state.in_(("queued", "failed", "sending")), outbox.c.purpose != "summary"
    )
    found: int | None = connection.execute(waiting).scalar_one()
    return found


def figures(connection: Connection) -> Mapping[str, int]:
    """How many messages stand how, and how many alerts fire: for those who ask how we are."""
    counted = {
        f"outbox_{row.state}": int(row.number)
        for row in connection.execute(select(outbox.c.state, func.count().label("number")).group_by(outbox.c.state))
    }
    open_now = select(func.count()).select_from(alert).where(alert.c.state.in_(("firing", "acked")))
    return {**counted, "alerts_open": int(connection.execute(open_now).scalar_one())}
