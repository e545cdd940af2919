"""A witness killed at any line while a log and its forks come in: it never says two things about one log."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from tests.support.growing_log import GrowingLog, openssl_says
from tests.support.state import until

KILLS = 8
LENGTH = 400


def _started(state: Path) -> tuple[subprocess.Popen[str], int]:
    told = {"state": str(state), "logs": None, "name": "w1", "listening": {"host": "127.0.0.1", "port": 0}}
    words = [sys.executable, "-m", "intendance.witness.serve", json.dumps(told)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    return process, int(process.stderr.readline().rsplit(":", 1)[1])


class _Submitter(threading.Thread):
    """Offers ever more of a log, from what the witness says it has, until nobody answers any more."""

    def __init__(self, port: int, log: GrowingLog, steps: random.Random) -> None:
        super().__init__()
        self._port, self._log, self._steps = port, log, steps
        self.cosigned: list[tuple[int, str]] = []
        self.seen: list[int] = []

    def run(self) -> None:
        old = 0
        while True:
            size = min(old + self._steps.randint(0, 3), LENGTH)
            try:
                status, said = self._asked(self._log.request(old, size))
            except (OSError, http.client.HTTPException):
                return
            if status == 200:
                self.cosigned.append((size, said))
                old = size
            elif status == 409:
                self.seen.append(int(said))
                if int(said) == old or int(said) > LENGTH:
                    return  # the other fork was cosigned
                old = int(said)
            else:
                return

    def _asked(self, body: bytes) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request("POST", "/add-checkpoint", body)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def _has_cosigned(submitters: list[_Submitter]) -> bool:
    return any(size for each in submitters for size, _ in each.cosigned)


@pytest.mark.parametrize("seed", [20261122])
def test_no_kill_makes_it_go_back_or_cosign_a_fork(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    honest, fork = GrowingLog(), GrowingLog()
    honest.grow(LENGTH)
    fork.grow(LENGTH)
    fork.entries[0] = b"rewritten"
    (tmp_path / "witness").mkdir()
    (tmp_path / "witness" / "logs").write_text(f"{honest.vkey}\n")
    words: dict[int, set[str]] = {}
    highest = 0
    for _ in range(KILLS):
        process, port = _started(tmp_path)
        submitters = [_Submitter(port, each, random.Random(dice.random())) for each in (honest, fork, honest)]
        try:
            for each in submitters:
                each.start()
            if not highest:
                until(partial(_has_cosigned, submitters), "a cosignature")
            submitters[0].join(dice.uniform(0.01, 0.3))
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stderr is not None
            process.stderr.close()
        for each in submitters:
            each.join()
            assert all(size >= highest for size in each.seen), "it went back behind what it had cosigned"
        for each, log in zip(submitters, (honest, fork, honest), strict=True):
            for size, _ in each.cosigned:
                assert size >= highest
                words.setdefault(size, set()).add(log.text(size))
        vkey = (tmp_path / "witness" / "witness.vkey").read_text().strip()
        for each, log in zip(submitters, (honest, fork, honest), strict=True):
            assert all(openssl_says(log.text(n), line, vkey, tmp_path)[1] for n, line in each.cosigned[-1:])
        highest = max([highest, *(size for each in submitters for size, _ in each.cosigned)])
    assert highest > 0, "something was cosigned"
    assert [texts for texts in words.values() if len(texts) > 1] == []
    kinds = {text in {honest.text(size)} for size, texts in words.items() for text in texts if size > 0}
    assert len(kinds) == 1, "of two forks, one"
