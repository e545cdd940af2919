"""Whether alerts leave by mail, and by text message too when they are critical (MAINT_005). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from intendance.catalogue.finding import Finding, after
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import SKEW
from intendance.model.alerting import Urgency, Way
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Param, State

_LOOK_AGAIN = timedelta(minutes=15)
_WANTED: tuple[tuple[Urgency, Way, str], ...] = (
    ("critical", "email", "no_email"),
    ("critical", "sms", "no_sms"),
    ("warning", "email", "no_email_warning"),
)
"""By which ways somebody must be told of what, and the reason where nobody is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """A message that never left: whose, by what, what the other side said, when. Nothing came through to them since."""

    contact: str
    way: Way
    code: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """What became of the messages to those whom the plan names.

    `named` are the ways by which the plan tells somebody who has such an address; `accepted` is when a server last took
    a message by each way, a test among them.
    """

    named: frozenset[tuple[Urgency, Way]]
    accepted: Mapping[Way, datetime]
    given_up: tuple[GivenUp, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The ways out as they are, for a node that is of the fleet since `expected_at`."""

    expected_at: datetime
    deliveries: Deliveries


def delivered(rule: Rule, subject: Told, now: datetime) -> Finding:
    """Every way that the rule asks for is in the plan, lets nothing fall, and was tried lately."""
    found = subject.deliveries
    again = now + _LOOK_AGAIN
    missing = [code for urgency, way, code in _WANTED if (urgency, way) not in found.named]
    if not found.named:
        missing = ["no_channel"]
    ways = sorted({way for _, way in found.named})
    if missing or len(ways) < rule.count("alert.channels_min"):
        return Finding(
            State.FAIL, missing[0], {}, subject.expected_at, (), Attestor.MANAGER, next_change_at=again
        )  # fmt: skip
    if found.given_up:
        first = min(found.given_up, key=_at)
        last = max(found.given_up, key=_at)
        params: dict[str, Param] = {"contact": last.contact, "way": last.way, "code": last.code, "at": last.at}
        return Finding(State.FAIL, "given_up", params, first.at, (), Attestor.MANAGER, next_change_at=again)
    return _tried(rule, subject, ways, now)


def _at(given_up: GivenUp) -> datetime:
    return given_up.at


def _tried(rule: Rule, subject: Told, ways: list[Way], now: datetime) -> Finding:
    """Each way took a message lately; one that never did is due from the node's first day on."""
    bound = timedelta(seconds=rule.seconds("alert.test_age_max"))
    bound_s = int(bound.total_seconds())
    accepted = subject.deliveries.accepted
    ends = {way: accepted.get(way, subject.expected_at) + bound for way in ways}
    soonest = min(ends, key=lambda way: (ends[way], way))
    again = min(now + _LOOK_AGAIN, after(ends[soonest]))
    if now > ends[soonest]:
        code = "test_old" if soonest in accepted else "never_tested"
        params: dict[str, Param] = {"way": soonest, "bound_s": bound_s}
        if soonest in accepted:
            params["tested_at"] = accepted[soonest]
        return Finding(
            State.FAIL, code, params, ends[soonest], (), Attestor.MANAGER, next_change_at=now + _LOOK_AGAIN
        )  # fmt: skip
    untried = [way for way in ways if way not in accepted]
    if untried:
        due = min(ends[way] for way in untried)
        params = {"way": untried[0], "due_at": due}
        return Finding(
            State.PENDING, "test_due", params, subject.expected_at, (), Attestor.MANAGER, next_change_at=again
        )  # fmt: skip
    newest = max(accepted[way] for way in ways)
    if newest > now + SKEW:  # by a clock that was wrong: it would count for as long as that was
        ahead: dict[str, Param] = {"ahead_at": newest}
        return Finding(State.UNKNOWN, "clock_ahead", ahead, None, (), Attestor.MANAGER, next_change_at=again)
    params = {f"{way}_at": accepted[way] for way in ways}
    since = max(subject.expected_at, min(accepted.values()))
    return Finding(State.PASS, "delivered", params, min(since, now), (), Attestor.MANAGER, next_change_at=again)
