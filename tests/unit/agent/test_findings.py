"""What was found when a node was last judged: used only where it would be found again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.agent import findings
from intendance.agent.judging import MARGIN, judge, prepare
from intendance.ledger.book import Book
from intendance.model.evidence.waiver import WaiverGranted
from intendance.model.verdict import State, Verdict
from tests.support.clock import MovableClock
from tests.support.evidence import CALM, START, Log, completed, inspection, rollup, seen, still_above, strained, write
from tests.unit.catalogue.test_waivers import grant

HOUR = timedelta(hours=1)
NIGHT = START + 20 * HOUR


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NIGHT - 24 * HOUR)


def _book(folder: Path, clock: MovableClock, node: str = "web-01") -> Book:
    return Book.create(folder, fleet="asbl", node=node, openpgp_fingerprint="F" * 40, software="x", clock=clock)


@pytest.fixture
def state(tmp_path: Path, clock: MovableClock) -> Path:
    """A node that was looked at once."""
    log = Log()
    log.begin(at=NIGHT - 20 * HOUR, catalogues=("asbl", "maint"))
    log.nights(NIGHT, 3)
    with _book(tmp_path, clock) as book:
        write(book, clock, log)
    clock.at += HOUR
    judge(tmp_path, clock)
    assert _known(tmp_path, clock) == {"shop-db"}
    return tmp_path


def _known(state: Path, clock: MovableClock) -> set[str]:
    with Book.open(state, clock) as book:
        return set(findings.recall(book, "Europe/Brussels", clock.at).about)


def _add(state: Path, clock: MovableClock, evidence: Any, asset: str | None = "shop-db") -> None:
    with Book.open(state, clock) as book:
        book.append(evidence, actor="schedule:test", asset=asset)


def test_it_is_used_until_time_changes_it(state: Path, clock: MovableClock) -> None:
    before = judge(state, clock)
    clock.at += HOUR
    assert _known(state, clock) == {"shop-db"}
    later = judge(state, clock)
    assert later.verdicts == judge(state, clock, afresh=True).verdicts
    ages = [[each.reason.params.get("age_s") for each in judged.verdicts] for judged in (before, later)]
    assert ages[0] != ages[1], "an age is told as of now"
    clock.at += 24 * HOUR
    assert _known(state, clock) == set()


def test_a_record_about_an_asset_ends_it(state: Path, clock: MovableClock) -> None:
    clock.at += HOUR
    _add(state, clock, completed(clock.at - HOUR))
    assert _known(state, clock) == set()
    judge(state, clock)
    assert _known(state, clock) == {"shop-db"}


def test_a_record_about_nothing_judged_so_leaves_it(state: Path, clock: MovableClock) -> None:
    clock.at += HOUR
    waiver: WaiverGranted = grant(clock.at + 48 * HOUR, "ASBL_012")
    _add(state, clock, waiver, asset=None)
    assert _known(state, clock) == {"shop-db"}
    assert judge(state, clock).verdicts == judge(state, clock, afresh=True).verdicts


def test_who_judges_ahead_finds_anew_whether_or_not_anybody_looked(state: Path, clock: MovableClock) -> None:
    clock.at += HOUR
    _add(state, clock, inspection([seen(NIGHT + 48 * HOUR)]))
    for forgotten in (False, True):
        if forgotten:
            findings.forget(state)
        with Book.open(state, clock) as book:
            prepare(book, clock.at)
        assert _known(state, clock) == {"shop-db"}


def test_who_judges_ahead_finds_anew_what_ends_soon(state: Path, clock: MovableClock) -> None:
    def ends_at() -> datetime:
        with Book.open(state, clock) as book:
            return findings.recall(book, "Europe/Brussels", clock.at).about["shop-db"].until

    with Book.open(state, clock) as book:
        prepare(book, clock.at)
    before = ends_at()
    clock.at = before - MARGIN - HOUR
    with Book.open(state, clock) as book:
        prepare(book, clock.at)
    assert ends_at() == before
    clock.at = before - MARGIN + HOUR
    with Book.open(state, clock) as book:
        prepare(book, clock.at)
    assert ends_at() > before
    assert judge(state, clock).verdicts == judge(state, clock, afresh=True).verdicts


def _emptied(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _of_another_program(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"program": "0" * 64}))


def _of_another_ledger(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"head": "0" * 64}))


def _of_a_longer_ledger(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"size": 10_000}))


@pytest.mark.parametrize("spoil", [_emptied, _cut, _of_another_program, _of_another_ledger, _of_a_longer_ledger])
def test_what_is_not_of_this_ledger_and_program_is_not_used(
    state: Path, clock: MovableClock, spoil: Callable[[Path], None]
) -> None:
    spoil(state / findings.PLACE)
    assert _known(state, clock) == set()
    assert judge(state, clock).verdicts == judge(state, clock, afresh=True).verdicts
    assert _known(state, clock) == {"shop-db"}, "it is made anew"


def test_a_clock_that_went_back_is_believed_nothing(state: Path, clock: MovableClock) -> None:
    clock.at -= 3 * HOUR
    assert _known(state, clock) == set()
    waiver: WaiverGranted = grant(clock.at + 48 * HOUR, "ASBL_012")
    _add(state, clock, waiver, asset=None)
    clock.at += 4 * HOUR
    assert _known(state, clock) == set(), "what stands before it is now dated no later"
    assert judge(state, clock).verdicts == judge(state, clock, afresh=True).verdicts


def test_changed_rules_end_it(state: Path, clock: MovableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intendance.agent.findings.__version__", "0.0.0")
    assert _known(state, clock) == set()


def test_a_folder_that_takes_no_writes_is_judged_all_the_same(state: Path, clock: MovableClock) -> None:
    findings.forget(state)
    with Book.open(state, clock) as book:
        book.refused = OSError(30, os.strerror(30))
        prepare(book, clock.at)
    assert not (state / findings.PLACE).exists()


def test_it_is_private(state: Path) -> None:
    assert (state / findings.PLACE).stat().st_mode & 0o777 == 0o600
    assert [each.name for each in (state / "agent").iterdir() if each.name.endswith(".tmp")] == []


def _verdict(state: Path, clock: MovableClock, rule: str) -> Verdict:
    (found,) = (each for each in judge(state, clock, rule=rule).verdicts if each.asset in ("shop-db", None))
    return found


def test_a_roll_up_changes_what_samples_say_and_ends_nothing_else(state: Path, clock: MovableClock) -> None:
    """Roll-ups come each hour and are about the node: what they bear upon is judged anew, and nothing else is."""
    clock.at += HOUR
    _add(state, clock, rollup(clock.at), asset=None)
    assert _known(state, clock) == {"shop-db"}
    assert _verdict(state, clock, "ASBL_031").state is State.PASS
    assert _verdict(state, clock, "ASBL_032").state is State.PASS
    clock.at += HOUR
    deadlocked = replace(CALM, deadlocks=2)
    _add(state, clock, rollup(clock.at, above=[still_above("disk", clock.at, 850, "/")], databases=[deadlocked]), None)
    assert _known(state, clock) == {"shop-db"}
    assert _verdict(state, clock, "ASBL_031").reason.code == "disk_above"
    assert _verdict(state, clock, "ASBL_032").reason.code == "deadlock"
    assert judge(state, clock).verdicts == judge(state, clock, afresh=True).verdicts


def test_a_strained_server_is_told_though_its_asset_was_judged(state: Path, clock: MovableClock) -> None:
    clock.at += HOUR
    _add(state, clock, rollup(clock.at), asset=None)
    assert _verdict(state, clock, "ASBL_032").state is State.PASS
    clock.at += HOUR / 4
    _add(state, clock, strained("connections", clock.at, 100, 120))
    assert _known(state, clock) == {"shop-db"}
    assert _verdict(state, clock, "ASBL_032").reason.code == "connections"
    assert judge(state, clock).verdicts == judge(state, clock, afresh=True).verdicts
