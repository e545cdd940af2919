"""`status` and `gate` asked of a manager by the real command line: the same exit codes, and never green for silence."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from intendance.fleet.database.connect import open_database
from intendance.fleet.tokens.decide import Scope
from tests.support import warm
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.ports import nobody


class Served:
    """A manager that answers over a socket, and the command line that asks it."""

    def __init__(self, asked: Asked, url: str, folder: Path) -> None:
        self.asked = asked
        self.url = url
        self.folder = folder
        for scope, secret in asked.secrets.items():
            (folder / scope.value).write_text(f"{secret}\n")

    def run(self, *words: str, scope: str = "read", url: str = "") -> tuple[int, str, str]:
        """Exit code, answer, talk."""
        where = ("--manager", url or self.url, "--token", str(self.folder / scope))
        return _command(self.folder, *words, *where)

    def json(self, *words: str) -> tuple[int, Any]:
        """Exit code and the answer for machines."""
        code, out, _ = self.run(*words, "--json")
        return code, json.loads(out)


def _command(folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, answer and talk of the command line with these words."""
    done = warm.run(
        "intendance", ("--state", str(folder / "none"), *words), cwd=folder, environment=warm.environment(),
        timeout_seconds=300,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def served(sqlite_template: Path, tmp_path: Path) -> Iterator[Served]:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database, socket.create_server(("127.0.0.1", 0)) as listening:
        asked = Asked(database, MovableClock(BEGAN))
        server = uvicorn.Server(uvicorn.Config(asked.app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Served(asked, f"http://127.0.0.1:{listening.getsockname()[1]}", tmp_path)
        finally:
            server.should_exit = True
            thread.join()


def test_a_fleet_that_holds_then_is_silent_then_broken(served: Served, tmp_path: Path) -> None:
    code, out, _ = served.run("status")
    assert (code, "has no node" in out) == (5, True)
    served.asked.arrive(tmp_path / "nodes", life="all-well")
    code, out, _ = served.run("status")
    assert (code, out.splitlines()[1][:4]) == (0, "Yes:"), out
    assert served.run("gate", "--node", "web-01")[0] == 0
    served.asked.clock.move(timedelta(seconds=121))
    served.asked.verdicts.judge_due()
    for words in (("status",), ("gate",), ("status", "--node", "web-01")):
        code, out, _ = served.run(*words)
        assert (code, "Nobody can tell." in out, "1 node is silent: web-01" in out) == (5, True, True), out
    served.asked.arrive(tmp_path / "nodes", life="trouble", name="web-02")
    code, told = served.json("status")
    assert (code, told["answer"], told["schema"]) == (4, "broken", "intendance.fleet-status/1")
    code, told = served.json("gate", "--node", "web-02")
    assert (code, told["open"]) == (4, False)
    code, out, _ = served.run("gate", "--node", "web-02", "--lang", "fr")
    assert (code, "Non\u00a0: une règle bloquante" in out) == (4, True), out
    assert "web-02\u00a0· shop-db" in out


def test_who_gives_no_answer_has_not_said_yes(served: Served, tmp_path: Path) -> None:
    with nobody() as port:
        there = f"http://127.0.0.1:{port}"
        for words in (("status",), ("gate",)):
            code, out, err = served.run(*words, url=there)
            assert (code, out, "Nobody can tell" in err) == (5, "", True)
        code, out, _ = served.run("status", "--json", url=there)
    assert (code, json.loads(out)["error"]["code"]) == (5, "manager_silent")
    assert served.run("status", url="http://fleet.example.org")[0] == 5  # a token goes by TLS alone
    served.asked.arrive(tmp_path / "nodes", life="all-well")
    code, out, err = served.run("status", scope=Scope.METRICS.value)
    assert (code, out, "needs the scope read" in err) == (1, "", True)
    assert served.run("status", "--node", "nobody")[0] == 1
    served.asked.tokens.revoke("read", by="test")
    assert served.run("status")[0] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("status", "--node", "web-01"),
        ("gate", "--token", "x"),
        ("status", "--manager", "http://127.0.0.1:1"),
        ("status", "--manager", "http://127.0.0.1:1", "--token", "/dev/null"),
    ],
)
def test_words_that_cannot_be_meant_are_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, out, err = _command(tmp_path, *words)
    assert (code, out, err.startswith("usage: ")) == (2, "", True), err
