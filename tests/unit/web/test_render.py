"""What templates do to words: all of it escaped, whatever it is made of."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from intendance.web import render


def drawn(source: str, text: str) -> str:
    environment: Environment = render._environment()
    return environment.from_string(source).render(text=text)


def test_what_is_to_be_typed_is_set_as_code() -> None:
    assert drawn("{{ text | signs }}", "Write `region` under `node`.") == (
        "Write <code>region</code> under <code>node</code>."
    )


def test_a_quotation_that_never_ends_stays_as_it_is() -> None:
    assert drawn("{{ text | signs }}", "a ` b <i>") == "a ` b &lt;i&gt;"


def test_a_line_may_end_after_a_slash() -> None:
    assert drawn("{{ text | breaks }}", "/srv/<b>") == "/<wbr>srv/<wbr>&lt;b&gt;"


def test_a_line_of_a_command_never_ends_inside_an_option() -> None:
    shown = drawn("{{ text | typed }}", "intendance alert list --json --show ringing --part 2")
    assert re.findall("<span>(.*?)</span>", shown) == [
        "intendance", "alert", "list", "--json", "--show ringing", "--part 2",
    ]  # fmt: skip


@given(st.text(alphabet=st.sampled_from("a`<>&\"'/\u202e\u2066 ")))
def test_no_text_makes_an_element_of_its_own(text: str) -> None:
    for name in ("signs", "breaks", "typed"):
        left = re.sub(r"</?(code|span)>|<wbr>", "", drawn(f"{{{{ text | {name} }}}}", text))
        assert not set(left) & set("<>\"'")
        assert "\u202e" not in left
