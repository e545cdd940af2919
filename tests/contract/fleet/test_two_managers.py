"""Two managers that do the same at the same moment, each on a connection of its own: neither fails."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from intendance.fleet.compose import claim_fleet
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import finding
from intendance.fleet.witnessing import findings
from intendance.fleet.witnessing.decide import Condition, WitnessStanding
from intendance.ledger.note import Checkpoint
from intendance.model.errors.fleet import FleetOfAnother
from tests.support.fleet import BEGAN
from tests.support.together import together, writing

HEAD = Checkpoint("asbl/.log", 3, b"r" * 32, b"a signed note")
FORKED = WitnessStanding(name="w1", condition=Condition.ROLLED_BACK, since=BEGAN, detail="it knows another history")


def test_both_begin_at_once_on_a_new_database(fleet_database: Database) -> None:
    together(
        fleet_database,
        lambda connection: claim_fleet(connection, "asbl"),
        writing(fleet_database, lambda connection: claim_fleet(connection, "asbl")),
    )
    with fleet_database.begin() as connection:
        claim_fleet(connection, "asbl")


def test_one_of_another_fleet_is_refused_even_then(fleet_database: Database) -> None:
    with pytest.raises(FleetOfAnother):
        together(
            fleet_database,
            lambda connection: claim_fleet(connection, "asbl"),
            writing(fleet_database, lambda connection: claim_fleet(connection, "another")),
        )


def test_both_are_told_the_same_by_a_witness(fleet_database: Database) -> None:
    together(
        fleet_database,
        lambda connection: findings.keep(connection, FORKED, HEAD, BEGAN),
        writing(fleet_database, lambda connection: findings.keep(connection, FORKED, HEAD, BEGAN)),
    )
    with fleet_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(finding)).scalar_one() == 1
