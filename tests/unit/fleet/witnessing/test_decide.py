"""What a witness's answer means, and when it is asked again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.witnessing.decide import (
    AFTER_FAILURE,
    AGAIN,
    Condition,
    Said,
    WitnessStanding,
    after,
    is_due,
    read_answer,
    request,
)
from intendance.ledger.cosignature import WitnessKey, cosign
from intendance.ledger.note import read_checkpoint
from tests.support.growing_log import GrowingLog, key_of, merkle_proof

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
KEY = WitnessKey("w1", key_of(9).public_key().public_bytes_raw())
LOG = GrowingLog()
LOG.grow(7)
HEAD = read_checkpoint(LOG.checkpoint().encode())[0]
LINE = cosign(LOG.text(), "w1", key_of(9), AT)


def said(status: int, body: str | bytes, old: int = 3) -> Said:
    return read_answer(status, body.encode() if isinstance(body, str) else body, old=old, head=HEAD, key=KEY)


def test_what_is_posted_is_what_the_specification_says() -> None:
    assert request(3, merkle_proof(3, LOG.entries), HEAD) == LOG.request(3)
    assert request(0, (), HEAD) == LOG.request(0)


def test_a_cosignature_of_the_plans_key_counts() -> None:
    other = cosign(LOG.text(), "w2", key_of(8), AT)
    for body in (LINE, other + LINE, LINE + other):
        assert said(200, body) == Said(Condition.COSIGNED, line=LINE, at_seconds=AT)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "ok\n",
        LINE[:-1],
        cosign(LOG.text(6), "w1", key_of(9), AT),
        cosign(LOG.text(), "w2", key_of(9), AT),
        cosign(LOG.text(), "w1", key_of(8), AT),
        "x" * 100_000,
        b"\xff",
    ],
)
def test_anything_else_is_no_cosignature(body: str | bytes) -> None:
    assert said(200, body).condition is Condition.DECLINED


@pytest.mark.parametrize(
    ("status", "body", "condition", "known"),
    [
        (409, "5\n", Condition.SILENT, 5),
        (409, "0\n", Condition.SILENT, 0),
        (409, "7\n", Condition.SILENT, 7),
        (409, "3\n", Condition.FORKED, None),
        (409, "8\n", Condition.ROLLED_BACK, None),
        (409, "08\n", Condition.SILENT, None),
        (409, "many\n", Condition.SILENT, None),
        (422, "", Condition.FORKED, None),
        (400, "", Condition.DECLINED, None),
        (403, "", Condition.DECLINED, None),
        (404, "", Condition.DECLINED, None),
        (301, "", Condition.SILENT, None),
        (500, "", Condition.SILENT, None),
        (503, LINE, Condition.SILENT, None),
    ],
)
def test_every_status_has_its_meaning(status: int, body: str, condition: Condition, known: int | None) -> None:
    found = said(status, body)
    assert (found.condition, found.known_size) == (condition, known)


@given(st.integers(100, 599), st.binary(max_size=200), st.integers(0, 7))
def test_no_answer_upsets_it_and_none_but_a_cosignature_is_one(status: int, body: bytes, old: int) -> None:
    assert said(status, body, old).condition is not Condition.COSIGNED


def standing(condition: Condition, size: int = 7) -> WitnessStanding:
    return WitnessStanding(name="w1", condition=condition, since=NOW, size=size)


def test_it_is_asked_when_the_log_grew_and_now_and_then() -> None:
    fine = standing(Condition.COSIGNED)
    assert is_due(None, None, NOW, is_new=False)
    assert is_due(fine, None, NOW, is_new=False), "a manager that has just begun"
    assert not is_due(fine, NOW, NOW, is_new=False)
    assert is_due(fine, NOW, NOW, is_new=True)
    assert not is_due(fine, NOW - AGAIN + timedelta(seconds=1), NOW, is_new=False)
    assert is_due(fine, NOW - AGAIN, NOW, is_new=False)
    assert is_due(fine, NOW + timedelta(hours=1), NOW, is_new=False), "the clock was set back"
    for condition in (Condition.SILENT, Condition.DECLINED, Condition.FORKED, Condition.ROLLED_BACK):
        assert not is_due(standing(condition), NOW - AFTER_FAILURE + timedelta(seconds=1), NOW, is_new=True)
        assert is_due(standing(condition), NOW - AFTER_FAILURE, NOW, is_new=True)


def test_silence_takes_nothing_away_and_keeps_its_beginning() -> None:
    first = after(None, "w1", Said(Condition.COSIGNED, line=LINE, at_seconds=AT), 7, NOW)
    assert (first.size, first.cosigned_at, first.answered_at, first.since) == (7, NOW, NOW, NOW)
    later = NOW + timedelta(hours=1)
    silent = after(first, "w1", Said(Condition.SILENT, "no answer"), 9, later)
    assert (silent.size, silent.cosigned_at, silent.answered_at, silent.since) == (7, NOW, NOW, later)
    longer = after(silent, "w1", Said(Condition.SILENT, "no answer"), 9, later + timedelta(hours=1))
    assert longer.since == later
    refused = after(longer, "w1", Said(Condition.FORKED), 9, later + timedelta(hours=2))
    assert refused.condition.grave
    assert (refused.size, refused.answered_at) == (7, later + timedelta(hours=2))
    assert after(None, "w1", Said(Condition.SILENT), 9, NOW).answered_at is None


def test_an_instant_beyond_all_years_is_no_trouble() -> None:
    far = after(None, "w1", Said(Condition.COSIGNED, at_seconds=2**63 - 1), 7, NOW)
    assert far.cosigned_at == NOW
