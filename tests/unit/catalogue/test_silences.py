"""MAINT_002 by what a manager knows of a node's silences, alerts and messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from intendance.catalogue.checks.heartbeats import Heartbeats
from intendance.catalogue.checks.silences import Quiet, Spell, Watched, alerted, due_at
from intendance.catalogue.load import load
from intendance.model.verdict import Attestor, State

RULE = load().rules["MAINT_002"]
BEGAN = datetime(2026, 11, 20, 8, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=24, minutes=30)
LAST = NOW - timedelta(minutes=30)
ALL = (1 << 2000) - 1


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _beats(*, lost: int = 0, blind: int = 0, expected_at: datetime = BEGAN - timedelta(minutes=1)) -> Heartbeats:
    return Heartbeats(expected_at=expected_at, began_at=BEGAN, heard=ALL & ~lost, blind=blind)


QUIET = Quiet(from_at=LAST, to_at=LAST + _s(400))
TOLD = Spell(opened_at=LAST + _s(121), ended_at=LAST + _s(470), accepted_at=LAST + _s(133))
HOLDS = Watched(beats=_beats(), silences=(QUIET,), spells=(TOLD,), canary_at=NOW - timedelta(hours=5))


def test_a_silence_told_of_in_time_holds_and_is_the_managers_word() -> None:
    found = alerted(RULE, HOLDS, NOW)
    assert (found.state, found.code, found.attested_by) == (State.PASS, "alerted", Attestor.MANAGER)
    assert found.params["count"] == 1
    assert found.next_change_at is not None
    assert found.next_change_at > NOW


def test_no_silence_rests_on_the_canary_alone() -> None:
    quiet = replace(HOLDS, silences=(), spells=())
    assert alerted(RULE, quiet, NOW).code == "no_silence"
    old = replace(quiet, canary_at=NOW - timedelta(hours=26, minutes=31))
    found = alerted(RULE, old, NOW)
    assert (found.state, found.code) == (State.FAIL, "canary_old")
    assert found.since == NOW - timedelta(minutes=1)
    assert alerted(RULE, replace(old, canary_at=NOW - timedelta(hours=26, minutes=29)), NOW).state is State.PASS


def test_a_canary_that_never_came_is_due_and_then_missing() -> None:
    none = replace(HOLDS, silences=(), spells=(), canary_at=None)
    due = none.beats.expected_at + timedelta(hours=26, minutes=30)
    found = alerted(RULE, none, NOW)
    assert (found.state, found.code) == (State.PENDING, "canary_due")
    later = alerted(RULE, none, due + _s(1))
    assert (later.state, later.code, later.since) == (State.FAIL, "canary_never", due)


@pytest.mark.parametrize(
    ("spell", "code"),
    [
        (None, "not_opened"),
        (replace(TOLD, opened_at=LAST + _s(125.2), accepted_at=LAST + _s(133)), "opened_late"),
        (replace(TOLD, accepted_at=None), "not_accepted"),
        (replace(TOLD, accepted_at=LAST + _s(181.5)), "accepted_late"),
        (replace(TOLD, opened_at=LAST - _s(900), ended_at=LAST + _s(1)), "not_opened"),
    ],
)
def test_a_silence_that_was_not_told_of_in_time_breaks_it(spell: Spell | None, code: str) -> None:
    found = alerted(RULE, replace(HOLDS, spells=() if spell is None else (spell,)), NOW)
    assert (found.state, found.code, found.since) == (State.FAIL, code, LAST + _s(120))


@pytest.mark.parametrize("opened_s", [120, 124.9, 125])
def test_five_seconds_are_allowed_to_open_and_sixty_to_be_taken(opened_s: float) -> None:
    spell = replace(TOLD, opened_at=LAST + _s(opened_s), accepted_at=LAST + _s(opened_s + 60))
    assert alerted(RULE, replace(HOLDS, spells=(spell,)), NOW).state is State.PASS


@pytest.mark.parametrize("held", ["silence", "window", "flapping", "acked"])
def test_what_was_kept_back_on_purpose_is_said_and_breaks_nothing(held: str) -> None:
    found = alerted(RULE, replace(HOLDS, spells=(replace(TOLD, accepted_at=None, held=held),)), NOW)
    assert (found.state, found.code) == (State.PASS, "alerted_held")
    assert (found.params["count"], found.params["held"]) == (0, 1)


def test_an_alert_that_still_stood_covers_the_next_silence() -> None:
    spell = replace(TOLD, opened_at=LAST - _s(300), ended_at=None, accepted_at=LAST - _s(290))
    assert alerted(RULE, replace(HOLDS, spells=(spell,)), NOW).state is State.PASS


def test_two_minutes_are_no_silence_and_what_the_manager_could_not_hear_is_none() -> None:
    short = Quiet(from_at=LAST, to_at=LAST + _s(120.5))
    assert alerted(RULE, replace(HOLDS, silences=(short,), spells=()), NOW).code == "no_silence"
    gap = Quiet(from_at=LAST + _s(60), to_at=LAST + _s(290))
    assert alerted(RULE, replace(HOLDS, gaps=(gap,), spells=()), NOW).code == "no_silence"
    shorter = Quiet(from_at=LAST + _s(60), to_at=LAST + _s(270))
    found = alerted(RULE, replace(HOLDS, gaps=(shorter,), spells=()), NOW)
    assert (found.code, found.params["due_at"]) == ("not_opened", LAST + _s(390))


def test_a_silence_counts_once_everything_about_it_is_written() -> None:
    lasting = replace(HOLDS, silences=(Quiet(from_at=NOW - _s(150), to_at=None),), spells=())
    found = alerted(RULE, lasting, NOW)
    assert (found.state, found.next_change_at) == (State.PASS, NOW + _s(40))
    assert alerted(RULE, lasting, NOW + _s(40)).code == "not_opened"


def test_what_was_not_told_of_stays_until_a_canary_comes_through_and_for_a_day() -> None:
    missed = replace(HOLDS, spells=())
    in_time = LAST + _s(120)
    canary = replace(missed, canary_at=in_time + timedelta(hours=1))
    assert alerted(RULE, canary, in_time + timedelta(hours=23, minutes=59)).state is State.FAIL
    assert alerted(RULE, canary, in_time + timedelta(hours=24, seconds=1)).state is State.PASS
    before = replace(missed, canary_at=in_time - timedelta(hours=1))
    assert alerted(RULE, before, in_time + timedelta(hours=25)).code == "not_opened"


def test_minutes_alone_show_a_silence_that_nobody_wrote_down() -> None:
    lost = ((1 << 4) - 1) << 1400
    found = alerted(RULE, replace(HOLDS, beats=_beats(lost=lost), silences=(), spells=()), NOW)
    assert (found.state, found.code) == (State.FAIL, "not_opened")
    three = ((1 << 3) - 1) << 1400
    assert alerted(RULE, replace(HOLDS, beats=_beats(lost=three), silences=(), spells=()), NOW).state is State.PASS
    blind = replace(HOLDS, beats=_beats(lost=lost, blind=lost), silences=(), spells=())
    assert alerted(RULE, blind, NOW).state is State.PASS


def test_a_manager_that_could_not_hear_proves_nothing() -> None:
    blind = ((1 << 800) - 1) << 600
    found = alerted(RULE, replace(HOLDS, beats=_beats(blind=blind), silences=(), spells=()), NOW)
    assert (found.state, found.code) == (State.UNKNOWN, "not_observed")


def test_what_a_node_did_before_it_joined_counts_for_nothing() -> None:
    young = _beats(expected_at=LAST + _s(390))
    assert alerted(RULE, replace(HOLDS, beats=young, spells=()), NOW).code == "no_silence"


def test_a_gap_that_lasts_puts_an_alert_off_and_one_that_came_later_does_not() -> None:
    two = timedelta(minutes=2)
    assert due_at(QUIET, (Quiet(from_at=LAST + _s(60), to_at=None),), two) is None
    assert due_at(QUIET, (Quiet(from_at=LAST + _s(122), to_at=None),), two) == LAST + _s(120)
    just_then = Quiet(from_at=LAST + _s(120.5), to_at=LAST + _s(200))
    assert due_at(QUIET, (just_then,), two) == LAST + _s(320)


def test_a_silence_that_lasts_after_a_node_joined_counts_from_then() -> None:
    joined = replace(HOLDS, beats=_beats(expected_at=LAST + _s(100)), spells=())
    found = alerted(RULE, joined, NOW)
    assert (found.code, found.params["due_at"]) == ("not_opened", LAST + _s(220))


def test_minutes_and_what_was_written_of_one_silence_are_one() -> None:
    lost = ((1 << 5) - 1) << 1441
    found = alerted(RULE, replace(HOLDS, beats=_beats(lost=lost), spells=()), NOW)
    assert (found.code, found.params["count"]) == ("not_opened", 1)


def test_no_beat_before_the_first_is_no_silence_by_minutes() -> None:
    joined = _beats(lost=((1 << 10) - 1) << 101, expected_at=BEGAN + timedelta(minutes=100))
    first = replace(HOLDS, beats=joined, silences=(), spells=())
    assert alerted(RULE, first, NOW).code == "no_silence"


def test_the_alert_of_a_later_silence_is_none_of_this_one() -> None:
    later = replace(TOLD, opened_at=LAST + _s(900), ended_at=None, accepted_at=LAST + _s(910))
    assert alerted(RULE, replace(HOLDS, spells=(later,)), NOW).code == "not_opened"


def test_of_two_alerts_the_one_that_was_opened_last_tells() -> None:
    before = replace(TOLD, opened_at=LAST - _s(300), ended_at=LAST + _s(121), accepted_at=None)
    second = replace(TOLD, opened_at=LAST + _s(122))
    assert alerted(RULE, replace(HOLDS, spells=(before, second)), NOW).state is State.PASS
    untold = replace(second, accepted_at=None)
    told_before = replace(before, accepted_at=LAST - _s(290))
    assert alerted(RULE, replace(HOLDS, spells=(told_before, untold)), NOW).code == "not_accepted"


def test_a_message_about_an_alert_that_stood_before_has_a_minute_from_when_it_was_due() -> None:
    standing = replace(TOLD, opened_at=LAST - _s(300), accepted_at=LAST + _s(170))
    assert alerted(RULE, replace(HOLDS, spells=(standing,)), NOW).state is State.PASS
    late = replace(standing, accepted_at=LAST + _s(181))
    assert alerted(RULE, replace(HOLDS, spells=(late,)), NOW).code == "accepted_late"


def test_the_first_of_several_says_since_when_and_the_last_why() -> None:
    earlier = Quiet(from_at=LAST - _s(3600), to_at=LAST - _s(3000))
    late = replace(TOLD, opened_at=LAST + _s(125.2))
    found = alerted(RULE, replace(HOLDS, silences=(earlier, QUIET), spells=(late,)), NOW)
    assert (found.code, found.since) == ("opened_late", earlier.from_at + _s(120))
    assert found.params == {"due_at": LAST + _s(120), "count": 2, "late_s": 6}, "seconds are counted up"


def test_what_was_told_and_what_was_kept_back_are_counted_apart() -> None:
    earlier = Quiet(from_at=LAST - _s(3600), to_at=LAST - _s(3000))
    held = Spell(opened_at=LAST - _s(3479), ended_at=LAST - _s(2900), held="window")
    found = alerted(RULE, replace(HOLDS, silences=(earlier, QUIET), spells=(held, TOLD)), NOW)
    assert (found.code, found.params["count"], found.params["held"]) == ("alerted_held", 1, 1)
    assert found.since == LAST + _s(120)


@given(
    st.lists(st.tuples(st.integers(-300, 600), st.integers(0, 300)), max_size=4),
    st.integers(0, 1200) | st.none(),
)
@example([(121, 300)], 500)
def test_an_alert_is_due_once_two_minutes_in_a_row_could_be_heard(
    gaps: list[tuple[int, int]], lasted: int | None
) -> None:
    """Against another way to say it: the first second after 120 in a row outside every gap."""
    spans = tuple(Quiet(from_at=LAST + _s(first), to_at=LAST + _s(first + long)) for first, long in gaps)
    found = due_at(
        Quiet(from_at=LAST, to_at=None if lasted is None else LAST + _s(lasted)), spans, timedelta(minutes=2)
    )
    heard, second = 0, 0
    while heard < 120:
        # within a second after it is due, a gap still puts the alert off
        heard = 0 if any(first <= second < first + long for first, long in gaps) else heard + 1
        second += 1
    if found is None:
        assert lasted is not None
        # a gap that begins a second after an alert is due puts it off by its own 300 seconds, and 120 begin anew
        assert lasted <= second + (1 + 300 + 120) * len(gaps)
    else:
        assert (found - LAST).total_seconds() >= second
        assert lasted is None or lasted > (found - LAST).total_seconds()
