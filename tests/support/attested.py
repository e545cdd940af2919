"""A node that backs up for real, and the manager that its ledger reaches: it looks into the node's stores itself."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from intendance.fleet.attesting.perform import Bench, look
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import evidence_head, evidence_record, word
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.fleet.verdicts.judge import Judge
from intendance.model.plan import Store as Declared
from intendance.model.verdict import Verdict
from intendance.plan.adopted import encode
from tests.support.clock import MovableClock
from tests.support.evidence import RECIPIENTS, declared, plan
from tests.support.received import receive
from tests.support.workshop import Workshop

NODE = "web-01"


@dataclass
class Place:
    """A node that backs up for real, and the manager that its ledger reaches."""

    workshop: Workshop
    database: Database

    def __post_init__(self) -> None:
        self.workshop.tree.mkdir()
        (self.workshop.tree / "page.html").write_bytes(os.urandom(300_000))
        book = self.workshop.book
        assets = tuple(self.workshop.assets)
        book.append(plan(*assets, recipients=RECIPIENTS, stores=self.workshop.stores), actor="person:test")
        for name in assets:
            files = declared("files", first=self.clock.at - timedelta(days=10), stores=self.workshop.stores)
            book.append(files, actor="person:test", asset=name)
        self.state.mkdir()
        self.write_plan()

    @property
    def state(self) -> Path:
        return self.workshop.base / "fleet"

    @property
    def clock(self) -> MovableClock:
        return self.workshop.clock

    @property
    def bench(self) -> Bench:
        layout = ManagerLayout(self.state)
        return Bench(
            database=self.database,
            log=FleetLog(self.state, "testing", self.clock),
            clock=self.clock,
            fleet="testing",
            plans=layout.plans,
            common=layout.plan,
        )

    def write_plan(self, **stores: Declared) -> None:
        """The plan that the manager is started with, in which some stores may be entered otherwise."""
        layout = ManagerLayout(self.state)
        layout.plans.mkdir(parents=True, exist_ok=True)
        mine = replace(self.workshop.plan, stores={**self.workshop.plan.stores, **stores})
        (layout.plans / f"{NODE}.json").write_bytes(encode(mine))

    def arrive(self) -> None:
        """The whole ledger of the node is here."""
        with self.database.begin() as connection:
            for table in (evidence_record, evidence_head):
                connection.execute(table.delete())
            connection.exec_driver_sql("DELETE FROM node_state")
            connection.exec_driver_sql("DELETE FROM node_key")
            connection.exec_driver_sql("DELETE FROM node")
        receive(self.database, self.workshop.base / "state", self.clock, NODE)

    def look(self) -> int:
        self.clock.move(timedelta(minutes=1))
        return look(self.bench, NODE, "site")

    def words(self, kind: str = "inspection.completed") -> list[dict[str, Any]]:
        """What the manager recorded, oldest first."""
        with self.database.read() as connection:
            asked = select(word.c.content).where(word.c.kind == kind).order_by(word.c.seq)
            return [json.loads(bytes(each))["data"] for each in connection.execute(asked).scalars()]

    def said(self, rule: str, asset: str = "site") -> Verdict:
        judge = Judge(self.database, pytest.fail)
        assert NODE in judge.due(self.clock.at) or judge.from_nothing(NODE, self.clock.at)
        judge.judge([NODE], self.clock.at)
        (found,) = [
            each for each in judge.from_nothing(NODE, self.clock.at) if (each.rule, each.asset) == (rule, asset)
        ]
        return found
