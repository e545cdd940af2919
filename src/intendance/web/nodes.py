"""The list of nodes: who is silent or in trouble first, by site where they are many; what is well folded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from intendance.fleet.beats.presence import Presence
from intendance.fleet.verdicts.standing import NodeBrief, Standing
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import State
from intendance.web import addresses, words
from intendance.web.first_day import Step, steps
from intendance.web.parts import PART, Fold, Part, part_of
from intendance.web.wall import MANY_NODES

Chosen = Literal["", "trouble", "well"]
"""What of the fleet is listed: what is in trouble, with the rest folded; that alone; or the rest."""
_TROUBLE = (State.FAIL, State.ERROR, State.UNKNOWN)
_TOLD = (*_TROUBLE, State.PENDING, State.PASS)
_SILENT = (Presence.MISSING, Presence.NEVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an address asks for: of which site (empty: of all), which of its nodes, which part of them."""

    site: str = ""
    chosen: Chosen = ""
    part: int = 1

    def at(self, number: int) -> str:
        """The address of another part of the same."""
        return addresses.nodes(self.site, self.chosen, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A node in the list of nodes, or a site: then `site` says how many of its nodes are meant."""

    name: str
    href: str
    site: str
    presence: str
    shape: str
    heard: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Lines under their label; `by_site`: each is a site."""

    shape: str
    label: str
    remark: str
    by_site: bool
    part: Part[Listed]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodesPage:
    """`whole` is the address of the whole list, empty on its own page."""

    heading: str
    facts: tuple[str, ...]
    whole: str
    listings: tuple[Listing, ...]
    fold: Fold | None
    steps: tuple[Step, ...]


def nodes_page(standing: Standing, asked: Asked, _: Translator) -> NodesPage:
    """The nodes of a fleet or of a site, the worst first."""
    here = [each for each in standing.nodes if not asked.site or each.site == asked.site]
    ordered = sorted(here, key=lambda each: _heat(each, standing))
    trouble = [each for each in ordered if in_trouble(each, standing)]
    fold = None
    listings: list[Listing] = []
    if asked.site or (len(ordered) <= PART and not asked.chosen):
        listings.append(_listing(ordered, "", _("Nodes"), _("worst first"), standing, asked, _))
    else:
        well = ordered[len(trouble) :]
        if trouble and asked.chosen != "well":
            only = Asked(chosen="trouble", part=asked.part)
            listings.append(_of_many(trouble, "fail", standing, only, _))
        if asked.chosen == "well":
            listings.append(_of_many(well, "pass", standing, asked, _))
        elif well and not asked.chosen:
            fold = _fold(well, _)
    told = _counted(len(here), _) if standing.nodes else _("No node has joined yet.")
    heading = _("{nodes} at {site}").format(nodes=told, site=asked.site) if asked.site else told
    whole = addresses.NODES if asked.site or asked.chosen else ""
    return NodesPage(
        heading=heading,
        facts=tuple(_facts(here, trouble, _)),
        whole=whole,
        listings=tuple(each for each in listings if each.part.lines),
        fold=fold,
        steps=() if standing.nodes else steps(_),
    )


def in_trouble(brief: NodeBrief, standing: Standing) -> bool:
    """Whether a node is one to look at: not heard, not judged, not to be believed, or something on it is broken or
    unknown."""
    counts = _totals(standing, brief.node)
    unwell = any(counts.get(state) for state in _TROUBLE) or not counts
    return unwell or brief.presence is not Presence.UP or brief.node in standing.doubted


def presence_told(presence: Presence, _: Translator) -> str:
    """How a node is heard, in a word or two."""
    told = {
        Presence.UP: _("heard"),
        Presence.LATE: _("late"),
        Presence.MISSING: _("silent"),
        Presence.UNOBSERVABLE: _("the manager could not hear it"),
        Presence.NEVER: _("never heard"),
    }
    return told[presence]


def _counted(count: int, _: Translator) -> str:
    return _.plural("{n} node", "{n} nodes", count).format(n=sizes.number(count, _.language))


def _sites(briefs: Iterable[NodeBrief]) -> int:
    return len({each.site for each in briefs if each.site})


def _site_count(count: int, _: Translator) -> str:
    return _.plural("{n} site", "{n} sites", count).format(n=sizes.number(count, _.language))


def _facts(here: Sequence[NodeBrief], trouble: Sequence[NodeBrief], _: Translator) -> Iterable[str]:
    sites = _sites(here)
    if sites > 1:
        yield _site_count(sites, _)
    if trouble:
        count = len(trouble)
        yield _.plural("{n} to look at", "{n} to look at", count).format(n=sizes.number(count, _.language))
    elif here:
        yield _("nothing is broken on any of them")


def _fold(well: Sequence[NodeBrief], _: Translator) -> Fold:
    told = _.plural("{n} more node, where nothing is broken.", "{n} more nodes, where nothing is broken.", len(well))
    return Fold(told=told.format(n=sizes.number(len(well), _.language)), href=addresses.nodes(chosen="well"))


def _of_many(found: Sequence[NodeBrief], shape: str, standing: Standing, asked: Asked, _: Translator) -> Listing:
    """Nodes of a large fleet: by site where they are many."""
    count = sizes.number(len(found), _.language)
    if shape == "fail":
        label, remark = _.plural("{n} to look at", "{n} to look at", len(found)), _("worst first")
    else:
        label, remark = _.plural("{n} well", "{n} well", len(found)), _("nothing is broken")
    if len(found) <= MANY_NODES or _sites(found) < 2:
        return _listing(found, shape, label.format(n=count), remark, standing, asked, _)
    by_site: dict[str, list[NodeBrief]] = {}
    for each in found:
        by_site.setdefault(each.site or each.node, []).append(each)
    names = list(by_site) if shape == "fail" else sorted(by_site)
    part = part_of(names, asked.part, asked.at, _)
    return Listing(
        shape=shape,
        label=label.format(n=count),
        remark=_("by site, worst first") if shape == "fail" else _("by site; nothing is broken"),
        by_site=True,
        part=part.drawn(lambda name: _site(name, by_site[name], standing, _)),
    )


def _listing(
    found: Sequence[NodeBrief], shape: str, label: str, remark: str, standing: Standing, asked: Asked, _: Translator
) -> Listing:
    part = part_of(found, asked.part, asked.at, _).drawn(lambda each: _listed(each, standing, _))
    return Listing(shape=shape, label=label, remark=remark, by_site=False, part=part)


def _listed(brief: NodeBrief, standing: Standing, _: Translator) -> Listed:
    told = _told(_totals(standing, brief.node), _)
    if brief.node in standing.doubted:
        told = f"{_('its ledger contradicts itself')}, {told}"
    silent = brief.presence in _SILENT
    return Listed(
        name=brief.node,
        href=addresses.node(brief.node),
        site=brief.site or "",
        presence=presence_told(brief.presence, _),
        shape="fail" if silent else "unknown" if brief.presence is not Presence.UP else "pass",
        heard="" if brief.last_seen is None else dates.moment(brief.last_seen, standing.zone, _.language, seconds=True),
        told=told,
    )


def _site(name: str, found: Sequence[NodeBrief], standing: Standing, _: Translator) -> Listed:
    if len(found) == 1 and not found[0].site:
        return _listed(found[0], standing, _)
    counts: dict[State, int] = {}
    for each in found:
        for state, count in _totals(standing, each.node).items():
            counts[state] = counts.get(state, 0) + count
    silent = sum(each.presence in _SILENT for each in found)
    unsure = sum(each.presence is not Presence.UP for each in found) - silent
    told = [_.plural("{n} silent", "{n} silent", silent).format(n=sizes.number(silent, _.language))] if silent else []
    told += [_("{n} not heard well").format(n=sizes.number(unsure, _.language))] if unsure else []
    oldest = min((each.last_seen for each in found if each.last_seen is not None), default=None)
    return Listed(
        name=name,
        href=addresses.nodes(name),
        site=_counted(len(found), _),
        presence=", ".join(told) or _("heard"),
        shape="fail" if silent else "unknown" if unsure else "pass",
        heard="" if oldest is None else dates.moment(oldest, standing.zone, _.language, seconds=True),
        told=_told(counts, _),
    )


def _totals(standing: Standing, name: str) -> Mapping[State, int]:
    counts: dict[State, int] = {}
    for states in standing.counts.get(name, {}).values():
        for state, count in states.items():
            counts[state] = counts.get(state, 0) + count
    return counts


def _told(counts: Mapping[State, int], _: Translator) -> str:
    return ", ".join(words.counted(_, state, counts[state]) for state in _TOLD if counts.get(state)) or _("not judged")


def _heat(brief: NodeBrief, standing: Standing) -> tuple[bool, bool, int, int, int, str]:
    """The key that sorts nodes, the worst first; those in trouble all come before the others."""
    silent = {Presence.MISSING: -2, Presence.NEVER: -1}.get(brief.presence, 0)
    counts = _totals(standing, brief.node)
    unsure = counts.get(State.UNKNOWN, 0) + counts.get(State.ERROR, 0)
    worse = not in_trouble(brief, standing)
    return worse, brief.node not in standing.doubted, silent, -counts.get(State.FAIL, 0), -unsure, brief.node
