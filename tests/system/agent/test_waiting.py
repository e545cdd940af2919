"""What a command that follows the agent says while its run waits: only what is true."""

from __future__ import annotations

import pytest

from intendance.system import lock
from tests.support.state import Gate, Site, until

pytestmark = pytest.mark.gnupg
WAITING = "waiting for other runs"


def test_nothing_is_said_while_the_agent_only_takes_the_run_up(site: Site) -> None:
    with site.agent():
        for _ in range(2):
            said = site.run("backup", "inspect")
            assert said.code == 0, said.err
            until(lambda: not lock.is_held(site.state / "agent/locks/site-files"), "its worker to let the asset go")
            assert WAITING not in said.err


def test_a_run_behind_another_waits_and_that_is_said(site: Site, gate: Gate) -> None:
    with site.agent():
        first = site.start("backup", "run")
        gate.wait()
        second = site.start("backup", "inspect")
        assert second.stderr is not None
        while WAITING not in (line := second.stderr.readline()):
            assert line, "the command ended"
        gate.open()
        assert WAITING not in first.communicate(timeout=180)[1]
        until(lambda: second.poll() is not None, "the inspection to end")
        assert second.returncode == 0
