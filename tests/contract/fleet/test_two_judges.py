"""Two managers that judge at the same time, each on a connection of its own: neither fails, and one history is kept."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from sqlalchemy import select

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.settings import write_setting
from intendance.fleet.database.tables import setting, verdict, verdict_interval
from intendance.fleet.verdicts import decide
from intendance.fleet.verdicts.changing import LOOKED
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.fleet.verdicts.writing import write_changes
from intendance.model.verdict import Reason, Severity, State, Verdict
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.together import together, writing

NOW = to_us(BEGAN)
PATIENCE_SECONDS = 120


def _verdict(state: State, since: datetime = BEGAN) -> Verdict:
    return Verdict(
        rule="ASBL_010", asset="db", node="web-01", state=state, severity=Severity.BLOCKING, since=since,
        reason=Reason(code="fresh"),
    )  # fmt: skip


def _found(state: State) -> decide.Changes:
    """What a judge finds that knows of nothing before."""
    return decide.compare({}, [_verdict(state)])


@pytest.mark.parametrize(("second", "later_us"), [(State.PASS, 0), (State.PASS, 5), (State.FAIL, 5)])
def test_one_verdict_and_one_open_history_remain(fleet_database: Database, second: State, later_us: int) -> None:
    together(
        fleet_database,
        lambda connection: write_changes(connection, [_found(State.PASS)], NOW),
        writing(fleet_database, lambda connection: write_changes(connection, [_found(second)], NOW + later_us)),
    )
    with fleet_database.read() as connection:
        (row,) = connection.execute(select(verdict)).all()
        spans = connection.execute(select(verdict_interval).order_by(verdict_interval.c.from_us)).all()
    assert row.state == second.value
    assert [each.to_us for each in spans][-1] is None
    assert spans[-1].state == second.value
    assert all(each.to_us == after.from_us for each, after in pairwise(spans))


def test_both_may_say_that_they_looked(fleet_database: Database) -> None:
    about = About(fleet="asbl", organisation="ASBL", zone="UTC")
    verdicts = Verdicts(fleet_database, MovableClock(BEGAN), about, say=pytest.fail)
    together(fleet_database, lambda connection: write_setting(connection, LOOKED, NOW - 1), verdicts.judge_due)
    with fleet_database.read() as connection:
        assert connection.execute(select(setting.c.value).where(setting.c.name == LOOKED)).scalar_one() == str(NOW)
