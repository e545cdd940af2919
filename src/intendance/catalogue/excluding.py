"""Which paths GNU tar's `--exclude` patterns leave out: unanchored, wildcards match `/` (its default). Pure.

Used to see whether a plan excludes one given path; what a pattern excludes in a real tree is asked of tar itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "xdigit": "0-9a-fA-F",
    "space": " \t\n\r\f\v", "blank": " \t", "punct": "!-/:-@[-`{-~", "graph": "!-~", "print": " -~",
}  # fmt: skip
"""POSIX classes as ranges of ASCII; what GNU tar's pattern means for other letters depends on the locale."""


def leaves_out(patterns: Iterable[str], relative: str) -> bool:
    """Whether `relative` (a path below the asset's folder) or a folder above it matches one of the patterns."""
    parts = [".", *relative.split("/")]
    members = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    wanted = tuple(patterns)
    return any(matches(tail, pattern) for member in members for tail in _tails(member) for pattern in wanted)


def matches(name: str, pattern: str) -> bool:
    """Whether a pattern of GNU tar matches all of a name; `[^…]` and POSIX classes as fnmatch(3) reads them."""
    plain = re.sub(r"\[:([a-z]+):\]", lambda found: _CLASSES.get(found[1], found[0]), pattern.replace("[^", "[!"))
    return fnmatchcase(name, plain)


def _tails(member: str) -> list[str]:
    """The member's name and what follows each of its slashes: an unanchored pattern may begin at any of them."""
    parts = member.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]
