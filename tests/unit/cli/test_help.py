"""The pages of `--help`: every command's sentence in full, however narrow the terminal."""

from __future__ import annotations

import subprocess
import sys

import pytest

from intendance.cli.main import NOUNS


def page(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "intendance", *words, "--help"],
        capture_output=True, text=True, check=True, env={"COLUMNS": "80", "LC_ALL": "C.UTF-8", "HOME": "/"},
    )  # fmt: skip
    return " ".join(done.stdout.split())


def test_no_sentence_is_cut_off() -> None:
    found = page().partition("Commands:")[2]
    assert "..." not in found
    for noun, (_, sentence) in NOUNS.items():
        assert f"{noun} {sentence}" in found


@pytest.mark.parametrize("noun", ["backup", "ledger"])
def test_nor_below_a_noun(noun: str) -> None:
    assert "..." not in page(noun).partition("Commands:")[2]
