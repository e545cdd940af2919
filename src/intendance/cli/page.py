"""A page of text on a terminal: ink, wrapping, and colour for status alone.

Drawn without rich, whose import alone would cost `status` a third of its time. Words are wrapped at ordinary spaces
only: a figure stays with its unit, a French colon with its word.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TextIO

from intendance.cli.output import columns as columns_of
from intendance.system.shown import bare, visible

Ink = Literal["plain", "strong", "quiet", "fail", "unknown", "soon", "pass"]
Words = tuple[str, Ink]

WIDEST = 100
NARROWEST = 40
_SGR: Mapping[Ink, str] = {
    "plain": "",
    "strong": "1",
    "quiet": "2",
    "fail": "1;31",
    "unknown": "1;35",
    "soon": "33",
    "pass": "32",
}
_ASCII = str.maketrans(
    {"✖": "x", "✔": "+", "◔": "o", "▸": ">", "·": "-", "–": "-", "—": "-", "…": "...", "●": "*", "○": "o"}
    | {"’": "'", "\u00a0": " ", "\u202f": " ", "«": '"', "»": '"', "“": '"', "”": '"', "◆": "*", "§": "section"}
)


@dataclass(slots=True)
class Page:
    """Lines as they will be printed, at one width. `colour` adds ANSI codes, `plain_ascii` does without other signs."""

    width: int
    colour: bool = False
    plain_ascii: bool = False
    lines: list[str] = field(default_factory=list)

    def blank(self) -> None:
        """An empty line; never two, never first."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def text(self, *spans: Words | str, indent: int = 0, hang: int | None = None) -> None:
        """A paragraph, wrapped; lines after the first stand at `hang` (default: `indent`)."""
        rest = indent if hang is None else hang
        for number, line in enumerate(_wrap(_words(spans), self.width - indent, self.width - rest)):
            self.lines.append(" " * (indent if number == 0 else rest) + "".join(self._ink(each) for each in line))

    def command(self, command: str, indent: int = 0) -> None:
        """A command to type, on a line of its own and never broken, so that it can be copied."""
        self.lines.append(" " * indent + self._ink(("▸ ", "quiet")) + self._ink((visible(command), "strong")))

    def row(self, left: Iterable[Words | str], right: Words, indent: int = 0, hang: int = 0) -> None:
        """A line with a remark at its right edge, or under it where there is no room."""
        spans = tuple(_pair(each) for each in left)
        right = _pair(right)
        used = indent + sum(width_of(text) for text, _ in spans)
        gap = self.width - used - width_of(right[0])
        if gap >= 2:
            self.lines.append(" " * indent + "".join(self._ink(each) for each in spans) + " " * gap + self._ink(right))
        else:
            self.text(*spans, indent=indent, hang=hang)
            self.text(right, indent=hang)

    def write(self, stream: TextIO) -> None:
        """Print the page."""
        text = "\n".join(line.rstrip() for line in self.lines).strip("\n")
        bare(stream).write(_plain(text) + "\n" if self.plain_ascii else text + "\n")

    def _ink(self, words: Words) -> str:
        text, ink = words
        code = _SGR[ink] if self.colour else ""
        return f"\033[{code}m{text}\033[0m" if code and text else text


def page_for(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Page:
    """A page as wide as the terminal, up to what reads well; in colour unless NO_COLOR is set or nobody would see."""
    terminal = stream.isatty() and environment.get("TERM") != "dumb"
    forced = environment.get("CLICOLOR_FORCE", "0") != "0" or bool(environment.get("FORCE_COLOR"))
    columns = _columns() if terminal else columns_of(environment, WIDEST)
    return Page(
        width=max(NARROWEST, min(WIDEST, columns)),
        colour=(terminal or forced) and not environment.get("NO_COLOR"),
        plain_ascii=not _can_write(stream, "✖◔▸é\u202f"),
    )


def _columns() -> int:
    import shutil  # for a terminal only: it brings every kind of archive with it

    return shutil.get_terminal_size((WIDEST, 24)).columns


@lru_cache(maxsize=4096)
def width_of(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def _can_write(stream: TextIO, signs: str) -> bool:
    try:
        signs.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.translate(_ASCII))
    return "".join(sign for sign in folded if not unicodedata.combining(sign)).encode("ascii", "replace").decode()


def _pair(span: Words | str) -> Words:
    """What is drawn, made visible: each word of a page passes here or `Page.command`."""
    return (visible(span), "plain") if isinstance(span, str) else (visible(span[0]), span[1])


def _words(spans: Iterable[Words | str]) -> list[list[Words]]:
    """Words between ordinary spaces; a word may hold several inks."""
    words: list[list[Words]] = [[]]
    for span in spans:
        text, ink = _pair(span)
        for number, piece in enumerate(text.split(" ")):
            if number:
                words.append([])
            if piece:
                words[-1].append((piece, ink))
    return [word for word in words if word]


def _wrap(words: list[list[Words]], first: int, rest: int) -> list[list[Words]]:
    lines: list[list[Words]] = [[]]
    used = 0
    for word in words:
        length = sum(width_of(text) for text, _ in word)
        room = first if len(lines) == 1 else rest
        if used and used + 1 + length > room:
            lines.append([])
            used = 0
        if used:
            lines[-1].append((" ", "plain"))
            used += 1
        lines[-1] += word
        used += length
    return lines
