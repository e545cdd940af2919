"""The manager and the witness under their units' own lines: mounts, user, system-call filter, as systemd sets them."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from intendance.fleet.layout import ManagerLayout
from intendance.ledger.book import Book
from intendance.plan.adopted import decode
from intendance.system.clock import SystemClock
from intendance.wire import messages
from intendance.wire.token import read_token
from tests.support.caged import Caged, end, new_caged
from tests.support.growing_log import GrowingLog
from tests.support.mail import MailServer, mail_server
from tests.support.nodes import SimulatedNode
from tests.support.ports import free_port
from tests.support.postgresql import running as running_server
from tests.support.state import Site, until

pytestmark = [
    pytest.mark.gnupg,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts and another user take root"),
]
MANAGER, WITNESS = "intendance-manager.service", "intendance-witness.service"
PASSWORD = "a cage of paper and of ink"


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@contextmanager
def _caged(name: str, given: dict[str, str], *shown: Path) -> Iterator[Caged]:
    caged = new_caged(name, given, *shown)
    try:
        yield caged
    finally:
        end(caged)
        shutil.rmtree(caged.base.parent)


ATTEMPTS = (
    ("socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "socket("),
    ("socket.sethostname('x')", "sethostname("),
    ("must(libc.unshare(0x10000000))", "unshare("),
    ("must(libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0))", "mount("),
    ("os.chmod(home, 0o4700)", "chmod("),
    ("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))", "sched_setscheduler("),
    ("os.chown(home, 0, 0)", "chown("),
    ("open('/etc/x', 'w')", ""),
    ("open('/etc/shadow')", ""),
    ("open('/proc/1/environ')", ""),
    ("open('/proc/sys/kernel/hostname', 'w')", ""),
    ("open('/dev/kmsg')", ""),
    ("os.mkdir('/home' + '/x')", ""),
)
HEAD = """import ctypes, os, socket
libc, home = ctypes.CDLL(None, use_errno=True), os.environ['HOME']
def must(done):
    if done < 0:
        raise OSError(ctypes.get_errno(), 'refused')
def tried(words):
    try:
        exec(words)
    except OSError as error:
        return error.errno != 38
    return False
open(home + '/x', 'w').close()
"""


@pytest.mark.parametrize("name", [MANAGER, WITNESS])
def test_the_cage_holds(name: str) -> None:
    """What the units take away fails, and what a filter refused is known: else the tests below would prove nothing."""
    with _caged(name, {}) as caged:
        words = "".join(f"print(tried({attempt!r}))\n" for attempt, _ in ATTEMPTS)
        done = caged.run("/opt/intendance/bin/python", "-c", HEAD + words)
        assert done.returncode == 0, done.stderr
        assert dict(zip([attempt for attempt, _ in ATTEMPTS], done.stdout.split(), strict=True)) == {
            attempt: "True" for attempt, _ in ATTEMPTS
        }
        expected = [call for _, call in ATTEMPTS if call]
        until(lambda: len(caged.refused) >= len(expected), "what was refused")
        assert [line.partition("(")[0] + "(" for line in caged.refused] == expected
        assert (caged.state / "x").stat().st_mode & 0o777 == 0o600


class _Node(SimulatedNode):
    """A node on another machine, whose ledger is that of a state folder with a backup."""

    def __init__(self, site: Site) -> None:
        self.name, self.clock, self.state = "web-01", SystemClock(), site.state
        self.book = Book.open(site.state, self.clock)
        self.seq, self.incarnation, self.bearer = 0, 1, b""


class _Asked:
    """A manager in its cage, asked as nodes and people ask it."""

    def __init__(self, caged: Caged, port: int) -> None:
        self.caged = caged
        self.url = f"https://127.0.0.1:{port}"
        self.process = caged.start()
        until(self._answers, "the manager")
        self.client = self.new_client()

    def new_client(self) -> httpx.Client:
        authority = ssl.create_default_context(cafile=ManagerLayout(self.caged.state).folder / "tls" / "ca.pem")
        return httpx.Client(
            base_url=self.url, verify=authority, headers={"origin": self.url}, follow_redirects=True, timeout=120
        )

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.caged.said() + str(self.caged.refused)
        try:
            with self.new_client() as client:
                return client.get("/healthz").status_code == 200
        except (httpx.TransportError, OSError):
            return False

    def join(self, node: SimulatedNode) -> None:
        made = self.caged.intendance("node", "enroll", node.name)
        assert made.returncode == 0, made.stderr
        token = next(word for word in made.stdout.split() if word.count(".") >= 3)
        asked = messages.encode(node.enrolment(read_token(token)))
        answer = self.client.post("/api/v1/enrol", content=asked)
        assert answer.status_code == 200, answer.text
        node.taken_in(messages.decode(answer.content, messages.EnrolmentAnswer))

    def told(self, node: SimulatedNode) -> None:
        """A beat and the whole ledger."""
        bearer = {"authorization": f"Bearer {node.bearer.decode()}"}
        for path, message in (("heartbeat", node.beat()), ("evidence", node.batch(0))):
            answer = self.client.post(f"/api/v1/{path}", content=messages.encode(message), headers=bearer)
            assert answer.status_code == 200, answer.text

    def ended(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(180) == 0, self.caged.said()


def _plan(site: Site, mails: MailServer, witness: str) -> None:
    site.write_plan(
        more=f"""alerts:
  email: {{smtp: "{mails.url}", from: intendance@example.org}}
  policy:
    critical:
      - {{after: "0min", to: admin, by: [email]}}
manager:
  urls: ["https://fleet.example.org"]
  witnesses: [{witness}]
"""
    )
    site.base.chmod(0o755)
    for place in (site.plan, site.base / "keys", *(site.base / "keys").iterdir()):
        place.chmod(0o755 if place.is_dir() else 0o644)
    for place in (site.store, *site.store.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)


def _kinds(caged: Caged) -> list[str]:
    log = f"{caged.home}/manager/log"
    shown = caged.run("/opt/intendance/bin/intendance", "--state", log, "ledger", "show", "--json")
    assert shown.returncode == 0, shown.stderr
    return [line.split('"')[3] for line in shown.stdout.splitlines() if '"kind":' in line]


def _everything(site: Site, mails: MailServer, asked: _Asked) -> None:
    """What a manager does all day, each seen to be done."""
    caged, node = asked.caged, _Node(site)
    asked.join(node)
    asked.told(node)
    password = PASSWORD + "\n"
    added = caged.intendance("user", "add", "vera", "--role", "viewer", "--password", "-", told=password)
    assert added.returncode == 0, added.stderr
    page = asked.client.get("/login")
    token = page.text.split('name="token" value="', 1)[1].split('"', 1)[0]
    answer = asked.client.post("/login", data={"token": token, "name": "vera", "password": PASSWORD})
    assert answer.url.path == "/", answer.text
    until(lambda: "ASBL_0" in asked.client.get("/nodes/web-01").text, "the node to be judged")
    sent = caged.intendance("alert", "test", "--wait", "4min", "--json")
    assert sent.returncode == 0, sent.stderr
    assert mails.taken
    until(lambda: "inspection.completed" in _kinds(caged), "a look into the store")
    site.plan.write_text(site.plan.read_text().replace('name: "Lead"', 'name: "Somebody else"'))
    assert caged.reload(asked.process) == ""
    in_force = ManagerLayout(caged.state).plan
    until(lambda: decode(in_force.read_bytes()).contacts["lead"].name == "Somebody else", "the plan to be read again")
    site.plan.write_text(site.plan.read_text().replace("catalogues: [asbl]", "catalogues: [nonsense]"))
    assert "nonsense" in caged.reload(asked.process)
    site.plan.write_text(site.plan.read_text().replace("catalogues: [nonsense]", "catalogues: [asbl]"))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_manager_and_its_witness_do_all_their_work(bare_site: Site, mails: MailServer, kind: str) -> None:
    site, port, far = bare_site, free_port(), free_port()
    site.write_plan()
    site.adopt()
    assert site.run("backup", "run", "site-files").code == 0
    logs = site.base / "logs"
    other = GrowingLog("elsewhere.example.org/log")
    logs.write_text(f"{other.vkey}\n")
    options = {"INTENDANCE_LISTEN": f"127.0.0.1:{far}", "INTENDANCE_LOGS": str(logs)}
    with _caged(WITNESS, options, logs) as witness:
        key = witness.intendance("witness", "--show-key", "--name", "witness.example.org/w1")
        assert key.returncode == 0, key.stderr
        serving = witness.start()
        until(lambda: "://" in witness.said() or serving.poll() is not None, "the witness")
        assert serving.poll() is None, witness.said()
        _plan(site, mails, f'{{url: "http://127.0.0.1:{far}", key: "{key.stdout.strip()}"}}')
        given = {"INTENDANCE_LISTEN": f"0.0.0.0:{port}", "INTENDANCE_PLAN": str(site.plan)}
        given["INTENDANCE_OPTIONS"] = "--name 127.0.0.1"
        with _database(kind, given) as folder, _caged(
            MANAGER, given, site.plan, site.base / "keys", site.store, *folder
        ) as caged:  # fmt: skip
            asked = _Asked(caged, port)
            public = caged.run(
                "/opt/intendance/bin/intendance", "--state", caged.home, "ledger", "checkpoint", "--manager", "--json"
            )
            assert public.returncode == 0, public.stderr
            logs.write_text(logs.read_text() + public.stdout.split('"key": "')[1].split('"')[0] + "\n")
            assert witness.reload(serving) == ""
            _everything(site, mails, asked)
            cosigned = ManagerLayout(caged.state).log / "agent" / "ledger" / "witnessed"
            until(lambda: cosigned.is_dir() and bool(list(cosigned.iterdir())), "a cosignature")
            asked.ended()
            again = _Asked(caged, port)
            assert again.client.get("/login").status_code == 200
            again.ended()
            assert caged.refused == []
            assert "Traceback" not in caged.said(), caged.said()
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(180) == 0, witness.said()
        assert witness.refused == []


@contextmanager
def _database(kind: str, given: dict[str, str]) -> Iterator[tuple[Path, ...]]:
    if kind == "sqlite":
        yield ()
        return
    with running_server() as server:
        server.folder.chmod(0o755)
        given["INTENDANCE_OPTIONS"] += f" --database {server.address(server.new_database())}"
        yield (server.folder,)
