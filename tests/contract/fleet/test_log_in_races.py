"""Who tries names, tries at once, or tries while the account changes: nobody gets more out of it than one at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from sqlalchemy import func, select

from intendance.fleet.accounts import decide, service, tries
from intendance.fleet.accounts.decide import Role, Stage
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import session, tried_name
from intendance.model.errors import IntendanceError
from intendance.model.errors.accounts import AccountLocked, CodeRefused, LogInRefused, SessionOver
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN

PASSWORD = "cheval pile agrafe correcte"
OTHER = "quatre mots que nul ne joint"
AT_ONCE = 8


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(BEGAN)


@pytest.fixture
def accounts(fleet_database: Database, clock: MovableClock) -> Accounts:
    found = Accounts(fleet_database, clock, lambda *_: None)
    found.add("karim", Role.OPERATOR, PASSWORD, by="person:root")
    return found


def _told(attempt: Callable[[], object]) -> str:
    """What somebody is told who tries."""
    try:
        attempt()
    except IntendanceError as error:
        return str(error)
    return "opened"


def _sessions(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(session)).scalar_one()


def _at_once(attempts: Sequence[Callable[[], object]]) -> Counter[type[Exception] | None]:
    """What came of each of several tries that begin together."""
    together = Barrier(len(attempts))

    def one(attempt: Callable[[], object]) -> type[Exception] | None:
        together.wait()
        try:
            attempt()
        except IntendanceError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(len(attempts)) as pool:
        return Counter(pool.map(one, attempts))


def _meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen, once, while the next password is being hashed."""
    hashed = service._matches
    waiting = [happens]

    def matches(against: str, password: str) -> bool:
        if waiting:
            waiting.pop()()
        return hashed(against, password)

    monkeypatch.setattr(service, "_matches", matches)


def test_a_name_that_is_none_is_answered_as_one_that_is_through_every_lock(
    accounts: Accounts, clock: MovableClock
) -> None:
    answers: dict[str, list[str]] = {"karim": [], "nobody": []}
    for _ in range(decide.FREE_TRIES + 6):
        for name, told in answers.items():
            told.append(_told(lambda name=name: accounts.begin(name, OTHER)))  # type: ignore[misc]
        clock.move(timedelta(seconds=40))
    assert answers["nobody"] == answers["karim"]
    assert len(set(answers["nobody"])) > 2  # refused, and locked until several instants


def test_names_that_are_none_are_kept_up_to_a_number(
    accounts: Accounts, fleet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tries, "NAMES_MAX", 3)
    for number in range(5):
        with pytest.raises(LogInRefused):
            accounts.begin(f"nobody-{number}", OTHER)
    with fleet_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tried_name)).scalar_one() == 3


def test_a_name_with_what_no_database_holds_is_refused_like_any_other(accounts: Accounts) -> None:
    assert _told(lambda: accounts.begin("ka\0rim", OTHER)) == _told(lambda: accounts.begin("nobody", OTHER))


@pytest.mark.parametrize("name", ["karim", "nobody"])
def test_of_tries_at_once_no_more_are_answered_than_one_after_the_other(accounts: Accounts, name: str) -> None:
    told = _at_once([lambda: accounts.begin(name, OTHER)] * AT_ONCE)
    assert told == {LogInRefused: decide.FREE_TRIES, AccountLocked: AT_ONCE - decide.FREE_TRIES}


@pytest.mark.parametrize("password", [PASSWORD, OTHER])
def test_a_try_that_was_under_way_when_the_account_was_locked_learns_nothing(
    accounts: Accounts, fleet_database: Database, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    def locked() -> None:
        for _ in range(decide.FREE_TRIES):
            with pytest.raises(LogInRefused):
                accounts.begin("karim", OTHER)

    _meanwhile(monkeypatch, locked)
    with pytest.raises(AccountLocked):
        accounts.begin("karim", password)
    assert _sessions(fleet_database) == 0
    assert accounts.listing()[0].locked_until == BEGAN + decide.FIRST_LOCK


def test_no_more_passwords_are_hashed_at_once_than_the_machine_can_bear(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more than may be, meeting: they never do, however long they wait for each other."""
    meeting = Barrier(service.HASHES_AT_ONCE + 1)
    met = []

    def matches(_against: str, _password: str) -> bool:
        try:
            meeting.wait(timeout=0.5)
            met.append(True)
        except BrokenBarrierError:
            pass  # whoever comes later does not wait any more
        return False

    monkeypatch.setattr(service, "_matches", matches)
    _at_once([lambda number=number: accounts.begin(f"nobody-{number}", OTHER) for number in range(4)])  # type: ignore[misc]
    assert met == []


def test_a_log_in_during_a_reset_opens_nothing_with_the_former_password(
    accounts: Accounts, fleet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _meanwhile(monkeypatch, lambda: accounts.reset("karim", OTHER, by="person:root"))
    with pytest.raises(LogInRefused):
        accounts.begin("karim", PASSWORD)
    assert _sessions(fleet_database) == 0
    assert accounts.begin("karim", OTHER).stage is Stage.WHOLE


def test_a_log_in_while_the_account_is_disabled_opens_nothing(
    accounts: Accounts, fleet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _meanwhile(monkeypatch, lambda: accounts.disable("karim", by="person:root"))
    with pytest.raises(LogInRefused):
        accounts.begin("karim", PASSWORD)
    assert _sessions(fleet_database) == 0


def _with_second(accounts: Accounts, clock: MovableClock) -> str:
    """The secret of the second factor that the account then has; its code counts again."""
    opened = accounts.begin("karim", PASSWORD)
    secret, _uri = accounts.propose_second(opened.token, "Intendance")
    accounts.confirm_second(opened.token, decide.code_at(secret, decide.code_step(clock.read().at)))
    clock.move(timedelta(minutes=2))
    return secret


def test_of_codes_at_once_no_more_are_answered_than_one_after_the_other(
    accounts: Accounts, clock: MovableClock
) -> None:
    _with_second(accounts, clock)
    half = accounts.begin("karim", PASSWORD)
    told = _at_once([lambda: accounts.second(half.token, "not it")] * AT_ONCE)
    assert told == {CodeRefused: decide.FREE_TRIES, AccountLocked: AT_ONCE - decide.FREE_TRIES}


def test_a_reset_between_the_two_factors_leaves_nothing_to_go_on_with(
    accounts: Accounts, clock: MovableClock, fleet_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = _with_second(accounts, clock)
    half = accounts.begin("karim", PASSWORD)
    expected = accounts._expect

    def meanwhile(token: str, *stages: Stage) -> service.Session:
        here = expected(token, *stages)
        accounts.reset("karim", OTHER, by="person:root")
        return here

    monkeypatch.setattr(accounts, "_expect", meanwhile)
    with pytest.raises(SessionOver):
        accounts.second(half.token, decide.code_at(secret, decide.code_step(clock.read().at)))
    assert _sessions(fleet_database) == 0
