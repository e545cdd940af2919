"""No text of others steers a terminal."""

from __future__ import annotations

import io
import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.system.shown import as_typed, bare, json_visible, shown, visible

HARMFUL = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *"\u202a\u202b\u202c\u202d\u202e"} - {"\n", "\t"}
HARMFUL |= set("\u2066\u2067\u2068\u2069\u061c\u200e\u200f")


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb", "a\\x0db"),
        ("\x7f\x9b31m", "\\x7f\\x9b31m"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("été\n\t日本\u202f!", "été\n\t日本\u202f!"),
    ],
)
def test_what_would_steer_is_shown_and_all_else_stays(raw: str, seen: str) -> None:
    assert visible(raw) == seen


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(sorted(HARMFUL)))))
def test_nothing_harmful_is_left_and_twice_is_once(text: str) -> None:
    assert not HARMFUL & set(visible(text))
    assert visible(visible(text)) == visible(text)
    assert all(sign in HARMFUL for sign in text) or visible(text)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from(sorted(HARMFUL)))))
def test_a_json_document_says_the_same_and_holds_nothing_harmful(text: str) -> None:
    document = json_visible(json.dumps({text: text}, ensure_ascii=False, indent=2))
    assert json.loads(document) == {text: text}
    assert not HARMFUL & set(document)


@pytest.mark.parametrize("name", ["shop-db", "web-01.backup-full.20261001T020000Z", "/srv/restore/shop-db", ""])
def test_a_name_of_ours_is_typed_as_it_is(name: str) -> None:
    assert as_typed(name) == name


@given(
    st.text(min_size=1, alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from(" ;&|'\"`$()\n\x1b\u202e")))
)
def test_a_name_of_others_is_one_word_of_a_command_and_steers_no_terminal(name: str) -> None:
    typed = as_typed(name)
    assert not (HARMFUL | {"\n", "\t"}) & set(typed)
    assert shlex.split(typed) == [visible(name).replace("\n", "\\x0a").replace("\t", "\\x09")]


def test_a_stream_shows_what_is_written_and_leaves_what_is_drawn() -> None:
    under = io.StringIO()
    stream = shown(under)
    stream.write("\x1b[2J")
    stream.writelines(["\x9b", "\u202e"])
    bare(stream).write("\x1b[1mour own\x1b[0m")
    assert under.getvalue() == "\\x1b[2J\\x9b\\u202e\x1b[1mour own\x1b[0m"
    assert shown(stream) is stream
    assert not hasattr(stream, "buffer")
