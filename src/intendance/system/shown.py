"""Text for people as a terminal may safely get it: what would steer the terminal or turn a line round is shown instead.

Names of files, databases, nodes and stores come from whoever could create one.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO, cast

_CONTROLS = (*(code for code in range(0x20) if code not in {0x09, 0x0A}), *range(0x7F, 0xA0))
_OVERRIDES = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Bidirectional embeddings, overrides, isolates and marks: Unicode Standard Annex 9, 2.1 to 2.6."""

_VISIBLE: Mapping[int, str] = {code: f"\\x{code:02x}" for code in _CONTROLS} | {
    code: f"\\u{code:04x}" for code in _OVERRIDES
}
_TURNED: Mapping[int, str] = {code: f"\\u{code:04x}" for code in _OVERRIDES}
_IN_JSON: Mapping[int, str] = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), *_OVERRIDES)}


def visible(text: str) -> str:
    """The text with each control (but line feed and tab) and each bidirectional override as `\\x1b`, `\\u202e`."""
    return text.translate(_VISIBLE)


def unturned(text: str) -> str:
    """The text with each bidirectional override as `\\u202e`, for a page: browsers draw no other control."""
    return text.translate(_TURNED)


def as_typed(name: str) -> str:
    """A name as a command to type may hold it: one word for every shell, and nothing that steers a terminal when it is
    pasted. What is a name of ours stays as it is."""
    return shlex.quote(name.translate(_VISIBLE).replace("\n", "\\x0a").replace("\t", "\\x09")) if name else ""


def json_visible(document: str) -> str:
    """The same JSON document, with what JSON leaves as it is (DEL, C1, overrides) written as `\\u009b`."""
    return document.translate(_IN_JSON)


class ShownStream:
    """A stream for people: `write` shows what could steer a terminal; what is drawn goes to `bare`.

    It has no `buffer`: nothing gets past it.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write what may hold words of others. Raises OSError."""
        self.stream.write(text.translate(_VISIBLE))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each. Raises OSError."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name in {"buffer", "detach", "stream"}:
            raise AttributeError(name)
        return getattr(self.stream, name)


def shown(stream: TextIO) -> TextIO:
    """The stream, with everything that is written to it made visible."""
    return stream if isinstance(stream, ShownStream) else cast(TextIO, ShownStream(stream))


def bare(stream: TextIO) -> TextIO:
    """The stream beneath, for who draws words already made visible."""
    return stream.stream if isinstance(stream, ShownStream) else stream


def shield_streams() -> None:
    """From here on whatever this process writes to stdout and stderr is made visible."""
    if sys.stdout is not None:
        sys.stdout = shown(sys.stdout)
    if sys.stderr is not None:
        sys.stderr = shown(sys.stderr)
