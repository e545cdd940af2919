"""A manager as its administrator starts it: an account, a log-in, the wall of a real node, the fleet log of it all."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from intendance.fleet.compose import open_accounts
from intendance.system.clock import SystemClock
from tests.support.ports import free_port
from tests.support.state import Site, until
from tests.system.web.conftest import PASSWORD


def _password(site: Site, text: str = PASSWORD) -> str:
    file = site.base / "password"
    file.write_text(text + "\n")
    return str(file)


def _log_in(client: httpx.Client) -> httpx.Response:
    page = client.get("/login")
    token = page.text.split('name="token" value="', 1)[1].split('"', 1)[0]
    return client.post("/login", data={"token": token, "name": "vera", "password": PASSWORD})


def test_from_up_to_the_wall(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    url = f"http://127.0.0.1:{free_port()}"
    process = site.start("up", "--listen", url.removeprefix("http://"))
    until(lambda: process.poll() is not None or site.ping() is not None, "the agent")
    assert process.poll() is None, process.communicate()[1]
    added = site.run("user", "add", "vera", "--role", "viewer", "--password", _password(site))
    assert added.code == 0, added.err
    assert "vera" in added.out
    with httpx.Client(base_url=url, headers={"origin": url}, follow_redirects=True, timeout=300) as client:
        assert client.get("/").url.path == "/login"
        assert client.get("/login").headers["content-security-policy"].startswith("default-src 'none'")
        wall = _log_in(client)
        assert wall.url.path == "/"
        until(lambda: "site-files" in client.get("/nodes/web-01").text, "the node to be judged")
        node = client.get("/nodes/web-01?lang=en").text
        assert "Every verdict" in node
        assert "MAINT_011" in node or "ASBL_015" in node
        status = site.run("status", "--json").json
        assert {each["rule"] for each in status["verdicts"] if each["performed"]} <= {
            part.split("<", 1)[0] for part in node.split('<span class="id rid">')[1:]
        }
        (held,) = site.run("user", "sessions", "vera", "--json").json["sessions"]
        assert (held["address"], held["stage"]) == ("127.0.0.1", "whole")
        assert held["browser"].startswith("python-httpx/")
        ended = site.run("user", "sessions", "vera", "--end", held["session"])
        assert (ended.code, ended.err) == (0, "")
        assert client.get("/").url.path == "/login"
        assert _log_in(client).url.path == "/"
        locked = site.run("user", "disable", "vera")
        assert locked.code == 0, locked.err
        assert client.get("/").url.path == "/login"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    log = str(site.state / "manager" / "log")
    verified = site.run("--state", log, "ledger", "verify", "--json")
    assert verified.code == 0, verified.err
    assert verified.json["origin"].endswith("/log")
    shown = site.run("--state", log, "ledger", "show", "--json")
    kinds = [each["kind"] for each in shown.json["records"]]
    assert kinds[0] == "genesis"
    ours = [
        kind for kind in kinds if kind in {"account.changed", "session.opened"}
    ]  # what the manager did is there too
    assert ours == ["account.changed", "session.opened", "account.changed", "session.opened", "account.changed"]


@pytest.mark.parametrize(
    ("words", "said", "code"),
    [
        (("user", "list"), "no manager's state", 2),
        (("user", "add", "x", "--role", "king", "--password", "-"), "is no role", 2),
        (("user", "add", " x", "--password", "-"), "at most 40 characters", 2),
    ],
)
def test_what_cannot_be_is_one_sentence(site: Site, words: tuple[str, ...], said: str, code: int) -> None:
    answer = site.run(*words)
    assert (answer.code, said in answer.err) == (code, True), answer.err
    assert "Traceback" not in answer.err


def test_accounts_are_made_listed_and_changed_on_the_managers_machine(site: Site, tmp_path: Path) -> None:
    url = f"127.0.0.1:{free_port()}"
    process = site.start("manager", "--plan", str(site.plan), "--listen", url)
    until((site.state / "manager" / "settings.json").exists, "the manager")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert site.run("user", "add", "lea", "--role", "admin", "--password", _password(site)).code == 0
    again = site.run("user", "add", "lea", "--password", _password(site))
    assert (again.code, "already" in again.err) == (2, True)
    short = site.run("user", "add", "new", "--password", _password(site, "short"))
    assert (short.code, "fewer than 12" in short.err) == (2, True)
    nobody = site.run("user", "reset", "leo", "--password", _password(site))
    assert (nobody.code, "there are: lea" in nobody.err) == (2, True)
    unread = site.run("user", "reset", "lea", "--password", str(tmp_path / "none"))
    assert (unread.code, "cannot be read" in unread.err) == (2, True)
    assert site.run("user", "totp", "lea").code == 0
    assert site.run("user", "disable", "lea").code == 0
    (listed,) = site.run("user", "list", "--json").json["users"]
    assert (listed["name"], listed["role"], listed["second_factor"]) == ("lea", "admin", False)
    assert listed["disabled_at"] is not None
    assert "disabled" in site.run("user", "list").out
    with open_accounts(site.state, SystemClock()) as accounts:
        assert len(accounts.listing()) == 1
