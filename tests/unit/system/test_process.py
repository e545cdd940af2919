"""Children: how they start, what they leave, and how they end."""

from __future__ import annotations

import fcntl
import io
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, cast

import pytest

from intendance.model.errors.process import ProgramFailed, ProgramMissing, ProgramTimedOut
from intendance.system import process
from tests.support.state import until


def has_ended(descriptor: int, milliseconds: int = 120_000) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(milliseconds))


def test_run_returns_what_the_program_said() -> None:
    done = process.run(["sh", "-c", "cat; echo careful >&2; exit 3"], input=b"x" * 300_000, accept=(3,))
    assert (done.code, done.stdout, done.stderr) == (3, b"x" * 300_000, "careful")


def test_the_program_is_given_all_of_its_input_though_each_write_takes_a_part() -> None:
    """A signal that comes while a pipe is written to ends that write halfway."""
    given = bytearray()

    class Interrupted(io.RawIOBase):
        def write(self, piece: Any) -> int:
            given.extend(piece[:1000])
            return min(len(piece), 1000)

    process._feed(cast(IO[bytes], Interrupted()), b"xyz" * 1000)
    assert given == b"xyz" * 1000


def test_a_failure_carries_the_code_and_the_redacted_tail() -> None:
    with pytest.raises(ProgramFailed) as failed:
        process.run(["sh", "-c", "echo password=hunter2 >&2; exit 9"])
    assert "code 9" in failed.value.message
    assert "hunter2" not in failed.value.message


def test_a_missing_program_is_named_with_its_package() -> None:
    with pytest.raises(ProgramMissing, match="no-such-program"):
        process.run(["no-such-program"])


def test_a_late_program_is_ended_with_its_group(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    for seconds in (0.5, 5.0, 50.0):  # a slow machine has not even begun it at the first one
        with pytest.raises(ProgramTimedOut):
            process.run(
                ["sh", "-c", f"sleep 600 & echo $! > {written}.new; mv {written}.new {written}; wait"],
                deadline_seconds=seconds,
            )
        if written.exists():
            break
    place = Path(f"/proc/{written.read_text().strip()}/cmdline")
    until(lambda: not _words(place), "what it had started to be gone")


def _words(place: Path) -> bytes:
    try:
        return place.read_bytes()  # nothing, of one that only waits to be reaped
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_waiting_too_long_for_a_child_ends_it() -> None:
    child = process.start(["sleep", "600"])
    with pytest.raises(ProgramTimedOut):
        child.wait(0.05)
    assert child.process.returncode == -signal.SIGKILL


def test_what_a_child_left_in_its_group_ends_with_it(tmp_path: Path) -> None:
    written = tmp_path / "pid"
    script = f"sleep 600 </dev/null >/dev/null 2>&1 & echo $! > {written}.new; mv {written}.new {written}; read x"
    child = process.start(["sh", "-c", script], stdin=subprocess.PIPE)
    until(written.exists, "it to say what it started")
    straggler = os.pidfd_open(int(written.read_text()))
    child.stdin.close()
    assert child.wait() == 1
    assert has_ended(straggler)
    os.close(straggler)


def test_several_threads_may_wait_and_end_the_same_child() -> None:
    child = process.start(["sleep", "600"])
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(child.wait())) for _ in range(4)]
    for thread in threads:
        thread.start()
    child.end()
    child.end()
    for thread in threads:
        thread.join()
    child.kill()
    assert codes == [-signal.SIGKILL] * 4


def test_ending_a_child_that_was_reaped_signals_nobody() -> None:
    child = process.start(["true"])
    assert child.wait() == 0
    child.end()
    child.kill()


def test_a_child_ends_with_a_parent_that_is_killed() -> None:
    program = (
        "from intendance.system import process; c = process.start(['sleep', '600'])\n"
        "print(c.process.pid, flush=True); c.wait()"
    )
    victim = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert victim.stdout is not None
    descriptor = os.pidfd_open(int(victim.stdout.readline()))
    until(lambda: _is_sleep(descriptor), "setpriv to have become the program")
    victim.kill()
    victim.wait()
    victim.stdout.close()
    assert has_ended(descriptor)
    os.close(descriptor)


def _is_sleep(descriptor: int) -> bool:
    lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    pid = next(line.split()[1] for line in lines if line.startswith("Pid:"))
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"/sleep")


def test_pipes_are_widened() -> None:
    child = process.start(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for pipe in (child.stdin, child.stdout):
        process.widen(pipe)
        if fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) != 1 << 20:
            with pytest.raises(PermissionError):  # whoever else is this user on this machine has all that is his share
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
    child.kill()


def test_every_raw_line_of_stderr_is_passed_on() -> None:
    lines: list[bytes] = []
    child = process.start(["sh", "-c", "printf 'a\\nb\\377\\n' >&2"], on_stderr=lines.append)
    assert child.wait() == 0
    assert lines == [b"a\n", b"b\xff\n"]


def test_the_environment_of_children_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    done = process.run(["env"], extra_environment={"EXTRA": "1"})
    names = {line.split(b"=")[0] for line in done.stdout.splitlines()}
    assert b"SECRET_TOKEN" not in names
    assert {b"EXTRA", b"PATH", b"LC_ALL", b"TZ"} <= names
