"""A private PostgreSQL server per test worker, on a socket in a folder of its own, and databases of their own on it.

The programs come from Debian's packages, installed or only unpacked in `.dev/postgresql` (`./dev system`): nothing is
run as a service. Start: about 2 s. PostgreSQL refuses to run as root: for root it is Debian's user `backup`.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError

from tests.support.children import ending_with_us

UNPACKED = Path(__file__).parents[2] / ".dev" / "postgresql"
PATIENCE_SECONDS = 120.0


@dataclass(eq=False)
class PostgresServer:
    """A server: `process` is None while it does not run."""

    folder: Path
    programs: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Let it run, and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            options = ("listen_addresses=", "jit=off", "max_connections=60", "shared_buffers=32MB")
            self.process = subprocess.Popen(
                [*ending_with_us(signal.SIGQUIT), self.programs / "postgres", "-D", self.folder / "data",
                 "-k", self.folder, "-F", *(word for option in options for word in ("-c", option))],
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **_who(_person()),
            )  # fmt: skip
        _wait_for(self)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """End it with all its children, as a crash does, or otherwise by another signal."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
        self.process = None

    def address(self, database: str) -> str:
        """How `open_database` and `--database` name one of its databases."""
        return f"postgresql://tester@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of a transaction."""
        url = make_url(self.address(database)).set(drivername="postgresql+psycopg")
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    def new_database(self, template: str = "template1") -> str:
        """Make a database; its name."""
        name = f"t_{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Start one, and end it with all its children."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="ipg-", dir="/tmp"))
    person = _person()
    server = PostgresServer(folder, programs)
    try:
        os.chown(folder, person.pw_uid, person.pw_gid)
        _as(person, [programs / "initdb", "-D", folder / "data", "-U", "tester", "-A", "trust", "-E", "UTF8", "-N",
                     "--no-locale", "--no-instructions"])  # fmt: skip
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(server: PostgresServer) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            server.execute("SELECT 1")
        except OperationalError:
            said = (server.folder / "log").read_text(errors="replace")
            assert server.process is not None, said
            assert server.process.poll() is None, said
            assert time.monotonic() < end, said
            time.sleep(0.05)
        else:
            return


def _person() -> pwd.struct_passwd:
    return pwd.getpwnam("backup") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


def _as(person: pwd.struct_passwd, command: list[object]) -> None:
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, check=False, timeout=PATIENCE_SECONDS, **_who(person)
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")


def _who(person: pwd.struct_passwd) -> dict[str, Any]:
    libraries = ":".join(str(place) for place in UNPACKED.glob("**/lib/*-linux-gnu"))
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    who: dict[str, Any] = {"cwd": "/", "env": environment | ({"LD_LIBRARY_PATH": libraries} if libraries else {})}
    if os.geteuid() == 0:
        who |= {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
    return who


def _programs() -> Path:
    """The folder of the newest version's programs; skips without, except in CI."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), *UNPACKED.glob("usr/lib/postgresql/*/bin")]
    found = sorted((place for place in places if (place / "postgres").exists()), key=lambda each: int(each.parent.name))
    if not found:
        assert os.environ.get("CI") != "true", "PostgreSQL is missing, and in CI every test runs"
        pytest.skip("PostgreSQL is missing: ./dev system")
    return found[-1]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresServer]:
    """A server that the tests of one worker share."""
    with running() as server:
        yield server
