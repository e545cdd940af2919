"""A fleet's manager without its network, and nodes that would speak to it: on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intendance.fleet.database.connect import Database
from intendance.fleet.manager import Manager
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.nodes import SimulatedNode

MakeNode = Callable[..., SimulatedNode]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(BEGAN)


@pytest.fixture
def manager(fleet_database: Database, clock: MovableClock) -> Manager:
    """Put together; none of its threads run."""
    return Manager(fleet_database, "asbl", clock, lambda sentence: None)


@pytest.fixture
def stranger(tmp_path: Path, clock: MovableClock) -> Iterator[MakeNode]:
    """Makes nodes that no manager knows."""
    made: list[SimulatedNode] = []

    def make(name: str = "web-01", *, fleet: str = "asbl") -> SimulatedNode:
        made.append(SimulatedNode(name, clock, tmp_path / f"node-{len(made)}", fleet=fleet))
        return made[-1]

    yield make
    for node in made:
        node.book.close()


@pytest.fixture
def member(manager: Manager, stranger: MakeNode) -> MakeNode:
    """Makes nodes that have joined."""

    def make(name: str = "web-01") -> SimulatedNode:
        node = stranger(name)
        token = manager.nodes.invite(name, by="test", pin="plain").token
        node.taken_in(manager.nodes.enrol(node.enrolment(token)))
        manager.ingest.reload()
        return node

    return make
