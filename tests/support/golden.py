"""Files that hold, word for word, what the product says to people and to machines.

After a change that is meant, `GOLDEN=write ./dev sh -- pytest …` writes them again, to be read before they are
committed.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def expect(path: Path, said: str) -> None:
    """Fails with the difference where what is said is not what the file holds."""
    if os.environ.get("GOLDEN") == "write" and not os.environ.get("CI"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said, encoding="utf-8")
    if not path.exists():
        raise AssertionError(f"{path} does not exist; what was said:\n{said}")
    held = path.read_text(encoding="utf-8")
    if said != held:
        before, after = (each.splitlines(keepends=True) for each in (held, said))
        raise AssertionError("".join(["\n", *difflib.unified_diff(before, after, str(path), "what is said")]))


def expect_json(path: Path, answer: Any, *, indent: int = 2) -> None:
    """The same of an answer for machines."""
    expect(path, json.dumps(answer, ensure_ascii=False, indent=indent) + "\n")


def text(lines: Iterable[str]) -> str:
    """The lines as a file holds them: without the blanks that a terminal does not show."""
    return "\n".join(line.rstrip() for line in lines) + "\n"
