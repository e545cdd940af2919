"""`./dev` itself: what it knows and how it refuses."""

from __future__ import annotations

import re
import subprocess

from intendance.system.process import PACKAGES
from tests.unit.house.tree import ROOT


def _dev(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "dev"), *words], check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )


def test_it_brings_every_program_that_the_product_may_start() -> None:
    brought = set(re.findall(r"([a-z-]+):[a-z-]+", (ROOT / "dev").read_text().split("programs=(")[1].split("\n)")[0]))
    assert set(PACKAGES) - brought == set()


def test_without_a_word_it_says_what_it_can_do() -> None:
    ended = _dev()
    assert ended.returncode == 0
    for verb in ("run", "test", "check", "bench", "system", "lock", "sh"):
        assert f"./dev {verb}" in ended.stdout


def test_an_unknown_word_is_one_sentence() -> None:
    ended = _dev("tset")
    assert ended.returncode == 1
    assert "dev: `tset` is not one of these" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unknown_option_of_test_is_refused_before_anything_runs() -> None:
    ended = _dev("test", "--lnog")
    assert ended.returncode == 1
    assert ended.stderr == "dev: `./dev test` takes only `--long`\n"


def test_requirements_are_pinned_by_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        pinned = re.findall(r"^[a-zA-Z0-9._-]+==", path.read_text(), flags=re.MULTILINE)
        hashed = re.findall(r"==[^\n]*\\\n    --hash=sha256:", path.read_text())
        assert len(pinned) == len(hashed) > 0, path.name
