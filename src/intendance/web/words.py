"""Verdicts in words, as the pages say them. Never colour alone: each state has a shape and a word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from intendance.catalogue.rule import Rulebook
from intendance.language import durations, sizes
from intendance.language.sentences import render
from intendance.language.texts import Translator
from intendance.model.verdict import Attestor, Severity, State, Verdict
from intendance.system.shown import as_typed

SHAPES: Mapping[State, str] = MappingProxyType(
    {
        State.FAIL: "fail",
        State.ERROR: "error",
        State.UNKNOWN: "unknown",
        State.PENDING: "pending",
        State.WAIVED: "waived",
        State.PASS: "pass",
        State.NOT_APPLICABLE: "na",
    }
)
"""By state, the name of its shape and of its class in the sheet."""

_SHORT = 5


def kept(_: Translator, engine: str, subject: str) -> str:
    """What an asset is, where its record says it in English: databases and their server; a path is as it is."""
    databases, joint, server = subject.rpartition(" at ")
    if engine != "mariadb" or not joint:
        return subject
    named = _("all databases") if databases == "all databases" else databases
    return _("{databases} at {server}").format(databases=named, server=server)


def because(rulebook: Rulebook, verdict: Verdict, zone: str, _: Translator) -> str:
    """Why, in one or two sentences. What is lost is rounded up, what holds is rounded down."""
    rule = rulebook.rules[verdict.rule]
    template = rulebook.reason(rule, verdict.reason.code).of(_.language)
    up = verdict.state not in (State.PASS, State.PENDING)
    return render(template, verdict.reason.params, _.language, zone, up=up)


def command(rulebook: Rulebook, verdict: Verdict) -> str | None:
    """What to type on the node about a verdict that wants something done, if anything."""
    if verdict.state in (State.PASS, State.NOT_APPLICABLE):
        return None
    found = rulebook.next_step(rulebook.rules[verdict.rule], verdict.reason.code).command
    return None if found is None else found.replace("{asset}", as_typed(verdict.asset or "")).strip()


def advice(rulebook: Rulebook, verdict: Verdict, _: Translator) -> str:
    """What to do about a verdict, where there is nothing to type."""
    return rulebook.next_step(rulebook.rules[verdict.rule], verdict.reason.code).of(_.language)


def since(verdict: Verdict, now: datetime, _: Translator) -> str:
    """`for 3 d 4 h`: how long it has been so; what holds rounded down, what does not rounded up."""
    if verdict.since is None:
        return ""
    up = verdict.state in (State.FAIL, State.UNKNOWN, State.ERROR)
    told = length(now - verdict.since, _, up=up)
    text = _("for {length} at least") if verdict.since_at_least else _("for {length}")
    return text.format(length=told)


def ahead(at: datetime, now: datetime, _: Translator) -> str:
    """`in 4 d`: how long until something, rounded down."""
    return _("in {length}").format(length=length(at - now, _, up=False))


def length(span: timedelta, _: Translator, *, up: bool) -> str:
    """A length of time in its two largest units, and in one from a day on: nobody plans by the hour of next week."""
    seconds = span.total_seconds()
    whole = -int(-seconds // 1) if up else int(seconds)
    return durations.write(whole, _.language, up=up)


def word(_: Translator, state: State) -> str:
    """The word of a state."""
    words = {
        State.FAIL: _("broken"),
        State.ERROR: _("check failed"),
        State.UNKNOWN: _("unknown"),
        State.PENDING: _("not yet due"),
        State.WAIVED: _("waived"),
        State.PASS: _("holds"),
        State.NOT_APPLICABLE: _("not applicable"),
    }
    return words[state]


def counted(_: Translator, state: State, count: int) -> str:
    """`3 broken`: how many, in figures."""
    forms = {
        State.FAIL: _.plural("{n} broken", "{n} broken", count),
        State.ERROR: _.plural("{n} check failed", "{n} checks failed", count),
        State.UNKNOWN: _.plural("{n} unknown", "{n} unknown", count),
        State.PENDING: _.plural("{n} not yet due", "{n} not yet due", count),
        State.WAIVED: _.plural("{n} waived", "{n} waived", count),
        State.PASS: _.plural("{n} holds", "{n} hold", count),
        State.NOT_APPLICABLE: _.plural("{n} not applicable", "{n} not applicable", count),
    }
    return forms[state].format(n=sizes.number(count, _.language))


def severity(_: Translator, level: Severity) -> str:
    """The word for a severity."""
    words = {Severity.BLOCKING: _("blocking"), Severity.WARNING: _("warning"), Severity.DUTY: _("duty")}
    return words[level]


def attested(_: Translator, by: Attestor) -> str:
    """On whose word."""
    words = {
        Attestor.SELF: _("attested by the node itself"),
        Attestor.MANAGER: _("attested by the manager"),
        Attestor.DRILL_HOST: _("attested by another host"),
        Attestor.STORE: _("attested by the store"),
        Attestor.PERSON: _("attested by a person"),
    }
    return words[by]


def attestor(_: Translator, by: Attestor) -> str:
    """Whose word."""
    words = {
        Attestor.SELF: _("the node itself"),
        Attestor.MANAGER: _("the manager"),
        Attestor.DRILL_HOST: _("another host"),
        Attestor.STORE: _("the store"),
        Attestor.PERSON: _("a person"),
    }
    return words[by]


def spelt(_: Translator, count: int) -> str:
    """A small number in letters, as in a sentence; a larger one in figures."""
    letters = (
        _("none"),
        _("one"),
        _("two"),
        _("three"),
        _("four"),
        _("five"),
        _("six"),
        _("seven"),
        _("eight"),
        _("nine"),
        _("ten"),
    )
    return letters[count] if count < len(letters) else sizes.number(count, _.language)


def sentence(clause: str) -> str:
    """With a capital, as a sentence begins."""
    return clause[:1].upper() + clause[1:]


def shortened(name: str) -> str:
    """A word for the head of a narrow column."""
    return name if len(name) <= _SHORT else f"{name[: _SHORT - 1]}."


def together(found: Iterable[Verdict], rulebook: Rulebook, zone: str, _: Translator) -> list[list[Verdict]]:
    """Verdicts on one asset that share their reason, their command and since when: they are told once."""
    groups: dict[tuple[object, ...], list[Verdict]] = {}
    for each in found:
        why = because(rulebook, each, zone, _)
        key = (each.node, each.asset, each.state, each.severity, why, each.since, command(rulebook, each), each.excuse)
        groups.setdefault(key, []).append(each)
    return list(groups.values())
