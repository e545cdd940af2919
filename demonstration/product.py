"""The product as its users have it: commands typed one after the other, and the agent as a process."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import Any

from demonstration.scene import ROOT, Scene, Voice

START_SECONDS = 30
STOP_SECONDS = 60


class StepFailed(Exception):
    """A command of the product ended with a code that the demonstration did not expect."""


class Product:
    """`intendance` with the demonstration's state folder."""

    def __init__(self, scene: Scene, voice: Voice) -> None:
        self._scene = scene
        self._voice = voice
        self._agent: subprocess.Popen[bytes] | None = None

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
        ended = subprocess.run(
            self._argv((*words, "--json")), cwd=ROOT, env=self._environment(None), stdin=subprocess.DEVNULL,
            capture_output=True, check=False,
        )  # fmt: skip
        if ended.returncode != 0:
            raise StepFailed(f"`intendance {shlex.join(words)}`: {ended.stderr.decode(errors='replace').strip()}")
        return json.loads(ended.stdout)

    def start_agent(self) -> int:
        """Start `intendance agent` and return its pid once it listens. Raises StepFailed.

        It ends with this process, whatever happens to this one.
        """
        command = ["setpriv", "--pdeathsig", "TERM", "--", *self._argv(("agent",))]
        log = (self._scene.base / "agent.log").open("ab")
        with log:
            self._agent = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(None), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._wait_until_it_listens()
        return self._agent.pid

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (self._scene.state / "agent.sock").exists():
            if self.agent_code() is not None or time.monotonic() > deadline:
                raise StepFailed(f"the agent did not start:\n{(self._scene.base / 'agent.log').read_text()[-2000:]}")
            time.sleep(0.05)

    def agent_code(self) -> int | None:
        """The agent's exit code once it has ended."""
        return None if self._agent is None else self._agent.poll()

    def stop_agent(self) -> None:
        """Ask the agent to end and wait for it; kill it when it does not."""
        agent, self._agent = self._agent, None
        if agent is None or agent.poll() is not None:
            return
        agent.send_signal(signal.SIGTERM)
        try:
            agent.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            agent.kill()
            agent.wait()

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
