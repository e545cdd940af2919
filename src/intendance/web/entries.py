"""An entry of the register: what is not as it should be, why, since when, what to type and who answers for it."""

from __future__ import annotations

import re
from datetime import datetime

from intendance.fleet.alerts.owner import Owner
from intendance.fleet.verdicts.standing import Standing
from intendance.language import dates
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.model.verdict import Severity, State, Verdict
from intendance.web import addresses, words

_WORD = re.compile(r"--\S+ \"[^\"]*\"|\"[^\"]*\"|\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A rule as an entry names it."""

    title: str
    rule: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`shape` is a class of the sheet too; `command` holds words that no line may break inside."""

    shape: str
    word: str
    severity: str
    name: str
    href: str
    on: str
    on_href: str
    statements: tuple[Statement, ...]
    why: str
    command: tuple[str, ...]
    advice: str
    when: str
    who: str
    nobody: bool


def entry(standing: Standing, group: list[Verdict], _: Translator, *, light: bool = False) -> Entry:
    """The entry of verdicts that are told together."""
    first, book = group[0], standing.rulebook
    typed = words.command(book, first)
    owner = next((standing.owners[key] for key in map(_key, group) if key in standing.owners), None)
    wants = first.state in (State.FAIL, State.ERROR, State.UNKNOWN) and first.severity is not Severity.DUTY
    return Entry(
        shape="soon" if light and first.state is State.PASS else words.SHAPES[first.state],
        word=words.word(_, first.state),
        severity=words.severity(_, first.severity),
        name=first.asset or first.node,
        href=addresses.of(first.node, first.asset),
        on_href=addresses.node(first.node) if first.asset else "",
        on=_("on {node}").format(node=first.node) if first.asset else _("the node itself"),
        statements=tuple(
            Statement(title=book.rules[each.rule].title.of(_.language), rule=each.rule, href=addresses.rule(each.rule))
            for each in group
        ),
        why=words.because(book, first, standing.zone, _),
        command=split(typed) if typed else (),
        advice="" if typed or light else words.advice(book, first, _),
        when=_when(first, standing.judged_at, _, light=light),
        who=_who(standing, first, owner, _),
        nobody=wants and owner is None,
    )


def split(command: str) -> tuple[str, ...]:
    """A command's words; an option and what it is given in quotation marks are one."""
    return tuple(_WORD.findall(command))


def _key(verdict: Verdict) -> tuple[str, str, str | None]:
    return verdict.rule, verdict.node, verdict.asset


def _when(verdict: Verdict, now: datetime, _: Translator, *, light: bool) -> str:
    if verdict.next_change_at is not None and (light or verdict.state is State.PENDING):
        return words.ahead(verdict.next_change_at, now, _)
    if verdict.excuse is not None:
        return words.ahead(verdict.excuse.ends_at, now, _)
    return words.since(verdict, now, _)


def _who(standing: Standing, verdict: Verdict, owner: Owner | None, _: Translator) -> str:
    if verdict.excuse is not None:
        told = _("waived by {person}: {reason}")
        return told.format(person=verdict.excuse.granter, reason=verdict.excuse.reason)
    if owner is None:
        return ""
    if owner.until is None:
        return owner.person
    until = dates.moment(owner.until, standing.zone, _.language)
    return _("{person}, until {moment}").format(person=owner.person, moment=until)
