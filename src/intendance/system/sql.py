"""SQL kept in files of its own: `-- name: submit` begins a statement, which runs to the next name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_NAME = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


def read_statements(path: Path) -> Mapping[str, str]:
    """The statements of one file by their names. Raises FileNotFoundError when the installation is incomplete."""
    pieces = _NAME.split(path.read_text(encoding="utf-8"))
    return MappingProxyType({name: text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)})
