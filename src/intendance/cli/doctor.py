"""`intendance doctor`: can this machine perform the plan, what is each thing needed for, and what mends it?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from intendance.agent.doctor.examine import Examination, examine
from intendance.cli.doctor_words import said
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Ink, Page, Words, page_for, width_of
from intendance.cli.plan import PLACES
from intendance.language import dates
from intendance.language.durations import FIXED_SPACE
from intendance.language.texts import Translator, translator
from intendance.model.diagnosis import Area, Condition, Finding
from intendance.model.errors import Exit

SHAPES: dict[Condition, tuple[str, Ink]] = {
    Condition.WRONG: ("✖", "fail"),
    Condition.MISSING: ("✖", "fail"),
    Condition.REMARK: ("◔", "soon"),
    Condition.OK: ("✔", "pass"),
}
AREAS: tuple[Area, ...] = ("plan", "machine", "programs", "state", "agent", "keys", "stores", "assets")
_IN_WORDS = frozenset({"plan", "state", "agent"})  # told by a sentence when all is well; the others as a list of names
_RULES_SHOWN = 4


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("doctor", help="Whether this machine can perform the plan, and what mends what it lacks.")(look)


def look(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="The answer for machines.")] = False,
) -> None:
    """Look at programs, settings, rights, keys, stores and state; change nothing. Exit 1: something is missing."""
    invocation: Invocation = context.obj
    examination = examine(invocation.state, invocation.clock, plan_file=invocation.plan, places=PLACES)
    if json:
        Output(as_json=True).json(as_json(examination))
    else:
        page = page_for(sys.stdout)
        draw(page, translator(invocation.language, "doctor", "doctor_words"), examination)
        page.write(sys.stdout)
    if examination.unfit:
        raise typer.Exit(Exit.FAILED)


def as_json(examination: Examination) -> dict[str, Any]:
    """The answer for machines."""
    english = translator("en")
    counts = {
        condition.value: sum(each.condition is condition for each in examination.findings) for condition in Condition
    }
    return {
        "schema": "intendance.doctor/1",
        "examined_at": dates.iso(examination.examined_at),
        "fit": not examination.unfit,
        "plan": {
            "origin": examination.origin,
            "file": None if examination.file is None else str(examination.file),
            "node": examination.node,
        },
        "summary": counts,
        "findings": [
            {
                "area": each.area,
                "subject": each.subject,
                "condition": each.condition.value,
                "code": each.code,
                "params": each.params,
                "because": _plain(said(english, each, examination.zone)),
                "engine": each.engine,
                "rules": list(each.rules),
                "mend": list(each.mend),
            }
            for each in examination.findings
        ],
    }


def _plain(sentences: Sequence[str]) -> str:
    return " ".join(sentences).replace(FIXED_SPACE, " ")


def draw(page: Page, _: Translator, examination: Examination) -> None:
    """The answer for people: fit or not, what stands in the way, remarks, and what is in order."""
    _answer(page, _, examination)
    _troubles(page, _, examination, examination.unfit)
    _troubles(page, _, examination, [each for each in examination.findings if each.condition is Condition.REMARK])
    _in_order(page, _, examination, [each for each in examination.findings if each.condition is Condition.OK])
    page.blank()
    moment = dates.moment(examination.examined_at, examination.zone, _.language, seconds=True)
    page.text((_("Looked at on {moment}; nothing was changed.").format(moment=moment), "quiet"))


def _answer(page: Page, _: Translator, examination: Examination) -> None:
    if examination.origin == "none":
        page.text((_("Could this machine perform a plan?"), "quiet"))
    elif examination.file is not None:
        told = _("Can this machine perform the plan {file}?").format(file=examination.file)
        page.text((told, "quiet"))
    else:
        page.text((_("Can {node} perform its plan?").format(node=examination.node), "quiet"))
    count = len(examination.unfit)
    if count:
        told = _.plural(
            "No. {n} thing that it needs is missing or wrong.",
            "No. {n} things that it needs are missing or wrong.",
            count,
        )
        page.text((told.format(n=count), "strong"))
    else:
        page.text((_("Yes: all that it needs is in order."), "strong"))


def _troubles(page: Page, _: Translator, examination: Examination, found: Sequence[Finding]) -> None:
    if not found:
        return
    page.blank()
    sign, ink = SHAPES[found[0].condition]
    if found[0].condition is Condition.REMARK:
        told = _.plural("{n} remark", "{n} remarks", len(found))
    else:
        told = _.plural("{n} missing or wrong", "{n} missing or wrong", len(found))
    page.text((f"{sign}{FIXED_SPACE}{told.format(n=len(found))}", ink))
    for each in sorted(found, key=lambda finding: AREAS.index(finding.area)):
        _trouble(page, _, examination, each)


def _trouble(page: Page, _: Translator, examination: Examination, finding: Finding) -> None:
    page.blank()
    left: tuple[Words, ...] = (
        (_area(_, finding.area), "quiet"),
        (f"{FIXED_SPACE}· ", "quiet"),
        (finding.subject, "strong"),
    )
    page.row(left, (_rules(_, finding.rules), "quiet"), indent=2, hang=4)
    for sentence in said(_, finding, examination.zone):
        page.text(sentence, indent=4)
    for line in finding.mend:
        page.command(line, indent=4)


def _rules(_: Translator, rules: Sequence[str]) -> str:
    """Which rules need it; a long list by its first ones and how many more."""
    if len(rules) <= _RULES_SHOWN:
        return " ".join(rules)
    shown = rules[: _RULES_SHOWN - 1]
    return _("{rules} and {n} more").format(rules=" ".join(shown), n=len(rules) - len(shown))


def _in_order(page: Page, _: Translator, examination: Examination, found: Sequence[Finding]) -> None:
    """Quietly, one paragraph for each area."""
    if not found:
        return
    page.blank()
    sign, ink = SHAPES[Condition.OK]
    told = _.plural("{n} in order", "{n} in order", len(found))
    page.text((f"{sign}{FIXED_SPACE}{told.format(n=len(found))}", ink))
    column = 2 + max(width_of(_area(_, area)) for area in AREAS) + 2
    for area in AREAS:
        mine = [each for each in found if each.area == area]
        if mine:
            name = _area(_, area)
            start = name + FIXED_SPACE * (column - 2 - width_of(name))
            page.text((start, "quiet"), _listed(_, examination, mine), indent=2, hang=column)


def _listed(_: Translator, examination: Examination, found: Iterable[Finding]) -> str:
    """What is in order of one area, in a line: `gpg 2.2.40, zstd 1.5.4`, or a sentence where a list would say less."""
    told = []
    for each in found:
        version = str(each.params.get("version", ""))
        if each.area in _IN_WORDS or not (version or each.area == "programs"):
            told.append(" ".join(said(_, each, examination.zone)))
        else:
            told.append(FIXED_SPACE.join((each.subject, version)).rstrip())
    sentences = [each for each in told if each.endswith(".")]
    names = [each for each in told if not each.endswith(".")]
    return " ".join(([", ".join(names) + "."] if names else []) + sentences)


def _area(_: Translator, area: Area) -> str:
    words: dict[Area, str] = {
        "plan": _("plan"),
        "machine": _("machine"),
        "programs": _("programs"),
        "state": _("state"),
        "agent": _("agent"),
        "keys": _("keys"),
        "stores": _("stores"),
        "assets": _("assets"),
    }
    return words[area]
