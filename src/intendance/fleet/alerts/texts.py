"""What people are told of alerts, by mail and by text message, in French and English. Pure.

A mail says what, which node, since when, why, what to type and how to acknowledge; a text message says node, fact, age
and number first, since its end may be cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from intendance.language import dates, durations, spoken
from intendance.language.texts import Translator
from intendance.model.alerting import Urgency, Way
from intendance.model.frozen import dataclass
from intendance.notifiers import gsm7

Language = Literal["fr", "en"]

_LISTED = 40
"""Nodes that a mail lists by name; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An alert as people are told of it."""

    number: int
    cause: str
    node: str
    urgency: Urgency
    since: datetime
    params: Mapping[str, str | int]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Words:
    """A message: its subject and text for a mail, the text alone for a telephone."""

    subject: str
    text: str


def fact(_: Translator, told: Told) -> str:
    """What is wrong, in one sentence."""
    facts = {
        "node.missing": _("{node} does not answer"),
        "node.skew": _("the clock of {node} is wrong by {skew}"),
        "node.flapping": _("{node} comes and goes"),
        "site.unreachable": _("the site {site} cannot be reached: {count} nodes silent"),
        "fleet.silent": _("most of the fleet is silent: {count} nodes of {of}"),
        "notification.undeliverable": _("{contact} cannot be reached by {channel}: {code}"),
        "canary": _("daily proof that alerts arrive"),
        "canary.failed": _("the daily proof that alerts arrive has failed"),
        "manager.blind": _("the manager saw nothing for {length}: {blind}"),
        "manager.unwritten": _("the manager can write nothing: {reason}"),
        "log.unwritten": _("the fleet log cannot be written: {reason}"),
        "plan.weaker": _("{node} follows fewer rules than before: no more {dropped}"),
        "observer.unreached": _("nobody watches the manager from elsewhere: {host} answers {code}"),
        "witness.refused": _("the witness {witness} no longer recognises the fleet log: rolled back, or rewritten"),
    }
    sentence = facts.get(told.cause) or _("{cause} is broken on {subject}: {title}")
    asset = told.labels.get("asset", "")
    subject = f"{told.node}/{asset}" if asset else told.node
    values = {"node": told.node, "cause": told.cause, "subject": subject, **told.labels, **told.params}
    if "skew_ms" in values:
        values["skew"] = durations.write(-(-abs(int(values["skew_ms"])) // 1000), _.language, up=True)
    if told.cause == "manager.blind":
        values["length"] = durations.write(int(values.get("seconds", 0)), _.language)
        values["blind"] = _blindness(_, str(values.get("reason", "")))
    if told.cause in {"manager.unwritten", "log.unwritten"}:
        values["reason"] = spoken.part(str(values.get("reason", "")), _.language)
    return sentence.format_map(_Named(values))


def _blindness(_: Translator, reason: str) -> str:
    """Why the manager saw nothing."""
    reasons = {
        "restart": _("it was not running"),
        "stalled": _("it stood still"),
        "database": _("it could not write into its database"),
        "clock set": _("its clock was set"),
    }
    return reasons.get(reason, reason)


class _Named(dict[str, object]):
    """What a sentence asks for and nobody gave shows as a question mark: a message is never lost for a word."""

    def __missing__(self, _: str) -> str:
        return "?"


def why(_: Translator, cause: str) -> str:
    """What it means, and what to do first."""
    reasons = {
        "node.missing": _("It has sent no beat for 120 seconds. See whether the machine runs and reaches the network."),
        "node.skew": _("Its records bear wrong times. On it, type: timedatectl set-ntp true"),
        "node.flapping": _("It went and came back several times in 20 minutes; its single alerts are held back."),
        "site.unreachable": _("They fell silent within a minute: look at the site's line and power first."),
        "fleet.silent": _("They fell silent within a minute: look at the manager's own line first."),
        "notification.undeliverable": _("Somebody was not told. Put the address right in the plan and adopt it."),
        "canary": _("Nothing is wrong. This message went the way of every alert; its absence would be an alert."),
        "canary.failed": _("An alert may reach nobody. Look at: intendance alert list"),
        "manager.blind": _(
            "Whoever fell silent meanwhile is told two minutes after. Look at the manager's machine: what stopped it?"
        ),
        "manager.unwritten": _(
            "It hears every node and tells nobody of anything. Nodes keep what they say; nothing is lost. Make room on"
            " its disk, or begin its database again: it goes on by itself."
        ),
        "log.unwritten": _(
            "What people do takes effect, and no record proves it yet; it is recorded once that is mended. Type:"
            " intendance ledger verify --state STATE/manager/log"
        ),
        "plan.weaker": _(
            "Whoever rules that machine adopted a plan that asks less of it. Was it you? Then settle the finding on the"
            " manager: intendance node findings. Else look at the machine first."
        ),
        "observer.unreached": _(
            "Were the manager to stop now, nobody would tell you. Look at the address after `observer` in the plan."
        ),
        "witness.refused": _(
            "Was an old copy of the manager put back? Else somebody changed the log. Change nothing there; type:"
            " intendance ledger verify --state STATE/manager/log"
        ),
    }
    return reasons.get(cause) or _("See why, on that node: intendance status")


def mail(_: Translator, tolds: Sequence[Told], now: datetime, *, zone: str, purpose: str) -> Words:
    """The mail about alerts of one message."""
    first = tolds[0]
    head = fact(_, first)
    if len(tolds) > 1:
        head = _.plural("{fact}, and {n} more", "{fact}, and {n} more", len(tolds) - 1).format(
            fact=head, n=len(tolds) - 1
        )
    if purpose == "resolved":
        subject = _("[Intendance] over: {fact}").format(fact=head)
    elif first.urgency == "critical" and first.cause != "canary":
        subject = _("[Intendance] CRITICAL: {fact}").format(fact=head)
    else:
        subject = _("[Intendance] {fact}").format(fact=head)
    return Words(subject, "\n".join(_lines(_, tolds, now, zone, purpose)) + "\n")


def _lines(_: Translator, tolds: Sequence[Told], now: datetime, zone: str, purpose: str) -> list[str]:
    lines: list[str] = []
    for told in tolds[:_LISTED]:
        age = durations.write(int((now - told.since).total_seconds()), _.language)
        since = dates.moment(told.since, zone, _.language)
        line = _("{fact} — since {since} ({age}) — alert {number}")
        lines.append(line.format(fact=fact(_, told), since=since, age=age, number=told.number))
    if len(tolds) > _LISTED:
        rest = len(tolds) - _LISTED
        lines.append(_.plural("… and {n} more", "… and {n} more", rest).format(n=rest))
    first = tolds[0]
    if purpose == "resolved":
        return [*lines, "", _("Nothing is left to do.")]
    lines += ["", *(why(_, cause) for cause in dict.fromkeys(told.cause for told in tolds))]
    if first.cause == "canary":
        return lines
    lines.append(_("See it: intendance alert show {number}").format(number=first.number))
    lines.append(_("Take it in hand: intendance alert ack {number}").format(number=first.number))
    lines.append(_("Until somebody does, others are told as the plan says."))
    return lines


def sms(_: Translator, tolds: Sequence[Told], now: datetime, *, purpose: str) -> Words:
    """The text message about the same, in the letters and the length of one."""
    first = tolds[0]
    age = durations.write(int((now - first.since).total_seconds()), _.language)
    said = fact(_, first)
    more = "" if len(tolds) == 1 else f" +{len(tolds) - 1}"
    if purpose == "resolved":
        text = _("Over: {fact}{more} ({age})").format(fact=said, more=more, age=age)
    else:
        line = _("{fact}{more} ({age}). ack {number}")
        text = line.format(fact=said, more=more, age=age, number=first.number)
    return Words("", gsm7.fit(text))


def unwritten(_: Translator, reason: str, since: datetime, now: datetime, *, zone: str, way: Way) -> Words:
    """That the manager can write nothing: what it then does, and what to do. No alert has a number for it."""
    told = Told(
        number=0,
        cause="manager.unwritten",
        node="",
        urgency="critical",
        since=since,
        params={"reason": reason},
        labels={},
    )
    said = fact(_, told)
    if way == "sms":
        return Words("", gsm7.fit(said))
    age = durations.write(int((now - since).total_seconds()), _.language)
    line = _("{fact} — since {since} ({age})").format(fact=said, since=dates.moment(since, zone, _.language), age=age)
    return Words(_("[Intendance] CRITICAL: {fact}").format(fact=said), "\n".join([line, "", why(_, told.cause), ""]))


def trial(_: Translator, fleet: str, way: Way) -> Words:
    """The message of somebody who tries the ways out."""
    said = _("Test: alerts of {fleet} reach you by {way}. Nothing is wrong.").format(fleet=fleet, way=_way(_, way))
    if way == "sms":
        return Words("", gsm7.fit(said))
    return Words(_("[Intendance] test of alerts"), said + "\n")


def _way(_: Translator, way: Way) -> str:
    return _("mail") if way == "email" else _("text message")


def summary(_: Translator, count: int) -> Words:
    """The one text message for those that were held back."""
    text = _.plural(
        "{n} alert was held back: too many text messages in an hour. See: intendance alert list",
        "{n} alerts were held back: too many text messages in an hour. See them: intendance alert list",
        count,
    )
    return Words(_("[Intendance] held back"), gsm7.fit(text.format(n=count)))
