"""Alerts: does each have somebody? What fires first, what is in hand and until when, what was over lately."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from intendance.fleet.alerts.service import AlertSeen
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.web import addresses, words

_SHAPES = {"firing": "fail", "pending": "pending", "acked": "charge", "resolved": "pass"}
"""By state, the name of its shape; what nobody has in hand comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertLine:
    """An alert among others. `nobody`: it fires, and nobody has it in hand."""

    number: str
    href: str
    shape: str
    sentence: str
    node: str
    node_href: str
    rule: str
    rule_href: str
    urgency: str
    since: str
    who: str
    nobody: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSection:
    shape: str
    label: str
    lines: tuple[AlertLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsPage:
    shape: str
    answer: str
    sections: tuple[AlertSection, ...]


def alerts_page(found: Sequence[AlertSeen], now: datetime, zone: str, _: Translator) -> AlertsPage:
    """The page of all alerts; `found` has those that were over lately too."""
    sections = []
    for state in ("firing", "pending", "acked", "resolved"):
        of_state = [each for each in found if each.state == state]
        if of_state:
            lines = tuple(_line(each, now, zone, _) for each in of_state)
            sections.append(AlertSection(shape=_SHAPES[state], label=_counted(state, len(lines), _), lines=lines))
    alone = [each for each in found if each.state == "firing"]
    return AlertsPage(shape="fail" if alone else "pass", answer=_answer(alone, now, _), sections=tuple(sections))


def _answer(alone: Sequence[AlertSeen], now: datetime, _: Translator) -> str:
    if not alone:
        return _("Yes: no alert waits for an answer.")
    age = words.length(now - min(each.told.since for each in alone), _, up=True)
    told = _.plural("No. {count} alert waits for an answer, for {length}.",
                    "No. {count} alerts wait for an answer, the first for {length}.", len(alone))  # fmt: skip
    return told.format(count=words.sentence(words.spelt(_, len(alone))), length=age)


def _counted(state: str, count: int, _: Translator) -> str:
    forms = {
        "firing": _.plural("{n} open", "{n} open", count),
        "pending": _.plural("{n} pending", "{n} pending", count),
        "acked": _.plural("{n} in hand", "{n} in hand", count),
        "resolved": _.plural("{n} over", "{n} over", count),
    }
    return forms[state].format(n=sizes.number(count, _.language))


def _line(each: AlertSeen, now: datetime, zone: str, _: Translator) -> AlertLine:
    told = each.told
    is_rule = told.cause.isupper()
    return AlertLine(
        number=sizes.number(told.number, _.language),
        href=f"/alerts/{told.number}",
        shape=_SHAPES[each.state],
        sentence=each.sentence("fr" if _.language == "fr" else "en"),
        node=told.node,
        node_href=addresses.of(told.node, told.labels.get("asset")) if told.node else "",
        rule=told.cause if is_rule else "",
        rule_href=addresses.rule(told.cause) if is_rule else "",
        urgency=_("critical") if told.urgency == "critical" else _("warning"),
        since=_("for {length}").format(length=words.length(now - told.since, _, up=True)),
        who=", ".join(_who(each, zone, _)),
        nobody=each.state == "firing",
    )


def _who(each: AlertSeen, zone: str, _: Translator) -> Iterable[str]:
    if each.state == "acked" and each.acked_until is not None:
        moment = dates.moment(each.acked_until, zone, _.language)
        yield _("{person}, until {moment}").format(person=each.acked_by.removeprefix("person:"), moment=moment)
