"""The records that a verdict rests on, each linked to its page."""

from __future__ import annotations

from intendance.language import sizes
from intendance.language.texts import Translator
from intendance.ledger.origin import FLEET_LOG
from intendance.model.frozen import dataclass
from intendance.model.verdict import Verdict
from intendance.web import addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A record that a verdict cites."""

    name: str
    href: str


def cited(verdict: Verdict, _: Translator) -> tuple[Evidence, ...]:
    """What a verdict cites: records of nodes, and of the fleet log where the manager itself saw or heard."""
    found = []
    for cite in verdict.cites:
        told = _("fleet log record {number}") if cite.node == FLEET_LOG else _("{node} record {number}")
        name = told.format(node=cite.node, number=sizes.number(cite.seq, _.language))
        found.append(Evidence(name=name, href=addresses.record(cite.node, cite.seq)))
    return tuple(found)
