"""Whatever the command line is connected to, and whatever is typed into it: a sentence, one JSON document, no trace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from intendance.cli import main
from intendance.cli.output import columns
from tests.support.state import Gate, Site

COMMAND = (sys.executable, "-m", "intendance")


def run(words: list[str | bytes], shell: str = 'exec "$@"', **environment: str) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *COMMAND, *words],
        capture_output=True, check=False, env=os.environ | {"LC_ALL": "C.UTF-8"} | environment,
    )  # fmt: skip
    assert b"Traceback" not in done.stderr
    assert b"does not know" not in done.stderr
    return done


@pytest.mark.parametrize("words", [["rules", "list"], ["rules", "list", "--json"]])
def test_an_answer_that_finds_no_room_is_a_failure_in_one_sentence(words: list[str | bytes]) -> None:
    done = run(words, 'exec "$@" >/dev/full')
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert done.stderr.count(b"\n") == 2


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_change_no_exit_code(closed: str) -> None:
    assert run(["rules", "list"], f'exec "$@" {closed}').returncode == 0
    assert run(["rules", "show", "nope"], f'exec "$@" {closed}').returncode == 2


def test_a_name_in_another_encoding_leaves_the_json_one_document(tmp_path: Path) -> None:
    done = run(["rules", "show", "--json", b"r\xffgle"])
    assert done.returncode == 2
    assert "r\udcffgle" in json.loads(done.stdout.decode("utf-8"))["error"]["message"]


def test_json_for_a_terminal_without_utf8_is_json() -> None:
    done = run(["rules", "show", "--json", "règle"], PYTHONIOENCODING="ascii")
    assert "règle" in json.loads(done.stdout.decode("ascii"))["error"]["message"]


@pytest.mark.parametrize("width", ["abc", "-5", "0", "", "٣٠"])
def test_a_width_that_is_none_is_left_aside(width: str) -> None:
    assert columns({"COLUMNS": width}, 110) == 110
    assert run(["rules", "list"], COLUMNS=width).returncode == 0


@pytest.mark.parametrize("words", [["--state", "", "status"], ["status", "--state="], ["plan", "check", "--plan", ""]])
def test_an_empty_folder_is_never_the_current_one(words: list[str | bytes]) -> None:
    done = run([*words, "--json"])
    assert done.returncode == 2
    assert "is empty" in json.loads(done.stdout)["error"]["message"]


def test_a_user_without_a_home_is_asked_for_a_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    with pytest.raises(SystemExit) as left:
        main.run(["status"])
    assert left.value.code == 2
    assert "12345 has no home folder" in capsys.readouterr().err


@pytest.mark.gnupg
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_ended_cancels_its_run_and_answers(site: Site, gate: Gate, number: signal.Signals) -> None:
    former = signal.signal(number, signal.default_int_handler)  # under nohup it would be ignored, by the command too
    try:
        command = site.start("backup", "run", "--json")
    finally:
        signal.signal(number, former)
    gate.wait()
    command.send_signal(number)
    out, err = command.communicate(timeout=120)
    assert (command.returncode, json.loads(out)["error"]["code"]) == (130, "interrupted"), err
    with site.node() as node:
        (run,) = node.journal.recent()
        assert run.state == "cancelled"
    assert site.sets() == []
