"""The agent as a process: alone on its state, obedient, quick to end, quiet when nothing is due."""

from __future__ import annotations

import os
import signal
import socket
import stat
from pathlib import Path

from intendance.system import lock
from tests.support.state import Site, until


def test_it_answers_on_a_socket_of_its_own_and_ends_at_once_when_told(site: Site) -> None:
    with site.agent() as agent:
        ping = site.ping()
        assert ping is not None
        assert (ping["ok"], ping["pid"], ping["running"]) == (True, agent.pid, None)
        assert stat.S_IMODE((site.state / "agent.sock").stat().st_mode) == 0o600
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(180) == 0
    assert not (site.state / "agent.sock").exists()
    assert not lock.is_held(site.state / "lock")


def test_a_second_agent_says_so_in_one_sentence_and_leaves(site: Site) -> None:
    with site.agent() as agent:
        second = site.run("agent")
        assert second.code == 1
        assert second.err.startswith(f"error: An agent is already running on {site.state}: process {agent.pid}.\n")
        assert second.err.count("\n") == 2
        assert site.ping() is not None


def test_without_an_adopted_plan_there_is_nothing_to_run(bare_site: Site) -> None:
    refused = bare_site.run("agent")
    assert refused.code == 2
    assert "no plan was ever adopted" in refused.err
    assert "intendance plan adopt" in refused.err
    assert not bare_site.state.exists()


def test_after_a_kill_the_next_agent_starts_over_the_remains(site: Site) -> None:
    with site.agent() as agent:
        agent.kill()
        agent.wait()
        assert (site.state / "agent.sock").exists()
        with site.agent():
            assert site.ping() is not None


def test_it_waits_for_a_command_in_the_foreground(site: Site) -> None:
    with lock.held(site.state / "lock", purpose="test"):
        agent = site.start("agent")
        assert agent.stderr is not None
        line = agent.stderr.readline()
        assert f"waiting for process {os.getpid()}" in line
    until(lambda: site.ping() is not None, "the agent to begin")
    agent.send_signal(signal.SIGTERM)
    agent.communicate(timeout=180)
    assert agent.returncode == 0


def test_nonsense_on_its_socket_does_not_hurt_it(site: Site) -> None:
    with site.agent():
        for nonsense in (
            b"",
            b"\n",
            b"[]\n",
            b"{\n",
            b"x" * 10_000,
            b'{"do":"fly"}\n',
            b'{"do":"cancel","run":"nope"}\n',
        ):
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(site.state / "agent.sock"))
                line.sendall(nonsense)
                line.shutdown(socket.SHUT_WR)
                line.settimeout(180)
                assert b'"ok": false' in line.recv(4096)
        assert site.ping() is not None


def test_a_state_folder_that_is_deep_has_a_socket_all_the_same(bare_site: Site) -> None:
    deep = bare_site.base / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    deeper = Site(base=deep, keys=bare_site.keys)
    deeper.tree.mkdir()
    deeper.store.mkdir()
    deeper.write_plan()
    deeper.adopt()
    with deeper.agent():
        assert deeper.ping() is not None


def test_when_idle_it_costs_next_to_nothing(site: Site) -> None:
    with site.agent() as agent:
        for line in Path(f"/proc/{agent.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                assert int(line.split()[1]) < 60 * 1024
        maps = Path(f"/proc/{agent.pid}/maps").read_text()
        assert "pydantic" not in maps
