"""What was found and is told again later: the same as what would be found, in every word."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intendance.agent.judging import judge
from intendance.catalogue.evaluate import _subjects, evaluate, evaluate_again
from intendance.catalogue.moving import Watch
from intendance.catalogue.subject import CONCERNS_ALL, CONCERNS_ONE, Facts, arrange
from intendance.ledger.book import Book
from intendance.model.verdict import Fact
from tests.property.test_judging import BEGIN, RULEBOOK, lives
from tests.support.clock import MovableClock
from tests.support.evidence import CALM, Log, key_proven, rollup

Life = tuple[list[Fact[Any]], datetime]
RESOLUTION = timedelta(microseconds=1)
_waits = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=120))
_shares = st.floats(min_value=0, max_value=1)


def _of_node(facts: Iterable[Fact[Any]]) -> list[Fact[Any]]:
    """What is left when all that a subject is made of is left out, but its declaration."""
    return [fact for fact in facts if fact.kind not in CONCERNS_ONE or fact.kind == "asset.declared"]


@settings(max_examples=100)
@given(lives(), _waits, _shares)
def test_what_lasts_is_what_would_be_found(life: Life, wait: timedelta, share: float) -> None:
    facts, last = life
    now = last + wait
    done = evaluate_again(RULEBOOK, facts, now, "web-01")
    assert done.verdicts == evaluate(RULEBOOK, facts, now, "web-01")
    for lasting in done.lasting.values():
        assert now < lasting.until <= now + timedelta(days=1)
        for later in (now, now + (lasting.until - now) * share, lasting.until - RESOLUTION):
            if not lasting.at(later):
                continue  # rounded up to the end
            told = evaluate_again(RULEBOOK, _of_node(facts), later, "web-01", known=done.lasting)
            assert told.verdicts == evaluate(RULEBOOK, facts, later, "web-01"), later
            assert told.lasting == {}


@settings(max_examples=100)
@given(lives(), _waits)
def test_nearly_all_lasts(life: Life, wait: timedelta) -> None:
    """Else it would be right and of no use: what is undoubtedly recorded lasts, up to a change by time."""
    facts, last = life
    own = [fact for fact in facts if fact.node == "web-01"]
    done = evaluate_again(RULEBOOK, own, last + wait, "web-01")
    assert done.lasting.keys() == {"shop-db"}


@settings(max_examples=35)
@given(lives(), st.lists(st.tuples(_shares, _waits), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_a_node_that_remembers_says_what_one_that_does_not_says(
    life: Life, looks: list[tuple[float, timedelta]], proven: bool, sampled: bool
) -> None:
    """A ledger grows, somebody looks now and then, perhaps much later; then the clock may stand in the past again.

    Where it is `sampled`, another roll-up comes between two looks, with nothing else.
    """
    facts = [fact for fact in life[0] if fact.node == "web-01"]
    if proven:
        facts.insert(len(facts) // 2, Log().add(facts[len(facts) // 2].at, key_proven(facts[len(facts) // 2].at)))
    clock = MovableClock(BEGIN - timedelta(hours=1))
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        state = Path(folder)
        Book.create(
            state, fleet="asbl", node="web-01", openpgp_fingerprint="F" * 40, software="intendance", clock=clock
        ).close()
        written = 0
        for share, wait in sorted(looks):
            until = max(2, round(share * len(facts)))
            with Book.open(state, clock) as book:
                for fact in facts[written:until]:
                    clock.at = fact.at
                    with book.transaction() as transaction:
                        transaction.append(fact.data, actor=fact.actor, asset=fact.asset)
                book.seal()
            written = max(written, until)
            for number, pause in enumerate((timedelta(minutes=1), timedelta(minutes=5), wait)):
                clock.at += pause
                if sampled and number < 2:
                    with Book.open(state, clock) as book:
                        told_of = replace(CALM, deadlocks=number)
                        book.append(rollup(clock.at, databases=[told_of]), actor="schedule:sample")
                told, afresh = judge(state, clock), judge(state, clock, afresh=True)
                assert (told.verdicts, told.losses) == (afresh.verdicts, afresh.losses)


def test_a_subject_is_made_of_the_kinds_that_end_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that subjects are given and that is not in these lists would leave stale what it bears upon."""
    asked: set[str] = set()
    of = Facts.of

    def noting(facts: Facts, kind: str, asset: str | None = None) -> tuple[Fact[Any], ...]:
        asked.add(kind)
        return of(facts, kind, asset)

    monkeypatch.setattr(Facts, "of", noting)
    log = Log()
    log.begin()
    subjects, _ = _subjects(arrange(log.facts, BEGIN + timedelta(days=365)), log.node)
    assert [subject.asset for subject in subjects] == ["shop-db"]
    assert asked <= CONCERNS_ONE | CONCERNS_ALL


def test_the_watch_is_exact() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    hour = timedelta(hours=1)
    watch = Watch(at)
    now = watch.now()
    assert at - hour < now
    assert watch.until is None, "what is over stays over"
    assert now + hour < at + 3 * hour
    assert watch.until == at + 2 * hour
    assert now - at <= hour
    assert watch.until == at + hour
    assert not now > at
    assert watch.until == at + RESOLUTION


@pytest.mark.parametrize(
    "use", ["now.year", "now.isoformat()", "at - now", "now < 3", "int(now - at)", "(now - at) + h"]
)
def test_what_it_cannot_follow_is_an_error(use: str) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises((TypeError, AttributeError)):
        eval(use, {"now": Watch(at).now(), "at": at, "h": timedelta(hours=1)})  # a line of a check
