"""A rule as frozen data: what its YAML entry becomes. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from functools import cache
from typing import Literal

from intendance.model.errors.catalogue import RuleUnknown
from intendance.model.frozen import dataclass
from intendance.model.plan import Catalogue
from intendance.model.verdict import Attestor, Severity

Language = Literal["fr", "en"]
JudgedBy = Literal["node", "fleet"]
Stricter = Literal["smaller", "larger"]
Take = Literal["latest", "window", "all"]
Found = Literal["databases", "web_roots"]
Group = Literal["data", "intrusion", "paperwork"]
Subject = Literal[
    "node", "mariadb", "postgresql", "sqlite", "files", "certificate", "secret", "image", "log", "service", "site"
]

_LENGTH = re.compile(r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h(?P<hm>[0-5]\d)?)?(?:(?P<min>\d+)min)?(?:(?P<s>\d+)s)?", re.ASCII)
_FACTORS = {"d": 86_400, "h": 3600, "hm": 60, "min": 60, "s": 1}


@cache
def _seconds(value: str) -> int | None:
    found = _LENGTH.fullmatch(value)
    if found is None or not value:
        return None
    return sum(_FACTORS[unit] * int(amount) for unit, amount in found.groupdict().items() if amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text in both languages."""

    en: str
    fr: str

    def of(self, language: Language) -> str:
        """The text in one language."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Next(Text):
    """What to do: a sentence, and the command to type where there is one (`{asset}` stands for the asset's name)."""

    command: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonText(Text):
    """The sentence of a reason code, with named parameters; `next` replaces the rule's remedy for this reason."""

    next: Next | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A limit that no plan may loosen. `value` is a length of time (`26h30`, `90d`), a share (`99%`) or a count."""

    quantity: str
    value: str
    stricter: Stricter

    @property
    def seconds(self) -> int | None:
        """The value in seconds, or None when it is no length of time in whole seconds."""
        return _seconds(self.value)

    @property
    def count(self) -> int | None:
        """The value as a whole number, or None when it is none."""
        return int(self.value) if self.value.isascii() and self.value.isdigit() else None

    @property
    def permille(self) -> int | None:
        """The value in thousandths, or None when it is no share."""
        return round(float(self.value[:-1]) * 10) if self.value.endswith("%") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a rule comes from: the title of the document, and of its section as it stands there."""

    document: str
    section: str

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Facts that a check reads: the latest of a kind, those of the last `days`, or all."""

    kind: str
    take: Take
    days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """An invariant.

    `group`: what is at stake where it is broken, `data` (losing data or the service), `intrusion`, or `paperwork`.
    `attested_by`: whose word its verdict may rest on. `waivable`: whether a waiver may excuse it for a while.
    `inventory`: what the inventory finds on the node that the rule must cover. `check` names the function that judges
    it (`module.function` of `checks/`); without one this version does not perform the rule. `later` says which parts
    of a performed rule this version does not judge.
    """

    id: str
    catalogue: Catalogue
    family: str
    group: Group
    title: Text
    severity: Severity
    judged_by: JudgedBy
    applies_to: tuple[Subject, ...]
    statement: Text
    breaks: Text
    remedy: Next
    source: Source
    attested_by: tuple[Attestor, ...]
    waivable: bool = True
    inventory: tuple[Found, ...] = ()
    bounds: tuple[Bound, ...] = ()
    proof: Text | None = None
    check: str | None = None
    later: Text | None = None
    needs: tuple[Need, ...] = ()
    reasons: Mapping[str, ReasonText] = field(default_factory=dict)

    @property
    def independent(self) -> bool:
        """Whether it takes the word of somebody other than the judged node; under `asbl` a node's own word is told."""
        return self.catalogue == "maint" and Attestor.SELF not in self.attested_by

    @property
    def performed(self) -> bool:
        """Whether this version judges it on a node, by the node's evidence."""
        return self.check is not None and self.judged_by == "node"

    @property
    def judged(self) -> bool:
        """Whether this version judges it, on the node or on the manager."""
        return self.check is not None

    def seconds(self, quantity: str) -> int:
        """The bound on a quantity, in seconds. Raises KeyError when the rule has none."""
        for bound in self.bounds:
            if bound.quantity == quantity and bound.seconds is not None:
                return bound.seconds
        raise KeyError(quantity)

    def count(self, quantity: str) -> int:
        """The bound on a quantity, as a whole number. Raises KeyError when the rule has none."""
        for bound in self.bounds:
            if bound.quantity == quantity and bound.count is not None:
                return bound.count
        raise KeyError(quantity)

    def permille(self, quantity: str) -> int:
        """The bound on a quantity, in thousandths. Raises KeyError when the rule has none."""
        for bound in self.bounds:
            if bound.quantity == quantity and bound.permille is not None:
                return bound.permille
        raise KeyError(quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rulebook:
    """All rules by id, in the order of the catalogues; `common` are reasons that any verdict may have."""

    rules: Mapping[str, Rule]
    families: Mapping[str, Text]
    common: Mapping[str, ReasonText]

    def find(self, name: str) -> Rule:
        """The rule of that id, written in either case. Raises RuleUnknown."""
        wanted = name.upper().replace("-", "_")
        if wanted in self.rules:
            return self.rules[wanted]
        from difflib import get_close_matches  # only for what is misspelt

        close = get_close_matches(wanted, self.rules, n=1, cutoff=0.85)
        raise RuleUnknown(rule=name, suggestion=f"; the nearest is {close[0]}" if close else "")

    def reason(self, rule: Rule, code: str) -> ReasonText:
        """The text of a reason of this rule. Raises KeyError when neither the rule nor the engine has it."""
        return rule.reasons[code] if code in rule.reasons else self.common[code]

    def next_step(self, rule: Rule, code: str) -> Next:
        """What to do about a reason of this rule: the reason's own advice, else the rule's remedy."""
        return self.reason(rule, code).next or rule.remedy
