"""A command that is a copy of a warm process has nothing that one that was started anew has not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support import warm

MODULE = "tests.support.told_of_itself"
GIVEN = warm.environment({"PYTHONPATH": str(warm.ROOT), "SAID": "été\n$PATH", "TZ": "Asia/Tokyo"})
ENVIRONMENT = {name: value for name, value in GIVEN.items() if name != "PYTHONUNBUFFERED"}


@pytest.fixture(scope="module")
def parent() -> Iterator[warm.Parent]:
    """One that starts with what these environments start with, whatever the tests were started with."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("INTENDANCE_TESTS_START", "PYTHONUNBUFFERED"):
            patched.delenv(name, raising=False)
        patched.setenv("PYTHONPATH", str(warm.ROOT))
        warm._parent.cache_clear()
        found = warm._parent()
        assert found is not None
        yield found
    warm._parent.cache_clear()


def _ended(
    monkeypatch: pytest.MonkeyPatch, how: str, cwd: Path, *, anew: bool, environment: Mapping[str, str] = ENVIRONMENT
) -> subprocess.CompletedProcess[str]:
    with monkeypatch.context() as patched:
        if anew:
            patched.setenv("INTENDANCE_TESTS_START", "anew")
        return warm.run(MODULE, [how, "", "a b", "é"], cwd=cwd, environment=environment, timeout_seconds=180)


def _told(ended: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_copy_has_what_a_process_that_was_started_has(
    parent: warm.Parent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copied, anew = (_ended(monkeypatch, "0", tmp_path, anew=each) for each in (False, True))
    assert isinstance(copied.args, bytes), "it was a copy"
    assert _told(copied) == _told(anew)
    assert _told(copied)["environment"]["SAID"] == "été\n$PATH"
    assert (_told(copied)["folder"], _told(copied)["descriptors"]) == (str(tmp_path), [0, 1, 2])
    assert (copied.stderr, copied.returncode) == (anew.stderr, anew.returncode) == ("said\n", 0)


@pytest.mark.parametrize(("how", "code"), [("3", 3), ("fault", 1), ("SIGKILL", -9), ("SIGTERM", -15)])
def test_a_copy_ends_as_one_that_was_started_ends(
    parent: warm.Parent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str, code: int
) -> None:
    copied, anew = (_ended(monkeypatch, how, tmp_path, anew=each) for each in (False, True))
    assert isinstance(copied.args, bytes), "it was a copy"
    assert copied.returncode == anew.returncode == code
    assert copied.stderr.splitlines()[-1] == anew.stderr.splitlines()[-1]


def test_a_copy_that_takes_too_long_is_killed(parent: warm.Parent, tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        warm.run(MODULE, ["never"], cwd=tmp_path, environment=ENVIRONMENT, timeout_seconds=1)
    after = warm.run(MODULE, ["0"], cwd=tmp_path, environment=ENVIRONMENT, timeout_seconds=180)
    assert after.returncode == 0, "and the next one is none the worse"


def test_what_is_read_when_a_process_starts_is_never_a_copy_s(
    parent: warm.Parent, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = ENVIRONMENT | {"PYTHONUTF8": "0", "LC_ALL": "C"}
    assert not isinstance(_ended(monkeypatch, "0", tmp_path, anew=False, environment=other).args, bytes)
    assert _ended(monkeypatch, "0", tmp_path, anew=False).args
