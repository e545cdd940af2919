"""What a plan says of the organisation holds from its reload on, while nodes beat and people read: no beat is lost, and
no page is of two plans."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection

import httpx
import pytest

from intendance.fleet.database.connect import open_database
from intendance.fleet.layout import ManagerLayout
from intendance.system.clock import SystemClock
from intendance.wire import messages
from intendance.wire.token import read_token
from tests.support.nodes import SimulatedNode
from tests.support.ports import free_port
from tests.support.state import Site, until
from tests.system.test_reload import _answers
from tests.system.web.test_manager import _log_in, _password

pytestmark = pytest.mark.gnupg
ROUNDS = 4
PLANS = (("ASBL Exemple", "Europe/Brussels", "fr"), ("Tokyo Tree House", "Asia/Tokyo", "en"))
URLS = ("https://before.example:8484", "https://after.example:8484")


def _write(site: Site, which: int) -> None:
    site.write_plan(more=f'manager: {{urls: ["{URLS[which]}"]}}\n')
    name, zone, language = PLANS[which]
    text = site.plan.read_text().replace('"ASBL Exemple"', f'"{name}"').replace("Europe/Brussels", zone)
    site.plan.write_text(text.replace("language: fr", f"language: {language}"))


class Beating:
    """A node that beats without a pause over one connection that it keeps; `answers` are the manager's."""

    def __init__(self, name: str, site: Site, port: int) -> None:
        self.node = SimulatedNode(name, SystemClock(), site.base / name, fleet="testing")
        self.answers: list[int] = []
        self.connection = HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        self.connection.request("POST", path, body, headers)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def join(self, token: str) -> messages.EnrolmentAnswer:
        status, content = self.ask("/api/v1/enrol", messages.encode(self.node.enrolment(read_token(token))))
        assert status == 200, content
        answer = messages.decode(content, messages.EnrolmentAnswer)
        self.node.taken_in(answer)
        return answer

    def beat(self) -> int:
        authorization = f"Bearer {self.node.bearer.decode()}"
        return self.ask("/api/v1/heartbeat", messages.encode(self.node.beat()), authorization=authorization)[0]

    def go_on(self) -> None:
        self.answers.append(self.beat())


@contextmanager
def _meanwhile(*loops: Callable[[], object]) -> Iterator[None]:
    """Each again and again until the end; what one of them meets fails the test."""
    ending, met = threading.Event(), list[BaseException]()

    def run(loop: Callable[[], object]) -> None:
        try:
            while not ending.is_set():
                loop()
        except BaseException as error:  # noqa: BLE001 -- told by the test's own thread
            met.append(error)

    threads = [threading.Thread(target=run, args=(each,)) for each in loops]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    assert not met, met


def _until_said(process: subprocess.Popen[str], words: str) -> None:
    assert process.stderr is not None
    said = ""
    while words not in said:
        said = process.stderr.readline()
        assert said, f"it ended before it said {words}"


def _ends_with(seen: list[tuple[str, str]], wanted: tuple[str, str]) -> bool:
    return seen[-1:] == [wanted]


def _of_one_plan(page: str) -> None:
    found = [name in page for name, _, _ in PLANS]
    assert found.count(True) == 1, page[:2000]
    assert f'<html lang="{PLANS[found.index(True)][2]}"' in page


class Running:
    """A manager, and who speaks with it; closed at the end."""

    def __init__(self, site: Site) -> None:
        self.site, self.port = site, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        _write(site, 0)
        self.process = site.start("manager", "--plan", str(site.plan), "--listen", f"127.0.0.1:{self.port}")
        _until_said(self.process, "manager ")
        until(partial(_answers, self.process, self.port), "it to listen where it said")
        self.nodes: list[Beating] = []
        added = site.run("user", "add", "vera", "--role", "viewer", "--password", _password(site))
        assert added.code == 0, added.err
        token = site.run("token", "create", "script", "--scope", "read", "--json").json["token"]
        headers = {"origin": self.url}
        self.reader = httpx.Client(base_url=self.url, headers=headers, follow_redirects=True, timeout=120)
        self.program = httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {token}"}, timeout=120)
        self.told: list[tuple[str, str]] = []

    def enrolled(self, name: str) -> tuple[str, ...]:
        """Let one in; the manager's addresses, as its command and its answer say them."""
        made = self.site.run("node", "enroll", name, "--json")
        assert made.code == 0, made.err
        beating = Beating(name, self.site, self.port)
        self.nodes.append(beating)
        urls = tuple(beating.join(made.json["token"]).urls)
        assert urls == tuple(made.json["urls"])
        until(lambda: beating.beat() == 200, "the manager to know it")
        return urls

    def read(self) -> None:
        """Pages and JSON, each of one plan."""
        for path in ("/", "/alerts", "/account", "/nodes"):
            _of_one_plan(self.reader.get(path).text)
        status = self.program.get("/api/v1/status").json()
        self.told.append((status["organisation"], status["zone"]))

    def reload(self, said: str) -> None:
        self.process.send_signal(signal.SIGHUP)
        _until_said(self.process, said)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=180)
        assert self.process.returncode == 0

    def close(self) -> None:
        self.reader.close()
        self.program.close()
        for each in self.nodes:
            each.connection.close()


@pytest.fixture
def running(bare_site: Site) -> Iterator[Running]:
    found = Running(bare_site)
    yield found
    found.close()


def test_organisation_zone_language_and_addresses_change_under_beats(running: Running) -> None:
    assert [running.enrolled(name) for name in ("web-01", "web-02")] == [URLS[:1]] * 2
    assert _log_in(running.reader).url.path == "/"
    with _meanwhile(running.read, *(each.go_on for each in running.nodes)):
        for number in range(1, ROUNDS + 1):
            _write(running.site, number % 2)
            running.reload("is in force for web-01")
            wanted = PLANS[number % 2][:2]
            until(partial(_ends_with, running.told, wanted), f"{wanted} to be told")
        running.site.plan.write_text("version: 1\n")
        running.reload("the plan stays as it was")
    assert set(running.told) == {plan[:2] for plan in PLANS}
    assert running.program.get("/api/v1/status").json()["organisation"] == PLANS[ROUNDS % 2][0]
    assert {answer for each in running.nodes for answer in each.answers} == {200}
    _write(running.site, 1)
    running.reload("told the new addresses")
    _until_said(running.process, "systemctl restart intendance-manager")
    assert running.enrolled("web-03") == URLS[1:]
    running.end()
    with open_database(ManagerLayout(running.site.state).database) as database, database.read() as connection:
        rows = connection.exec_driver_sql("SELECT node, seq FROM node_state").all()
    seqs = {row.node: row.seq for row in rows}
    assert [seqs[each.node.name] for each in running.nodes] == [each.node.seq for each in running.nodes]
