"""The sheet and the templates keep what every page is held to: contrast, and what a reader of screens needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from intendance import web

FOLDER = Path(web.__file__).parent
SHEET = (FOLDER / "static" / "intendance.css").read_text(encoding="utf-8")
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
_TOKEN = re.compile(r"--([\w-]+):light-dark\((#\w{3,6}),(#\w{3,6})\)")
TOKENS = {name: (light, dark) for name, light, dark in _TOKEN.findall(SHEET)}
TEXT, GLYPH = 4.5, 3.0
"""What WCAG 2.2 asks of text, and of what is not text."""
PAIRS = [
    *((ink, paper, TEXT) for ink in ("ink", "ink-2", "ink-3") for paper in ("paper", "paper-2")),
    *((status, paper, TEXT) for status in ("fail", "unknown", "soon", "pass") for paper in ("paper", "paper-2")),
    *((status, f"{status}-wash", TEXT) for status in ("fail", "unknown", "soon")),
    ("on-status", "fail", GLYPH),
    ("pass-quiet", "paper", GLYPH),
]


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(each * 2 for each in colour[1:])
    parts = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, as WCAG counts it."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_counted_as_wcag_counts_it() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "paper", "least"), PAIRS)
def test_what_is_drawn_stands_out_from_its_paper(ink: str, paper: str, least: float, theme: str) -> None:
    at = 0 if theme == "light" else 1
    assert contrast(TOKENS[ink][at], TOKENS[paper][at]) >= least


def test_colours_are_named_once_and_used_by_their_names() -> None:
    rules = SHEET.split("}", maxsplit=3)[-1]  # past the two faces and the table of tokens
    used = set(re.findall(r"#[0-9a-f]{3,6}\b", rules))
    assert used <= {"#fff", "#000"}, "only paper and ink of print stand by themselves"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda each: each.stem)
def test_a_reader_of_screens_finds_every_head_control_and_picture_named(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert re.findall(r"<th[^>]*></th>", text) == [], "a column or row without a head"
    drawn = re.findall(r"<svg[^>]*>", text)
    assert [each for each in drawn if not re.search(r'aria-hidden|role="img" aria-label|overflow', each)] == []
    assert [each for each in re.findall(r"<button[^>]*>", text) if "type=" not in each] == []
    labelled = set(re.findall(r'<label for="([^"]+)"', text))
    shown = [each for each in re.findall(r"<(?:input|select)\b[^>]*>", text) if 'type="hidden"' not in each]
    assert [each for each in shown if re.search(r'id="([^"]+)"', each)[1] not in labelled] == []  # type: ignore[index]


def test_nothing_scrolls_sideways_in_a_box_that_no_key_reaches() -> None:
    scrolling = re.findall(r"([^{}]+)\{[^{}]*overflow-x:(?:auto|scroll)", SHEET)
    assert [each.strip() for each in scrolling] == [".mast nav"], "its links are reached by Tab"


def test_paper_is_no_telephone() -> None:
    """A sheet of A4 is narrower than the widths at which a screen's columns fold: paper keeps its own."""
    widths = re.findall(r"@media ([^{]*)\(max-width:(\d+)rem\)", SHEET)
    assert {kind.strip() for kind, rems in widths if int(rems) <= 44} == {"screen and"}


def test_links_one_above_the_other_leave_room_for_a_finger() -> None:
    """WCAG 2.5.8: nothing else within the 24 px about a link that is lower; a node stands right under its asset."""
    assert ".entry .asset+.on{margin-top:.25rem}" in SHEET
