"""The pages of a manager, asked as a browser asks."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.decide import Role
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.assets.service import Assets
from intendance.fleet.database.connect import Database, open_database
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.log import FleetLog
from intendance.fleet.own_log import OwnLog
from intendance.fleet.plans.service import Plans
from intendance.fleet.runs.service import Runs
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.web.app import Headers, routes
from intendance.web.live import Live
from intendance.web.visit import Services
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.watching import policy

PASSWORD = "cheval pile agrafe correcte"


class Browser:
    """A browser with its cookies, that sends forms as its pages have them."""

    def __init__(self, client: httpx.Client, clock: MovableClock) -> None:
        self.client = client
        self.clock = clock

    def token(self, page: str) -> str:
        """The token of the form on a page."""
        text = self.client.get(page).text
        return text.split('name="token" value="', 1)[1].split('"', 1)[0]

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        """Type a name and a password."""
        fields = {"token": self.token("/login"), "name": name, "password": password}
        self.client.post("/login", data=fields)

    def enrol(self) -> str:
        """Set up the second factor that the page proposes; the page with the recovery codes."""
        page = self.client.get("/login/enrol").text
        secret = "".join(part.split("</span>")[0] for part in page.split('<p class="secret">')[1].split("<span>")[1:])
        code = decide.code_at(secret[:32], decide.code_step(self.clock.read().at))
        token = page.split('name="token" value="', 1)[1].split('"', 1)[0]
        return self.client.post("/login/enrol", data={"token": token, "code": code}).text


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(BEGAN)


@pytest.fixture(scope="session")
def with_people(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manager's database in which four have an account, to copy: their passwords take a while."""
    path = tmp_path_factory.mktemp("people") / "manager.db"
    shutil.copy(sqlite_template, path)
    with open_database(path) as database:
        accounts = Accounts(database, MovableClock(BEGAN), lambda *_: None)
        accounts.add("lea", Role.ADMIN, PASSWORD, by="person:root", full_name="Léa")
        accounts.add("vera", Role.VIEWER, PASSWORD, by="person:root")
        accounts.add("omar", Role.OPERATOR, PASSWORD, by="person:root", full_name="Omar")
        accounts.add("ana", Role.AUDITOR, PASSWORD, by="person:root")
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture
def database(with_people: Path, tmp_path: Path) -> Iterator[Database]:
    shutil.copy(with_people, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as found:
        yield found


@pytest.fixture
def services(database: Database, clock: MovableClock, tmp_path: Path) -> Services:
    accounts = Accounts(database, clock, lambda *_: None)
    about = About(fleet="asbl-exemple", organisation="ASBL Exemple", zone="Europe/Brussels")
    fleet = Verdicts(database, clock, about, say=pytest.fail)
    fleet.judge_due()
    return make_services(database, clock, accounts, fleet, tmp_path / "log")


def make_services(
    database: Database,
    clock: MovableClock,
    accounts: Accounts,
    fleet: Verdicts,
    state: Path,
    alerts: Alerts | None = None,
) -> Services:
    """What the pages are made from, beside accounts and verdicts; the fleet log is in `state`."""
    told = alerts or Alerts(database, policy, clock)
    return Services(
        accounts=accounts,
        fleet=fleet,
        ledgers=Ledgers(database),
        log=OwnLog(FleetLog(state, "asbl-exemple", clock), clock),
        assets=Assets(database, clock),
        plans=Plans(database, clock),
        runs=Runs(database, clock),
        alerts=told,
        live=Live(fleet.stamps),
        clock=clock,
        policy=lambda: told.policy,
        secure=False,
    )


@contextmanager
def served(services: Services) -> Iterator[str]:
    """The address of a server with these pages, on loopback; it listens before anybody asks."""
    app = Headers(Starlette(routes=list(routes(services))), secure=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            services.live.end()
            server.should_exit = True
            thread.join()


@pytest.fixture
def browser(services: Services, clock: MovableClock) -> Iterator[Browser]:
    with (
        served(services) as address,
        httpx.Client(base_url=address, headers={"origin": address}, follow_redirects=True, timeout=300) as client,
    ):
        yield Browser(client, clock)
