"""The fleet log shown to a real witness: cosigned as it grows, and what a rollback or a fork of it brings about."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import alert, finding
from intendance.fleet.detection import witnesses
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.log import FleetLog
from intendance.fleet.verdicts.standing import Head
from intendance.fleet.witnessing import standings
from intendance.fleet.witnessing.decide import Condition, WitnessStanding
from intendance.fleet.witnessing.perform import Witnessing
from intendance.language import dates
from intendance.ledger.layout import Layout
from intendance.model.evidence.heartbeat import HeartbeatsSummed
from intendance.model.plan import Witness
from intendance.witness.keeping import show_key
from tests.support.clock import MovableClock
from tests.support.growing_log import openssl_says
from tests.support.watching import policy
from tests.support.witnesses import Served, witness_of


class Shown:
    """A manager's log, and one witness that knows it."""

    def __init__(self, database: Database, folder: Path, clock: MovableClock) -> None:
        self.database, self.clock, self.folder = database, clock, folder
        self.state = folder / "state"
        self.log = FleetLog(self.state, "asbl", clock)
        self.record()
        self.named: tuple[Witness, ...] = ()
        self.told: list[str] = []
        self.witnessing = self.begun()

    def begun(self) -> Witnessing:
        return Witnessing(
            self.database,
            ManagerLayout(self.state).log,
            lambda: self.named,
            self.clock,
            self.told.append,
        )

    @property
    def layout(self) -> Layout:
        return Layout(ManagerLayout(self.state).log)

    def record(self, count: int = 1) -> None:
        for _ in range(count):
            said = HeartbeatsSummed(day="2026-11-21", nodes=1, heard=1440, told_later=0, gaps=0)
            self.log.append(said, "manager")

    def look(self) -> WitnessStanding:
        self.clock.move(timedelta(minutes=2))
        self.witnessing.look()
        with self.database.begin() as connection:
            witnesses.watch(connection, policy(), to_us(self.clock.read().at))
            (found,) = standings.read_standings(connection)
        return found

    def alerts(self) -> list[str]:
        with self.database.read() as connection:
            asked = select(alert.c.state).where(alert.c.cause == witnesses.REFUSED).order_by(alert.c.id)
            return list(connection.execute(asked).scalars())

    def findings(self) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            return [(row.kind, row.exhibit) for row in connection.execute(select(finding).order_by(finding.c.id))]


@pytest.fixture
def shown(fleet_database: Database, tmp_path: Path, clock: MovableClock) -> Shown:
    return Shown(fleet_database, tmp_path, clock)


@pytest.fixture
def witness(shown: Shown, tmp_path: Path) -> Iterator[Served]:
    with witness_of(tmp_path / "elsewhere", shown.log, shown.clock) as served:
        shown.named = (Witness(url=served.url, key=served.key),)
        yield served


def test_what_is_recorded_is_cosigned_and_kept_beside_the_log(shown: Shown, witness: Served, tmp_path: Path) -> None:
    for more in (0, 1, 3, 300):
        shown.record(more)
        found = shown.look()
        assert (found.condition, found.size) == (Condition.COSIGNED, shown.log.size())
        assert found.cosigned_at == shown.clock.at
        kept = (shown.layout.witnessed / quote("w/1", safe="")).read_text()
        checkpoint = shown.layout.checkpoint.read_text()
        assert kept.startswith(checkpoint)
        text, line = checkpoint.partition("\n\n")[0] + "\n", kept.removeprefix(checkpoint)
        assert openssl_says(text, line, witness.key, tmp_path) == (int(shown.clock.at.timestamp()), True)
    assert shown.alerts() == []
    assert shown.findings() == []
    with shown.database.read() as connection:
        head = Head.seen_by(shown.log.size(), standings.read_standings(connection))
    assert (head.witnessed_at, head.refused) == (shown.clock.at, False)


def test_a_manager_that_forgot_how_far_it_was_is_told(shown: Shown, witness: Served) -> None:
    shown.record(4)
    shown.look()
    shutil.rmtree(shown.layout.witnessed)
    shown.record(2)
    shown.witnessing = shown.begun()
    assert (shown.look().condition, shown.look().size) == (Condition.COSIGNED, shown.log.size())


def test_a_log_that_was_rolled_back_is_a_finding_and_an_alert_until_it_is_whole_again(
    shown: Shown, witness: Served, tmp_path: Path
) -> None:
    shown.record(3)
    shutil.copytree(shown.layout.state, tmp_path / "older")
    shown.record(2)
    shown.look()
    shutil.copytree(shown.layout.state, tmp_path / "newest")
    put_back(shown, tmp_path / "older")
    rolled_back = shown.layout.checkpoint.read_text()
    found = shown.look()
    assert found.condition is Condition.ROLLED_BACK
    assert shown.findings() == [("rollback", rolled_back)]
    assert shown.alerts() == ["firing"]
    assert shown.look().since == found.since
    assert (len(shown.findings()), shown.alerts()) == (1, ["firing"]), "once"
    put_back(shown, tmp_path / "newest")
    assert shown.look().condition is Condition.COSIGNED
    assert shown.alerts() == ["resolved"]
    assert len(shown.findings()) == 1, "what was found stays"


def _rows(shown: Shown) -> list[tuple[str, str, int, str, bool]]:
    asked = select(finding).order_by(finding.c.id)
    with shown.database.read() as connection:
        rows = connection.execute(asked).all()
    return [(row.kind, row.subject, row.folded, row.detail, row.settled_us is not None) for row in rows]


def test_a_finding_made_again_is_counted_until_it_is_settled(shown: Shown, witness: Served, tmp_path: Path) -> None:
    shutil.copytree(shown.layout.state, tmp_path / "older")
    shown.record(8)
    shown.look()
    put_back(shown, tmp_path / "older")
    shown.look()
    first = shown.findings()
    began = dates.iso(shown.clock.at)
    for _ in range(3):
        shown.record()
        shown.look()
    assert shown.findings() == first, "one row, with the text that showed it first"
    ((kind, subject, folded, detail, _settled),) = _rows(shown)
    assert (kind, subject, folded) == ("rollback", "witness w/1", 3)
    assert detail.startswith(f"said 4 times, first at {began}, last at {dates.iso(shown.clock.at)}; the latest: it cos")
    with shown.database.begin() as connection:
        connection.execute(update(finding).values(settled_us=to_us(shown.clock.at)))
    shown.look()
    shown.look()
    assert [(subject, folded, settled) for _, subject, folded, _, settled in _rows(shown)] == [
        ("witness w/1", 3, True),
        ("witness w/1 again 1", 1, False),
    ]


@pytest.mark.parametrize("longer", [0, 1, 4])
def test_a_log_that_was_rewritten_is_a_finding_and_an_alert(
    shown: Shown, witness: Served, tmp_path: Path, longer: int
) -> None:
    """Whoever holds its key goes on from an older copy, with other records, as far as the witness saw, or beyond."""
    shutil.copytree(shown.layout.state, tmp_path / "older")
    shown.record(4)
    shown.look()
    put_back(shown, tmp_path / "older")
    shown.clock.move(timedelta(seconds=1))
    shown.record(4 + longer)
    assert shown.look().condition is Condition.FORKED
    assert [kind for kind, _ in shown.findings()] == ["fork"]
    assert shown.alerts() == ["firing"]


def put_back(shown: Shown, copy: Path) -> None:
    shutil.rmtree(shown.layout.state)
    shutil.copytree(copy, shown.layout.state)


def test_a_witness_that_does_not_answer_is_shown_with_its_age_and_raises_nothing(shown: Shown, tmp_path: Path) -> None:
    with witness_of(tmp_path / "elsewhere", shown.log, shown.clock) as served:
        shown.named = (Witness(url=served.url, key=served.key),)
        first = shown.look()
    shown.record()
    silent = shown.look()
    assert (silent.condition, silent.size, silent.cosigned_at) == (Condition.SILENT, first.size, first.cosigned_at)
    assert silent.since == shown.clock.at
    assert shown.look().since == silent.since
    assert (shown.alerts(), shown.findings()) == ([], [])
    assert len([line for line in shown.told if "silent" in line]) == 1, "said once"


def test_a_witness_that_knows_another_log_or_has_another_key_declines(
    shown: Shown, witness: Served, tmp_path: Path
) -> None:
    other = show_key(tmp_path / "other", "w/1")
    shown.named = (Witness(url=witness.url, key=other.text),)
    assert shown.look().condition is Condition.DECLINED
    assert not shown.layout.witnessed.exists()
    with witness_of(tmp_path / "third", FleetLog(tmp_path / "fleet", "asbl", shown.clock), shown.clock) as third:
        shown.named = (Witness(url=third.url, key=third.key),)
        assert shown.look().condition is Condition.DECLINED
    assert shown.alerts() == []


def test_a_witness_that_the_plan_names_no_more_is_forgotten_with_its_alert(
    shown: Shown, witness: Served, tmp_path: Path
) -> None:
    shutil.copytree(shown.layout.state, tmp_path / "older")
    shown.record()
    shown.look()
    put_back(shown, tmp_path / "older")
    shown.look()
    assert shown.alerts() == ["firing"]
    shown.named = ()
    shown.clock.move(timedelta(minutes=2))
    shown.witnessing.look()
    with shown.database.begin() as connection:
        witnesses.watch(connection, policy(), to_us(shown.clock.at))
        assert standings.read_standings(connection) == ()
    assert shown.alerts() == ["resolved"]


def test_nothing_is_asked_before_something_was_recorded(
    fleet_database: Database, tmp_path: Path, clock: MovableClock
) -> None:
    key = show_key(tmp_path / "w", "w/1")
    named = (Witness(url="http://127.0.0.1:9", key=key.text),)
    witnessing = Witnessing(fleet_database, tmp_path / "log", lambda: named, clock, pytest.fail)
    witnessing.look()
    with fleet_database.read() as connection:
        assert standings.read_standings(connection) == ()
