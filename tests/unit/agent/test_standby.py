"""A command in the foreground performs its first run in a copy of itself, which is a worker like any other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.state import Gate, Site, children_of

pytestmark = pytest.mark.gnupg


def words(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def session_nice(pid: int) -> str | None:
    """The nice value that counts against other sessions; None where the kernel does not group by them."""
    try:
        told = Path(f"/proc/{pid}/autogroup").read_text()  # empty for a process that has left its group
    except FileNotFoundError:
        return None
    return told.split()[-1] if told else None


def worker_of(site: Site) -> int:
    with site.node() as node:
        (run,) = node.journal.in_state("running")
    assert run.worker is not None
    return run.worker.pid


def test_the_worker_is_a_copy_with_a_session_a_priority_and_an_environment_of_its_own(site: Site, gate: Gate) -> None:
    backup = site.start("backup", "run", environment={"STRANGER": "hunter2"})
    gate.wait()
    worker = worker_of(site)
    assert words(worker) == words(backup.pid)
    assert os.getsid(worker) == worker
    assert os.getpriority(os.PRIO_PROCESS, worker) == min(19, 10 + os.getpriority(os.PRIO_PROCESS, backup.pid))
    said = subprocess.run(["ionice", "-p", str(worker)], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "best-effort: prio 7"
    assert session_nice(worker) in {None, "10"}
    environments = []
    for pid, _ in children_of(worker):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # some are short; the producer waits
            if words(pid) not in (words(worker), b""):  # a program by now
                environments.append(Path(f"/proc/{pid}/environ").read_bytes())
    assert environments
    assert not any(b"STRANGER" in each for each in environments)
    gate.open()
    out, err = backup.communicate(timeout=120)
    assert backup.returncode == 0, err
    assert "backup" in out


def test_where_an_agent_may_live_none_is_made_ready(site: Site, gate: Gate) -> None:
    (site.state / "agent.sock").touch()
    backup = site.start("backup", "run")
    gate.wait()
    assert b"intendance.agent.worker" in words(worker_of(site))
    assert session_nice(worker_of(site)) in {None, "10"}
    assert session_nice(backup.pid) == session_nice(os.getpid()), "that of the command and its terminal stays"
    backup.send_signal(signal.SIGINT)
    backup.communicate(timeout=120)
    assert backup.returncode == 130


def test_one_that_is_killed_is_said_to_have_been_and_leaves_evidence(site: Site, gate: Gate) -> None:
    backup = site.start("backup", "run")
    gate.wait()
    os.kill(worker_of(site), signal.SIGKILL)
    _, err = backup.communicate(timeout=120)
    assert backup.returncode == 1
    assert "was killed by SIGKILL; what attempt 1 did not finish is not listed" in err
    assert "journalctl -k" in err
    with site.node() as node:
        (ended,) = node.book.facts("run.ended")
    assert (ended.data.outcome, "was killed by SIGKILL" in ended.data.message) == ("interrupted", True)
    assert (site.sets(), list((site.state / "agent/scratch").glob("*"))) == ([], [])
    gate.open()
    assert site.run("backup", "run").code == 0


def test_what_nobody_foresaw_ends_the_run_and_leaves_its_whole_trace(site: Site) -> None:
    planted = site.base / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'intendance.activities.backup.making':\n"
        "            raise KeyError(f'planted by {sys.argv[-1]}, password=hunter2')\n"
        "sys.meta_path.insert(0, Refuse())\n"
    )
    answer = site.run("backup", "run", environment={"PYTHONPATH": str(planted)})
    assert answer.code == 1
    assert "Intendance met a case it does not know: KeyError" in answer.err
    with site.node() as node:
        (ended,) = node.book.facts("run.ended")
    assert ended.data.outcome == "crashed"
    (trace,) = (site.state / "agent/crash").iterdir()
    said = trace.read_text()
    assert said.startswith("Traceback")
    assert "by run" in said, "in a copy of `backup run`"
    assert "hunter2" not in said


def test_one_that_is_not_needed_ends(tmp_path: Path) -> None:
    program = (
        "import os, pathlib\nfrom intendance.agent import children\n"
        "def copies(): return pathlib.Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()\n"
        f"with children.standby(pathlib.Path({str(tmp_path)!r})):\n    print(len(copies()))\nprint(len(copies()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.split() == ["1", "0"]


@pytest.mark.parametrize("program", ["ionice", "setpriv"])
def test_without_the_programs_that_start_workers_none_is_made_ready(site: Site, program: str, tmp_path: Path) -> None:
    """The sentence is the one of a worker that cannot be started, whichever kind it would have been."""
    for folder in ("/usr/local/bin", "/usr/bin", "/bin"):
        for each in Path(folder).iterdir():
            if each.name != program and not (tmp_path / each.name).exists():
                (tmp_path / each.name).symlink_to(each)
    answer = site.run("backup", "run", environment={"PATH": str(tmp_path)})
    assert answer.code == 1
    assert program in answer.err
    assert "util-linux" in answer.err
