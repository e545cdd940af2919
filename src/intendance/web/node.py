"""A node: what the rules say of it, all of it, with the record that each verdict rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from intendance.fleet.ledgers.decide import Doubt
from intendance.fleet.verdicts.standing import NodeBrief, Standing, rank, stand
from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import Verdict
from intendance.web import addresses, words
from intendance.web.cited import Evidence, cited
from intendance.web.ledger import Finding, finding_told
from intendance.web.nodes import presence_told
from intendance.web.parts import Part, part_of
from intendance.web.wall import Section, Wall, wall

LINES = 60
"""Verdicts that are listed on one page, of a node with many assets."""
SETTLED_SHOWN = timedelta(days=400)
"""A finding that somebody settled is told for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A verdict in one line: what, about what, for how long, on whose word, by which records."""

    shape: str
    word: str
    title: str
    rule: str
    href: str
    asset: str
    asset_href: str
    why: str
    since: str
    attested: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePage:
    """The answer about one node, its entries, and every verdict in one line."""

    wall: Wall
    sections: tuple[Section, ...]
    held: Part[Held]
    links: tuple[Evidence, ...]
    settled: tuple[Finding, ...]


def node_page(
    standing: Standing,
    name: str,
    verdicts: Sequence[Verdict],
    former: Iterable[Doubt],
    _: Translator,
    *,
    part: int = 1,
) -> NodePage:
    """The page of one node of a standing."""
    verdicts = tuple(map(standing.believed, verdicts))
    shown, counts = stand(standing.rulebook, verdicts, standing.judged_at)
    doubts = tuple(each for each in standing.doubts if each.node == name)
    nodes = tuple(each for each in standing.nodes if each.node == name)
    alone = replace(standing, nodes=nodes, verdicts=shown, counts=counts, all_since=None, doubts=doubts)
    view = wall(alone, _)
    heard = tuple(_heard(each, standing.zone, _) for each in nodes)
    view = replace(
        view, question=_("Do all invariants hold on {node}?").format(node=name), facts=(*view.facts[:1], *heard)
    )
    ordered = part_of(sorted(verdicts, key=rank), part, lambda number: addresses.node(name, number), _, size=LINES)
    lines = ordered.drawn(lambda each: held(each, alone, _))
    settled = tuple(
        finding_told(each, standing.zone, _)
        for each in former
        if each.settled_at is not None and standing.judged_at - each.settled_at < SETTLED_SHOWN
    )
    return NodePage(wall=view, sections=view.sections, held=lines, links=tuple(_links(name, _)), settled=settled)


def held(verdict: Verdict, standing: Standing, _: Translator) -> Held:
    """A verdict in one line."""
    rule = standing.rulebook.rules[verdict.rule]
    return Held(
        shape=words.SHAPES[verdict.state],
        word=words.word(_, verdict.state),
        title=rule.title.of(_.language),
        rule=verdict.rule,
        href=addresses.rule(verdict.rule),
        asset=verdict.asset or verdict.node,
        asset_href=addresses.asset(verdict.node, verdict.asset) if verdict.asset else "",
        why=words.because(standing.rulebook, verdict, standing.zone, _),
        since=words.since(verdict, standing.judged_at, _),
        attested="" if verdict.attested_by is None else words.attested(_, verdict.attested_by),
        evidence=cited(verdict, _),
    )


def _links(name: str, _: Translator) -> Iterable[Evidence]:
    yield Evidence(name=_("Plan"), href=addresses.plan(name))
    yield Evidence(name=_("Runs"), href=addresses.runs(name))
    yield Evidence(name=_("Ledger"), href=addresses.ledger(name))


def _heard(brief: NodeBrief, zone: str, _: Translator) -> str:
    if brief.last_seen is None:
        return presence_told(brief.presence, _)
    moment = dates.moment(brief.last_seen, zone, _.language, seconds=True)
    return _("{presence}, last beat on {moment}").format(presence=presence_told(brief.presence, _), moment=moment)
