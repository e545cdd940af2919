"""`intendance rules`: the list of the rules, and each in full."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from intendance.api.shapes import rule_shown
from intendance.catalogue import quantities
from intendance.catalogue.load import load
from intendance.catalogue.rule import Bound, Rule, Rulebook
from intendance.cli import verdicts
from intendance.cli.output import Invocation, Output
from intendance.cli.page import Page, page_for
from intendance.language import durations
from intendance.language.durations import FIXED_SPACE
from intendance.language.texts import Translator, translator
from intendance.model.errors.catalogue import CatalogueUnknown
from intendance.model.verdict import Attestor

Json = Annotated[bool, typer.Option("--json", help="The answer for machines.")]


def register(root: typer.Typer) -> None:
    """Add the noun."""
    noun = typer.Typer(help="List the rules and read one in full.", no_args_is_help=True)
    noun.command("list")(list_)
    noun.command()(show)
    root.add_typer(noun, name="rules")


def list_(
    context: typer.Context,
    catalogue: Annotated[str | None, typer.Option(help="Only this one: maint or asbl.")] = None,
    json: Json = False,
) -> None:
    """List the rules of both catalogues, by family."""
    invocation: Invocation = context.obj
    rulebook = load()
    if catalogue is not None and catalogue not in {rule.catalogue for rule in rulebook.rules.values()}:
        raise CatalogueUnknown(catalogue=catalogue)
    chosen = [rule for rule in rulebook.rules.values() if catalogue in (None, rule.catalogue)]
    if json:
        Output(as_json=True).json(
            {"schema": "intendance.rules/1", "rules": [rule_json(rulebook, rule) for rule in chosen]}
        )
        return
    page = page_for(sys.stdout)
    draw_list(page, translator(invocation.language, "rules", "verdicts"), rulebook, chosen)
    page.write(sys.stdout)


def show(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="The rule's id, for example MAINT_010.")],
    json: Json = False,
) -> None:
    """Show one rule: what it asks, what proves it, when it breaks, what to do then."""
    invocation: Invocation = context.obj
    rulebook = load()
    found = rulebook.find(rule)
    if json:
        Output(as_json=True).json({"schema": "intendance.rule/1", "rule": rule_json(rulebook, found)})
        return
    page = page_for(sys.stdout)
    draw_rule(page, translator(invocation.language, "rules", "verdicts"), rulebook, found)
    page.write(sys.stdout)


def rule_json(rulebook: Rulebook, rule: Rule) -> dict[str, Any]:
    """One rule for machines, its texts in both languages."""
    shown: dict[str, Any] = to_builtins(rule_shown(rulebook, rule))
    return shown


def draw_list(page: Page, _: Translator, rulebook: Rulebook, chosen: list[Rule]) -> None:
    """The rules by catalogue and family; a filled sign before those that this version judges."""
    for catalogue in dict.fromkeys(rule.catalogue for rule in chosen):
        mine = [rule for rule in chosen if rule.catalogue == catalogue]
        judged = sum(rule.judged for rule in mine)
        page.blank()
        counted = _.plural("{n} rule", "{n} rules", len(mine)).format(n=len(mine))
        told = _.plural("{n} judged by this version", "{n} judged by this version", judged).format(n=judged)
        page.text((catalogue, "strong"), f" · {counted}, {told}")
        for family in dict.fromkeys(rule.family for rule in mine):
            page.blank()
            page.text((rulebook.families[family].of(_.language), "strong"), indent=2)
            for rule in (each for each in mine if each.family == family):
                _list_line(page, _, rule)
    page.blank()
    legend = (_("● judged by this version"), _("○ known, not yet performed"), _("◆ takes the word of another host"))
    page.text(("   ".join(each.replace(" ", FIXED_SPACE) for each in legend), "quiet"))
    page.text((_("Read one in full:"), "quiet"), " intendance rules show MAINT_010")


def _list_line(page: Page, _: Translator, rule: Rule) -> None:
    sign = "●" if rule.judged else "○"
    mark = "◆" if rule.independent else FIXED_SPACE
    ident = f"{sign}{FIXED_SPACE}{rule.id}{FIXED_SPACE}{mark}{FIXED_SPACE}"
    page.row(((ident, "quiet"), rule.title.of(_.language)), (verdicts.severity(_, rule.severity), "quiet"), 2, 16)


def draw_rule(page: Page, _: Translator, rulebook: Rulebook, rule: Rule) -> None:
    """One rule as a page of a manual."""
    page.text((rule.title.of(_.language), "strong"))
    page.text((" · ".join(_marks(_, rulebook, rule)), "quiet"))
    _section(page, _("Holds when"), rule.statement.of(_.language))
    if rule.proof is not None:
        _section(page, _("Proven by"), rule.proof.of(_.language))
    _section(page, _("Breaks when"), rule.breaks.of(_.language))
    if rule.bounds:
        page.blank()
        page.text((_("Bounds that no plan may loosen"), "strong"))
        named = [(quantities.name(bound.quantity, _.language), bound) for bound in rule.bounds]
        widest = max(len(name) for name, _bounded in named)
        for name, bound in named:
            page.text(f"{name}{FIXED_SPACE * (widest - len(name) + 2)}{_bound(_, bound)}", indent=4)
    _section(page, _("Applies to"), ", ".join(_subjects(_)[each] for each in rule.applies_to))
    _section(page, _("In this version"), _performed(_, rule))
    _section(page, _("When it is broken"), rule.remedy.of(_.language))
    if rule.remedy.command is not None:
        page.command(rule.remedy.command.replace("{asset}", _("ASSET")), indent=4)
    _section(page, _("Whose word counts"), ", ".join(_attestors(_)[each] for each in rule.attested_by))
    _section(page, _("May it be waived?"), _waiver(_, rule))
    _section(page, _("Comes from"), str(rule.source))
    if rule.performed:
        page.blank()
        page.text((_("How it stands on this node:"), "quiet"))
        page.command(f"intendance status --rule {rule.id}", indent=4)


def _section(page: Page, heading: str, text: str) -> None:
    page.blank()
    page.text((heading, "strong"))
    page.text(text, indent=4)


def _marks(_: Translator, rulebook: Rulebook, rule: Rule) -> list[str]:
    judged = _("judged by the manager") if rule.judged_by == "fleet" else _("judged on the node")
    marks = [rule.id, rulebook.families[rule.family].of(_.language), verdicts.severity(_, rule.severity), judged]
    return [*marks, _("◆ takes the word of another host")] if rule.independent else marks


def _bound(_: Translator, bound: Bound) -> str:
    value = bound.value
    if bound.seconds is not None and bound.count is None:
        value = durations.write(bound.seconds, _.language)
    elif bound.value.endswith("%") and _.language == "fr":
        value = f"{bound.value[:-1].replace('.', ',')}{FIXED_SPACE}%"
    told = _("at most {value}") if bound.stricter == "smaller" else _("at least {value}")
    return told.format(value=value)


def _performed(_: Translator, rule: Rule) -> str:
    if not rule.judged:
        return _("Known, not yet performed: it is listed, and never counted as holding.")
    if rule.later is None:
        return _("Judged in full.")
    return _("Judged in part. Not yet: {parts}.").format(parts=rule.later.of(_.language))


def _waiver(_: Translator, rule: Rule) -> str:
    if not rule.waivable:
        return _("Never.")
    return _("For 90 days at most, by a contact of the plan, with a reason and a ticket; a second renewal by another.")


def _attestors(_: Translator) -> dict[Attestor, str]:
    return {
        Attestor.SELF: _("the node's own"),
        Attestor.MANAGER: _("the manager's"),
        Attestor.DRILL_HOST: _("another host's"),
        Attestor.STORE: _("the store's"),
        Attestor.PERSON: _("a person's"),
    }


def _subjects(_: Translator) -> dict[str, str]:
    return {
        "node": _("the node itself"),
        "mariadb": "MariaDB",
        "postgresql": "PostgreSQL",
        "sqlite": "SQLite",
        "files": _("files"),
        "certificate": _("certificates"),
        "secret": _("secrets"),
        "image": _("images"),
        "log": _("logs"),
        "service": _("services"),
        "site": _("sites"),
    }
