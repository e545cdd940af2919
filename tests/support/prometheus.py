"""A private Prometheus, and promtool. The programs come from Debian's package, installed or only unpacked in
`.dev/prometheus` (`./dev system`): nothing is run as a service. Start: about 1 s."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.state import until

UNPACKED = Path(__file__).parents[2] / ".dev" / "prometheus"


def program(name: str) -> str:
    """`prometheus` or `promtool`; skips without, except in CI."""
    found = shutil.which(name) or shutil.which(name, path=str(UNPACKED / "usr" / "bin"))
    if found is None:
        assert os.environ.get("CI") != "true", f"{name} is missing, and in CI every test runs"
        pytest.skip(f"{name} is missing: ./dev system")
    return found


def promtool(*words: str, content: bytes = b"") -> str:
    """What promtool says of something that it finds no fault with."""
    done = subprocess.run([program("promtool"), *words], input=content, capture_output=True, check=False, timeout=300)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 0, said
    return said


@contextmanager
def scraping(configuration: str) -> Iterator[httpx.Client]:
    """A client of a Prometheus that runs with this configuration."""
    folder = Path(tempfile.mkdtemp(prefix="iprom-", dir="/tmp"))
    file = folder / "prometheus.yml"
    file.write_text(configuration)
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("prometheus"), f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}"],
            stdout=log, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
            until(lambda: process.poll() is not None or _is_ready(client), "Prometheus to be ready", 300.0)
            assert process.poll() is None, (folder / "log").read_text(errors="replace")
            yield client
    except BaseException:
        sys.stdout.write((folder / "log").read_text(errors="replace"))  # pytest shows it beside what failed
        raise
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def query(client: httpx.Client, expression: str) -> list[dict[str, Any]]:
    """What Prometheus knows now, by an expression of its own language."""
    answer = client.get("/api/v1/query", params={"query": expression}).json()
    assert answer["status"] == "success", answer
    found: list[dict[str, Any]] = answer["data"]["result"]
    return found
