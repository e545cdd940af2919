"""A plain `status` is read without Typer, and means what it means to Typer; all other words are left to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.cli import commands
from intendance.cli import status_command as face
from intendance.cli.output import Invocation
from intendance.cli.words import Asked, Question, hoist, plainly_asked
from intendance.model.errors import Exit, IntendanceError

WORDS = st.lists(
    st.sampled_from(
        [
            "status",
            "--json",
            "--all",
            "--asset",
            "--rule",
            "--state",
            "--lang",
            "--plan",
            "shop",
            "MAINT_010",
            "fr",
            "-x",
            "--asset=shop",
            "--rule=",
            "--rule=MAINT_010",
            "--state=/s",
            "--json=1",
            "--help",
            "--",
            "rules",
            "",
            "--lang=en",
        ]
    ),
    max_size=8,
)


def _to_typer(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Invocation, Question] | None:
    """What Typer makes of the words; None when it refuses them or they are no `status`."""
    heard: list[tuple[Invocation, Question]] = []

    def hear(invocation: Invocation, question: Question) -> Exit:
        heard.append((invocation, question))
        return Exit.DONE

    monkeypatch.setattr(face, "answer", hear)
    try:
        commands.perform(words, "status", "en", everything=False)
    except (IntendanceError, SystemExit):
        return None
    return heard[0] if heard else None


@given(words=WORDS)
def test_what_is_read_plainly_is_what_typer_reads(words: list[str]) -> None:
    hoisted = hoist(words)
    asked = plainly_asked(hoisted)
    if asked is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "C")
        heard = _to_typer(hoisted, patch)
    if asked.lang not in (None, "fr", "en"):
        assert heard is None
        return
    assert heard is not None
    invocation, question = heard
    assert question == asked.question
    assert invocation.plan == asked.plan
    assert asked.state is None or invocation.state == asked.state
    assert invocation.language == (asked.lang or "en")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["status"], {}),
        (["status", "--json", "--asset", "shop"], {"json": True, "asset": "shop"}),
        (["status", "--all", "--rule=MAINT_010"], {"everything": True, "rule": "MAINT_010"}),
        (["status", "--rule", "A", "--rule", "B"], {"rule": "B"}),
    ],
)
def test_a_plain_status_is_read(words: list[str], expected: dict[str, Any]) -> None:
    assert plainly_asked(words) == Asked(plan=None, state=None, lang=None, question=Question(**expected))


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["rules", "list"],
        ["status", "--help"],
        ["status", "shop"],
        ["status", "--rule"],
        ["status", "--asset", "-x"],
        ["status", "--"],
        ["--state", "/s"],
        ["status", "--json=1"],
        ["status", "--asset="],
        ["--version", "status"],
    ],
)
def test_words_in_doubt_are_left_to_typer(words: list[str]) -> None:
    assert plainly_asked(words) is None


def test_global_options_stand_in_front() -> None:
    asked = plainly_asked(hoist(["status", "--json", "--state", "/s", "--lang=fr", "--plan", "p.yaml"]))
    assert asked == Asked(plan=Path("p.yaml"), state=Path("/s"), lang="fr", question=Question(json=True))
