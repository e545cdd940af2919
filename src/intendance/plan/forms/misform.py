"""What is wrong with a text, and which known word was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from intendance.model.frozen import dataclass
from intendance.plan.saying import Said


@dataclass(frozen=True, slots=True)
class Misform:
    """What is wrong with a text, as the rest of a sentence, and what to write instead."""

    code: str
    message: Said
    fix: Said


Form = Callable[[str], Misform | None]


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    import difflib  # only when something is wrong

    folded = {name.lower().replace("_", "-"): name for name in known}
    found = difflib.get_close_matches(word.lower().replace("_", "-"), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None
