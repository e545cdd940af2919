"""A manager and its nodes as processes: joined, heard, proven, killed, and there again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.state import Site, until


def _health(url: str, authority: Path | None = None) -> Any:
    try:
        context = ssl.create_default_context(cafile=authority) if authority else None
        with urllib.request.urlopen(f"{url}/healthz", timeout=30, context=context) as answer:
            return json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return None


def _nodes(site: Site) -> list[dict[str, Any]]:
    answer = site.run("node", "list", "--json")
    assert answer.code == 0, answer.err
    found: list[dict[str, Any]] = answer.json["nodes"]
    return found


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)


def _token(site: Site, *words: str) -> Path:
    made = site.run("node", "enroll", "web-01", "--json", *words)
    assert made.code == 0, made.err
    file = site.base / "token"
    file.write_text(made.json["token"] + "\n")
    return file


def test_a_node_joins_by_tls_and_its_ledger_arrives(site: Site) -> None:
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    authority = site.state / "manager" / "tls" / "ca.pem"
    process = site.start("manager", "--plan", str(site.plan), "--listen", f"0.0.0.0:{port}", "--name", "127.0.0.1")
    until(lambda: process.poll() is not None or (authority.exists() and _health(url, authority)), "the manager")
    assert process.poll() is None, process.communicate()[1]
    refused = site.run("node", "join", f"https://localhost:{port}", "--token", str(site.plan))
    assert (refused.code, "not an enrolment token" in refused.err) == (2, True)
    joined = site.run("node", "join", url, "--token", str(_token(site)))
    assert joined.code == 0, joined.err
    kept = site.state / "agent" / "manager.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert site.run("node", "join", url, "--token", str(site.base / "token")).code == 1  # used
    with site.agent():
        until(lambda: _nodes(site)[0]["signed_records"] >= 3, "the ledger to arrive")
        assert site.run("backup", "run", "site-files").code == 0
        until(lambda: _nodes(site)[0]["state"] == "up", "the node to be heard")
    assert site.run("backup", "inspect", "site-files").code == 0  # while nobody tells the manager
    (node,) = _nodes(site)
    assert (node["node"], node["findings"]) == ("web-01", 0)
    with site.agent():
        until(lambda: _nodes(site)[0]["signed_records"] > node["signed_records"], "the rest to arrive")
    _end(process)
    assert process.returncode == 0
    taken = site.base / "taken.tar"
    exported = site.run("ledger", "export", "--node", "web-01", str(taken), "--json")
    assert (exported.code, exported.json["size"]) == (0, _nodes(site)[0]["signed_records"]), exported.err
    assert site.run("ledger", "verify", "--bundle", str(taken)).code == 0
    part = site.base / "part"
    assert site.run("ledger", "export", "--node", "web-01", "--from", "1", "--to", "2", str(part)).code == 0
    of_part = site.run("ledger", "verify", "--bundle", str(part), "--json").json
    assert (of_part["result"], of_part["to"]) == ("verified", 2)
    assert site.run("ledger", "export", "--node", "web-01", "--manager", str(site.base / "both")).code == 2
    assert site.run("ledger", "export", "--incarnation", "1", str(site.base / "part")).code == 2
    assert site.run("ledger", "export", "--node", "web-02", str(site.base / "none")).code == 2


def test_a_manager_with_another_authority_is_told_nothing(site: Site) -> None:
    port = free_port()
    authority = site.state / "manager" / "tls" / "ca.pem"
    words = ("manager", "--plan", str(site.plan), "--listen", f"0.0.0.0:{port}", "--name", "127.0.0.1")
    process = site.start(*words)
    until(lambda: authority.exists() and _health(f"https://127.0.0.1:{port}", authority) is not None, "the manager")
    token = _token(site)
    pin = token.read_text().split(".")[3]
    token.write_text(token.read_text().replace(pin, "0" * 64))
    answer = site.run("node", "join", f"https://127.0.0.1:{port}", "--token", str(token))
    assert answer.code == 1
    assert "does not show the certificate authority" in answer.err
    _end(process)


def _shown(port: int, authority: Authority) -> bytes:
    """The certificate that a new connection is shown."""
    context = ssl.create_default_context(cadata=authority.pem)
    with (
        socket.create_connection(("127.0.0.1", port), 60) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as line,
    ):
        return line.getpeercert(binary_form=True) or b""


def test_a_renewed_certificate_is_presented_without_an_end_of_the_manager(site: Site) -> None:
    port, authority = free_port(), Authority.create()
    pair = site.base / "server.pem"  # both in one file, as some write them
    pair.write_bytes(authority.server_pem("127.0.0.1"))
    words = ("manager", "--plan", str(site.plan), "--listen", f"0.0.0.0:{port}")
    process = site.start(*words, "--tls-cert", str(pair), "--tls-key", str(pair))
    trusted = site.base / "authority.pem"
    trusted.write_text(authority.pem)
    until(lambda: process.poll() is not None or _health(f"https://127.0.0.1:{port}", trusted), "the manager")
    assert process.poll() is None, process.communicate()[1]
    context = ssl.create_default_context(cadata=authority.pem)
    kept = http.client.HTTPSConnection("127.0.0.1", port, timeout=300, context=context)
    kept.request("GET", "/healthz")
    assert json.loads(kept.getresponse().read())["status"] == "ok"
    line, first = kept.sock, _shown(port, authority)
    pair.write_bytes(authority.server_pem("127.0.0.1"))
    process.send_signal(signal.SIGHUP)
    until(lambda: _shown(port, authority) != first, "the renewed certificate")
    kept.request("GET", "/healthz")
    assert json.loads(kept.getresponse().read())["status"] == "ok"
    assert kept.sock is line
    kept.close()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=180)
    assert "is presented from now on; it ends on" in said
    pair.write_bytes(b"torn")
    refused = site.run(*words, "--tls-cert", str(pair), "--tls-key", str(pair))
    assert (refused.code, "it holds no certificate" in refused.err) == (2, True), refused.err


def test_up_joins_by_itself_and_starts_again_what_is_killed(site: Site) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = site.start("up", "--listen", f"127.0.0.1:{port}")
    until(lambda: process.poll() is not None or site.ping() is not None, "the agent")
    assert process.poll() is None, process.communicate()[1]
    until(lambda: _nodes(site)[0]["signed_records"] >= 3, "the ledger to arrive")
    agent = site.ping()
    assert agent is not None
    os.kill(agent["pid"], signal.SIGKILL)
    until(lambda: (site.ping() or agent)["pid"] != agent["pid"], "another agent")
    manager = _listening(process.pid)
    assert manager, "a signal to 0 would end whoever tests"
    os.kill(manager, signal.SIGKILL)
    until(lambda: _listening(process.pid) not in {0, manager} and _health(url) is not None, "another manager")
    assert _nodes(site)[0]["findings"] == 0
    _end(process)
    assert process.returncode == 0
    assert _health(url) is None
    assert site.ping() is None


def _listening(parent: int) -> int:
    """The manager's process below `up`; 0 while there is none."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                father = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if father == parent and b"intendance.api.serve" in words:
                return int(entry.name)
    return 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("manager", "--listen", "nowhere"), "is not HOST:PORT"),
        (("manager", "--database", "postgresql://a:b@c/d"), "holds a password"),
        (("manager", "--tls-cert", "x.pem"), "go together"),
        (("up", "--listen", "0.0.0.0:80"), "this machine alone"),
        (("node", "decommission", "web-01"), "--confirm web-01"),
        (("node", "list"), "no manager's state"),
        (("node", "enroll", "web-01", "--key", "short"), "64 figures"),
        (("node", "join", "https://x", "--token", "/nonexistent"), "cannot be read"),
    ],
)
def test_what_cannot_be_is_one_sentence(site: Site, words: tuple[str, ...], said: str) -> None:
    answer = site.run("--plan", str(site.plan), *words)
    assert answer.code == 2, answer.err
    assert said in answer.err
    assert "Traceback" not in answer.err
