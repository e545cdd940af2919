"""`./dev run` from outside: a first start to its end, a second that goes on to the page, a stop that ends all of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.mariadb import need_mariadb
from tests.support.state import until
from tests.unit.house.tree import ROOT

pytestmark = [pytest.mark.mariadb, pytest.mark.gnupg]
SIZE = "0.02"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="int-demo-", dir="/tmp"))
    yield made / "demonstration"
    shutil.rmtree(made)


def _start(folder: Path, *words: str, path: str | None = None) -> subprocess.Popen[str]:
    environment = os.environ | {"NO_COLOR": "1", "LC_ALL": "C.UTF-8"} | ({"PATH": path} if path else {})
    return subprocess.Popen(
        [sys.executable, "-m", "demonstration", "--folder", str(folder), "--size", SIZE, *words],
        cwd=ROOT, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _once(folder: Path, path: str | None = None) -> tuple[int, str]:
    with _start(folder, "--once", path=path) as process:
        said, _ = process.communicate(timeout=900)
        return process.returncode, said


def _left_running(folder: Path) -> list[str]:
    """Processes that name the demonstration's folder in their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            arguments = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (NotADirectoryError, FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in arguments:
            found.append(arguments)
    return found


def test_a_first_start_proves_what_it_shows_and_a_second_goes_on_to_the_page(folder: Path) -> None:
    need_mariadb()
    code, said = _once(folder)
    assert code == 0, said
    assert "The restored database is the original one: 7 tables" in said
    assert "The restored files are the original ones" in said
    assert "The restored book of rooms is the original one: " in said
    until(lambda: _left_running(folder) == [], "nothing to be left")

    with _start(folder) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "Ctrl-C ends everything" in line:
                break
        assert "First backups" not in told
        assert "Restored beside" not in told
        assert "Its data" not in told
        found = re.search(r"^Open (http://127\.0\.0\.1:\d+)/$", told, re.MULTILINE)
        account = re.search(r"Name (\w+), password ([\w-]+):", told)
        assert found, told
        assert account, told
        _read_the_page(found[1], *account.groups())
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read()
        assert process.wait(300) == 0, said
    assert "`./dev run` goes on from here" in said
    until(lambda: _left_running(folder) == [], "nothing to be left")


def _read_the_page(url: str, name: str, password: str) -> None:
    with httpx.Client(base_url=url, headers={"origin": url}, follow_redirects=True, timeout=300) as client:
        token = client.get("/login").text.split('name="token" value="', 1)[1].split('"', 1)[0]
        wall = client.post("/login", data={"token": token, "name": name, "password": password})
        assert wall.url.path == "/"
        assert "ASBL Horizon" in wall.text
        until(lambda: "ASBL_010" in client.get("/nodes/web-01").text, "what holds of the database")


def test_without_mariadb_it_shows_the_files_and_a_sqlite_database(folder: Path, tmp_path: Path) -> None:
    for program in Path("/usr/bin").iterdir():
        if not program.name.startswith(("mariadb", "mysql", "my_")):
            (tmp_path / program.name).symlink_to(program)
    code, said = _once(folder, path=str(tmp_path))
    assert "Without MariaDB: " in said
    assert "What is shown are the site's files and a SQLite database." in said
    assert "site-db" not in said
    assert "The restored files are the original ones" in said
    assert "The restored book of rooms is the original one: " in said
    assert code == 0, "a database is under the plan, and all that is judged of it holds"
