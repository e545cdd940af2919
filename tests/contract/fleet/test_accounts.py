"""Accounts on SQLite and on PostgreSQL: logging in, the second factor, locks, sessions."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.decide import Role, Stage
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.accounts.sessions import Opened
from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import account, recovery_code, session
from intendance.model.errors.accounts import (
    AccountExists,
    AccountLocked,
    AccountUnknown,
    CodeRefused,
    LastAdministrator,
    LogInRefused,
    PasswordRefused,
    SessionOver,
    SessionUnknown,
)
from intendance.model.evidence import Evidence
from intendance.model.evidence.accounts import AccountChanged, SessionOpened
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN, noted_acts

PASSWORD = "cheval pile agrafe correcte"
OTHER = "quatre mots que nul ne joint"


class Said:
    """What goes to the fleet log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def records(self) -> list[tuple[Evidence, str]]:
        return noted_acts(self._database)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(BEGAN)


@pytest.fixture
def said(fleet_database: Database) -> Said:
    return Said(fleet_database)


@pytest.fixture
def accounts(fleet_database: Database, clock: MovableClock) -> Accounts:
    found = Accounts(fleet_database, clock, tuple)
    found.add("lea", Role.ADMIN, PASSWORD, by="person:root")
    found.add("karim", Role.OPERATOR, PASSWORD, by="person:root", full_name="Karim", language="fr")
    return found


def _code(accounts: Accounts, token: str, clock: MovableClock, *, later: int = 0) -> str:
    secret, _uri = accounts.propose_second(token, "Intendance")
    return decide.code_at(secret, decide.code_step(clock.read().at) + later)


def _enrolled(accounts: Accounts, clock: MovableClock) -> tuple[str, tuple[str, ...], Opened]:
    """The administrator's secret, recovery codes and whole session."""
    opened = accounts.begin("lea", PASSWORD)
    secret, _uri = accounts.propose_second(opened.token, "Intendance")
    whole, codes = accounts.confirm_second(opened.token, decide.code_at(secret, decide.code_step(clock.read().at)))
    return secret, codes, whole


def test_a_password_opens_a_session_that_says_who_it_is(accounts: Accounts, said: Said) -> None:
    opened = accounts.begin("karim", PASSWORD, address="192.0.2.7", browser="Firefox")
    here = accounts.who(opened.token)
    assert opened.stage is Stage.WHOLE
    assert here is not None
    assert (here.name, here.full_name, here.role, here.language) == ("karim", "Karim", Role.OPERATOR, "fr")
    assert said.records[-1] == (SessionOpened(account="karim", role="operator", factors=1), "person:karim")


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(accounts: Accounts) -> None:
    with pytest.raises(LogInRefused) as wrong:
        accounts.begin("karim", OTHER)
    with pytest.raises(LogInRefused) as unknown:
        accounts.begin("nobody", PASSWORD)
    assert str(wrong.value) == str(unknown.value)


def test_wrong_tries_lock_the_account_even_for_the_right_password(accounts: Accounts, clock: MovableClock) -> None:
    for _ in range(decide.FREE_TRIES):
        with pytest.raises(LogInRefused):
            accounts.begin("karim", OTHER)
    with pytest.raises(AccountLocked):
        accounts.begin("karim", PASSWORD)
    clock.move(timedelta(minutes=1))
    assert accounts.begin("karim", PASSWORD).stage is Stage.WHOLE
    assert accounts.listing()[0].locked_until is None


def test_an_administrator_sets_up_a_second_factor_first(
    accounts: Accounts, clock: MovableClock, said: Said, fleet_database: Database
) -> None:
    opened = accounts.begin("lea", PASSWORD)
    assert opened.stage is Stage.ENROL
    secret, codes, whole = _enrolled(accounts, clock)
    here = accounts.who(whole.token)
    assert here is not None
    assert here.stage is Stage.WHOLE
    assert len(set(codes)) == 10
    assert (AccountChanged(account="lea", change="second-factor", role="admin"), "person:lea") in said.records
    with fleet_database.read() as connection:
        kept = connection.execute(select(recovery_code.c.code_sha256)).scalars().all()
        tokens = connection.execute(select(session.c.token_sha256)).scalars().all()
    assert not set(codes) & set(kept)
    assert whole.token not in tokens
    with pytest.raises(SessionOver):
        accounts.propose_second(whole.token, "Intendance")
    assert secret


def test_a_secret_that_somebody_else_looked_at_is_not_the_one_that_is_set_up(
    accounts: Accounts, clock: MovableClock
) -> None:
    thief = accounts.begin("lea", PASSWORD)
    seen, _uri = accounts.propose_second(thief.token, "Intendance")
    secret, _codes, _whole = _enrolled(accounts, clock)
    assert secret != seen
    assert accounts.who(thief.token) is None


def test_a_second_factor_ends_every_session_that_did_not_show_it(accounts: Accounts, clock: MovableClock) -> None:
    elsewhere, here = accounts.begin("karim", PASSWORD), accounts.begin("karim", PASSWORD)
    whole, _codes = accounts.confirm_second(here.token, _code(accounts, here.token, clock))
    assert accounts.who(elsewhere.token) is None
    assert accounts.who(here.token) is None
    assert accounts.who(whole.token) is not None


def test_from_then_on_a_code_is_asked_and_used_once(accounts: Accounts, clock: MovableClock) -> None:
    secret, _codes, _whole = _enrolled(accounts, clock)
    clock.move(timedelta(minutes=2))
    code = decide.code_at(secret, decide.code_step(clock.read().at))
    half = accounts.begin("lea", PASSWORD)
    assert half.stage is Stage.SECOND
    whole = accounts.second(half.token, code)
    assert whole.token != half.token
    assert accounts.who(half.token) is None
    again = accounts.begin("lea", PASSWORD)
    with pytest.raises(CodeRefused):
        accounts.second(again.token, code)


def test_a_recovery_code_opens_once(accounts: Accounts, clock: MovableClock) -> None:
    _secret, codes, _whole = _enrolled(accounts, clock)
    half = accounts.begin("lea", PASSWORD)
    assert accounts.second(half.token, f" {codes[3].upper()} ").stage is Stage.WHOLE
    half = accounts.begin("lea", PASSWORD)
    with pytest.raises(CodeRefused):
        accounts.second(half.token, codes[3])


def test_guessed_codes_lock_the_account_too(accounts: Accounts, clock: MovableClock) -> None:
    secret, _codes, _whole = _enrolled(accounts, clock)
    clock.move(timedelta(minutes=2))
    half = accounts.begin("lea", PASSWORD)
    for _ in range(decide.FREE_TRIES):
        with pytest.raises(CodeRefused):
            accounts.second(half.token, "not it")
    with pytest.raises(AccountLocked):
        accounts.second(half.token, decide.code_at(secret, decide.code_step(clock.read().at)))
    with pytest.raises(AccountLocked):
        accounts.begin("lea", PASSWORD)


def test_the_right_password_does_not_forgive_wrong_codes(accounts: Accounts, clock: MovableClock) -> None:
    _enrolled(accounts, clock)
    for _ in range(decide.FREE_TRIES - 1):
        half = accounts.begin("lea", PASSWORD)
        with pytest.raises(CodeRefused):
            accounts.second(half.token, "not it")
    half = accounts.begin("lea", PASSWORD)
    with pytest.raises(CodeRefused):
        accounts.second(half.token, "not it")
    with pytest.raises(AccountLocked):
        accounts.begin("lea", PASSWORD)


def test_half_a_session_is_not_whole_by_setting_up_another_factor(accounts: Accounts, clock: MovableClock) -> None:
    _enrolled(accounts, clock)
    half = accounts.begin("lea", PASSWORD)
    with pytest.raises(SessionOver):
        accounts.propose_second(half.token, "Intendance")
    with pytest.raises(SessionOver):
        accounts.confirm_second(half.token, "000000")


def test_a_session_ends_by_idleness_and_by_age(accounts: Accounts, clock: MovableClock) -> None:
    idle, used = accounts.begin("karim", PASSWORD).token, accounts.begin("karim", PASSWORD).token
    for _ in range(3):
        clock.move(timedelta(minutes=59))
        assert accounts.who(used) is not None
    assert accounts.who(idle) is None
    for _ in range(20):
        clock.move(timedelta(minutes=30))
        accounts.who(used)
    assert accounts.who(used) is None


def test_nobody_holds_a_token_that_was_not_given(accounts: Accounts) -> None:
    assert accounts.who(None) is None
    assert accounts.who("") is None
    assert accounts.who("x" * 43) is None


def test_a_reset_ends_sessions_locks_and_the_second_factor(accounts: Accounts, clock: MovableClock) -> None:
    _secret, codes, whole = _enrolled(accounts, clock)
    accounts.reset("lea", OTHER, by="person:root")
    assert accounts.who(whole.token) is None
    with pytest.raises(LogInRefused):
        accounts.begin("lea", PASSWORD)
    opened = accounts.begin("lea", OTHER)
    assert opened.stage is Stage.ENROL
    accounts.confirm_second(opened.token, _code(accounts, opened.token, clock))
    half = accounts.begin("lea", OTHER)
    with pytest.raises(CodeRefused):
        accounts.second(half.token, codes[0])


def test_a_disabled_account_is_out_at_once(accounts: Accounts) -> None:
    opened = accounts.begin("karim", PASSWORD)
    accounts.disable("karim", by="person:root")
    assert accounts.who(opened.token) is None
    with pytest.raises(LogInRefused):
        accounts.begin("karim", PASSWORD)
    assert accounts.listing()[0].disabled_at == BEGAN


def test_what_cannot_be_added_or_changed_is_refused(accounts: Accounts, fleet_database: Database) -> None:
    with pytest.raises(AccountExists):
        accounts.add("lea", Role.VIEWER, PASSWORD, by="person:root")
    with pytest.raises(PasswordRefused):
        accounts.add("new", Role.VIEWER, "short", by="person:root")
    with pytest.raises(AccountUnknown, match="karim, lea"):
        accounts.disable("carim", by="person:root")
    with fleet_database.read() as connection:
        assert len(connection.execute(select(account.c.id)).all()) == 2


def test_sessions_that_nobody_comes_back_with_are_not_kept(
    accounts: Accounts, clock: MovableClock, fleet_database: Database
) -> None:
    for _ in range(3):
        accounts.begin("karim", PASSWORD)
        clock.move(timedelta(hours=13))
    accounts.begin("karim", PASSWORD)
    with fleet_database.read() as connection:
        assert len(connection.execute(select(session.c.token_sha256)).all()) == 1


def test_ones_sessions_are_listed_and_ended_one_by_one(accounts: Accounts, clock: MovableClock, said: Said) -> None:
    first = accounts.begin("karim", PASSWORD, address="192.0.2.7", browser="Firefox")
    clock.move(timedelta(minutes=5))
    second = accounts.begin("karim", PASSWORD, address="192.0.2.8")
    accounts.begin("lea", PASSWORD)
    here = accounts.who(second.token)
    assert here is not None
    newer, older = accounts.sessions_of("karim")
    assert (newer.key, newer.address) == (here.key, "192.0.2.8")
    assert (older.made_at, older.seen_at, older.address, older.browser) == (BEGAN, BEGAN, "192.0.2.7", "Firefox")
    accounts.end_session("karim", older.key, by="person:karim")
    assert said.records[-1] == (
        AccountChanged(account="karim", change="session-ended", role="operator"), "person:karim"
    )  # fmt: skip
    assert accounts.who(first.token) is None
    assert accounts.who(second.token) is not None
    with pytest.raises(SessionUnknown):
        accounts.end_session("karim", older.key, by="person:karim")
    (of_another,) = accounts.sessions_of("lea")
    with pytest.raises(SessionUnknown):
        accounts.end_session("karim", of_another.key, by="person:karim")
    assert accounts.sessions_of("lea") == (of_another,)


def test_all_sessions_but_ones_own_are_ended_and_those_that_are_over_are_not_listed(
    accounts: Accounts, clock: MovableClock
) -> None:
    accounts.begin("karim", PASSWORD)
    clock.move(decide.IDLE_ENDS)
    assert accounts.sessions_of("karim") == ()
    _, _, opened = (accounts.begin("karim", PASSWORD) for _ in range(3))
    here = accounts.who(opened.token)
    assert here is not None
    assert accounts.end_sessions("karim", by="person:karim", but=here.key) == 3  # one was over by idleness
    assert [each.key for each in accounts.sessions_of("karim")] == [here.key]
    assert accounts.end_sessions("karim", by="person:root") == 1
    assert accounts.who(opened.token) is None
    with pytest.raises(AccountUnknown):
        accounts.sessions_of("nobody")


def test_another_role_ends_the_sessions_and_is_recorded(accounts: Accounts, said: Said) -> None:
    accounts.add("anne", Role.ADMIN, PASSWORD, by="person:root")
    accounts.add("omar", Role.VIEWER, PASSWORD, by="person:root")
    here = accounts.begin("omar", PASSWORD)
    accounts.give_role("omar", Role.OPERATOR, by="person:anne")
    assert accounts.who(here.token) is None
    again = accounts.who(accounts.begin("omar", PASSWORD).token)
    assert again is not None
    assert again.role is Role.OPERATOR
    told = (AccountChanged(account="omar", change="role", role="operator"), "person:anne")
    assert said.records.count(told) == 1
    kept = accounts.begin("omar", PASSWORD)
    accounts.give_role("omar", Role.OPERATOR, by="person:anne")
    assert accounts.who(kept.token) is not None, "the same again changes nothing"
    assert said.records.count(told) == 1
    accounts.give_role("omar", Role.ADMIN, by="person:anne")
    assert accounts.begin("omar", PASSWORD).stage is Stage.ENROL, "an administrator needs a second factor"
    with pytest.raises(AccountUnknown):
        accounts.give_role("nobody", Role.VIEWER, by="person:anne")


def test_the_only_administrator_who_may_log_in_stays_one(accounts: Accounts, said: Said) -> None:
    accounts.add("lost", Role.ADMIN, PASSWORD, by="person:root")
    accounts.disable("lost", by="person:root")
    before = len(said.records)
    with pytest.raises(LastAdministrator):
        accounts.give_role("lea", Role.AUDITOR, by="person:lea")
    assert len(said.records) == before
    accounts.give_role("lost", Role.VIEWER, by="person:lea")
    accounts.add("anne", Role.ADMIN, PASSWORD, by="person:root")
    accounts.give_role("lea", Role.AUDITOR, by="person:lea")
    with pytest.raises(LastAdministrator):
        accounts.give_role("anne", Role.VIEWER, by="person:anne")


def test_two_administrators_who_demote_each_other_at_once_leave_one(accounts: Accounts) -> None:
    for turn in range(5):
        names = (f"a{turn}", f"b{turn}")
        for name in names:
            accounts.add(name, Role.ADMIN, PASSWORD, by="person:root")
        for each in accounts.listing():
            if each.role is Role.ADMIN and each.name not in names:
                accounts.give_role(each.name, Role.VIEWER, by="person:root")
        refused: list[str] = []

        def demote(name: str, refused: list[str] = refused) -> None:
            try:
                accounts.give_role(name, Role.VIEWER, by="person:root")
            except LastAdministrator:
                refused.append(name)

        threads = [threading.Thread(target=demote, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert [each.name for each in accounts.listing() if each.role is Role.ADMIN] == refused
