"""A manager's application asked over ASGI, with a fleet whose ledgers arrived: what programs see of it."""

from __future__ import annotations

import asyncio
import shutil
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType

import httpx
import pytest
from fastapi import FastAPI

from intendance.api.app import create_app
from intendance.api.operation import Services
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.alerts.rules import watch
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.assets.service import Assets
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.log import FleetLog
from intendance.fleet.manager import Manager
from intendance.fleet.own_log import OwnLog
from intendance.fleet.plans.service import Plans
from intendance.fleet.reading.figures import Counting
from intendance.fleet.reading.service import Reading
from intendance.fleet.runs.service import Runs
from intendance.fleet.tokens.decide import Scope
from intendance.fleet.tokens.service import Tokens
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.web.live import Live
from intendance.web.visit import Services as Pages
from tests.golden.lives import live
from tests.support.clock import MovableClock
from tests.support.received import receive
from tests.support.watching import policy

FLEET = "asbl"


class Asked:
    """One manager that is asked."""

    def __init__(self, database: Database, clock: MovableClock, say: Callable[[str], None] = pytest.fail) -> None:
        self.clock = clock
        self.database = database
        self.said: list[str] = []
        self.manager = Manager(database, FLEET, clock, self.said.append)
        about = About(fleet=FLEET, organisation="ASBL Exemple", zone="Europe/Brussels")
        self.verdicts = Verdicts(database, clock, about, say=say)
        self.tokens = Tokens(database, clock, lambda *_: None)
        self.accounts = Accounts(database, clock, lambda *_: None)
        self.alerts = Alerts(database, policy, clock)
        reading = Reading(database, self.manager.nodes, self.verdicts)
        self.folder = Path(mkdtemp(prefix="asked-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.log = FleetLog(self.folder, FLEET, clock)
        self.own_log = OwnLog(self.log, clock)
        self.services = Services(
            tokens=self.tokens,
            reading=reading,
            counting=Counting(self.manager, reading),
            alerts=self.alerts,
            log=self.own_log,
            fleet=FLEET,
            accounts=self.accounts,
        )
        self.live = Live(self.verdicts.stamps)
        self.pages = self._pages()
        self.app: FastAPI = create_app(self.manager, pages=self.pages, asked=self.services)
        self.secrets = {scope: self.tokens.create(scope.value, [scope], by="test") for scope in Scope}

    def _pages(self) -> Pages:
        return Pages(
            accounts=self.accounts, fleet=self.verdicts, ledgers=Ledgers(self.database),
            log=self.own_log,
            live=self.live, assets=Assets(self.database, self.clock),
            plans=Plans(self.database, self.clock), alerts=self.alerts,
            runs=Runs(self.database, self.clock),
            clock=self.clock, policy=policy, secure=False,
        )  # fmt: skip

    def arrive(self, folder: Path, *, life: str = "trouble", name: str = "web-01") -> None:
        """A node's ledger is here, whole, judged and alerted of; it is the time at which that life ends."""
        state = folder / name
        state.mkdir(parents=True)
        lived = live(life, state)
        self.clock.at = lived.at
        receive(self.database, state, self.clock, name)
        self.verdicts.judge_due()
        with self.database.begin() as connection:
            watch(connection, policy(), to_us(self.clock.at))

    def ask(
        self,
        path: str,
        *,
        scope: Scope | None = Scope.READ,
        method: str = "GET",
        headers: Mapping[str, str] = MappingProxyType({}),
        content: bytes = b"",
    ) -> httpx.Response:
        """The answer to one request, with a token of that scope or none."""
        told = dict(headers)
        if scope is not None:
            told.setdefault("authorization", f"Bearer {self.secrets[scope]}")

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://manager", timeout=300) as client:
                return await client.request(method, path, headers=told, content=content)

        return asyncio.run(send())
