"""Alerts and messages in words, as the pages say them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from intendance.fleet.alerts.decide import is_resolved
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.seen import AlertSeen, EventSeen, MessageSeen, SilenceSeen, StepSeen, TrySeen
from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.alerting import Way
from intendance.model.frozen import dataclass
from intendance.web import addresses, words

SHOWN = 8
"""Messages in a list of several alerts; all of them are on the alert's own page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A message, or one that is still due (`planned`): when, to whom, by what, what the other side answered."""

    when: str
    who: str
    way: str
    answer: str
    shape: str
    outcome: str
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Who speaks to whom and reads when: what the words below need beside the facts."""

    policy: Policy
    now: datetime
    zone: str

    def name(self, contact: str) -> str:
        """A contact of the plan as people call them."""
        person = self.policy.people.get(contact)
        return person.name if person is not None and person.name else contact

    def brief(self, at: datetime, _: Translator, *, seconds: bool = False) -> str:
        """An instant among others of one page."""
        return dates.brief(at, self.now, self.zone, _.language, seconds=seconds)


def person(actor: str) -> str:
    """Who did something; empty where it was the manager itself. A token is never taken for a person of its name."""
    return actor.removeprefix("person:")


def way(by: Way, _: Translator) -> str:
    """By what people are told."""
    return _("mail") if by == "email" else _("text message")


def sent(message: MessageSeen, table: Table, _: Translator) -> Delivery:
    """A message and its fate."""
    shape, outcome = _fate(message, table, _)
    return Delivery(
        when=table.brief(message.sent_at or message.made_at, _, seconds=True),
        who=table.name(message.contact),
        way=way(message.way, _),
        answer=answered(message.code, message.detail, message.provider_id),
        shape=shape,
        outcome=outcome,
    )


def tried(message: MessageSeen, of: TrySeen, table: Table, _: Translator) -> Delivery:
    """A try that was not the last one, or failed."""
    return Delivery(
        when=table.brief(of.at, _, seconds=True),
        who=table.name(message.contact),
        way=way(message.way, _),
        answer=answered(of.code, of.detail, ""),
        shape="fail",
        outcome=_("refused") if of.result == "permanent" else _("did not leave"),
    )


def planned(step: StepSeen, table: Table, _: Translator) -> Iterable[Delivery]:
    """Who is still told, if nobody answers: a line for each person."""
    for name, ways in _by_person(step.to, table, _).items():
        yield Delivery(
            when=table.brief(step.at, _, seconds=True),
            who=name,
            way=", ".join(ways),
            answer=_("leaves if nobody has answered"),
            shape="pending",
            outcome=_("planned"),
            planned=True,
        )


def people(pairs: Iterable[tuple[str, Way]], table: Table, _: Translator) -> str:
    """Who, by what, in a row."""
    return ", ".join(f"{name} ({', '.join(ways)})" for name, ways in _by_person(pairs, table, _).items())


def _by_person(pairs: Iterable[tuple[str, Way]], table: Table, _: Translator) -> Mapping[str, list[str]]:
    ways: dict[str, list[str]] = {}
    for contact, by in pairs:
        ways.setdefault(table.name(contact), []).append(way(by, _))
    return ways


def answered(code: str, detail: str, provider_id: str) -> str:
    """What the other side said; its own name for the message where that is not in it."""
    parts = [code, detail if detail != code else ""]
    if provider_id and provider_id not in detail:
        parts.append(f"id={provider_id}")
    return " ".join(part for part in parts if part)


def _fate(message: MessageSeen, table: Table, _: Translator) -> tuple[str, str]:
    if message.state in ("sent", "delivered"):
        told = _("delivered in {length}") if message.state == "delivered" else _("accepted in {length}")
        span = (message.sent_at or message.made_at) - message.made_at
        return "pass", told.format(length=words.length(span, _, up=True))
    if message.state == "failed":
        return "fail", _("not yet; again at {moment}").format(moment=table.brief(message.next_at, _, seconds=True))
    waits = {
        "queued": ("pending", _("leaves at {moment}").format(moment=table.brief(message.next_at, _, seconds=True))),
        "sending": ("pending", _("leaves now")),
        "dead": ("fail", _("did not leave")),
        "dropped": ("na", _("held back")),
    }
    return waits[message.state]


def why_untold(reason: str, silences: Mapping[str, SilenceSeen], table: Table, _: Translator) -> str:
    """Why nobody is told of an alert."""
    kind, _colon, name = reason.partition(":")
    found = silences.get(name) if kind == "silence" else None
    if found is not None:
        told = _("Silenced by {person} until {moment}: {reason}")
        until = dates.moment(found.to_at, table.zone, _.language)
        return told.format(person=person(found.made_by), moment=until, reason=found.reason)
    return {
        "silence": _("Silence {name} holds."),
        "window": _("The maintenance window {name} is open."),
        "inhibited": _("Another alert stands for it."),
        "flapping": _("The node comes and goes; people were told of that."),
    }[kind].format(name=name)


def happened(event: EventSeen, table: Table, _: Translator) -> str:
    """What happened to an alert, in one sentence."""
    told = {
        "opened": _("Seen for the first time."),
        "fired": _("It lasts: it rings."),
        "reopened": _("It is back."),
        "acked": _("{person} has it in hand."),
        "ack_expired": _("The time is over for which {of} had it in hand: it rings again."),
        "unacked": _("{person} let it go, which {of} had in hand: it rings again."),
        "resolved": _("It is over."),
        "told": _("People are told: {people}."),
        "suppressed": _("Nobody is told any more."),
        "told_again": _("People are told again."),
        "audited": _("It rang and nobody was to be told: the manager told people."),
    }.get(event.event, event.event)
    if event.event == "told" and is_resolved(int(event.data.get("step", 0))):
        told = _("People are told that it is over: {people}.")
    named = people(event.data.get("to", ()), table, _)
    return told.format(person=person(event.actor), of=person(str(event.data.get("of", ""))), people=named)


def subject(each: AlertSeen, organisation: str, _: Translator) -> tuple[str, str]:
    """What an alert is about, and where its page is: an asset, a node, a site, a person, or the fleet."""
    labels, node = each.told.labels, each.told.node
    if node:
        return labels.get("asset") or node, addresses.of(node, labels.get("asset"))
    if "contact" in labels:
        return labels["contact"], f"{addresses.ALERTS}#ways"
    site = labels.get("site", "")
    return (site, addresses.site(site)) if site else (organisation, addresses.WALL)


def sentence(each: AlertSeen, _: Translator) -> str:
    """What is wrong, as a sentence begins; a node's name is written as it is."""
    told = each.sentence("fr" if _.language == "fr" else "en")
    return told if each.told.node and told.startswith(each.told.node) else words.sentence(told)


def urgency(each: AlertSeen, _: Translator) -> str:
    """How urgent it is, in a word."""
    return _("critical") if each.told.urgency == "critical" else _("warning")
