"""A rule: what it asks, what breaks it, what proves it, and how it stands on every node over ninety days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from intendance.catalogue.rule import Rule, Rulebook
from intendance.fleet.verdicts.standing import Standing, Subject, worst
from intendance.language import sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import WORST_FIRST, State, Verdict
from intendance.web import addresses, words
from intendance.web.cited import Evidence, cited
from intendance.web.parts import Fold, Part, part_of

DAYS = 90
STRIPS = 40
"""Places on one page, each with its ninety days; of more, those that hold are folded."""
HOLDS = "holds"
_HOLDS = (State.PASS, State.NOT_APPLICABLE)
History = Sequence[tuple[datetime, datetime | None, State]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A day of a strip: where it stands, and the worst state of that day."""

    left: int
    shape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A subject of the rule over ninety days; `label` says it in words, `evidence` is what its verdict of now cites."""

    name: str
    href: str
    on: str
    shape: str
    word: str
    since: str
    label: str
    bars: tuple[Bar, ...]
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A line of what a page says of its subject; `told` are words, where others of that page are exact signs."""

    name: str
    text: str
    told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    """`whole` is the address of the rule's own page, empty on it."""

    rule: str
    title: str
    shape: str
    answer: str
    statement: str
    definitions: tuple[Definition, ...]
    strips: Part[Strip]
    fold: Fold | None
    whole: str
    performed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A rule in the list of rules."""

    rule: str
    href: str
    title: str
    shape: str
    told: str
    performed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    name: str
    lines: tuple[RuleLine, ...]


def chosen(rule: Rule, subjects: Sequence[Subject], show: str, number: int, _: Translator) -> Part[Subject]:
    """Which subjects a page of the rule shows: those that do not hold, and the others too where they are few; with
    `show`, those that hold."""
    holding = [each for each in subjects if each.state in _HOLDS]
    wrong = [each for each in subjects if each.state not in _HOLDS]
    shown = holding if show else subjects if len(subjects) <= STRIPS else wrong
    return part_of(shown, number, lambda other: addresses.rule(rule.id, show, other), _, size=STRIPS)


def rule_page(
    standing: Standing,
    rule: Rule,
    subjects: Sequence[Subject],
    drawn: Part[tuple[Verdict, History]],
    show: str,
    _: Translator,
) -> RulePage:
    """The page of a rule, with its subjects, the worst first."""
    states = [each.state for each in subjects]
    state = worst(states)
    folded = sum(each in _HOLDS for each in states) if len(states) > STRIPS and not show else 0
    told = _.plural("It holds in {n} more place.", "It holds in {n} more places.", folded)
    return RulePage(
        rule=rule.id,
        title=rule.title.of(_.language),
        shape="pending" if state is None else words.SHAPES[state],
        answer=_answer(rule, states, _),
        statement=rule.statement.of(_.language),
        definitions=tuple(_definitions(rule, _)),
        strips=drawn.drawn(lambda each: _strip(*each, standing, _)),
        fold=Fold(told=told.format(n=sizes.number(folded, _.language)), href=addresses.rule(rule.id, HOLDS))
        if folded
        else None,
        whole=addresses.rule(rule.id) if show else "",
        performed=rule.judged,
    )


def listing(rulebook: Rulebook, counts: Mapping[str, Mapping[State, int]], _: Translator) -> tuple[Family, ...]:
    """All rules by family, each with how it stands: the worst first, those that judge nothing here at the end."""
    found = []
    for family, text in rulebook.families.items():
        rules = [rule for rule in rulebook.rules.values() if rule.family == family]
        rules.sort(key=lambda rule: _place(rule, counts.get(rule.id, {})))
        lines = tuple(_line(rule, counts.get(rule.id, {}), _) for rule in rules)
        found.append(Family(name=text.of(_.language), lines=lines))
    return tuple(found)


def _place(rule: Rule, states: Mapping[State, int]) -> tuple[int, int]:
    state = worst(states)
    if state is None:
        return (len(WORST_FIRST) + (not rule.judged), 0)
    return (WORST_FIRST.index(state), -states[state])


def _line(rule: Rule, states: Mapping[State, int], _: Translator) -> RuleLine:
    state = worst(states)
    counted = [words.counted(_, each, states[each]) for each in WORST_FIRST if each in states]
    told = ", ".join(counted) if rule.judged else _("not performed by this version")
    return RuleLine(
        rule=rule.id,
        href=addresses.rule(rule.id),
        title=rule.title.of(_.language),
        shape="na" if state is None else words.SHAPES[state],
        told=told or _("nothing here is judged by it"),
        performed=rule.judged,
    )


def _answer(rule: Rule, states: Sequence[State], _: Translator) -> str:
    if not rule.judged:
        return _("This version does not judge it.")
    if not states:
        return _("Nothing here is judged by it.")
    broken = states.count(State.FAIL)
    unsure = states.count(State.UNKNOWN) + states.count(State.ERROR)
    if broken:
        return _.plural("Broken in {n} place.", "Broken in {n} places.", broken).format(
            n=sizes.number(broken, _.language)
        )
    if unsure:
        return _.plural("Unknown in {n} place.", "Unknown in {n} places.", unsure).format(
            n=sizes.number(unsure, _.language)
        )
    held = states.count(State.PASS)
    if held:
        return _.plural("It holds in {n} place.", "It holds in {n} places.", held).format(
            n=sizes.number(held, _.language)
        )
    return _("It is not yet due.")


def _definitions(rule: Rule, _: Translator) -> Iterable[Definition]:
    yield Definition(name=_("Severity"), text=words.severity(_, rule.severity))
    yield Definition(name=_("Broken when"), text=rule.breaks.of(_.language))
    if rule.proof is not None:
        yield Definition(name=_("Proven by"), text=rule.proof.of(_.language))
    if rule.later is not None:
        yield Definition(name=_("Not judged yet"), text=rule.later.of(_.language))
    yield Definition(name=_("What to do"), text=rule.remedy.of(_.language))
    yield Definition(name=_("Whose word"), text=", ".join(words.attestor(_, each) for each in rule.attested_by))
    yield Definition(name=_("Source"), text=str(rule.source))


def _strip(verdict: Verdict, history: History, standing: Standing, _: Translator) -> Strip:
    told = words.word(_, verdict.state)
    name = verdict.asset or verdict.node
    return Strip(
        name=name,
        href=addresses.of(verdict.node, verdict.asset),
        on=verdict.node if verdict.asset else _("the node itself"),
        shape=words.SHAPES[verdict.state],
        word=told,
        since=words.since(verdict, standing.judged_at, _),
        label=_("{name}, 90 days: {state} now").format(name=name, state=told),
        bars=tuple(bars(history, standing.judged_at)),
        evidence=cited(verdict, _),
    )


def bars(history: History, now: datetime) -> Iterable[Bar]:
    """The worst state of each of the last ninety days, the oldest first; nothing where nothing was judged."""
    for day in range(DAYS):
        begin = now - timedelta(days=DAYS - day)
        end = begin + timedelta(days=1)
        states = [state for since, until, state in history if since <= end and (until is None or until > begin)]
        state = worst(states)
        if state is not None:
            yield Bar(left=day * 10, shape=words.SHAPES[state])
