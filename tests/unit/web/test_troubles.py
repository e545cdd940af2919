"""What is wrong with the manager itself stands first on the wall, in both languages, and a blind one is never green."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from intendance.catalogue.load import load
from intendance.fleet.alerts.own import OWN
from intendance.fleet.alerts.owner import Trouble
from intendance.fleet.beats.presence import Presence
from intendance.fleet.verdicts.standing import NodeBrief, Standing
from intendance.language.texts import Language, translator
from intendance.model.verdict import State
from intendance.web.render import Frame, Reader, html
from intendance.web.wall import wall
from tests.support.page_text import readable
from tests.support.typography import french_faults

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
WELL = Standing(
    fleet="f", organisation="ASBL", zone="UTC", judged_at=NOW, asked_at=NOW, rulebook=load(), verdicts=(),
    nodes=(NodeBrief(node="web-01", presence=Presence.UP, last_seen=NOW),),
    counts={"web-01": {"backup": {State.PASS: 4}}},
)  # fmt: skip
PLANTED = "<script>alert(1)</script>"


def trouble(cause: str) -> Trouble:
    params: dict[str, str | int] = {"seconds": 1200, "reason": "restart", "code": PLANTED, "host": "hc.example.org"}
    return Trouble(
        number=7, cause=cause, since=NOW - timedelta(minutes=1), params=params,
        labels={"contact": PLANTED, "channel": "email"},
    )  # fmt: skip


def test_a_manager_that_saw_nothing_does_not_say_that_all_holds() -> None:
    texts = translator("en", "web")
    assert wall(WELL, texts).shape == "pass"
    view = wall(replace(WELL, troubles=(trouble("manager.blind"),)), texts)
    assert view.shape == "unknown"
    assert view.clauses == ("Nobody can tell.", "The manager saw nothing for a while.")
    (entry,) = view.sections[0].entries
    assert entry.statements[0].title == "The manager saw nothing for 20\u00a0min: it was not running"
    assert " ".join(entry.command) == "intendance alert show 7"


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("cause", OWN)
def test_every_one_reads_in_both_languages_and_nothing_in_it_is_markup(cause: str, language: Language) -> None:
    texts = translator(language, "web")
    view = wall(replace(WELL, troubles=(trouble(cause),)), texts)
    frame = Frame(title=view.title, address="/", icon=view.shape)
    reader = Reader(language=language, person="Léa")
    page = html("wall.html", frame, reader, texts, wall=view, legend=[], alerts=None)
    assert PLANTED not in page
    lines = readable(page)
    assert "alert show 7" in " ".join(lines)
    if language == "fr":
        assert list(french_faults(" ".join(line for line in lines if "intendance " not in line))) == []
