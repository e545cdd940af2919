"""The bounds that a plan must keep: for a quantity, the strictest among the rules of its catalogues. Pure.

Figures are those of the rules themselves (`catalogue/rules/*.yaml`); none is written here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from intendance.catalogue.rule import Bound, Rule, Rulebook
from intendance.model.frozen import dataclass
from intendance.plan import durations

_WORDS = {
    "weekly": durations.WEEK,
    "monthly": 31 * durations.DAY,
    "quarterly": 92 * durations.DAY,
    "yearly": durations.YEAR,
}
"""The longest month, three of the longest months in a row, a leap year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A bound with the rule that sets it, and its value as a number: seconds, per cent or a count."""

    rule: Rule
    bound: Bound
    value: float

    def allows(self, value: float) -> bool:
        """Whether a value of the same unit is as strict as the bound, or stricter."""
        return value <= self.value if self.bound.stricter == "smaller" else value >= self.value


def measure(written: object) -> float | None:
    """A value of a plan or a bound as a number: a length of time in seconds, a share in per cent, or a count.

    None for what is none of these.
    """
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        return None
    return _measured(str(written).strip())


@lru_cache(maxsize=512)
def _measured(text: str) -> float | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s?(%|ms)?", text, re.ASCII)
    if found:
        return float(found[1]) / (1000 if found[2] == "ms" else 1)
    if text in _WORDS:
        return float(_WORDS[text])
    try:
        return float(durations.parse(text))
    except ValueError:
        return None


def limit(rulebook: Rulebook, catalogues: Collection[str], quantity: str, kind: str | None = None) -> Limit | None:
    """The strictest bound on a quantity for a kind of asset (None: for the node); None when no rule has one."""
    return min(_limits(rulebook, catalogues, quantity, kind), key=_strictness, default=None)


def _limits(rulebook: Rulebook, catalogues: Collection[str], quantity: str, kind: str | None) -> Iterator[Limit]:
    for rule in rulebook.rules.values():
        for bound in rule.bounds:
            if bound.quantity != quantity or rule.catalogue not in catalogues:
                continue
            value = measure(bound.value) if kind is None or kind in rule.applies_to else None
            if value is not None:
                yield Limit(rule=rule, bound=bound, value=value)


def _strictness(found: Limit) -> float:
    return found.value if found.bound.stricter == "smaller" else -found.value
