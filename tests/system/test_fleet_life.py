"""A thousand nodes over a line that loses one packet in a hundred: nobody is called missing who lives, and everybody is
who does not."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from intendance.fleet.database.connect import open_database
from tests.support.fleet_life import FleetLife, Found, Script, Silence
from tests.support.watching import policy

SUMMER_TIME_ENDS = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
LATEST_SECONDS = 122.0
"""120 s, half a second for what is being written, a tick of a second."""


def lived(address: str | Path, script: Script, began: datetime) -> Found:
    with open_database(address) as database:
        return FleetLife(database, script, policy(sms=False), began).run()


def judge(script: Script, found: Found) -> None:
    """Each real silence is alerted of once and in time; nothing else is."""
    names = {f"node-{each.node:04}": each for each in script.silences}
    assert sorted(name for name, _, _ in found.missing) == sorted(names)
    for name, at, after in found.missing:
        back = [each + script.down_seconds for each in script.killed if names[name].begins - 60 <= each <= at]
        since = max([at - after, *back])  # our own blindness is nobody's fault
        assert 120.0 <= at - since <= LATEST_SECONDS + 60 * bool(back), name


def silences(count: int, nodes: int, seconds: float, seed: int) -> tuple[Silence, ...]:
    """So many, one after the other: what falls silent at once is one alert, of which another test speaks."""
    dice = random.Random(seed)
    spacing = (seconds - 600) / count
    chosen = dice.sample(range(nodes), count)
    return tuple(
        Silence(node, 120 + spacing * place + dice.uniform(0, spacing / 3), 400.0) for place, node in enumerate(chosen)
    )


def test_an_hour_of_a_thousand_nodes(fleet_address: str | Path) -> None:
    """The hour in which summer time ends; the manager dies in it, and the clock of a node is set wrongly."""
    script = Script(
        nodes=1000, seconds=3600, loss=0.01, silences=silences(8, 900, 3600, 7), killed=(1500.0,), jumping=(950, 951)
    )
    found = lived(fleet_address, script, SUMMER_TIME_ENDS.replace(minute=0, hour=0))
    assert found.beats > 55_000
    assert found.lost > 500
    judge(script, found)


@pytest.mark.long
def test_a_day_of_a_thousand_nodes(fleet_address: str | Path) -> None:
    hours = 24 * 3600
    script = Script(
        nodes=1000, seconds=hours, loss=0.01, silences=silences(100, 900, hours, 8),
        killed=tuple(1800.0 + 7200 * each for each in range(12)), jumping=(950, 951),
    )  # fmt: skip
    found = lived(fleet_address, script, datetime(2026, 10, 24, 12, 0, tzinfo=UTC))
    assert found.beats > 1_400_000
    judge(script, found)


def test_the_simulation_would_notice(fleet_address: str | Path) -> None:
    """On a line that loses four in five both ways, nodes are missing although they live: it is not the judge that is
    mild."""
    script = Script(nodes=50, seconds=900, loss=0.8)
    assert lived(fleet_address, script, SUMMER_TIME_ENDS).missing != []
