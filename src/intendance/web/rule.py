"""A rule: what it asks, what breaks it, what proves it, and how it stands on every node over ninety days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from intendance.catalogue.rule import Rule, Rulebook
from intendance.fleet.verdicts.standing import Standing, rank, worst
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import State, Verdict
from intendance.web import addresses, words

DAYS = 90
History = Sequence[tuple[datetime, datetime | None, State]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A day of a strip: where it stands, and the worst state of that day."""

    left: int
    shape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A subject of the rule over ninety days; `label` says it in words."""

    name: str
    href: str
    on: str
    shape: str
    word: str
    since: str
    label: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A line of what a rule says of itself."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePage:
    rule: str
    title: str
    shape: str
    answer: str
    statement: str
    definitions: tuple[Definition, ...]
    strips: tuple[Strip, ...]
    performed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A rule in the list of rules."""

    rule: str
    href: str
    title: str
    shape: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    name: str
    lines: tuple[RuleLine, ...]


def rule_page(standing: Standing, rule: Rule, subjects: Sequence[tuple[Verdict, History]], _: Translator) -> RulePage:
    """The page of a rule, with its subjects, the worst first."""
    ordered = sorted(subjects, key=lambda each: rank(each[0]))
    state = worst(each.state for each, _history in ordered)
    return RulePage(
        rule=rule.id,
        title=rule.title.of(_.language),
        shape="pending" if state is None else words.SHAPES[state],
        answer=_answer(rule, [each.state for each, _history in ordered], _),
        statement=rule.statement.of(_.language),
        definitions=tuple(_definitions(rule, _)),
        strips=tuple(_strip(each, history, standing, _) for each, history in ordered),
        performed=rule.judged,
    )


def listing(rulebook: Rulebook, states: Sequence[tuple[str, State]], _: Translator) -> tuple[Family, ...]:
    """All rules by family, each with how it stands."""
    by_rule: dict[str, list[State]] = {}
    for name, state in states:
        by_rule.setdefault(name, []).append(state)
    found = []
    for family, text in rulebook.families.items():
        lines = [_line(rule, by_rule.get(rule.id, []), _) for rule in rulebook.rules.values() if rule.family == family]
        found.append(Family(name=text.of(_.language), lines=tuple(lines)))
    return tuple(found)


def _line(rule: Rule, states: Sequence[State], _: Translator) -> RuleLine:
    state = worst(states)
    counted = [words.counted(_, each, states.count(each)) for each in State if each in states]
    told = ", ".join(counted) if rule.judged else _("not performed by this version")
    return RuleLine(
        rule=rule.id,
        href=addresses.rule(rule.id),
        title=rule.title.of(_.language),
        shape="na" if state is None else words.SHAPES[state],
        told=told or _("nothing here is judged by it"),
    )


def _answer(rule: Rule, states: Sequence[State], _: Translator) -> str:
    if not rule.judged:
        return _("This version does not judge it.")
    if not states:
        return _("Nothing here is judged by it.")
    broken = states.count(State.FAIL)
    unsure = states.count(State.UNKNOWN) + states.count(State.ERROR)
    if broken:
        return _.plural("Broken in {n} place.", "Broken in {n} places.", broken).format(n=broken)
    if unsure:
        return _.plural("Unknown in {n} place.", "Unknown in {n} places.", unsure).format(n=unsure)
    held = states.count(State.PASS)
    if held:
        return _.plural("It holds in {n} place.", "It holds in {n} places.", held).format(n=held)
    return _("It is not yet due.")


def _definitions(rule: Rule, _: Translator) -> Iterable[Definition]:
    yield Definition(name=_("Severity"), text=words.severity(_, rule.severity))
    yield Definition(name=_("Broken when"), text=rule.breaks.of(_.language))
    if rule.proof is not None:
        yield Definition(name=_("Proven by"), text=rule.proof.of(_.language))
    if rule.later is not None:
        yield Definition(name=_("Not judged yet"), text=rule.later.of(_.language))
    yield Definition(name=_("What to do"), text=rule.remedy.of(_.language))
    yield Definition(name=_("Whose word"), text=", ".join(words.attested(_, each) for each in rule.attested_by))
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
