"""A node: what the rules say of it, all of it, with the record that each verdict rests on; and the list of nodes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from intendance.fleet.beats.presence import Presence
from intendance.fleet.verdicts.standing import NodeBrief, Standing, rank, stand
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict
from intendance.web import addresses, words
from intendance.web.wall import Section, Wall, wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A record that a verdict cites."""

    name: str
    href: str


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
    held: tuple[Held, ...]
    links: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A node in the list of nodes."""

    name: str
    href: str
    site: str
    presence: str
    shape: str
    heard: str
    told: str


def node_page(standing: Standing, name: str, verdicts: Sequence[Verdict], _: Translator) -> NodePage:
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
    lines = tuple(held(each, alone, _) for each in sorted(verdicts, key=rank))
    return NodePage(wall=view, sections=view.sections, held=lines, links=tuple(_links(name, _)))


def listing(standing: Standing, site: str, _: Translator) -> tuple[Listed, ...]:
    """All nodes, or those of a site, the worst first."""
    chosen = [each for each in standing.nodes if not site or each.site == site]
    return tuple(_listed(each, standing, _) for each in sorted(chosen, key=lambda each: _heat(each, standing)))


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
        evidence=tuple(_evidence(verdict, _)),
    )


def _links(name: str, _: Translator) -> Iterable[Evidence]:
    yield Evidence(name=_("Plan"), href=addresses.plan(name))
    yield Evidence(name=_("Ledger"), href=addresses.ledger(name))


def _evidence(verdict: Verdict, _: Translator) -> Iterable[Evidence]:
    for cite in verdict.cites:
        number = sizes.number(cite.seq, _.language)
        yield Evidence(
            name=_("{node} record {number}").format(node=cite.node, number=number),
            href=addresses.record(cite.node, cite.seq),
        )


def _listed(brief: NodeBrief, standing: Standing, _: Translator) -> Listed:
    told = _told(brief.node, standing, _)
    if brief.node in standing.doubted:
        told = f"{_('its ledger contradicts itself')}, {told}"
    silent = brief.presence in (Presence.MISSING, Presence.NEVER)
    return Listed(
        name=brief.node,
        href=addresses.node(brief.node),
        site=brief.site or "",
        presence=_presence(brief.presence, _),
        shape="fail" if silent else "unknown" if brief.presence is not Presence.UP else "pass",
        heard="" if brief.last_seen is None else dates.moment(brief.last_seen, standing.zone, _.language, seconds=True),
        told=told,
    )


def _told(name: str, standing: Standing, _: Translator) -> str:
    counts: dict[State, int] = {}
    for states in standing.counts.get(name, {}).values():
        for state, count in states.items():
            counts[state] = counts.get(state, 0) + count
    shown = (State.FAIL, State.ERROR, State.UNKNOWN, State.PENDING, State.PASS)
    return ", ".join(words.counted(_, state, counts[state]) for state in shown if counts.get(state)) or _("not judged")


def _heat(brief: NodeBrief, standing: Standing) -> tuple[bool, int, int, int, str]:
    silent = {Presence.MISSING: -2, Presence.NEVER: -1}.get(brief.presence, 0)
    states = list(standing.counts.get(brief.node, {}).values())
    broken = sum(each.get(State.FAIL, 0) for each in states)
    unsure = sum(each.get(State.UNKNOWN, 0) + each.get(State.ERROR, 0) for each in states)
    return brief.node not in standing.doubted, silent, -broken, -unsure, brief.node


def _heard(brief: NodeBrief, zone: str, _: Translator) -> str:
    if brief.last_seen is None:
        return _presence(brief.presence, _)
    moment = dates.moment(brief.last_seen, zone, _.language, seconds=True)
    return _("{presence}, last beat on {moment}").format(presence=_presence(brief.presence, _), moment=moment)


def _presence(presence: Presence, _: Translator) -> str:
    told = {
        Presence.UP: _("heard"),
        Presence.LATE: _("late"),
        Presence.MISSING: _("silent"),
        Presence.UNOBSERVABLE: _("the manager could not hear it"),
        Presence.NEVER: _("never heard"),
    }
    return told[presence]
