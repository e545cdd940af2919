"""What looks at database servers mean: rolled up, and what reaches its limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.activities.sample.databases import (
    DatabaseSeen,
    Key,
    Strain,
    deadlocks_since,
    limits,
    roll_up,
    still_open,
    strains,
)
from intendance.model.evidence.sample import DatabaseExcursion
from intendance.model.plan import Threshold

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIMITS = limits(("asbl",), {})
SEEN = DatabaseSeen(
    asset="shop", connections=3, connections_allowed=151, query_ms=0, deadlocks=0, uptime_seconds=60, folder="/x"
)


def told(*looks: DatabaseSeen) -> list[tuple[str, int, str]]:
    now_open: Mapping[Key, Strain] = {}
    found = []
    for number, look in enumerate(looks):
        now_open, events = strains(now_open, [look], START + timedelta(minutes=number), LIMITS)
        found += [(event.quantity, event.limit, event.state) for _, event in events]
    return found


def test_the_plan_adds_its_own_limits() -> None:
    assert LIMITS == {"connections": (100,), "query_ms": (5000, 60_000)}
    planned = limits(("asbl",), {"connections": Threshold(above=50), "slow_query": Threshold(above=2500)})
    assert planned == {"connections": (50, 100), "query_ms": (2500, 5000, 60_000)}
    assert limits(("maint",), {}) == {}


def test_as_many_connections_as_the_limit_are_too_many_and_hovering_is_told_once() -> None:
    looks = [replace(SEEN, connections=each) for each in (99, 100, 99, 100, 95, 94, 100)]
    assert told(*looks) == [("connections", 100, "began"), ("connections", 100, "ended"), ("connections", 100, "began")]


def test_a_statement_may_take_as_long_as_the_limit_says() -> None:
    looks = [replace(SEEN, query_ms=each) for each in (5000, 5001, 61_000, 0)]
    assert told(*looks) == [
        ("query_ms", 5000, "began"),
        ("query_ms", 60_000, "began"),
        ("query_ms", 5000, "ended"),
        ("query_ms", 60_000, "ended"),
    ]
    assert told(replace(SEEN, query_ms=9000), replace(SEEN, query_ms=None)) == [("query_ms", 5000, "began")]


def test_a_server_that_says_nothing_neither_begins_nor_ends_anything() -> None:
    now_open, _ = strains({}, [replace(SEEN, connections=150)], START, LIMITS)
    assert strains(now_open, [], START, LIMITS) == (now_open, ())


def test_what_was_open_is_known_after_a_restart() -> None:
    now_open, ((asset, began),) = strains({}, [replace(SEEN, connections=150)], START, LIMITS)
    again = still_open([(asset, began)])
    assert again == now_open
    _, ((_, ended),) = strains(again, [SEEN], START, LIMITS)
    assert (ended.state, ended.seen, ended.peak, ended.began_at) == ("ended", 3, 150, began.began_at)
    assert still_open([(asset, ended), (asset, began)]) == {}


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (None, replace(SEEN, deadlocks=7), 0),
        (SEEN, replace(SEEN, deadlocks=2, uptime_seconds=120), 2),
        (replace(SEEN, deadlocks=9), replace(SEEN, deadlocks=1, uptime_seconds=5), 1),
        (replace(SEEN, deadlocks=1), replace(SEEN, deadlocks=2, uptime_seconds=5), 2),
        (SEEN, replace(SEEN, deadlocks=None), 0),
    ],
)
def test_deadlocks_are_told_from_two_looks(before: DatabaseSeen | None, after: DatabaseSeen, count: int) -> None:
    assert deadlocks_since(before, after) == count


def test_an_hour_of_looks_is_one_entry_for_each_server() -> None:
    looks = [
        (replace(SEEN, connections=8, query_ms=1001), 1),
        (replace(SEEN, connections=2, connections_allowed=200), 2),
        (replace(SEEN, asset="forum", query_ms=None, deadlocks=None), 0),
    ]
    forum, lost, shop = roll_up(looks, ["shop", "lost", "shop"])
    assert (shop.looks, shop.unanswered, shop.connections_highest, shop.connections_allowed) == (2, 2, 8, 200)
    assert (shop.query_seconds_highest, shop.deadlocks, shop.counts_deadlocks, shop.sees_queries) == (2, 3, True, True)
    assert (forum.sees_queries, forum.counts_deadlocks) == (False, False)
    assert (lost.looks, lost.unanswered, lost.sees_queries) == (0, 1, False)
    assert roll_up([], []) == ()


@given(st.lists(st.tuples(st.integers(0, 200), st.none() | st.integers(0, 90_000)), max_size=40))
def test_beginnings_and_ends_alternate_for_each_limit(values: list[tuple[int, int | None]]) -> None:
    now_open: Mapping[Key, Strain] = {}
    events: dict[tuple[str, int], list[DatabaseExcursion]] = {}
    for number, (connections, query_ms) in enumerate(values):
        look = replace(SEEN, connections=connections, query_ms=query_ms)
        now_open, found = strains(now_open, [look], START + timedelta(minutes=number), LIMITS)
        for _, event in found:
            events.setdefault((event.quantity, event.limit), []).append(event)
    for (quantity, limit), each in events.items():
        states = [event.state for event in each]
        assert states == ["began", "ended"] * (len(states) // 2) + ["began"] * (len(states) % 2)
        assert (("shop", quantity, limit) in now_open) == (len(states) % 2 == 1)
        assert all(event.peak >= event.seen for event in each)
