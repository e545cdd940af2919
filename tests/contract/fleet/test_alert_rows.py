"""Thousands of alerts are written by statements of their own: as one after the other would be, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, insert, select, update

from intendance.fleet.alerts import rows
from intendance.fleet.alerts.decide import MINUTE_US, Standing
from intendance.fleet.alerts.recording import Sighting, clear_many, put_steps, raise_many
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import alert, alert_event, escalation
from tests.support.watching import policy

FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
ALERT = ("key", "cause", "node", "labels", "severity", "group_key", "params", "parent", "suppressed", "acked_by",
         "state", "episode", "started_us", "fired_us", "acked_until_us", "resolved_us")  # fmt: skip
EVENT = ("alert", "at_us", "event", "actor", "data")
STEP = ("alert", "episode", "step", "next_us", "state")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12) | st.sampled_from(
    ("?1", "%s", "{}", '"', "\\", "null", "'; --", "{'a': \"b\"}")
)
instants = st.integers(0, 2**63 - 1)
maybe = st.none() | instants
states = st.sampled_from(("pending", "firing", "acked", "resolved"))
standings = st.builds(
    Standing, state=states, episode=st.integers(1, 2**31 - 1), started_us=instants, fired_us=maybe,
    acked_until_us=maybe, resolved_us=maybe,
)  # fmt: skip
alerts = st.lists(
    st.tuples(texts, texts, texts, texts, texts, texts, texts, st.none(), st.none() | texts, texts, standings),
    min_size=1, max_size=6, unique_by=lambda row: row[0],
)  # fmt: skip


class _UndoneError(Exception):
    """Ends a transaction of which nothing is to stay."""


def _left_by(database: Database, write: Callable[[Connection], object]) -> dict[str, list[tuple[Any, ...]]]:
    """What the three tables hold after `write`; nothing of it stays. Ids count from the first."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    with suppress(_UndoneError), database.begin() as connection:
        write(connection)
        ids = list(connection.execute(select(alert.c.id).order_by(alert.c.id)).scalars())
        place = {number: count for count, number in enumerate(ids)}
        for table, order in ((alert, alert.c.id), (alert_event, alert_event.c.id), (escalation, escalation.c.step)):
            found[table.name] = [_with_places(row, place) for row in connection.execute(select(table).order_by(order))]
        raise _UndoneError
    return found


def _with_places(row: Any, place: dict[int, int]) -> tuple[Any, ...]:
    told = dict(row._mapping)
    told.pop("id", None)
    for name in ("alert", "parent"):
        if name in told:
            told[name] = place.get(told[name])
    return tuple(sorted((name, repr(value)) for name, value in told.items()))


def _one_by_one(connection: Connection, table: Table, names: Sequence[str], written: Sequence[tuple[Any, ...]]) -> None:
    for row in written:
        connection.execute(insert(table).values(**dict(zip(names, row, strict=True))))


@settings(max_examples=10, phases=[Phase.explicit, Phase.generate], deadline=None, suppress_health_check=FIXTURES)
@given(new=alerts, moved=standings, why=st.none() | texts, at_us=instants, said=texts)
def test_many_rows_are_written_as_each_would_be(
    fleet_database: Database, new: list[Any], moved: Standing, why: str | None, at_us: int, said: str
) -> None:
    made = [(*row[:-1], *rows.times(row[-1])) for row in new]
    later = ("params", "parent", "suppressed", "state", "fired_us", "acked_until_us", "resolved_us")

    def quickly(connection: Connection) -> None:
        ids = rows.insert_alerts(connection, made)
        assert sorted(ids) == sorted(row[0] for row in made)
        numbers = [ids[row[0]] for row in made]
        first = numbers[0]
        rows.change_alerts(
            connection, [(number, said, first, why, *rows.moved_times(moved)) for number in ids.values()]
        )
        rows.change_reasons(connection, [(first, said)])
        rows.insert_events(connection, [(number, at_us, said, said, said) for number in numbers])
        rows.put_steps(connection, [(first, 1, step, at_us, "waiting") for step in range(3)])
        rows.put_steps(connection, [(first, 1, step, at_us // 2, "done") for step in range(2)])

    def slowly(connection: Connection) -> None:
        _one_by_one(connection, alert, ALERT, made)
        numbers = {row.key: row.id for row in connection.execute(select(alert.c.key, alert.c.id))}
        first = numbers[made[0][0]]
        for row in made:
            values = dict(zip(later, (said, first, why, *rows.moved_times(moved)), strict=True))
            connection.execute(update(alert).where(alert.c.key == row[0]).values(**values))
        connection.execute(update(alert).where(alert.c.id == first).values(suppressed=said))
        _one_by_one(connection, alert_event, EVENT, [(numbers[row[0]], at_us, said, said, said) for row in made])
        steps = [(at_us // 2, "done"), (at_us // 2, "done"), (at_us, "waiting")]
        _one_by_one(connection, escalation, STEP, [(first, 1, place, *step) for place, step in enumerate(steps)])

    assert _left_by(fleet_database, quickly) == _left_by(fleet_database, slowly)


sightings = st.builds(
    Sighting,
    cause=st.just("node.missing"),
    urgency=st.sampled_from(("critical", "warning")),
    node=st.sampled_from(("web-01", "web-02", "mail-01", "nas-1")),
    site=st.sampled_from(("", "liège")),
    labels=st.sampled_from(((), (("asset", "shop-db"),))),
    params=st.sampled_from(((), (("count", 3),))),
    suppressed=st.sampled_from((None, None, "inhibited")),
    lasting_us=st.sampled_from((0, 0, MINUTE_US)),
)
rounds = st.lists(
    st.tuples(
        st.sampled_from((MINUTE_US // 60, MINUTE_US, 20 * MINUTE_US)),
        st.booleans(),
        st.lists(sightings, max_size=5, unique_by=lambda each: each.key),
    ),
    min_size=2, max_size=7,
)  # fmt: skip


@settings(max_examples=10, phases=[Phase.explicit, Phase.generate], deadline=None, suppress_health_check=FIXTURES)
@given(course=rounds)
def test_what_is_seen_together_is_written_as_one_after_the_other(fleet_database: Database, course: list[Any]) -> None:
    wanted = policy()

    def seen(together: bool) -> Callable[[Connection], None]:
        def write(connection: Connection) -> None:
            now_us = 0
            for passed_us, over, those in course:
                now_us += passed_us
                for part in [those] if together else [[each] for each in those]:
                    if over:
                        clear_many(connection, [each.key for each in part], now_us)
                    else:
                        raise_many(connection, part, wanted, now_us)

        return write

    many, single = _left_by(fleet_database, seen(together=True)), _left_by(fleet_database, seen(together=False))
    for name, found in many.items():
        assert sorted(found) == sorted(single[name]), name


def test_of_a_step_that_is_named_again_the_later_holds(fleet_database: Database) -> None:
    with fleet_database.begin() as connection:
        ids = raise_many(connection, [Sighting(cause="x", urgency="critical", node="web-01")], policy(), 1)
        (number,) = ids.values()
        put_steps(connection, [(number, 1, 0, 7, "done"), (number, 1, 1, 9, "waiting")])
        found = connection.execute(select(escalation).order_by(escalation.c.step)).all()
    assert [tuple(row) for row in found] == [(number, 1, 0, 7, "done"), (number, 1, 1, 9, "waiting")]
