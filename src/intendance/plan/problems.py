"""What is wrong with a plan: faults say which option, problems say where in the file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from intendance.language.texts import Language, translator
from intendance.model.frozen import dataclass
from intendance.plan.saying import DOMAIN, Said

Step = str | int
OptionPath = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong at one option. `fix` is what to write instead; `at` tells which of name and value to point at.

    `code` names the kind of fault for machines. `secret`: the value may be a secret, so neither it nor the line that
    holds it is shown.
    """

    path: OptionPath
    code: str
    message: Said
    fix: Said
    at: Literal["name", "value"] = "value"
    rule: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault with its place: `line` and `column` from 1, `source` the line as it may be shown (secrets masked).

    `nodes` names those of a fleet that have it, where not all have.
    """

    file: str
    line: int
    column: int
    path: str
    code: str
    said: Said
    remedy: Said
    rule: str | None = None
    nodes: tuple[str, ...] = ()
    source: str = ""

    @property
    def message(self) -> str:
        """What is wrong, in English."""
        return str(self.said)

    @property
    def fix(self) -> str:
        """What to write instead, in English."""
        return str(self.remedy)


@dataclass(frozen=True, slots=True)
class InARow:
    """Problems told within another sentence, each with its option where it is about one; in English as a text."""

    problems: tuple[Problem, ...]

    def tell(self, language: Language) -> str:
        """The same in a language."""
        _ = translator(language, DOMAIN)
        within, between = {"fr": ("\u00a0: ", "\u202f; "), "en": (": ", "; ")}[language]
        return between.join(within.join(filter(None, (each.path, each.said.write(_)))) for each in self.problems)

    def __str__(self) -> str:
        return self.tell("en")


def dotted(path: Sequence[Step]) -> str:
    """`assets.crud-db.backup.stores[0]`: an option's place as people write it; empty for the whole file."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            words += f".{step}" if words else step
    return words
