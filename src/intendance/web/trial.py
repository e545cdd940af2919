"""A trial of the ways: does a message that is sent now leave, and what did the other side answer? Pure."""

from __future__ import annotations

from collections.abc import Sequence

from intendance.fleet.alerts.seen import MessageSeen
from intendance.language import sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.web import alert_words
from intendance.web.alert_words import Delivery, Table

_LEFT = frozenset({"sent", "delivered"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPage:
    question: str
    shape: str
    mark: str
    answer: str
    lede: str
    deliveries: tuple[Delivery, ...]


def trial_page(messages: Sequence[MessageSeen], table: Table, _: Translator) -> TrialPage:
    """The page of a trial."""
    left = sum(each.state in _LEFT for each in messages)
    lost = sum(each.ended and each.state not in _LEFT for each in messages)
    shape = "fail" if lost else "pass" if left == len(messages) else "pending"
    told = {
        "fail": _("No: {lost} of {n} did not leave."),
        "pass": _.plural("Yes: {n} message was accepted.", "Yes: all {n} messages were accepted.", len(messages)),
        "pending": _("Not yet: {left} of {n} accepted."),
    }
    figures = {"lost": lost, "left": left, "n": len(messages)}
    return TrialPage(
        question=_("Does a message leave?"),
        shape=shape,
        mark={"fail": "✖", "pending": "◔", "pass": "✔"}[shape],
        answer=told[shape].format(**{name: sizes.number(count, _.language) for name, count in figures.items()}),
        lede=_("Accepted is what the other side said. Whether a telephone rang, its owner knows."),
        deliveries=tuple(alert_words.sent(each, table, _) for each in messages),
    )
