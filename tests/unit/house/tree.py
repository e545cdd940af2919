"""The files of the project, as the rules of the house see them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_NOT_OURS = {"__pycache__", "dist", "build"}


def files(*suffixes: str) -> Iterator[Path]:
    """Every file of the project with one of these endings (none given: all), relative to its root, in order."""
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = sorted(n for n in subfolders if n == ".ci" or not (n.startswith(".") or n in _NOT_OURS))
        for name in sorted(names):
            if not suffixes or name.endswith(suffixes):
                yield (Path(folder) / name).relative_to(ROOT)


def text(path: Path) -> str:
    """The file's text; what is no UTF-8 is replaced, for such files are looked through, not read."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")
