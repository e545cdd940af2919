"""The page of each rule, written from the rules themselves (`src/intendance/catalogue/rules/*.yaml`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from intendance.catalogue.rule import Bound, Language, Rule, Rulebook
from intendance.language import durations
from intendance.model.verdict import Attestor

Words = Mapping[Language, str]

_WRITTEN = "*Written by `docs/generate.py`; change `src/intendance/catalogue/rules/{family}.yaml`, not this page.*"
_SEVERITY: Mapping[str, Words] = {
    "blocking": {"en": "blocking", "fr": "bloquante"},
    "warning": {"en": "warning", "fr": "avertissement"},
    "duty": {"en": "duty", "fr": "échéance"},
}
_ATTESTORS: Mapping[Attestor, Words] = {
    Attestor.SELF: {"en": "the node itself", "fr": "le nœud lui-même"},
    Attestor.MANAGER: {"en": "the manager", "fr": "le gestionnaire de parc"},
    Attestor.DRILL_HOST: {"en": "another host", "fr": "un autre hôte"},
    Attestor.STORE: {"en": "the store", "fr": "le dépôt"},
    Attestor.PERSON: {"en": "a person", "fr": "une personne"},
}
_JUDGED: Mapping[str, Words] = {
    "node": {"en": "judged on the node", "fr": "jugée sur le nœud"},
    "fleet": {"en": "judged by the manager", "fr": "jugée par le gestionnaire de parc"},
}
_HEADINGS: Mapping[str, Words] = {
    "holds": {"en": "Holds when", "fr": "Elle tient quand"},
    "proof": {"en": "Proven by", "fr": "La preuve"},
    "breaks": {"en": "Breaks when", "fr": "Elle est rompue quand"},
    "bounds": {"en": "Bounds that no plan may loosen", "fr": "Bornes qu’aucun plan ne peut desserrer"},
    "remedy": {"en": "When it is broken", "fr": "Quand elle est rompue"},
    "reasons": {"en": "What it says", "fr": "Ce qu’elle dit"},
    "word": {"en": "Whose word counts", "fr": "Sur la parole de qui"},
    "waiver": {"en": "Waiver", "fr": "Dérogation"},
    "version": {"en": "In this version", "fr": "Dans cette version"},
    "source": {"en": "Comes from", "fr": "Source"},
}


def rule_page(rulebook: Rulebook, rule: Rule) -> str:
    """`docs/rules/MAINT_010.md`: the rule in English, then in French, then what judges it."""
    lines = [f"# {rule.id} · {rule.title.en}", "", _WRITTEN.format(family=rule.family), ""]
    lines += [*_in(rulebook, rule, "en"), "", f"## En français : {rule.title.fr}".replace(" :", "\u00a0:"), ""]
    lines += [*_in(rulebook, rule, "fr", level=3), "", "## What judges it", "", *_judging(rule)]
    return "\n".join(lines) + "\n"


def index_page(rulebook: Rulebook) -> str:
    """`docs/rules/README.md`: all rules."""
    lines = [
        "# The rules, one page each",
        "",
        "*Written by `docs/generate.py`.* How they are judged: [Rules](../rules.md).",
    ]
    lines += ["● judged by this version, ○ known, ◆ takes the word of another host."]
    for catalogue in dict.fromkeys(rule.catalogue for rule in rulebook.rules.values()):
        mine = [rule for rule in rulebook.rules.values() if rule.catalogue == catalogue]
        lines += ["", f"## {catalogue} ({len(mine)})", "", "| | | | |", "|---|---|---|---|"]
        lines += [_row(rule) for rule in mine]
    return "\n".join(lines) + "\n"


def _row(rule: Rule) -> str:
    sign = ("●" if rule.judged else "○") + (" ◆" if rule.independent else "")
    return f"| {sign} | [{rule.id}]({rule.id}.md) | {rule.title.en} | {rule.severity.value} |"


def _in(rulebook: Rulebook, rule: Rule, language: Language, level: int = 2) -> Iterator[str]:
    family = rulebook.families[rule.family].of(language)
    severity, judged = _SEVERITY[rule.severity.value][language], _JUDGED[rule.judged_by][language]
    yield f"{family} · **{severity}** · {judged} · `{rule.catalogue}`"
    yield from _section("holds", language, level, [rule.statement.of(language)])
    if rule.proof is not None:
        yield from _section("proof", language, level, [rule.proof.of(language)])
    yield from _section("breaks", language, level, [rule.breaks.of(language)])
    if rule.bounds:
        yield from _section("bounds", language, level, ["| | |", "|---|---|", *_bounds(rule.bounds, language)])
    remedy = [rule.remedy.of(language)]
    if rule.remedy.command is not None:
        remedy += ["", "```console", f"$ {rule.remedy.command.replace('{asset}', 'ASSET')}", "```"]
    yield from _section("remedy", language, level, remedy)
    yield from _section("version", language, level, [_version(rule, language)])
    yield from _section("word", language, level, [_word(rule, language)])
    yield from _section("waiver", language, level, [_waiver(rule, language)])
    yield from _section("source", language, level, [f"{rule.source.document}, *{rule.source.section}*."])
    if rule.reasons:
        yield from _section("reasons", language, level, list(_reasons(rulebook, rule, language)))


def _section(name: str, language: Language, level: int, content: Sequence[str]) -> Iterator[str]:
    yield from ("", f"{'#' * level} {_HEADINGS[name][language]}", "", *content)


def _bounds(bounds: Sequence[Bound], language: Language) -> Iterator[str]:
    for bound in bounds:
        value = bound.value
        if bound.seconds is not None and bound.count is None:
            value = durations.write(bound.seconds, language)
        least = {"en": "at least", "fr": "au moins"}[language]
        most = {"en": "at most", "fr": "au plus"}[language]
        yield f"| `{bound.quantity}` | {most if bound.stricter == 'smaller' else least} {value} |"


def _version(rule: Rule, language: Language) -> str:
    if not rule.judged:
        return {
            "en": "Known, not yet performed: it is listed, and never counted as holding.",
            "fr": "Connue, pas encore appliquée\u00a0: elle est listée, et jamais comptée comme tenue.",
        }[language]
    if rule.later is None:
        return {"en": "Judged in full.", "fr": "Jugée en entier."}[language]
    told = {"en": "Judged in part. Not yet: {part}.", "fr": "Jugée en partie. Pas encore\u00a0: {part}."}[language]
    return told.format(part=rule.later.of(language))


def _word(rule: Rule, language: Language) -> str:
    told = ", ".join(_ATTESTORS[each][language] for each in rule.attested_by)
    return f"{told[0].upper()}{told[1:]}."


def _waiver(rule: Rule, language: Language) -> str:
    if not rule.waivable:
        return {"en": "None is admitted.", "fr": "Aucune n’est admise."}[language]
    return {
        "en": f"For 90 days at most, by a contact of the plan: `intendance waiver grant {rule.id}`.",
        "fr": f"Pour 90\u00a0jours au plus, par un contact du plan\u00a0: `intendance waiver grant {rule.id}`.",
    }[language]


def _reasons(rulebook: Rulebook, rule: Rule, language: Language) -> Iterator[str]:
    for code, reason in rule.reasons.items():
        advice = rulebook.next_step(rule, code)
        command = "" if advice.command is None or reason.next is None else f" `{advice.command}`"
        then = "" if reason.next is None else f" → {advice.of(language)}{command}"
        yield f"- `{code}`: {reason.of(language)}{then}"


def _judging(rule: Rule) -> Iterator[str]:
    yield f"Applies to: {', '.join(f'`{each}`' for each in rule.applies_to)}."
    if rule.inventory:
        things = " and ".join(each.replace("_", " ") for each in rule.inventory)
        yield f"It must cover all {things} that the inventory finds."
    if rule.check is None:
        return
    yield f"Its check: `catalogue/checks/{rule.check.replace('.', '.py`, `')}`. What it reads:"
    yield ""
    for need in rule.needs:
        taken = {"latest": "the latest", "all": "all", "window": f"those of the last {need.days} days"}[need.take]
        yield f"- [`{need.kind}`](../evidence.md#{need.kind.replace('.', '')}): {taken}"
