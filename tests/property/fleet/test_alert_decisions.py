"""What is decided of alerts and of silence holds for whatever happens, in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.alerts import decide
from intendance.fleet.alerts.decide import Due, Standing
from intendance.fleet.alerts.windows import open_window
from intendance.fleet.detection import decide as detection
from intendance.fleet.detection.decide import Silent
from intendance.model.alerting import AlertStep, Urgency, Way, Window

MINUTE = decide.MINUTE_US
ACTIONS = st.lists(
    st.tuples(st.sampled_from(("observe", "clear", "ack", "pass")), st.integers(min_value=0, max_value=40)), max_size=30
)


@given(ACTIONS, st.sampled_from((0, 3 * MINUTE)))
def test_an_alert_is_open_whenever_what_is_wrong_lasts(actions: list[tuple[str, int]], lasting_us: int) -> None:
    """No sighting is lost, episodes only grow, and an end is never before its beginning."""
    now = 0
    standing: Standing | None = None
    for action, minutes in actions:
        now += minutes * MINUTE
        move = None
        if action == "observe":
            move = decide.observed(standing, now, lasting_us=lasting_us)
        elif standing is not None and action == "clear":
            move = decide.cleared(standing, now)
        elif standing is not None and action == "ack":
            move = decide.acked(standing, "admin", now)
        elif standing is not None:
            move = decide.expired(standing, now)
        before, standing = standing, move.standing if move else standing
        if action == "observe":
            assert standing is not None
            assert standing.state != "resolved"
        if before is not None and standing is not None:
            assert standing.episode in (before.episode, before.episode + 1)
            if standing.episode > before.episode and before.fired_us is not None and before.resolved_us is not None:
                assert now - before.resolved_us > decide.REOPENED_WITHIN_US
        if standing is not None and standing.state == "acked":
            assert standing.acked_until_us is not None


@given(st.integers(min_value=0, max_value=10**7), st.floats(min_value=0, max_value=0.999), st.integers(1, 30))
def test_a_message_is_tried_again_by_the_back_off_and_never_after_its_day(now: int, chance: float, tries: int) -> None:
    expires = now + decide.EXPIRES_US
    fate = decide.fate("transient", tries, now, expires, chance)
    pause = decide.BACK_OFF_S[min(tries, 5) - 1] * decide.SECOND_US
    assert fate.state == "failed"
    assert 0.8 * pause - 1 <= fate.next_us - now <= 1.2 * pause
    assert decide.fate("transient", tries, expires, expires, chance).state == "dead"
    assert decide.fate("permanent", tries, now, expires, chance).state == "dead"
    assert decide.fate("accepted", tries, now, expires, chance).state == "sent"


URGENCIES = st.sampled_from(("critical", "warning"))
PEOPLE = st.lists(
    st.tuples(st.sampled_from(("admin", "lead", "host")), st.sampled_from(("email", "sms"))), min_size=1, max_size=4,
    unique=True,
)  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), URGENCIES, PEOPLE), max_size=60))
def test_everybody_is_told_of_everything_that_is_due_and_of_nothing_twice(
    made: list[tuple[str, Urgency, list[tuple[str, Way]]]],
) -> None:
    dues = [
        Due(alert=number, group=group, urgency=urgency, step=0, told=tuple(told))
        for number, (group, urgency, told) in enumerate(made)
    ]
    found = [(each.alert, notice.contact, notice.way) for notice in decide.notices(dues) for each in notice.dues]
    assert sorted(found) == sorted((each.alert, *pair) for each in dues for pair in each.told)


def test_ten_thousand_nodes_of_fifty_sites_are_one_message_for_each_person_and_way() -> None:
    told: tuple[tuple[str, Way], ...] = (("admin", "email"), ("admin", "sms"))
    dues = [Due(alert=n, group=f"site-{n % 50}", urgency="critical", step=0, told=told) for n in range(10_000)]
    assert len(decide.notices(dues)) == 2


@given(st.lists(st.integers(min_value=0, max_value=900), min_size=1, max_size=6), st.integers(0, 40))
def test_steps_come_one_after_the_other_and_then_repeat(waits: list[int], index: int) -> None:
    steps = tuple(AlertStep(after_seconds=wait, to=f"p{n}", by=("email",)) for n, wait in enumerate(sorted(waits)))
    assert decide.next_wait_us(steps, index, "critical") > 0
    assert decide.people(steps, index)
    if index >= len(steps):
        assert {contact for contact, _ in decide.people(steps, index)} == {step.to for step in steps}


@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(("a", "b", "")), st.integers(0, 120)), max_size=40),
    st.integers(1, 200),
)
def test_mass_silence_names_only_who_fell_silent_within_a_minute(rows: list[tuple[int, str, int]], total: int) -> None:
    now = 200 * decide.SECOND_US
    silent = {f"n{name}": Silent(f"n{name}", site, now - ago * decide.SECOND_US) for name, site, ago in rows}
    sizes = {"a": total, "b": total, "": total}
    recent = {each.node for each in silent.values() if now - each.at_us <= detection.GUARD_US}
    for mass in detection.mass_silence(silent.values(), sizes, now):
        assert set(mass.nodes) <= recent
        if mass.site:
            assert len(mass.nodes) * 100 > total * 80
        else:
            assert len(mass.nodes) >= 5
            assert len(mass.nodes) * 100 > 3 * total * 30


def test_a_window_follows_the_clock_on_the_wall() -> None:
    window = Window(name="week-end", rrule="FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;BYMINUTE=0;BYSECOND=0", lasts_seconds=7200)
    for opens in (datetime(2026, 7, 4, 20, 0, tzinfo=UTC), datetime(2026, 12, 5, 21, 0, tzinfo=UTC)):
        assert open_window([window], "Europe/Brussels", opens - timedelta(seconds=1)) is None
        found = open_window([window], "Europe/Brussels", opens)
        assert found is not None
        assert (found.name, found.until) == ("week-end", opens + timedelta(hours=2))
        assert open_window([window], "Europe/Brussels", opens + timedelta(hours=2)) is None


def test_own_blindness_and_set_clocks_are_told_from_a_tick_that_is_a_little_late() -> None:
    second = decide.SECOND_US
    assert detection.blindness(0, 4 * second, 4 * second) is None
    assert detection.blindness(0, 6 * second, 6 * second) == detection.Blind(0, 6 * second, "stalled")
    assert detection.blindness(0, 3600 * second, second) == detection.Blind(0, 3600 * second, "clock set")
    assert detection.blindness(10 * second, 20 * second, None) == detection.Blind(10 * second, 20 * second, "restart")
