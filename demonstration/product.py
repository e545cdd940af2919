"""The product as its users have it: commands typed one after the other, and `intendance up` as a process."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from demonstration.scene import ROOT, Scene, Voice
from intendance.agent import bell

START_SECONDS = 180
STOP_SECONDS = 60


class StepFailed(Exception):
    """A command of the product ended with a code that the demonstration did not expect."""


class Product:
    """`intendance` with the demonstration's state folder."""

    def __init__(self, scene: Scene, voice: Voice) -> None:
        self._scene = scene
        self._voice = voice
        self._up: subprocess.Popen[bytes] | None = None

    def type(self, *words: str, holder: str | None = None, accept: tuple[int, ...] = (0,)) -> int:
        """Show a command and run it in the open; its exit code. Raises StepFailed for one that is not in `accept`."""
        home = f"GNUPGHOME={self._scene.home_of(holder)} " if holder else ""
        self._voice.command(f"{home}intendance {shlex.join(words)}")
        code = subprocess.run(
            self._argv(words), cwd=ROOT, env=self._environment(holder), stdin=subprocess.DEVNULL, check=False
        ).returncode
        if code not in accept:
            raise StepFailed(f"`intendance {shlex.join(words)}` ended with {code}")
        return code

    def ask(self, *words: str) -> Any:
        """A command's `--json` answer. Raises StepFailed."""
        return json.loads(self.quietly(*words, "--json"))

    def quietly(self, *words: str, told: str = "") -> bytes:
        """What a command answers that nobody is shown; `told` goes to its stdin. Raises StepFailed."""
        ended = subprocess.run(
            self._argv(words), cwd=ROOT, env=self._environment(None), input=told.encode(), capture_output=True,
            check=False,
        )  # fmt: skip
        if ended.returncode != 0:
            raise StepFailed(f"`intendance {shlex.join(words)}`: {ended.stderr.decode(errors='replace').strip()}")
        return ended.stdout

    def start_up(self, address: str) -> bool:
        """Show `intendance up` and start it; whether the manager answers and the node has joined: False when it ended.

        It ends with this process, whatever happens to this one. Raises StepFailed when it does neither in time.
        """
        words = ("up", "--listen", address)
        self._voice.command(f"intendance {shlex.join(words)}")
        command = ["setpriv", "--pdeathsig", "TERM", "--", *self._argv(words)]
        with self.log.open("ab") as log:
            self._up = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(None), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while bell.ask(self._scene.state / "agent.sock", {"do": "ping"}) is None:  # the agent is started last
            if self.code() is not None:
                return False
            if time.monotonic() > deadline:
                raise StepFailed(f"`intendance up` did not start:\n{self.last_words()}")
            time.sleep(0.05)
        return True

    @property
    def log(self) -> Path:
        """Where `intendance up` says what it does."""
        return self._scene.base / "up.log"

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-2000:]

    def code(self) -> int | None:
        """The exit code of `intendance up` once it has ended."""
        return None if self._up is None else self._up.poll()

    def stop(self) -> None:
        """Ask `intendance up` to end and wait for it; kill it when it does not."""
        up, self._up = self._up, None
        if up is None or up.poll() is not None:
            return
        up.send_signal(signal.SIGTERM)
        try:
            up.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            up.kill()
            up.wait()

    def _argv(self, words: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "intendance", "--state", str(self._scene.state), *words]

    @staticmethod
    def _base_environment() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name != "GNUPGHOME"}

    def _environment(self, holder: str | None) -> dict[str, str]:
        environment = self._base_environment()
        if holder is not None:
            environment["GNUPGHOME"] = str(self._scene.home_of(holder))
        return environment
