"""A plain `status` or `backup run` is read without Typer and means what it means to Typer; other words are its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.cli import backing_up, backup, commands
from intendance.cli import status_command as face
from intendance.cli.output import Invocation
from intendance.cli.words import BACKUP_KINDS, Asked, BackupAsked, Question, backup_plainly_asked, hoist, plainly_asked
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


BACKUP_WORDS = st.lists(
    st.sampled_from(
        [
            "shop",
            "--kind",
            "--kind=full",
            "--kind=weekly",
            "--kind=",
            "full",
            "differential",
            "--no-inspect",
            "--no-inspect=1",
            "--json",
            "--state=/s",
            "--lang",
            "fr",
            "--plan=p.yaml",
            "--",
            "",
            "-x",
            "--help",
        ]
    ),
    max_size=6,
)


def _backup_to_typer(words: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[Invocation, BackupAsked] | None:
    heard: list[tuple[Invocation, BackupAsked]] = []

    def hear(invocation: Invocation, asked: BackupAsked) -> int:
        heard.append((invocation, asked))
        return 0

    monkeypatch.setattr(backing_up, "back_up", hear)
    try:
        commands.perform(words, "backup", "en", everything=False)
    except (IntendanceError, SystemExit):
        return None
    return heard[0] if heard else None


@given(words=BACKUP_WORDS)
def test_a_backup_that_is_read_plainly_is_what_typer_reads(words: list[str]) -> None:
    hoisted = hoist(["backup", "run", *words])
    asked = backup_plainly_asked(hoisted)
    if asked is None:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LC_ALL", "C")
        heard = _backup_to_typer(hoisted, patch)
    if asked.lang not in (None, "fr", "en"):
        assert heard is None
        return
    assert heard is not None
    invocation, said = heard
    assert said == replace(asked, plan=None, state=None, lang=None)
    assert invocation.plan == asked.plan
    assert asked.state is None or invocation.state == asked.state
    assert invocation.language == (asked.lang or "en")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {}),
        (["shop"], {"asset": "shop"}),
        (["shop", "--kind", "full", "--no-inspect"], {"asset": "shop", "kind": "full", "inspected": False}),
        (["--json", "shop", "--kind=differential"], {"asset": "shop", "kind": "differential", "json": True}),
        (["--state", "/s", "--lang=fr", "shop"], {"state": Path("/s"), "lang": "fr", "asset": "shop"}),
    ],
)
def test_a_plain_backup_is_read(words: list[str], expected: dict[str, Any]) -> None:
    assert backup_plainly_asked(hoist(["backup", "run", *words])) == BackupAsked(**expected)


@pytest.mark.parametrize("words", [["a", "b"], ["--kind=weekly"], ["--kind"], ["--help"], [""], ["--", "shop"], ["-k"]])
def test_a_backup_in_doubt_is_left_to_typer(words: list[str]) -> None:
    assert backup_plainly_asked(["backup", "run", *words]) is None
    assert backup_plainly_asked(["backup", "list"]) is None
    assert backup_plainly_asked([]) is None


def test_the_kinds_are_those_that_typer_takes() -> None:
    assert tuple(backup.Kind) == BACKUP_KINDS
