"""The servers that tests start end with the worker that started them, even if that is killed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.state import until
from tests.unit.house.tree import ROOT

HELD = """
import signal
from tests.support.{module} import {name}
with {name}() as server:
    print(server.process.pid, server.folder, flush=True)
    signal.pause()
"""


@pytest.mark.parametrize(("module", "name"), [("postgresql", "running"), ("sshd", "sshd")])
def test_a_server_ends_with_a_worker_that_was_killed(module: str, name: str) -> None:
    held = HELD.format(module=module, name=name)
    with subprocess.Popen([sys.executable, "-c", held], stdout=subprocess.PIPE, text=True, cwd=ROOT) as worker:
        assert worker.stdout is not None
        words = worker.stdout.readline().split()
        if not words:
            pytest.skip("its programs are not here")
        server, folder = int(words[0]), Path(words[1])
        assert _lives(server)
        worker.send_signal(signal.SIGKILL)
    until(lambda: not _lives(server), "the server to end")
    shutil.rmtree(folder)


def _lives(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
