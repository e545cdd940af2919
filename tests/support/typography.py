"""French typography, as people expect it: what is wrong with a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

_CODE = re.compile(r"`[^`]*`|\{[^}]*\}|intendance [a-z -]+|[a-z0-9]+://\S+")
_RULES = {
    "U+202F before ; ! ?": re.compile(r"(?<![\u202f`])[;!?]"),
    "U+00A0 before a colon": re.compile(r"(?<![\u00a0\d]):(?!\d)"),
    "U+00A0 inside « »": re.compile(r"«(?!\u00a0)|(?<!\u00a0)»"),
    "’ for an apostrophe": re.compile(r"\w'\w?"),
    "one sign for …": re.compile(r"\.\.\."),
    "« » for quotation marks": re.compile(r"[\"“”]"),
    "U+00A0 before %": re.compile(r"(?<![\u00a0\u202f])%"),
    "no double space": re.compile(r"  "),
}


def french_faults(text: str) -> Iterator[str]:
    """The rules that a French text breaks; what stands in code is left out."""
    prose = _CODE.sub("x", text)
    for name, pattern in _RULES.items():
        if pattern.search(prose):
            yield f"{name}: {text!r}"
