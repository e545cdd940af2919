"""What is wrong with a plan: faults say which option, problems say where in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Step = str | int
OptionPath = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something wrong at one option. `fix` is what to write instead; `at` tells which of name and value to point at.

    `secret`: the value may be a secret, so neither it nor the line that holds it is shown.
    """

    path: OptionPath
    message: str
    fix: str
    at: Literal["name", "value"] = "value"
    rule: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A fault with its place: `line` and `column` from 1, `source` the line as it may be shown (secrets masked)."""

    file: str
    line: int
    column: int
    path: str
    message: str
    fix: str
    rule: str | None = None
    source: str = ""


def dotted(path: Sequence[Step]) -> str:
    """`assets.crud-db.backup.stores[0]`: an option's place as people write it; empty for the whole file."""
    words = ""
    for step in path:
        if isinstance(step, int):
            words += f"[{step}]"
        else:
            words += f".{step}" if words else step
    return words
