"""Tokens of programs on SQLite and on PostgreSQL: made, used, over, revoked; nobody can show one again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from intendance.fleet.database.connect import Database
from intendance.fleet.database.tables import api_token
from intendance.fleet.tokens.decide import Scope
from intendance.fleet.tokens.service import Holder, Tokens
from intendance.model.errors.api import ApiTokenExists, ApiTokenRefused, ApiTokenUnknown
from intendance.model.evidence.accounts import TokenChanged
from tests.support.clock import MovableClock
from tests.support.fleet import noted_acts

BY = "person:root"


@pytest.fixture
def tokens(fleet_database: Database, clock: MovableClock) -> Tokens:
    return Tokens(fleet_database, clock, tuple)


def test_a_token_opens_what_it_was_made_for(tokens: Tokens, fleet_database: Database) -> None:
    secret = tokens.create("prometheus", [Scope.METRICS, Scope.READ], by=BY)
    assert tokens.who(secret.encode()) == Holder(name="prometheus", scopes=frozenset({Scope.METRICS, Scope.READ}))
    log = noted_acts(fleet_database)
    assert log == [(TokenChanged(token="prometheus", change="added", scopes=("read", "metrics")), BY)]
    assert secret not in str(log)


def test_only_its_hash_is_kept(tokens: Tokens, fleet_database: Database) -> None:
    secret = tokens.create("prometheus", [Scope.METRICS], by=BY)
    with fleet_database.read() as connection:
        row = connection.execute(select(api_token)).one()
    assert secret.removeprefix("intendance_") not in str(row)
    assert len(secret) > 50
    assert secret != tokens.create("other", [Scope.METRICS], by=BY)


@pytest.mark.parametrize("wrong", [b"", b"intendance_", b"x" * 5000, "intendance_é".encode(), b"\xff\x00"])
def test_what_is_no_token_opens_nothing(tokens: Tokens, wrong: bytes) -> None:
    secret = tokens.create("one", [Scope.READ], by=BY).encode()
    for given in (wrong, secret + wrong, secret[:-1], secret.upper()):
        if given != secret:
            with pytest.raises(ApiTokenRefused):
                tokens.who(given)


def test_a_token_ends_at_its_end_and_when_it_is_revoked(tokens: Tokens, clock: MovableClock) -> None:
    secret = tokens.create("a", [Scope.READ], by=BY, expires_at=clock.at + timedelta(days=1)).encode()
    forever = tokens.create("b", [Scope.READ], by=BY).encode()
    clock.move(timedelta(days=1) - timedelta(microseconds=1))
    tokens.who(secret)
    clock.move(timedelta(microseconds=1))
    with pytest.raises(ApiTokenRefused):
        tokens.who(secret)
    tokens.who(forever)
    tokens.revoke("b", by=BY)
    with pytest.raises(ApiTokenRefused):
        tokens.who(forever)
    assert [(each.name, each.usable) for each in tokens.listed()] == [("a", False), ("b", False)]


def test_a_name_stands_for_one_token_at_a_time(tokens: Tokens) -> None:
    first = tokens.create("prometheus", [Scope.METRICS], by=BY)
    with pytest.raises(ApiTokenExists):
        tokens.create("prometheus", [Scope.READ], by=BY)
    assert tokens.who(first.encode()).scopes == {Scope.METRICS}
    tokens.revoke("prometheus", by=BY)
    second = tokens.create("prometheus", [Scope.READ], by=BY)
    assert tokens.who(second.encode()).scopes == {Scope.READ}
    with pytest.raises(ApiTokenRefused):
        tokens.who(first.encode())
    assert [each.usable for each in tokens.listed()] == [True, False]


def test_a_misspelt_name_is_guessed(tokens: Tokens) -> None:
    tokens.create("prometheus", [Scope.METRICS], by=BY)
    with pytest.raises(ApiTokenUnknown, match="did you mean `prometheus`"):
        tokens.revoke("prometeus", by=BY)
    tokens.revoke("prometheus", by=BY)
    with pytest.raises(ApiTokenUnknown):
        tokens.revoke("prometheus", by=BY)


def test_its_last_use_is_known_to_the_minute(tokens: Tokens, clock: MovableClock) -> None:
    secret = tokens.create("prometheus", [Scope.METRICS], by=BY).encode()
    assert tokens.listed()[0].used_at is None
    tokens.who(secret)
    first = clock.at
    clock.move(timedelta(seconds=59))
    tokens.who(secret)
    assert tokens.listed()[0].used_at == first
    clock.move(timedelta(seconds=1))
    tokens.who(secret)
    assert tokens.listed()[0].used_at == clock.at
