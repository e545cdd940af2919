"""The mails that a node writes itself, in the ledger's own database: written before they are sent, and recorded as
evidence in the transaction that says so. Killed in between, a mail is sent once more, under the same Message-ID."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from intendance.agent.fallback import decide
from intendance.ledger.book import Book
from intendance.model.evidence.fallback import AlertTold
from intendance.model.frozen import dataclass
from intendance.notifiers import Delivery
from intendance.system.clock import rfc3339
from intendance.system.sql import read_statements

_SQL = read_statements(Path(__file__).with_suffix(".sql"))
_ACTOR = "schedule:fallback"
_KEPT_US = 30 * 24 * 3600 * decide.SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one person. `causes` are what it tells of; `since_us` is since when no manager answers."""

    key: str
    made_us: int
    contact: str
    address: str
    subject: str
    body: str
    causes: tuple[str, ...]
    since_us: int | None
    tries: int = 0


class Outbox:
    """The node's own mails."""

    def __init__(self, book: Book) -> None:
        self._book = book
        with book.transaction() as transaction:
            transaction.execute(_SQL["schema"])

    @property
    def last_us(self) -> int | None:
        """When people were last written to."""
        found: int | None = self._book.connection.execute(_SQL["last"]).fetchone()[0]
        return found

    def put(self, mails: Sequence[Mail]) -> None:
        """Keep mails that are to be sent, all or none."""
        with self._book.transaction() as transaction:
            for mail in mails:
                row = {
                    "key": mail.key, "made_us": mail.made_us, "contact": mail.contact, "address": mail.address,
                    "subject": mail.subject, "body": mail.body, "causes": json.dumps(mail.causes),
                    "since_us": mail.since_us,
                }  # fmt: skip
                transaction.execute(_SQL["put"], row)

    def waiting(self, now_us: int) -> tuple[Mail, ...]:
        """What is to be sent now."""
        rows = self._book.connection.execute(_SQL["waiting"], {"now_us": now_us}).fetchall()
        return tuple(
            Mail(
                key=key, made_us=made_us, contact=contact, address=address, subject=subject, body=body,
                causes=tuple(json.loads(causes)), since_us=since_us, tries=tries,
            )
            for key, made_us, contact, address, subject, body, causes, since_us, tries in rows
        )  # fmt: skip

    def finish(self, mail: Mail, delivery: Delivery, now_us: int) -> None:
        """Write down what became of a try; a mail that was taken is evidence, which the manager gets later."""
        state, next_us = "queued", now_us + decide.pause_us(mail.tries + 1)
        if delivery.accepted:
            state = "sent"
        elif delivery.outcome == "permanent":
            state = "dead"
        told = {"key": mail.key, "state": state, "next_us": next_us, "code": delivery.code}
        with self._book.transaction() as transaction:
            transaction.execute(_SQL["finish"], told)
            if state == "sent":
                transaction.append(_evidence(mail, delivery), actor=_ACTOR)

    def drop(self, before_us: int) -> None:
        """What was written before an instant and did not leave is no news any more."""
        with self._book.transaction() as transaction:
            transaction.execute(_SQL["drop"], {"before_us": before_us})
            transaction.execute(_SQL["forget"], {"before_us": before_us - _KEPT_US})


def _evidence(mail: Mail, delivery: Delivery) -> AlertTold:
    return AlertTold(
        contact=mail.contact,
        causes=mail.causes,
        message_id=mail.key,
        code=delivery.code,
        provider_id=delivery.provider_id,
        manager_silent_since=None if mail.since_us is None else rfc3339(decide.instant(mail.since_us)),
    )
