"""How a manager's process ends: whoever started it must know whether to start it again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest

PATIENCE_SECONDS = 300
NOWHERE: Mapping[str, int] = MappingProxyType({})
_MANAGER = """
import sys
import threading

from intendance.api.serve import main
from intendance.system.clock import SystemClock


class Broken(SystemClock):
    def read(self):
        if threading.current_thread().name == sys.argv[2]:
            raise RuntimeError("nobody foresaw this")
        return super().read()


sys.exit(main(sys.argv[1:2], Broken()))
"""


def begun(
    state: Path, broken: str = "", *, listening: Mapping[str, int] = NOWHERE, **more: Any
) -> subprocess.Popen[str]:
    """A manager, one of whose threads is broken."""
    told = {
        "settings": {"state": str(state), "fleet": "asbl", "urls": []},
        "listening": {"host": "127.0.0.1", "port": 0, **listening},
    }
    argv = [sys.executable, "-c", _MANAGER, json.dumps(told), broken]
    return subprocess.Popen(argv, text=True, **{"stderr": subprocess.PIPE, **more})


@pytest.mark.parametrize("thread", ["leader", "beats"])
def test_a_manager_that_meets_the_unforeseen_ends_as_one_that_failed(tmp_path: Path, thread: str) -> None:
    """Not even its last words need to get out. Its unit starts anew what failed, and nothing that ended well."""
    with begun(tmp_path / "state", thread) as manager:
        try:
            _, said = manager.communicate(timeout=PATIENCE_SECONDS)
        finally:
            manager.kill()
    assert manager.returncode == 1, said


def test_a_manager_whose_words_nobody_takes_goes_on(tmp_path: Path) -> None:
    """The system's journal may end before it does."""
    ours, theirs = os.pipe()
    os.close(ours)
    with socket.create_server(("127.0.0.1", 0)) as door:
        descriptor, port = door.fileno(), door.getsockname()[1]
        named = {"descriptor": descriptor}
        with begun(tmp_path, listening=named, stderr=theirs, pass_fds=(descriptor,)) as manager:
            os.close(theirs)
            try:
                assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_SECONDS).status_code == 200
                manager.send_signal(signal.SIGTERM)
                assert manager.wait(PATIENCE_SECONDS) == 0
            finally:
                manager.kill()
