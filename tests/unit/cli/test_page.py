"""Pages on a terminal: width, ink, and signs that a terminal may not have."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.cli.page import NARROWEST, WIDEST, Page, page_for, width_of


class _Terminal(io.TextIOWrapper):
    def __init__(self, encoding: str = "utf-8", *, tty: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty

    def said(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined, no-any-return]


@given(st.lists(st.text(alphabet="ab\u00a0é中", max_size=30)), st.integers(NARROWEST, WIDEST), st.integers(0, 6))
def test_lines_fit_and_no_word_is_lost(words: list[str], width: int, indent: int) -> None:
    page = Page(width=width)
    text = " ".join(words)
    page.text(text, indent=indent)
    assert " ".join(page.lines).split() == text.split()
    longest = max((width_of(word) for word in text.split(" ")), default=0)
    assert all(width_of(line) <= max(width, indent + longest) for line in page.lines)


def test_a_line_never_ends_between_a_figure_and_its_unit() -> None:
    page = Page(width=40)
    page.text("x" * 34 + " 26\u00a0h\u00a030 and more")
    assert page.lines == ["x" * 34, "26\u00a0h\u00a030 and more"]


def test_ink_is_put_on_words_and_takes_no_room() -> None:
    page = Page(width=40, colour=True)
    page.text(("broken", "fail"), " since ", ("x" * 30, "quiet"))
    assert page.lines[0] == "\033[1;31mbroken\033[0m since"
    assert page.lines[1] == f"\033[2m{'x' * 30}\033[0m"


def test_a_remark_stands_at_the_right_or_below() -> None:
    page = Page(width=40)
    page.row(("title",), ("remark", "quiet"), indent=2)
    page.row(("a title that leaves no room to speak",), ("remark", "quiet"), indent=2, hang=2)
    assert page.lines[0] == "  title" + " " * 27 + "remark"
    assert page.lines[-1] == "  remark"


def test_a_command_is_never_broken() -> None:
    page = Page(width=40)
    page.command("intendance restore run shop-db --into " + "x" * 80, indent=4)
    assert len(page.lines) == 1


@pytest.mark.parametrize(
    ("environment", "tty", "colour"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ({"TERM": "dumb"}, True, False),
        ({"TERM": "xterm"}, False, False),
        ({"CLICOLOR_FORCE": "1"}, False, True),
        ({"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_colour_only_where_somebody_sees_it(environment: dict[str, str], tty: bool, colour: bool) -> None:
    assert page_for(_Terminal(tty=tty), environment).colour is colour


@pytest.mark.parametrize(("columns", "width"), [("20", NARROWEST), ("60", 60), ("300", WIDEST), ("", WIDEST)])
def test_the_width_is_bounded(columns: str, width: int) -> None:
    assert page_for(_Terminal(tty=False), {"COLUMNS": columns}).width == width


def test_a_terminal_without_our_signs_gets_plain_letters() -> None:
    stream = _Terminal("ascii", tty=False)
    page = page_for(stream, {})
    page.text(("✖\u00a02 rompues", "fail"), " · préparé, « œuvre »\u202f; ◔ ?")
    page.command("intendance status")
    page.write(stream)
    assert stream.said() == 'x 2 rompues - prepare, " ?uvre " ; o ?\n> intendance status\n'
