"""Exclude patterns as GNU tar reads them: shell patterns whose `*` matches slashes too, tried at every depth. Pure.

tar itself excludes by them; this is for telling beforehand what they leave out (GNU tar manual, "Problems with Using
the exclude Options" and "Controlling Pattern-Matching": not anchored, wildcards match `/`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_NEVER = "(?!)"
_CLASSES = {
    "alnum": "^\\W_", "alpha": "^\\W\\d_", "blank": " \\t", "digit": "0-9", "lower": "a-z", "punct": "!-/:-@\\[-`{-~",
    "space": "\\s", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip

_MEMBER = re.compile(
    r"\[:(?P<named>\w+):\]|\[(?P<sign>[.=])(?P<alone>.)(?P=sign)\]|(?P<unknown>\[[.=])"
    r"|(?P<first>\\.|.)(?:-(?P<last>\\.|.))?",
    re.DOTALL,
)
"""One thing that a bracket holds: a class, `[.x.]`, what begins as that and is nothing, a character or a range."""


class Excludes:
    """A set of patterns; `match(path)` takes a path relative to the tree, as `./a/b`."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        joined = "|".join(map(expression, patterns))
        # The pattern may begin at the start of the name or after any slash that another slash does not follow.
        self._compiled = re.compile(rf"(?:.*/(?!/))?(?:{joined})", re.DOTALL) if patterns else None

    def match(self, path: str) -> bool:
        """Whether tar leaves this file, or this folder and all below it, out."""
        return self._compiled is not None and self._compiled.fullmatch(path) is not None

    def idle(self) -> tuple[str, ...]:
        """Patterns that can never match, because tar's names of folders end without a slash."""
        return tuple(pattern for pattern in self.patterns if pattern.endswith("/") and not pattern.endswith("\\/"))


def expression(pattern: str) -> str:
    """A shell pattern as a regular expression."""
    out = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            out.append(".*")
        elif character == "?":
            out.append(".")
        elif character == "\\" and position < len(pattern):
            out.append(re.escape(pattern[position]))
            position += 1
        elif character == "\\" and _has_wildcards(pattern):
            out.append(_NEVER)  # nothing follows that it could quote: such a pattern matches nothing
        elif character == "[" and (end := _bracket_end(pattern, position)) > 0:
            out.append(_bracket(pattern[position:end]))
            position = end + 1
        else:
            out.append(re.escape(character))
    return "".join(out)


def _has_wildcards(pattern: str) -> bool:
    return re.search(r"(?<!\\)(?:\\\\)*[*?\[]", pattern) is not None


def _bracket_end(pattern: str, start: int) -> int:
    """Where the bracket that opened before `start` closes; -1 when it never does and is an ordinary character."""
    position = start + (pattern[start : start + 1] in ("!", "^"))
    position += pattern[position : position + 1] == "]"
    while position < len(pattern) and pattern[position] != "]":
        if pattern.startswith("[:", position):
            closing = pattern.find(":]", position + 2)
            position = closing + 1 if closing >= 0 else position
        elif pattern.startswith(("[.", "[="), position):
            closing = pattern.find(f"{pattern[position + 1]}]", position + 2)
            if closing < 0:
                return len(pattern)
            position = closing + 1
        elif pattern[position] == "\\":
            position += 1  # what it quotes closes nothing
        position += 1
    return position if position < len(pattern) else -1


def _bracket(inside: str) -> str:
    negated = inside[:1] in ("!", "^")
    members = list(_MEMBER.finditer(inside[negated:]))
    if any(each["unknown"] for each in members):
        return _NEVER  # nor does tar match anything then
    joined = "|".join(filter(None, map(_member, members))) or _NEVER
    return f"(?!{joined})." if negated else f"(?:{joined})"


def _member(found: re.Match[str]) -> str:
    """As a regular expression; empty for a class that is none and for a range that runs backwards."""
    if found["named"]:
        return f"[{_CLASSES[found['named']]}]" if found["named"] in _CLASSES else ""
    first, last = found["alone"] or found["first"][-1], (found["last"] or "")[-1:]
    if not last:
        return re.escape(first)
    return f"[{re.escape(first)}-{re.escape(last)}]" if first <= last else ""
