"""Exclude patterns as GNU tar reads them: shell patterns whose `*` matches slashes too, tried at every depth. Pure.

tar itself excludes by them; this is for telling beforehand what they leave out (GNU tar manual, "Problems with Using
the exclude Options" and "Controlling Pattern-Matching": not anchored, wildcards match `/`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from intendance.catalogue.excluding import expression


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
