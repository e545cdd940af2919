"""When a node tells people itself: since when no manager answers, and whether it told them already. Pure.

Instants are microseconds since 1970 in UTC, by the node's wall clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from intendance.model.alerting import Alerts
from intendance.model.frozen import dataclass
from intendance.model.plan import Contact, Plan

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
SILENT_US = 10 * MINUTE_US
"""A manager that answers for so long to no beat, at no address, tells nobody anything (design/security.md)."""
SPREAD_US = 5 * MINUTE_US
"""Nodes that lose their manager together do not all write at the same moment."""
TOLD_EVERY_US = 6 * 60 * MINUTE_US
EXPIRES_US = 24 * 60 * MINUTE_US
_APART_US = 150 * SECOND_US
"""Between two beats that nobody heard, one a minute, that belong to the same silence."""
_PAUSES_US = tuple(minutes * MINUTE_US for minutes in (2, 5, 15, 30))


def silent_since_us(spooled_us: Sequence[int], now_us: int) -> int | None:
    """Since when beat after beat until now was heard by nobody; None where the last one was."""
    since_us, next_us = None, now_us
    for at_us in sorted(spooled_us, reverse=True):
        if at_us > now_us:
            continue  # of a clock that was set back since
        if next_us - at_us > _APART_US:
            break
        since_us = next_us = at_us
    return since_us


def patience_us(node: str) -> int:
    """How long a node bears that no manager answers: ten minutes, and up to five more by its name."""
    return SILENT_US + int.from_bytes(sha256(node.encode()).digest()[:8]) % SPREAD_US


def is_alone(since_us: int | None, node: str, now_us: int) -> bool:
    """Whether a node that has a manager is to tell people itself."""
    return since_us is not None and now_us - since_us >= patience_us(node)


def may_tell(last_us: int | None, now_us: int) -> bool:
    """Whether people were not told too recently; what is dated later than now was written by another clock."""
    return last_us is None or not 0 <= now_us - last_us < TOLD_EVERY_US


def pause_us(tries: int) -> int:
    """How long after the try number `tries` (from 1) a mail that did not leave is tried again."""
    return _PAUSES_US[min(tries, len(_PAUSES_US)) - 1]


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom of the plan, and the address."""

    contact: str
    address: str


def recipients(plan: Plan) -> tuple[Recipient, ...]:
    """Who is told by mail of what is critical, in the plan's order; where that is nobody, every contact that has an
    address."""
    people: dict[str, Contact] = {**plan.providers, **plan.contacts}
    steps = (plan.alerts or Alerts()).steps("critical")
    told = [step.to for step in steps if "email" in step.by] or [step.to for step in steps] or list(plan.contacts)
    found = ((name, people[name].email) for name in dict.fromkeys(told) if name in people)
    return tuple(Recipient(name, address) for name, address in found if address)


def key_of(fleet: str, node: str, contact: str, made_us: int) -> str:
    """What a mail is known by, however often it is sent."""
    return sha256("\0".join((fleet, node, contact, str(made_us))).encode()).hexdigest()[:40]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(at: datetime) -> int:
    """An instant as a number."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(us: int) -> datetime:
    """A number as an instant."""
    return _EPOCH + timedelta(microseconds=us)
