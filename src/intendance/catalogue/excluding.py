"""Which paths GNU tar's `--exclude` patterns leave out: unanchored, wildcards match `/` (its default). Pure.

Used to see whether a plan excludes one given path; what a pattern excludes in a real tree is asked of tar itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase


def leaves_out(patterns: Iterable[str], relative: str) -> bool:
    """Whether `relative` (a path below the asset's folder) or a folder above it matches one of the patterns."""
    parts = [".", *relative.split("/")]
    members = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    wanted = tuple(patterns)
    return any(fnmatchcase(tail, pattern) for member in members for tail in _tails(member) for pattern in wanted)


def _tails(member: str) -> list[str]:
    """The member's name and what follows each of its slashes: an unanchored pattern may begin at any of them."""
    parts = member.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]
