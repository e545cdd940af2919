"""Which paths GNU tar's `--exclude` patterns leave out: unanchored, wildcards match `/` (its default). Pure.

Used to see whether a plan excludes one given path, and how much it excludes; tar itself is the one that does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_NEVER = "(?!)"
_CLASSES = {
    "alnum": "^\\W_", "alpha": "^\\W\\d_", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "^\\s\\x00-\\x1f\\x7f", "lower": "a-z", "print": "^\\x00-\\x1f\\x7f",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip

_MEMBER = re.compile(
    r"\[:(?P<named>\w+):\]|\[(?P<sign>[.=])(?P<alone>.)(?P=sign)\]|(?P<unknown>\[[.=])"
    r"|(?P<first>\\.|.)(?:-(?P<last>\\.|.))?",
    re.DOTALL,
)
"""One thing that a bracket holds: a class, `[.x.]`, what begins as that and is nothing, a character or a range."""


def leaves_out(patterns: Iterable[str], relative: str) -> bool:
    """Whether `relative` (a path below the asset's folder) or a folder above it matches one of the patterns."""
    parts = [".", *relative.split("/")]
    members = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    wanted = tuple(patterns)
    return any(matches(tail, pattern) for member in members for tail in _tails(member) for pattern in wanted)


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern of GNU tar matches all of a name."""
    return _read(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _read(pattern: str) -> re.Pattern[str]:
    """Each is asked of many paths."""
    return re.compile(expression(pattern), re.DOTALL)


def _tails(member: str) -> list[str]:
    """The member's name and what follows each of its slashes: an unanchored pattern may begin at any of them."""
    parts = member.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]


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
