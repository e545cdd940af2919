"""Instants and days: ISO for machines; local, day first, with the zone for people."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest

from intendance.language import dates

AT = datetime(2026, 11, 1, 21, 14, 34, 120, tzinfo=UTC)


def test_machines_get_utc_with_microseconds() -> None:
    assert dates.iso(AT) == "2026-11-01T21:14:34.000120Z"


@pytest.mark.parametrize(
    ("day", "english", "french"),
    [
        (date(2026, 11, 1), "1 November 2026", "1er novembre 2026"),
        (date(2026, 8, 11), "11 August 2026", "11 août 2026"),
        (date(2027, 2, 21), "21 February 2027", "21 février 2027"),
    ],
)
def test_a_day_in_both_languages(day: date, english: str, french: str) -> None:
    assert dates.day(day, "en").replace("\u00a0", " ") == english
    assert dates.day(day, "fr").replace("\u00a0", " ") == french


def test_an_instant_is_local_and_names_its_zone() -> None:
    assert dates.moment(AT, "Europe/Brussels", "en").replace("\u00a0", " ") == "1 November 2026, 22:14 CET"
    french = dates.moment(AT, "Europe/Brussels", "fr", seconds=True).replace("\u00a0", " ")
    assert french == "1er novembre 2026 à 22:14:34 CET"


def test_no_line_ends_between_a_day_and_its_clock_in_french() -> None:
    assert dates.moment(AT, "Europe/Brussels", "fr") == "1er\u00a0novembre\u00a02026 à\u00a022:14\u00a0CET"


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    shown = {dates.moment(first + timedelta(hours=n), "Europe/Brussels") for n in (0, 1)}
    assert len(shown) == 2


def test_every_month_has_its_name() -> None:
    for language in ("en", "fr"):
        names = {dates.day(date(2026, month, 3), language) for month in range(1, 13)}
        assert len(names) == 12


def test_a_zone_that_is_none_is_refused() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        dates.moment(AT, "Europe/Nowhere")


@pytest.mark.parametrize(
    ("at", "english", "french"),
    [
        (AT + timedelta(minutes=30), "22:44", "22:44"),
        (AT + timedelta(hours=3), "2\u00a0Nov,\u00a001:14", "2\u00a0nov.,\u00a001:14"),
        (AT - timedelta(days=31), "1\u00a0Oct,\u00a023:14", "1er\u00a0oct.,\u00a023:14"),
        (AT - timedelta(days=365), "1\u00a0Nov\u00a02025,\u00a022:14", "1er\u00a0nov.\u00a02025,\u00a022:14"),
    ],
)
def test_among_others_the_day_is_left_out_where_it_is_the_same(at: datetime, english: str, french: str) -> None:
    assert dates.brief(at, AT, "Europe/Brussels", "en") == english
    assert dates.brief(at, AT, "Europe/Brussels", "fr") == french
    assert dates.brief(AT, AT, "Europe/Brussels", seconds=True) == "22:14:34"
