"""What a page says, line by line, as somebody reads it: its words, and the shapes by name."""

from __future__ import annotations

from html.parser import HTMLParser

_ENDS_A_LINE = frozenset({"p", "li", "h1", "h2", "h3", "tr", "section", "table", "title", "dt", "dd", "a", "option"})
_PARTS = frozenset({"span", "code", "button"})
_SILENT = frozenset({"script", "style"})


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        named = dict(attrs)
        if tag == "a" and named.get("aria-label"):
            self._say(f"[{named['aria-label']}]")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        if tag in _ENDS_A_LINE and self.lines[-1].strip():
            self.lines.append("")
        elif tag in _PARTS:
            self._say(" ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._say(data)

    def _say(self, text: str) -> None:
        kept = text.replace("\n", " ")
        self.lines[-1] += kept


def readable(page: str) -> list[str]:
    """The lines of a page; fixed spaces stay what they are."""
    reader = _Reader()
    reader.feed(page)
    lines = (" ".join(part for part in line.split(" ") if part) for line in reader.lines)
    return [line for line in lines if line]
