"""Rights that were taken away are gone at the next request, whatever a browser holds; what it holds is held well."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import update

from intendance.api.app import create_app
from intendance.fleet.accounts import decide
from intendance.fleet.accounts.decide import Role
from intendance.fleet.database.connect import open_database
from intendance.fleet.database.tables import account
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN

PASSWORD = "cheval pile agrafe correcte"


@pytest.fixture
def asked(sqlite_template: Path, tmp_path: Path) -> Iterator[Asked]:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database:
        yield Asked(database, MovableClock(BEGAN))


def _logged_in(asked: Asked, role: Role) -> tuple[dict[str, str], str]:
    """The cookie of somebody who logged in, and the token of their forms."""
    asked.accounts.add("somebody", role, PASSWORD, by="person:root")
    opened = asked.accounts.begin("somebody", PASSWORD)
    session = asked.accounts.who(opened.token)
    assert session is not None
    return {"cookie": f"intendance={opened.token}"}, session.csrf


def _try_ways(asked: Asked, cookie: dict[str, str], csrf: str) -> int:
    """What somebody is answered who sends the form of a test message."""
    headers = cookie | {"content-type": "application/x-www-form-urlencoded"}
    content = f"token={csrf}".encode()
    return asked.ask("/alerts/test", scope=None, method="POST", headers=headers, content=content).status_code


def _become(asked: Asked, role: Role) -> None:
    with asked.database.begin() as connection:
        connection.execute(update(account).where(account.c.name == "somebody").values(role=role.value))


def test_a_role_that_changed_counts_from_the_next_request_on(asked: Asked) -> None:
    cookie, csrf = _logged_in(asked, Role.OPERATOR)
    assert _try_ways(asked, cookie, csrf) != 403
    _become(asked, Role.VIEWER)
    assert _try_ways(asked, cookie, csrf) == 403
    assert asked.ask("/", scope=None, headers=cookie).status_code == 200
    _become(asked, Role.OPERATOR)
    assert _try_ways(asked, cookie, csrf) != 403


@pytest.mark.parametrize("how", ["disable", "reset", "drop_second", "end_sessions"])
def test_an_account_that_lost_something_has_no_session_left(asked: Asked, how: str) -> None:
    cookie, csrf = _logged_in(asked, Role.OPERATOR)
    assert asked.ask("/", scope=None, headers=cookie).status_code == 200
    words = ("autre pile agrafe correcte",) if how == "reset" else ()
    getattr(asked.accounts, how)("somebody", *words, by="person:root")
    for path in ("/", "/alerts", "/account", "/ledger"):
        answer = asked.ask(path, scope=None, headers=cookie)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert _try_ways(asked, cookie, csrf) in (303, 403)
    assert b"event: over" in asked.ask("/live", scope=None, headers=cookie).content


def test_an_administrator_s_half_session_opens_nothing(asked: Asked) -> None:
    cookie, csrf = _logged_in(asked, Role.ADMIN)
    assert asked.ask("/", scope=None, headers=cookie).headers["location"] == "/login/enrol"
    assert _try_ways(asked, cookie, csrf) in (303, 403)
    _become(asked, Role.VIEWER)  # a half session does not become a whole one by it
    assert asked.ask("/", scope=None, headers=cookie).headers["location"] == "/login/enrol"


def test_by_tls_browsers_keep_to_it_and_give_no_cookie_to_anybody_else(asked: Asked) -> None:
    app = create_app(asked.manager, pages=replace(asked.pages, secure=True), asked=asked.services)
    plain, asked.app = asked.app, app
    page = asked.ask("/login", scope=None)
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    planted = page.headers["set-cookie"]
    for word in ("__Host-intendance-login=", "HttpOnly", "Secure", "SameSite=strict", "Path=/"):
        assert word in planted
    asked.accounts.add("vera", Role.VIEWER, PASSWORD, by="person:root")
    token = page.text.split('name="token" value="', 1)[1].split('"', 1)[0]
    headers = {"cookie": planted.split(";")[0], "content-type": "application/x-www-form-urlencoded"}
    content = f"token={token}&name=vera&password={PASSWORD.replace(' ', '+')}".encode()
    answer = asked.ask("/login", scope=None, method="POST", headers=headers, content=content)
    assert answer.status_code == 303
    given = answer.headers["set-cookie"]
    for word in ("__Host-intendance=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in given
    assert "Domain" not in given
    unsecured = given.split(";")[0].replace("__Host-", "")  # as a neighbour or plain HTTP could set it
    assert asked.ask("/", scope=None, headers={"cookie": unsecured}).status_code == 303
    assert asked.ask("/", scope=None, headers={"cookie": given.split(";")[0]}).status_code == 200
    asked.app = plain
    assert "strict-transport-security" not in asked.ask("/login", scope=None).headers


def test_a_session_that_was_planted_never_becomes_anybody_s(asked: Asked) -> None:
    """Before the password, between it and the code, and afterwards there are three tokens."""
    asked.accounts.add("lea", Role.ADMIN, PASSWORD, by="person:root")
    half = asked.accounts.begin("lea", PASSWORD)
    secret, _ = asked.accounts.propose_second(half.token, "x")
    whole, _ = asked.accounts.confirm_second(half.token, decide.code_at(secret, decide.code_step(asked.clock.at)))
    assert whole.token != half.token
    assert asked.accounts.who(half.token) is None
    again = asked.accounts.begin("lea", PASSWORD)
    assert again.token not in (whole.token, half.token)
    assert asked.ask("/", scope=None, headers={"cookie": f"intendance={again.token}"}).status_code == 303
