"""A fleet over a line that loses one packet in a hundred: nobody is called missing who lives, and everybody is who does
not."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.fleet.database.connect import open_database
from tests.support.fleet_life import FleetLife, Found, Script, Silence, a_day, account
from tests.support.watching import policy

SUMMER_TIME_ENDS = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
LATEST_SECONDS = 2.0


def lived(address: str | Path, script: Script, began: datetime) -> Found:
    with open_database(address) as database:
        return FleetLife(database, script, policy(sms=False), began).run()


def judge(script: Script, found: Found) -> None:
    """Each real silence is found once and in time, and a mail names it; nothing else is called missing, and nobody is
    in the end."""
    told = account(script, found)
    assert told.false == ()
    assert told.overlooked == ()
    assert min(each.late_seconds for each in told.found) >= 0
    assert told.latest_seconds <= LATEST_SECONDS
    assert found.mailed == sorted(each.node for each in told.found)
    assert set(found.causes) == {"node.missing", "node.skew", "canary"}
    assert all(each.startswith("node.skew") for each in found.open_alerts), found.open_alerts


def test_nobody_is_called_missing_who_lives_and_everybody_who_does_not(fleet_address: str | Path) -> None:
    """Summer time ends; the manager dies while a node is silent; a clock is set wrongly."""
    script = Script(
        nodes=40, seconds=2100, loss=0.03, killed=(430.0,), jumping=(30,), looks_seconds=20,
        silences=(Silence(3, 400, 300), Silence(17, 1100, 300)),
    )  # fmt: skip
    found = lived(fleet_address, script, SUMMER_TIME_ENDS - timedelta(minutes=20))
    assert found.beats > 1_300
    assert found.lost > 60
    judge(script, found)


def test_the_simulation_would_notice(fleet_address: str | Path) -> None:
    """Over a line that loses four in five both ways, living nodes are called missing, and counted as such."""
    script = Script(nodes=10, seconds=300, loss=0.8, looks_seconds=20)
    assert account(script, lived(fleet_address, script, SUMMER_TIME_ENDS)).false != ()


@pytest.mark.long
def test_a_day_of_a_thousand_nodes(tmp_path: Path, sqlite_template: Path) -> None:
    script = a_day()
    found = lived(shutil.copy(sqlite_template, tmp_path / "manager.db"), script, SUMMER_TIME_ENDS)
    assert found.beats > 1_400_000
    judge(script, found)
