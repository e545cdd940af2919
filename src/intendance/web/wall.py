"""The wall: do all invariants hold? The answer in one sentence, the worst first, then how much holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from intendance.fleet.verdicts.standing import Standing, worst
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict
from intendance.web import addresses, doubts, troubles, words
from intendance.web.entries import Entry, entry
from intendance.web.first_day import Step, steps
from intendance.web.parts import Fold

MANY_NODES = 24
"""More are shown by site, those that hold folded to one line."""
ENTRIES = 40
"""More are counted: a page that nobody reads to its end answers nothing."""
ROWS = 100
"""Rows of the grid; more are on the page of nodes."""

_TROUBLE = (State.FAIL, State.ERROR, State.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Entries of one kind under their label in the margin; `more` says how many are not shown."""

    shape: str
    label: str
    remark: str
    light: bool
    entries: tuple[Entry, ...]
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A family of rules on a node, or on a site: the worst state's shape, and all of it in words."""

    shape: str
    count: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str
    href: str
    hot: bool
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    long: str
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Families of rules by node; `more` are rows that do not hold and find no room, `folded` those that hold."""

    heads: tuple[Head, ...]
    rows: tuple[Row, ...]
    more: Fold | None
    folded: Fold | None
    by_site: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """`mark` is the sign before the tab's title, `shape` names its icon; `steps` is what to do where no node is."""

    title: str
    mark: str
    shape: str
    question: str
    clauses: tuple[str, ...]
    facts: tuple[str, ...]
    sections: tuple[Section, ...]
    holds: str
    tick: str
    remark: str
    grid: Grid | None
    steps: tuple[Step, ...]


def wall(standing: Standing, _: Translator) -> Wall:
    """The page of a standing."""
    summary = standing.summary
    shape = "unknown" if standing.stopped else _shape(standing, summary)
    return Wall(
        title=_title(standing, summary, _),
        mark={"fail": "✖", "unknown": "?", "pending": "◔", "pass": "✔"}[shape],
        shape=shape,
        question=_("Do all invariants hold?"),
        clauses=_stopped(standing, _) if standing.stopped else _clauses(standing, summary, _),
        facts=_facts(standing, _),
        sections=tuple(_sections(standing, _)),
        holds=words.counted(_, State.PASS, summary[State.PASS]),
        tick="pass" if summary[State.PASS] else "na",
        remark=_remark(summary, _),
        grid=_grid(standing, _) if standing.counts else None,
        steps=() if standing.nodes else steps(_),
    )


def _shape(standing: Standing, summary: Mapping[State, int]) -> str:
    if summary[State.FAIL] or standing.doubted:
        return "fail"
    if summary[State.UNKNOWN] or summary[State.ERROR] or _unknown_nodes(standing) or standing.doubts or standing.blind:
        return "unknown"
    return "pass" if summary[State.PASS] and not summary[State.PENDING] else "pending"


def _title(standing: Standing, summary: Mapping[State, int], _: Translator) -> str:
    found = [words.counted(_, state, summary[state]) for state in _TROUBLE if summary[state]]
    if standing.doubted:
        lying = len(standing.doubted)
        found.insert(0, _.plural("{n} contradicts itself", "{n} contradict themselves", lying).format(n=lying))
    if standing.silent:
        found.append(_.plural("{n} silent", "{n} silent", standing.silent).format(n=standing.silent))
    if standing.stopped:
        found = [_("judged by nobody")]
    if not found:
        found = [words.counted(_, state, summary[state]) for state in (State.PENDING, State.PASS) if summary[state]][:1]
    return " · ".join([", ".join(found) or _("nothing judged yet"), standing.organisation])


def _clauses(standing: Standing, summary: Mapping[State, int], _: Translator) -> tuple[str, ...]:
    """The answer, in pieces that a line may end between."""
    broken, waiting = summary[State.FAIL], summary[State.PENDING]
    unsure = summary[State.UNKNOWN] + summary[State.ERROR]
    told = _contradicted(standing, _)
    if broken:
        told.append(_.plural("{count} is broken", "{count} are broken", broken).format(count=words.spelt(_, broken)))
    if unsure:
        told.append(_.plural("{count} is unknown", "{count} are unknown", unsure).format(count=words.spelt(_, unsure)))
    told += _about_nodes(standing, _)
    if told:
        opening = _("No.") if broken or standing.doubted else _("Nobody can tell.")
        return (opening, *_joined(told))
    if not summary[State.PASS] and not waiting:
        return (_("We do not know yet."), _("Nothing has been proven."))
    if waiting:
        clause = _.plural("{count} is not yet due", "{count} are not yet due", waiting)
        return (_("Nothing is broken."), *_joined([clause.format(count=words.spelt(_, waiting))]))
    return (_("Yes."), _all_hold(standing, summary[State.PASS], _))


def _contradicted(standing: Standing, _: Translator) -> list[str]:
    count = len(standing.doubted)
    if not count:
        return []
    clause = _.plural("{count} node contradicts itself", "{count} nodes contradict themselves", count)
    return [clause.format(count=words.spelt(_, count))]


def _unknown_nodes(standing: Standing) -> int:
    """How many nodes nobody can answer for. Of a fleet where nothing was judged yet, that is said otherwise."""
    return standing.silent + standing.unjudged if standing.counts else standing.silent


def _about_nodes(standing: Standing, _: Translator) -> list[str]:
    """What is said of nodes that nobody can answer for: that the others are well is no answer for the fleet."""
    told = []
    if standing.unwritten:
        told.append(_("the manager cannot write what it hears"))
    elif standing.blind:
        told.append(_("the manager saw nothing for a while"))
    silent, unjudged = standing.silent, _unknown_nodes(standing) - standing.silent
    if silent:
        clause = _.plural("{count} node is silent", "{count} nodes are silent", silent)
        told.append(clause.format(count=words.spelt(_, silent)))
    if unjudged:
        clause = _.plural("{count} node is not judged", "{count} nodes are not judged", unjudged)
        told.append(clause.format(count=words.spelt(_, unjudged)))
    return told


def _stopped(standing: Standing, _: Translator) -> tuple[str, ...]:
    """What was judged long ago is no answer."""
    moment = dates.moment(standing.judged_at, standing.zone, _.language)
    return (_("Nobody can tell."), _("The manager has judged nothing since {moment}.").format(moment=moment))


def _all_hold(standing: Standing, count: int, _: Translator) -> str:
    figures = sizes.number(count, _.language)
    if standing.all_since is None:
        return _("The one invariant holds.") if count == 1 else _("All {n} invariants hold.").format(n=figures)
    length = words.length(standing.judged_at - standing.all_since, _, up=False)
    if count == 1:
        return _("The one invariant has held for {length}.").format(length=length)
    return _("All {n} invariants have held for {length}.").format(n=figures, length=length)


def _joined(clauses: list[str]) -> Iterable[str]:
    for position, clause in enumerate(clauses):
        begun = words.sentence(clause) if position == 0 else clause
        yield f"{begun}{'.' if position == len(clauses) - 1 else ','}"


def _facts(standing: Standing, _: Translator) -> tuple[str, ...]:
    told = [_("Judged on {moment}").format(moment=dates.moment(standing.judged_at, standing.zone, _.language))]
    if standing.nodes:
        heard = _.plural("{heard} node heard of {all}", "{heard} nodes heard of {all}", standing.heard)
        told.append(
            heard.format(
                heard=sizes.number(standing.heard, _.language), all=sizes.number(len(standing.nodes), _.language)
            )
        )
    if standing.head is not None:
        number = sizes.number(standing.head.size, _.language)
        if standing.head.refused:
            told.append(_("Fleet log of {number} records: a witness knows another history").format(number=number))
        elif standing.head.witnessed_at is None:
            told.append(_("Fleet log of {number} records, no witness").format(number=number))
        else:
            seen = dates.moment(standing.head.witnessed_at, standing.zone, _.language)
            text = _("Fleet log of {number} records, seen by the witness on {moment}")
            told.append(text.format(number=number, moment=seen))
    return tuple(told)


def _sections(standing: Standing, _: Translator) -> Iterable[Section]:
    remarks = {
        State.FAIL: _("worst first"),
        State.ERROR: _("what the check says of itself"),
        State.UNKNOWN: _("nobody can tell"),
    }
    if standing.troubles:
        yield _own(standing, _)
    if standing.doubts:
        yield _doubted(standing, _)
    for state in _TROUBLE:
        found = standing.of(state)
        if found:
            label = words.counted(_, state, len(found))
            yield _section(standing, found, words.SHAPES[state], label, remarks[state], _)
    waiting = standing.of(State.PENDING)
    if waiting and len(waiting) <= ENTRIES:
        waiting = tuple(sorted(waiting, key=_next_change))
        label = words.counted(_, State.PENDING, len(waiting))
        yield _section(standing, waiting, "pending", label, _("nothing is late"), _, light=True)
    if standing.soon:
        label = _.plural("{n} soon", "{n} soon", len(standing.soon)).format(n=len(standing.soon))
        yield _section(standing, standing.soon, "soon", label, _("still holds"), _, light=True)


def _next_change(verdict: Verdict) -> tuple[bool, float]:
    """What is due first stands first; what nothing is known of, last."""
    at = verdict.next_change_at
    return (at is None, 0.0 if at is None else at.timestamp())


def _own(standing: Standing, _: Translator) -> Section:
    """What is wrong with the manager: whether all of the rest was seen, and whether anybody was told."""
    return Section(
        shape="unknown",
        label=_.plural("{n} of our own", "{n} of our own", len(standing.troubles)).format(n=len(standing.troubles)),
        remark=_("about the watching itself"),
        light=False,
        entries=tuple(troubles.entry(each, standing.asked_at or standing.judged_at, _) for each in standing.troubles),
    )


def _doubted(standing: Standing, _: Translator) -> Section:
    """What was found about ledgers, before anything that rests on them."""
    grave_first = sorted(standing.doubts, key=lambda each: not each.grave)
    left = len(grave_first) - ENTRIES
    told = _.plural("{n} more, by node below.", "{n} more, by node below.", left)
    return Section(
        shape="fail" if standing.doubted else "unknown",
        label=_.plural("{n} finding", "{n} findings", len(grave_first)).format(n=len(grave_first)),
        remark=_("about the evidence itself"),
        light=False,
        entries=tuple(doubts.entry(each, standing.judged_at, standing.zone, _) for each in grave_first[:ENTRIES]),
        more=told.format(n=sizes.number(left, _.language)) if left > 0 else "",
    )


def _section(
    standing: Standing,
    found: tuple[Verdict, ...],
    shape: str,
    label: str,
    remark: str,
    _: Translator,
    *,
    light: bool = False,
) -> Section:
    groups = words.together(found[: ENTRIES * 2], standing.rulebook, standing.zone, _)[:ENTRIES]
    left = len(found) - sum(map(len, groups))
    told = _.plural("{n} more, by node below.", "{n} more, by node below.", left)
    return Section(
        shape=shape,
        label=label,
        remark=remark,
        light=light,
        entries=tuple(entry(standing, group, _, light=light) for group in groups),
        more=told.format(n=sizes.number(left, _.language)) if left else "",
    )


def _remark(summary: Mapping[State, int], _: Translator) -> str:
    """What is neither broken nor proven, in one sentence."""
    waiting, waived = summary[State.PENDING], summary[State.WAIVED]
    told = []
    if waiting:
        clause = _.plural("{count} is not yet due", "{count} are not yet due", waiting)
        told.append(clause.format(count=words.spelt(_, waiting)))
    if waived:
        told.append(_.plural("{count} is waived", "{count} are waived", waived).format(count=words.spelt(_, waived)))
    return " ".join(_joined(told))


def _grid(standing: Standing, _: Translator) -> Grid:
    names = {family: standing.rulebook.families[family].of(_.language) for family in standing.families}
    sites = {each.node: each.site or each.node for each in standing.nodes}
    by_site = len(standing.counts) > MANY_NODES and len(set(sites.values())) < len(standing.counts)
    rows: dict[str, dict[str, dict[State, int]]] = {}
    for node, families in standing.counts.items():
        row = rows.setdefault(sites.get(node, node) if by_site else node, {})
        for family, states in families.items():
            total = row.setdefault(family, {})
            for state, count in states.items():
                total[state] = total.get(state, 0) + count
    drawn = [_row(name, row, names, _, by_site=by_site) for name, row in rows.items()]
    drawn.sort(key=lambda each: (_heat(rows[each.name]), each.name))
    kept = [row for row in drawn if row.hot] if len(drawn) > MANY_NODES else drawn
    return Grid(
        heads=tuple(Head(long=name, short=words.shortened(name)) for name in names.values()),
        rows=tuple(kept[:ROWS]),
        more=_more(len(kept) - ROWS, _, by_site=by_site),
        folded=_folded(len(drawn) - len(kept), _, by_site=by_site),
        by_site=by_site,
    )


def _row(
    name: str, row: Mapping[str, Mapping[State, int]], names: Mapping[str, str], _: Translator, *, by_site: bool
) -> Row:
    cells = tuple(_cell(name, names[family], row.get(family, {}), _) for family in names)
    hot = any(state in _TROUBLE and count for states in row.values() for state, count in states.items())
    return Row(name=name, href=addresses.nodes(name) if by_site else addresses.node(name), hot=hot, cells=cells)


def _cell(name: str, family: str, states: Mapping[State, int], _: Translator) -> Cell | None:
    state = worst(each for each, count in states.items() if count)
    if state is None:
        return None
    told = ", ".join(words.counted(_, each, states[each]) for each in sorted(states, key=_order))
    return Cell(shape=words.SHAPES[state], count=states[state], label=f"{name}, {family} · {told}")


def _order(state: State) -> int:
    return list(State).index(state) if state is not State.FAIL else -1


def _heat(row: Mapping[str, Mapping[State, int]]) -> tuple[int, int, int]:
    """The key that sorts rows, the worst first."""
    total: dict[State, int] = {}
    for states in row.values():
        for state, count in states.items():
            total[state] = total.get(state, 0) + count
    unsure = total.get(State.UNKNOWN, 0) + total.get(State.ERROR, 0)
    return -total.get(State.FAIL, 0), -unsure, -total.get(State.PENDING, 0)


def _more(count: int, _: Translator, *, by_site: bool) -> Fold | None:
    if count <= 0:
        return None
    if by_site:
        told = _.plural("{n} more site to look at.", "{n} more sites to look at.", count)
    else:
        told = _.plural("{n} more node to look at.", "{n} more nodes to look at.", count)
    return Fold(told=told.format(n=sizes.number(count, _.language)), href=addresses.nodes(chosen="trouble"))


def _folded(count: int, _: Translator, *, by_site: bool) -> Fold | None:
    if not count:
        return None
    if by_site:
        told = _.plural("{n} more site, where nothing is broken.", "{n} more sites, where nothing is broken.", count)
    else:
        told = _.plural("{n} more node, where nothing is broken.", "{n} more nodes, where nothing is broken.", count)
    return Fold(told=told.format(n=sizes.number(count, _.language)), href=addresses.nodes(chosen="well"))
