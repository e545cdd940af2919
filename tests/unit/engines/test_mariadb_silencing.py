"""Events of a dump are made disabled; their bodies are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.engines.mariadb.silencing import EventUnknown, silenced
from intendance.engines.mariadb.splitter import Piece

HEAD = "\nDELIMITER ;;\n/*!50003 SET sql_mode = '' */ ;;\n"
TAIL = "*/ ;;\n/*!50003 SET time_zone = @saved_time_zone */ ;;\n"
EVENT = (
    "/*!50106 CREATE*/ /*!50117 DEFINER={by}*/ /*!50106 EVENT `{name}` ON SCHEDULE {when} ON COMPLETION {kept} {state} "
    "{rest}"
)
PLAIN = {
    "by": "`root`@`localhost`", "name": "e", "when": "EVERY 1 DAY STARTS '2026-01-01 00:00:00'", "kept": "NOT PRESERVE",
    "state": "ENABLE", "rest": "DO SELECT 1 \n",
}  # fmt: skip


def block(*events: dict[str, str]) -> bytes:
    return (HEAD + TAIL.join(EVENT.format(**PLAIN | each) for each in events) + TAIL + "DELIMITER ;\n").encode()


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"by": "`a role`"},
        {"name": "a``b ENABLE DO"},
        {"when": "AT '2036-01-01 00:00:00'"},
        {"when": "EVERY '1 10' DAY_HOUR STARTS '2026-01-01 00:00:00' ENDS '2036-01-01 00:00:00'", "kept": "PRESERVE"},
        {"rest": "COMMENT 'x ENABLE DO' DO SELECT 'ENABLE' \n"},
    ],
)
def test_an_event_is_made_disabled_and_nothing_else_is_touched(written: dict[str, str]) -> None:
    found = silenced(Piece(block(written, {"name": "two"})))
    assert found.content == block(written | {"state": "DISABLE ON SLAVE"}, {"name": "two", "state": "DISABLE ON SLAVE"})


@pytest.mark.parametrize("state", ["DISABLE", "DISABLE ON SLAVE"])
def test_what_is_disabled_stays_as_it_is(state: str) -> None:
    piece = Piece(block({"state": state}))
    assert silenced(piece) is piece


def test_a_body_that_reads_like_an_event_is_left_alone() -> None:
    inside = "DO SELECT '\n" + EVENT.format(**PLAIN) + "' \n"
    assert silenced(Piece(block({"rest": inside}))).content == block({"rest": inside, "state": "DISABLE ON SLAVE"})


@pytest.mark.parametrize("written", [{"when": "WHENEVER"}, {"state": "PERHAPS"}, {"kept": "SOMETIMES"}])
def test_an_unknown_form_is_refused(written: dict[str, str]) -> None:
    with pytest.raises(EventUnknown, match="not known"):
        silenced(Piece(block({}, written)))


@given(st.binary(max_size=300))
def test_what_holds_no_event_stays_as_it_is(content: bytes) -> None:
    piece = Piece(content + b" EVENT ")
    assert silenced(piece) is piece
