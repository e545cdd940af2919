"""Whom the plan wants told of what, by which way, and what the fleet is called. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from intendance.model.alerting import Alerts, AlertStep, Urgency, Way, Window
from intendance.model.frozen import dataclass
from intendance.model.plan import Contact, Plan, Witness

UNDELIVERABLE = "notification.undeliverable"
CANARY = "canary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What of the plan the manager's threads and pages need; `people` are its contacts and providers by their names,
    `urls` where nodes are told to find the manager."""

    fleet: str
    organisation: str
    zone: str
    language: Literal["fr", "en"]
    alerts: Alerts | None = None
    people: Mapping[str, Contact] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    urls: tuple[str, ...] = ()

    def steps(self, cause: str, urgency: Urgency, labels: Mapping[str, str]) -> tuple[AlertStep, ...]:
        """The steps for an alert. A canary goes to one person by one way; what could not be delivered, by every way
        but the one that failed."""
        if self.alerts is None:
            return ()
        steps = self.alerts.steps(urgency)
        if cause == CANARY:
            return self._canary(steps)
        if cause == UNDELIVERABLE:
            failed = (labels.get("contact", ""), labels.get("channel", ""))
            others = [pair for pair in self.pairs() if pair != failed]
            return tuple(
                AlertStep(after_seconds=600 if place else 0, to=contact, by=(way,))
                for place, (contact, way) in enumerate(others)
            )
        return steps

    def _canary(self, steps: tuple[AlertStep, ...]) -> tuple[AlertStep, ...]:
        """By mail where there is one: a text message a day would cost more than it proves."""
        pairs = [(step.to, way) for step in steps for way in step.by]
        mails = [pair for pair in pairs if pair[1] == "email"]
        return tuple(AlertStep(after_seconds=0, to=contact, by=(way,)) for contact, way in (mails or pairs)[:1])

    def pairs(self) -> Iterator[tuple[str, Way]]:
        """Everybody whom some step reaches, then everybody who could be reached, in the plan's order."""
        alerts = self.alerts or Alerts()
        told = [(step.to, way) for step in (*alerts.critical, *alerts.warning) for way in step.by]
        yield from dict.fromkeys([*told, *((name, way) for name in self.people for way in self.ways(name))])

    def ways(self, contact: str) -> tuple[Way, ...]:
        """The ways by which somebody can be reached."""
        ways: tuple[Way, ...] = ("email", "sms")
        return tuple(way for way in ways if self.address(contact, way))

    def other_way(self, contact: str, way: Way) -> Way | None:
        """The way that is left when one does not work."""
        return next((each for each in self.ways(contact) if each != way), None)

    def address(self, contact: str, way: Way) -> str | None:
        """Where somebody is reached by a way that the plan has; None where they are not."""
        person = self.people.get(contact)
        if person is None or self.alerts is None:
            return None
        if way == "email":
            return person.email if self.alerts.email is not None else None
        return person.phone if self.alerts.sms is not None else None


def policy_of(plan: Plan) -> Policy:
    """What of a plan a manager needs."""
    return Policy(
        fleet=plan.fleet,
        organisation=plan.organisation.name,
        zone=plan.organisation.timezone,
        language=plan.organisation.language,
        alerts=plan.alerts,
        people={**plan.providers, **plan.contacts},
        windows=plan.windows,
        witnesses=plan.witnesses,
        urls=plan.manager_urls,
    )
