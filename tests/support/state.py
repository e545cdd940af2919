"""State folders with an adopted plan, and the real command line run on them as a person would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from intendance.agent import bell
from intendance.agent.adoption import adopt
from intendance.agent.compose import Node, open_node
from intendance.engines.private_mariadb import PrivateServer
from intendance.model.plan import DirectoryStore
from intendance.stores.directory import adopt_store
from intendance.system.clock import Clock, SystemClock
from tests.support import warm
from tests.support.gnupg import Keys

PATIENCE_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said and how it left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(slots=True)
class Site:
    """A small organisation's node: a file tree, a directory store, three recipients, a plan and a state folder."""

    base: Path
    keys: Keys
    plan_text: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return self.base / "state"

    @property
    def tree(self) -> Path:
        return self.base / "www"

    @property
    def store(self) -> Path:
        return self.base / "store"

    @property
    def plan(self) -> Path:
        return self.base / "intendance.yaml"

    def write_plan(
        self, *, full: str | None = "", inspect: str | None = None, catch_up: str = "once", more: str = ""
    ) -> Path:
        """A plan with the asset `site-files`, backed up every week but not now (`full` says otherwise; None: by hand
        only); `more` is further YAML under `assets:`."""
        full = f"{half_a_day_away()} {not_today()}" if full == "" else full
        (self.base / "keys").mkdir(exist_ok=True)
        for holder in (self.keys.owner, self.keys.offline):
            (self.base / "keys" / f"{holder.name}.asc").write_text(holder.armored)
        kind = "{}" if full is None else f'{{schedule: "{full}", catch_up: {catch_up}}}'
        looked = "" if inspect is None else f'      inspect: {{schedule: "{inspect}", catch_up: {catch_up}}}\n'
        self.plan.write_text(
            f"""version: 1
fleet: testing
organisation: {{name: "ASBL Exemple", timezone: Europe/Brussels, language: fr}}
catalogues: [asbl]
node: {{id: web-01}}
keys:
  backup_recipients:
    - {{name: owner, file: keys/owner.asc, fingerprint: "{self.keys.owner.fingerprint}", held_by: admin}}
    - {{name: offline, file: keys/offline.asc, fingerprint: "{self.keys.offline.fingerprint}", held_by: lead}}
stores:
  local: {{kind: directory, path: {self.store}}}
contacts:
  admin: {{name: "Admin", email: admin@example.org}}
  lead: {{name: "Lead", email: lead@example.org}}
assets:
  site-files:
    kind: files
    path: {self.tree}
    backup:
      full: {kind}
{looked}      stores: [local]
      retention: {{points: 90d}}
{more}"""
        )
        return self.plan

    def adopt(self, clock: Clock | None = None) -> None:
        """Put the plan in force, as `plan adopt` does."""
        adopt(self.plan, state=self.state, clock=clock or SystemClock(), actor="person:root")
        self.mark_store()

    def mark_store(self) -> None:
        """Make the store's folder a store, as its adoption does."""
        adopt_store(DirectoryStore(name="local", path=str(self.store)))

    @contextmanager
    def node(self, clock: Clock | None = None) -> Iterator[Node]:
        """The state folder, opened in this process."""
        with open_node(self.state, clock or SystemClock()) as node:
            yield node

    def command(self, *words: str, state: Path | None = None) -> list[str]:
        return [sys.executable, "-m", "intendance", "--state", str(state or self.state), *words]

    def run(
        self,
        *words: str,
        environment: Mapping[str, str] | None = None,
        timeout: float = 300,
        state: Path | None = None,
    ) -> Answer:
        """Run the real command line to its end (`warm`); `state` is that of another machine than the node."""
        done = warm.run(
            "intendance", ("--state", str(state or self.state), *words), cwd=self.base, timeout_seconds=timeout,
            environment=self._environment(environment),
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start the real command line in a process group of its own; what still runs at the test's end is killed."""
        process = subprocess.Popen(
            self.command(*words),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.base, stdin=subprocess.DEVNULL,
            env=self._environment(environment), process_group=0,
        )  # fmt: skip
        self.started.append(process)
        return process

    @contextmanager
    def agent(self) -> Iterator[subprocess.Popen[str]]:
        """A running agent that answers on its socket; ended politely, or at once when it does not obey."""
        agent = self.start("agent")
        try:
            until(lambda: self.ping() is not None or agent.poll() is not None, "the agent to answer")
            assert agent.poll() is None, agent.communicate()[1]
            yield agent
        finally:
            if agent.poll() is None:
                agent.send_signal(signal.SIGTERM)
            try:
                agent.communicate(timeout=PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.communicate()
                raise

    def ping(self) -> dict[str, Any] | None:
        """What the agent says of itself, however long its present look lasts; None at once where none listens."""
        return self._ask("ping")

    def wake(self) -> None:
        """Have the agent look at its plan and its queue."""
        assert self._ask("wake") == {"ok": True}

    def _ask(self, what: str) -> dict[str, Any] | None:
        return bell.ask(self.state / "agent.sock", {"do": what}, patience_seconds=PATIENCE_SECONDS)

    def sets(self) -> list[Path]:
        """The complete sets in the store: those with a manifest."""
        return sorted(manifest.parent for manifest in self.store.glob("*/*/*/*/MANIFEST.json"))

    def _environment(self, extra: Mapping[str, str] | None) -> dict[str, str]:
        return warm.environment({**self.environment, **(extra or {})})


def half_a_day_away() -> str:
    """The first four fields of a cron line: every day at an hour that is about twelve away in Brussels, so that nothing
    falls due while a test runs."""
    return f"0 {(datetime.now(UTC).hour + 12) % 24} * *"


def not_today() -> str:
    """A day of the week, for cron, that is three or four days away in every time zone."""
    return ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")[(datetime.now(UTC).weekday() + 3) % 7]


def until(condition: Callable[[], bool], what: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that will happen; fails the test when it does not."""
    end = time.monotonic() + patience_seconds
    while not condition():
        assert time.monotonic() < end, f"waited {patience_seconds} s for {what}"
        time.sleep(0.02)


def next_second() -> None:
    """Wait for the next second: the second of two runs that are asked for within one is named by a second to come."""
    now = int(time.time())
    until(lambda: int(time.time()) > now, "the next second")


def children_of(session: int) -> list[tuple[int, str]]:
    """The processes of a session, with their names; none that only wait to be reaped."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text(errors="replace")
            except OSError:
                continue
            name, fields = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
            if int(fields[3]) == session and fields[0] not in {"Z", "X"}:
                found.append((int(entry.name), name))
    return found


def fill(tree: Path, files: int = 40, size: int = 4096, seed: str = "a") -> None:
    """A believable file tree: text that compresses, bytes that do not, odd names."""
    for number in range(files):
        folder = tree / f"dossier {number % 5}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"fichier-{number:03}-é.txt").write_bytes(f"{seed} {number}\n".encode() * (size // 8))
    (tree / "photo.bin").write_bytes(os.urandom(size * 4))


@pytest.fixture
def bare_site(keys: Keys) -> Iterator[Site]:
    """A site with a file tree and no plan yet, in a short folder of its own."""
    base = Path(tempfile.mkdtemp(prefix="is-", dir="/tmp"))
    site = Site(base=base, keys=keys)
    site.store.mkdir()
    fill(site.tree)
    try:
        yield site
    finally:
        for process in site.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def site(bare_site: Site) -> Site:
    """A site whose plan is adopted."""
    bare_site.write_plan()
    bare_site.adopt()
    return bare_site


def words(argv: Sequence[str]) -> str:
    """A command line as one would type it, for messages."""
    return " ".join(argv)


@pytest.fixture
def database_site(bare_site: Site, mariadb_server: PrivateServer, mariadb_database: str) -> Site:
    """A site with a MariaDB database beside its files; the plan is adopted."""
    mariadb_server.execute(f"CREATE TABLE {mariadb_database}.members (id INT PRIMARY KEY, name VARCHAR(80))")
    rows = ", ".join(f"({number}, 'Membre n° {number}')" for number in range(500))
    mariadb_server.execute(f"INSERT INTO {mariadb_database}.members VALUES {rows}")
    bare_site.write_plan(
        more=f"""  crud-db:
    kind: mariadb
    databases: [{mariadb_database}]
    connect: {{socket: {mariadb_server.socket}}}
    backup:
      logical: {{schedule: "{half_a_day_away()} *"}}
      stores: [local]
      retention: {{points: 90d}}
"""
    )
    bare_site.adopt()
    return bare_site


class Gate:
    """A `tar` on the site's PATH that waits before it becomes the real one: a backup held where a test wants it."""

    def __init__(self, site: Site) -> None:
        self._folder = site.base / "gate"
        self._folder.mkdir()
        program = self._folder / "tar"
        real = shutil.which("tar")
        program.write_text(
            f'#!/bin/sh\ncase "$*" in *--version*) exec {real} "$@";; esac\n'
            f': >"{self._folder}/reached.$$"\nwhile [ ! -e "{self._folder}/open" ]; do sleep 0.05; done\n'
            f'exec {real} "$@"\n'
        )
        program.chmod(0o755)
        site.environment = {"PATH": f"{self._folder}:{os.environ['PATH']}"}

    def wait(self) -> int:
        """Until the next backup stands at the gate; the process that waits there."""
        until(lambda: bool(list(self._folder.glob("reached.*"))), "a backup to reach its gate")
        (reached,) = self._folder.glob("reached.*")
        reached.unlink()
        return int(reached.suffix[1:])

    @property
    def is_reached(self) -> bool:
        """Whether some backup stood at the gate since the last look."""
        return bool(list(self._folder.glob("reached.*")))

    def pass_by(self) -> None:
        """Forget who stood there."""
        for reached in self._folder.glob("reached.*"):
            reached.unlink()

    def open(self) -> None:
        """Let everything through from now on."""
        (self._folder / "open").touch()


@pytest.fixture
def gate(site: Site) -> Gate:
    """The site's gate, closed."""
    return Gate(site)
