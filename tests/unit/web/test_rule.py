"""The strip of ninety days: each day shows its worst hour, and a day that nobody judged shows nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from intendance.catalogue.load import load
from intendance.language.texts import translator
from intendance.model.verdict import State
from intendance.web.rule import bars, listing

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def test_each_day_shows_its_worst_state() -> None:
    history = (
        (NOW - 200 * DAY, NOW - 10 * DAY, State.PASS),
        (NOW - 10 * DAY, NOW - 10 * DAY + timedelta(hours=1), State.FAIL),
        (NOW - 10 * DAY + timedelta(hours=1), None, State.PASS),
    )
    drawn = list(bars(history, NOW))
    assert len(drawn) == 90
    assert [each.left for each in drawn if each.shape == "fail"] == [790, 800]
    assert {each.shape for each in drawn} == {"pass", "fail"}


def test_what_began_now_is_seen_and_what_was_not_judged_is_not() -> None:
    assert [(each.left, each.shape) for each in bars(((NOW, None, State.UNKNOWN),), NOW)] == [(890, "unknown")]
    assert list(bars((), NOW)) == []


def test_rules_of_a_family_stand_worst_first_and_those_that_judge_nothing_last() -> None:
    book = load()
    ids = [rule.id for rule in book.rules.values() if rule.family == "backup" and rule.judged][:5]
    holds, broken, unsure, more_broken = ids[:4]
    counts = {
        holds: {State.PASS: 3},
        broken: {State.FAIL: 1, State.PASS: 2},
        unsure: {State.UNKNOWN: 2},
        more_broken: {State.FAIL: 2},
    }
    family = next(
        each for each in listing(book, counts, translator("en", "web")) if ids[0] in {x.rule for x in each.lines}
    )
    assert [each.rule for each in family.lines[:4]] == [more_broken, broken, unsure, holds]
    performed = [each.performed for each in family.lines]
    assert performed == sorted(performed, reverse=True)
