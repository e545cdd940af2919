"""Schedules against a slow and obvious model, over the days on which clocks and calendars are odd."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from typing import Literal, cast
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from intendance.runs.decide import ALL_AT_MOST, GRACE, STEP_BACK, Line, due, next_wake, occurrences, run_id

ZONES = ("Europe/Brussels", "America/New_York", "Africa/Casablanca", "Asia/Kolkata", "UTC", "Pacific/Auckland")
# Days worth a visit: gap and fold of several zones, leap days, a year's end.
ANCHORS = (
    "2027-03-28", "2027-10-31", "2026-03-08", "2026-11-01", "2028-02-29", "2027-02-28", "2026-12-31", "2026-09-27",
    "2026-04-05", "2026-06-15",
)  # fmt: skip
RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}


def _field(name: str) -> st.SearchStrategy[str]:
    low, high = RANGES[name]
    one = st.integers(low, high).map(str)
    pair = st.tuples(st.integers(low, high), st.integers(low, high)).map(lambda p: f"{min(p)}-{max(p)}")
    several = st.lists(st.integers(low, high), min_size=2, max_size=4).map(lambda v: ",".join(map(str, v)))
    step = st.integers(2, max(3, (high - low) // 2)).map(lambda n: f"*/{n}")
    return st.one_of(one, pair, several, step, st.just("*"))


def _members(text: str, low: int, high: int) -> set[int]:
    if text == "*":
        return set(range(low, high + 1))
    if text.startswith("*/"):
        return set(range(low, high + 1, int(text[2:])))
    found: set[int] = set()
    for term in text.split(","):
        first, _, last = term.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def _comes(cron: str) -> bool:
    """Whether there is such a day: a line for the 30th of February is refused."""
    days, months, weekdays = cron.split()[2:]
    either = not (days.startswith("*") or weekdays.startswith("*"))
    longest = max(monthrange(2028, month)[1] for month in _members(months, *RANGES["month"]))
    return either or min(_members(days, *RANGES["day"])) <= longest


CRON = st.one_of(
    st.tuples(*(_field(name) for name in RANGES)).map(" ".join).filter(_comes),
    # times around which clocks change, every day: the lines that people write
    st.tuples(
        st.sampled_from(["0", "30", "59", "0,30", "15-20"]), st.sampled_from(["0", "1", "2", "3", "2,3", "1-3"])
    ).map(lambda p: f"{p[0]} {p[1]} * * *"),
)


def _matches(cron: str, wall: datetime) -> bool:
    texts = dict(zip(RANGES, cron.split(), strict=True))
    sets = {name: _members(texts[name], *RANGES[name]) for name in RANGES}
    day = wall.day in sets["day"]
    weekday = bool({wall.isoweekday(), wall.isoweekday() % 7} & sets["weekday"])
    both = texts["day"].startswith("*") or texts["weekday"].startswith("*")
    return (
        wall.minute in sets["minute"]
        and wall.hour in sets["hour"]
        and wall.month in sets["month"]
        and ((day and weekday) if both else (day or weekday))
    )


def model(cron: str, zone: str, start: datetime, end: datetime) -> list[datetime]:
    """Debian's cron, minute by minute."""
    minute, hour = cron.split()[:2]
    place = ZoneInfo(zone)
    found: set[datetime] = set()
    if minute.startswith("*") or hour.startswith("*"):
        at = start.replace(second=0, microsecond=0)
        while at <= end:
            if _matches(cron, at.astimezone(place).replace(tzinfo=None)):
                found.add(at)
            at += timedelta(minutes=1)
    else:
        wall = (start.astimezone(place) - timedelta(hours=26)).replace(tzinfo=None, second=0, microsecond=0)
        last = (end.astimezone(place) + timedelta(hours=26)).replace(tzinfo=None)
        while wall <= last:
            if _matches(cron, wall):
                shown = wall
                while _absent(shown, place):
                    shown += timedelta(minutes=1)
                found.add(shown.replace(tzinfo=place, fold=0).astimezone(UTC))
            wall += timedelta(minutes=1)
    return sorted(at for at in found if start < at <= end)


def _absent(wall: datetime, place: ZoneInfo) -> bool:
    return wall.replace(tzinfo=place).astimezone(UTC).astimezone(place).replace(tzinfo=None) != wall


@st.composite
def windows(draw: st.DrawFn) -> tuple[datetime, datetime]:
    anchor = datetime.fromisoformat(draw(st.sampled_from(ANCHORS))).replace(tzinfo=UTC)
    start = anchor + timedelta(seconds=draw(st.integers(-36 * 3600, 36 * 3600)))
    return start, start + timedelta(minutes=draw(st.integers(0, 3 * 1440)))


@settings(max_examples=150)
@given(cron=CRON, zone=st.sampled_from(ZONES), window=windows())
@example(
    cron="30 2 * * *",
    zone="Europe/Brussels",
    window=(datetime(2027, 10, 31, 1, 15, tzinfo=UTC), datetime(2027, 10, 31, 3, 0, tzinfo=UTC)),
)
def test_occurrences_are_those_of_the_obvious_model(cron: str, zone: str, window: tuple[datetime, datetime]) -> None:
    start, end = window
    assert list(occurrences(cron, zone, start, end)) == model(cron, zone, start, end)


@settings(max_examples=100)
@given(cron=CRON, zone=st.sampled_from(ZONES), window=windows(), cut=st.floats(0, 1))
def test_occurrences_do_not_depend_on_where_one_resumes(
    cron: str, zone: str, window: tuple[datetime, datetime], cut: float
) -> None:
    start, end = window
    middle = start + (end - start) * cut
    halves = [*occurrences(cron, zone, start, middle), *occurrences(cron, zone, middle, end)]
    assert halves == list(occurrences(cron, zone, start, end))


@settings(max_examples=60)
@given(zone=st.sampled_from(ZONES), day=st.sampled_from(ANCHORS), hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_daily_line_fires_exactly_once_a_day(zone: str, day: str, hour: int, minute: int) -> None:
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=ZoneInfo(zone))
    first = (noon - timedelta(days=2)).replace(hour=0).astimezone(UTC) - timedelta(microseconds=1)
    last = (noon + timedelta(days=3)).replace(hour=0).astimezone(UTC) - timedelta(microseconds=1)
    fired = list(occurrences(f"{minute} {hour} * * *", zone, first, last))
    assert [at.astimezone(ZoneInfo(zone)).date() for at in fired] == [
        (noon + timedelta(days=n)).date() for n in range(-2, 3)
    ]


POLICIES = st.sampled_from(["once", "all", "none"])
READINGS = st.lists(
    st.one_of(
        st.integers(1, 300),  # the agent's own minute
        st.integers(300, 5 * 86_400),  # asleep or off
        st.integers(-90_000, -1),  # stepped back, by up to 25 h
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=120)
@given(
    cron=st.sampled_from(["30 2 * * *", "*/30 * * * *", "0 4 * * SUN", "0,30 2,3 * * *"]),
    policy=POLICIES,
    anchor=st.sampled_from(ANCHORS),
    steps=READINGS,
    queued=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_every_occurrence_is_started_or_missed_exactly_once(
    cron: str, policy: str, anchor: str, steps: list[int], queued: list[bool]
) -> None:
    line = Line(
        asset="a",
        activity="inspect",
        cron=cron,
        zone="Europe/Brussels",
        catch_up=cast(Literal["once", "all", "none"], policy),
    )
    begun = now = datetime.fromisoformat(anchor).replace(tzinfo=UTC)
    last_due, missed = begun, 0
    started: list[datetime] = []
    for step, waits in zip(steps, queued, strict=False):
        now = max(now + timedelta(seconds=step), begun - STEP_BACK + (last_due - begun))
        decision = due(line, last_due, now, waiting="a.inspect.x" if waits else None)
        assert decision.last_due >= last_due, "a clock that goes back never brings an occurrence back"
        assert all(last_due < at <= now for at in decision.starts)
        if decision.missed is not None:
            missed += decision.missed.count
            assert last_due < decision.missed.first <= decision.missed.last
        if policy == "once" and decision.missed is not None:
            assert decision.missed.caught_up_by is not None
        if policy == "none" and not waits:
            assert all(now - at <= GRACE for at in decision.starts)
        if policy != "all":
            assert len(decision.starts) <= 1
        started += decision.starts
        last_due = decision.last_due
    every = list(occurrences(cron, "Europe/Brussels", begun, last_due))
    assert len(set(started)) == len(started)
    assert len({run_id("a", "inspect", at) for at in started}) == len(started)
    assert len(started) + missed == len(every)
    if policy == "all" and len(every) <= ALL_AT_MOST:
        assert started == every


@settings(max_examples=80)
@given(cron=CRON.filter(lambda c: c.split()[2] not in {"30", "31"}), window=windows())
def test_nothing_falls_due_before_the_next_wake(cron: str, window: tuple[datetime, datetime]) -> None:
    start, _ = window
    line = Line(asset="a", activity="inspect", cron=cron, zone="Europe/Brussels", catch_up="all")
    wake = next_wake([(line, start)], start)
    if wake is not None and wake - start < timedelta(days=40):
        assert due(line, start, wake - timedelta(microseconds=1)).starts == ()
        assert due(line, start, wake).starts == (wake,)
