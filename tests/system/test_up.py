"""`intendance up` where something is wrong: one sentence, the right exit code, nothing left running, no run lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from intendance.system.publish import exchange
from tests.support.ports import free_port
from tests.support.state import Gate, Site, until
from tests.system.test_fleet import _health, _listening, _nodes

pytestmark = pytest.mark.gnupg
LONG_SECONDS = 240.0


def _ours(site: Site) -> list[str]:
    """Every process that names the site's folder in its arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{site.base}/" in arguments and "gpg-agent" not in arguments:
                found.append(arguments)
    return found


def _started(site: Site, port: int) -> subprocess.Popen[str]:
    process = site.start("up", "--listen", f"127.0.0.1:{port}")
    until(lambda: process.poll() is not None or bool(site.ping() and _health(f"http://127.0.0.1:{port}")), "both",
          LONG_SECONDS)  # fmt: skip
    assert process.poll() is None, process.communicate()[1]
    return process


def _ended(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LONG_SECONDS)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said


def test_a_port_that_is_taken_is_said_before_anything_runs(site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = site.run("up", "--listen", f"127.0.0.1:{port}")
    assert answer.code == 1
    assert f"cannot listen on `127.0.0.1:{port}`" in answer.err
    assert not (site.state / "manager").exists()
    until(lambda: _ours(site) == [], "nothing to be left", LONG_SECONDS)


def test_a_state_without_a_plan_is_one_sentence(bare_site: Site) -> None:
    answer = bare_site.run("up", "--listen", f"127.0.0.1:{free_port()}")
    assert answer.code == 2
    assert "plan adopt" in answer.err


def test_a_manager_that_cannot_begin_says_why_and_gives_its_exit_code(site: Site) -> None:
    (site.state / "manager").mkdir(mode=0o700)
    (site.state / "manager" / "manager.db").write_bytes(b"not a database" * 1000)
    answer = site.run("up", "--listen", f"127.0.0.1:{free_port()}")
    assert answer.code == 1
    assert answer.err.count("error: ") == 1
    assert "manager.db" in answer.err
    until(lambda: _ours(site) == [], "nothing to be left", LONG_SECONDS)


def test_told_to_stop_in_a_backup_it_leaves_nothing_and_the_next_one_makes_it(site: Site, gate: Gate) -> None:
    port = free_port()
    process = _started(site, port)
    asked = site.start("backup", "run", "site-files")
    gate.wait()
    for other in (port, free_port()):
        second = site.run("up", "--listen", f"127.0.0.1:{other}")
        assert second.code == 1
        assert "already running" in second.err
    said = _ended(process)
    assert "agent ends" in said
    assert "manager ends" in said
    until(lambda: asked.poll() is not None, "the command to see it", LONG_SECONDS)
    until(lambda: _ours(site) == [], "nothing to be left", LONG_SECONDS)
    assert site.sets() == []

    gate.open()
    process = _started(site, port)
    until(lambda: len(site.sets()) == 1, "the backup to be made", LONG_SECONDS)
    (node,) = _nodes(site)
    assert (node["incarnation"], node["findings"]) == (1, 0)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    until(lambda: _ours(site) == [], "both to end with who started them", LONG_SECONDS)


def test_a_node_is_looked_after_while_its_manager_cannot_begin_and_a_page_is_there_while_its_agent_cannot(
    site: Site,
) -> None:
    port = free_port()
    _ended(_started(site, port))
    kept = (site.state / "manager" / "manager.db").read_bytes()
    for left in (site.state / "manager").glob("manager.db*"):
        left.unlink()
    (site.state / "manager" / "manager.db").mkdir()
    process = site.start("up", "--listen", f"127.0.0.1:{port}")
    until(lambda: process.poll() is not None or site.ping() is not None, "the agent", LONG_SECONDS)
    assert process.poll() is None, process.communicate()[1]
    until(lambda: _listening(process.pid) != 0, "a manager", LONG_SECONDS)
    until(lambda: _listening(process.pid) == 0, "it to give up", LONG_SECONDS)
    whole = site.base / "manager.db"
    whole.write_bytes(kept)
    assert exchange(whole, site.state / "manager" / "manager.db")  # at no instant is there none
    until(lambda: _health(f"http://127.0.0.1:{port}") is not None, "a manager that is started again", LONG_SECONDS)

    agent = site.ping()
    assert agent is not None
    adopted = site.state / "agent" / "plan.json"
    adopted.rename(adopted.with_suffix(".lost"))
    os.kill(agent["pid"], signal.SIGKILL)
    until(lambda: site.ping() is None, "the agent to be gone", LONG_SECONDS)
    until(lambda: _health(f"http://127.0.0.1:{port}") is not None, "the manager to answer all the same", LONG_SECONDS)
    adopted.with_suffix(".lost").rename(adopted)
    until(lambda: site.ping() is not None, "an agent that is started again", LONG_SECONDS)
    said = _ended(process)
    assert "the manager ended (exit code 1) and is started again in 1 s" in said
    assert "the agent ended (signal 9) and is started again in" in said
    until(lambda: _ours(site) == [], "nothing to be left", LONG_SECONDS)
