"""The foot of a page: the command that tells the same, and on which machine it does."""

from __future__ import annotations

import pytest

from intendance.language.texts import translator
from intendance.web.render import Frame, Reader, html
from intendance.web.visit import Language


def foot(language: Language, *, typed_on: str = "", typed: str = "intendance status") -> str:
    problem = {"heading": "h", "told": "t", "next_step": "n", "href": "/", "link": "l"}
    frame = Frame(title="t", address="/", typed=typed, typed_on=typed_on)
    page = html("problem.html", frame, Reader(language=language), translator(language, "web"), problem=problem)
    return page.partition('<footer class="foot">')[2]


@pytest.mark.parametrize(
    ("language", "anywhere", "there"),
    [
        ("en", "On the command line", "On the command line of web-01"),
        ("fr", "En ligne de commande", "En ligne de commande, sur web-01"),
    ],
)
def test_a_command_of_a_node_says_where_it_is_typed(language: Language, anywhere: str, there: str) -> None:
    command = '<dd><code class="typed"><span>intendance</span> <span>status</span></code></dd>'
    assert f"<dt>{there}</dt>{command}" in foot(language, typed_on="web-01")
    assert f"<dt>{anywhere}</dt>{command}" in foot(language)
    assert anywhere not in foot(language, typed_on="web-01", typed="")


def test_a_name_is_no_element_of_the_page() -> None:
    assert "<b>" not in foot("en", typed_on="<b>")
