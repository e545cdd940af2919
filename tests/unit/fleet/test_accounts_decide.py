"""What is decided of accounts: lock-outs, sessions, codes, passwords."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.decide import Right, Role, Stage

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    assert decide.code_at(SECRET, decide.code_step(datetime.fromtimestamp(at, UTC))) == code


@given(st.integers(-3, 3))
def test_a_code_counts_for_its_period_and_the_two_beside_it(away: int) -> None:
    step = decide.code_step(NOW) + away
    found = decide.accepted_step(SECRET, decide.code_at(SECRET, step), NOW, last_step=0)
    assert (found == step) if abs(away) <= 1 else found is None


def test_a_code_counts_once_and_never_an_older_one_after_it() -> None:
    step = decide.code_step(NOW)
    for older in (step - 1, step):
        assert decide.accepted_step(SECRET, decide.code_at(SECRET, older), NOW, last_step=step) is None
    assert decide.accepted_step(SECRET, decide.code_at(SECRET, step + 1), NOW, last_step=step) == step + 1


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "②②②②②②", "000000"])
def test_what_is_no_code_does_not_count(code: str) -> None:
    assert decide.accepted_step(SECRET, code, NOW, last_step=0) is None


@given(st.integers(0, 60))
def test_each_wrong_try_locks_for_longer_and_never_for_more_than_an_hour(failures: int) -> None:
    until, then = decide.lock_after(failures, NOW), decide.lock_after(failures + 1, NOW)
    assert (until is None) == (failures < decide.FREE_TRIES)
    assert until is None or (then is not None and NOW < until <= then <= NOW + timedelta(hours=1))


@given(st.sampled_from(Role), st.booleans())
def test_an_administrator_is_never_whole_by_a_password_alone(role: Role, second: bool) -> None:
    stage = decide.stage_after_password(role, has_second=second)
    assert stage is Stage.SECOND if second else stage is (Stage.ENROL if role is Role.ADMIN else Stage.WHOLE)


def test_only_administrators_administer_and_only_operators_and_they_acknowledge() -> None:
    assert {role for role in Role if decide.may(role, Right.ADMINISTER)} == {Role.ADMIN}
    assert {role for role in Role if decide.may(role, Right.ACKNOWLEDGE)} == {Role.ADMIN, Role.OPERATOR}
    assert {role for role in Role if decide.may(role, Right.EXPORT)} == {Role.ADMIN, Role.AUDITOR}
    assert all(decide.may(role, Right.READ) for role in Role)


@given(st.integers(0, 13 * 3600), st.integers(0, 13 * 3600))
def test_a_session_ends_by_age_by_idleness_and_never_comes_back(age: int, idle: int) -> None:
    made, seen = NOW - timedelta(seconds=age), NOW - timedelta(seconds=min(age, idle))
    over = decide.ended(Stage.WHOLE, made, seen, NOW)
    assert over == (age >= 12 * 3600 or min(age, idle) >= 2 * 3600)
    assert not over or decide.ended(Stage.WHOLE, made, seen, NOW + timedelta(seconds=1))


def test_half_a_log_in_waits_five_minutes() -> None:
    made = NOW - timedelta(minutes=4, seconds=59)
    assert not decide.ended(Stage.SECOND, made, NOW, NOW)
    assert decide.ended(Stage.SECOND, made, NOW, NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("elevenchars", "short"),
        ("x" * 300, "long"),
        ("abababababab", "plain"),
        ("leadupont2026", "name"),
        ("cheval pile agrafe correcte", None),
    ],
)
def test_a_password_is_judged_by_what_guessing_it_costs(password: str, fault: str | None) -> None:
    assert decide.password_fault(password, "leadupont") == fault


def test_a_lock_ends_at_its_instant() -> None:
    assert decide.locked(NOW, NOW - timedelta(microseconds=1))
    assert not decide.locked(NOW, NOW)
    assert not decide.locked(None, NOW)


def test_a_lock_doubles_until_it_lasts_an_hour() -> None:
    locks = [decide.lock_after(decide.FREE_TRIES + more, NOW) for more in range(8)]
    minutes = [int((lock - NOW).total_seconds()) // 60 for lock in locks if lock is not None]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("password", "name", "fault"),
    [
        ("abcde" + "f" * 251, "", None),
        ("abcde" + "f" * 252, "", "long"),
        ("abcdeabcdeab", "", None),
        ("abcdabcdabcd", "", "plain"),
        ("xMarie-Dubois", "marie-dubois", "name"),
        ("a sentence by marie", "marie", None),
    ],
)
def test_a_password_at_its_limits(password: str, name: str, fault: str | None) -> None:
    assert decide.password_fault(password, name) == fault


def test_a_code_may_be_typed_in_two_halves() -> None:
    code, step = decide.code_at(SECRET, decide.code_step(NOW)), decide.code_step(NOW)
    assert decide.accepted_step(SECRET, f"{code[:3]} {code[3:]}", NOW, last_step=0) == step
