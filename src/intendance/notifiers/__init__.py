"""How a message leaves. A notifier delivers one message once, within a deadline, and says what the other side
answered; it neither retries nor chooses whom to tell.

Adding one: one file here, one line in `NOTIFIERS`; `tests/contract/test_notifiers.py` runs on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from types import MappingProxyType
from typing import Literal, Protocol, cast

from intendance.model.alerting import EmailChannel, SmsChannel, Way
from intendance.model.frozen import dataclass

Outcome = Literal["accepted", "transient", "permanent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one person is told: `key` is the same each time it is tried, so that whoever gets it twice can tell;
    `to` is an address or a telephone in the international form; `at` is the instant of this try (UTC)."""

    key: str
    to: str
    subject: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of one try. `code` is the other side's (`250`, `451`, `201`), or a word of ours when it gave none:
    `timeout`, `connection`, `tls`, `credentials`, `address`. `provider_id` is its own name for what it took: the queue
    id of a mail server, a provider's number. `detail` holds no secret.
    """

    outcome: Outcome
    code: str
    provider_id: str = ""
    detail: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the other side took it upon itself to bring it on; not that somebody has read it."""
        return self.outcome == "accepted"


class Notifier(Protocol):
    """One way out. Several threads may use it at once."""

    way: Way

    def deliver(self, message: Message, deadline_seconds: float) -> Delivery:
        """Try once, and end after `deadline_seconds` whatever the other side does. Never raises for what it does."""


NOTIFIERS: Mapping[Way, str] = MappingProxyType(
    {"email": "intendance.notifiers.smtp", "sms": "intendance.notifiers.sms"}
)


def open_notifier(declared: EmailChannel | SmsChannel) -> Notifier:
    """The adapter for a channel of the plan; its module is imported only now."""
    way: Way = "email" if isinstance(declared, EmailChannel) else "sms"
    return cast(Notifier, import_module(NOTIFIERS[way]).open_notifier(declared))
