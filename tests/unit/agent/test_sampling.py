"""The agent's sampling, by a clock that is moved, on a real ledger and this real machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.activities.sample.decide import FileSystem, Reading
from intendance.activities.sample.perform import Looker
from intendance.agent.compose import Node
from intendance.agent.ledger_view import verify_ledger
from intendance.agent.sampling import Sampler
from intendance.model.plan import MariadbAsset
from tests.support.clock import MovableClock
from tests.support.state import Site

pytestmark = pytest.mark.gnupg
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Machine(Looker):
    """This machine, but for what a test says of its disk."""

    def __init__(self, clock: MovableClock) -> None:
        super().__init__(clock)
        self.used_permille = 100
        self.asked: list[Path] = []

    def look(self, places: Iterable[Path], databases: Iterable[MariadbAsset] = ()) -> Reading:
        self.asked = list(places)
        disk = FileSystem(place="/", used_permille=self.used_permille, inodes_permille=1, size_bytes=10**12)
        seen = super().look(self.asked, databases)
        return replace(seen, cpu_permille=10, memory_permille=10, file_systems=(disk,), silent=())


class Desk:
    def __init__(self, node: Node, clock: MovableClock) -> None:
        self.node, self.clock, self.said = node, clock, list[str]()
        self.machine = Machine(clock)
        self.sampler = Sampler(node, self.said.append, self.machine)

    def pass_minutes(self, count: int) -> None:
        for _ in range(count):
            self.sampler.tend()
            self.clock.move(timedelta(minutes=1))

    def records(self, kind: str) -> list[dict[str, object]]:
        return [dict(each.data) for each in self.node.book.records(kind=kind)]


@pytest.fixture
def desk(bare_site: Site) -> Iterator[Desk]:
    clock = MovableClock(NOON)
    bare_site.write_plan()
    bare_site.adopt(clock)
    with bare_site.node(clock) as node:
        yield Desk(node, clock)


def test_an_hour_is_a_record_and_so_is_what_is_left_at_the_end(desk: Desk, bare_site: Site) -> None:
    desk.pass_minutes(60)
    assert desk.records("sample.rollup") == []
    desk.pass_minutes(10)
    (hour,) = desk.records("sample.rollup")
    assert hour["readings"] == 60
    desk.sampler.end()
    assert [each["readings"] for each in desk.records("sample.rollup")] == [60, 10]
    desk.sampler.end()
    assert len(desk.records("sample.rollup")) == 2
    assert desk.machine.asked == [bare_site.state, bare_site.store, bare_site.tree]
    assert verify_ledger(bare_site.state).exit_code == 0


def test_it_looks_no_more_often_than_once_a_minute_however_often_it_is_woken(desk: Desk) -> None:
    for _ in range(600):
        desk.sampler.tend()
        desk.clock.move(timedelta(seconds=1))
    desk.sampler.end()
    (made,) = desk.records("sample.rollup")
    assert made["readings"] == 11


def test_a_full_disk_is_recorded_and_said_at_once_and_once(desk: Desk) -> None:
    desk.pass_minutes(3)
    desk.machine.used_permille = 930
    desk.pass_minutes(5)
    (began,) = desk.records("sample.excursion")
    assert (began["quantity"], began["place"], began["state"], began["seen_permille"]) == ("disk", "/", "began", 930)
    assert desk.said == ["disk /: 93.0 %, above 85 % began"]

    restarted = Desk(desk.node, desk.clock)
    restarted.machine.used_permille = 940
    restarted.pass_minutes(2)
    assert restarted.said == [], "a new agent knows what the former one recorded"
    restarted.machine.used_permille = 200
    restarted.pass_minutes(2)
    _, ended = desk.records("sample.excursion")
    assert (ended["state"], ended["began_at"], ended["peak_permille"]) == ("ended", began["began_at"], 940)


def test_a_machine_that_cannot_be_seen_is_said_once_and_stops_nothing(desk: Desk, tmp_path: Path) -> None:
    sampler = Sampler(desk.node, desk.said.append, Looker(desk.clock, proc=tmp_path))
    for _ in range(3):
        sampler.tend()
        desk.clock.move(timedelta(minutes=1))
    sampler.end()
    assert len(desk.said) == 1
    assert desk.said[0].startswith("the machine cannot be sampled: ")
