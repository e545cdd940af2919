"""Which process a number names, and ending all of a session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from intendance.system import alive, process
from tests.support.state import children_of, until


def test_a_process_is_itself_only_with_its_start_and_boot() -> None:
    me = alive.identify(os.getpid(), "boot-1")
    assert me is not None
    assert alive.is_alive(me, "boot-1")
    assert not alive.is_alive(me, "boot-2")
    assert not alive.is_alive(replace(me, started_ticks=me.started_ticks + 1), "boot-1")


def test_what_only_waits_to_be_reaped_is_dead() -> None:
    child = subprocess.Popen(["true"])
    until(lambda: alive.identify(child.pid, "b") is None, "its end")
    assert child.wait() == 0


def test_a_program_whose_name_holds_brackets_and_spaces_is_read_right(tmp_path: Path) -> None:
    odd = tmp_path / "a) S 1 (b"
    odd.symlink_to("/bin/sleep")
    child = subprocess.Popen([str(odd), "60"])
    try:
        found = alive.identify(child.pid, "b")
        assert found is not None
        assert found.started_ticks > 0
        assert alive.send(found, "b", signal.SIGTERM)
        assert child.wait() == -signal.SIGTERM
        assert not alive.send(found, "b", signal.SIGTERM)
    finally:
        child.kill()
        child.wait()


def test_a_session_ends_with_all_its_groups() -> None:
    script = (
        "import subprocess, time; [subprocess.Popen(['sleep', '60'], process_group=0) for _ in 'ab']; time.sleep(60)"
    )
    child = process.start([sys.executable, "-c", script], new_session=True)  # `python3` may be a script of several
    try:
        until(lambda: [name for _, name in children_of(child.process.pid)].count("sleep") == 2, "its children")
        assert alive.end_session(child.process.pid) == 3
    finally:
        child.kill()
    assert children_of(child.process.pid) == []
