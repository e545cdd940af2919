"""Where there is no page, and where something went wrong that nobody foresaw: a page for people, data for programs."""

from __future__ import annotations

import httpx
import pytest

from intendance.fleet.database.connect import Database
from intendance.web import log_in
from intendance.web.visit import Visit
from tests.support.asking import Asked
from tests.support.clock import MovableClock
from tests.system.web.test_foot import _served

BROWSER = {"accept": "text/html,application/xhtml+xml"}


def _ask(client: httpx.Client, path: str) -> httpx.Response:
    return client.get(path, headers=BROWSER)


def test_an_address_that_is_none_is_a_page_for_people_alone(database: Database, clock: MovableClock) -> None:
    asked = Asked(database, clock)
    with _served(asked) as client:
        page = _ask(client, "/nowhere/<b>?lang=en")
        assert page.status_code == 404
        assert "It is not here." in page.text
        assert "/nowhere/&lt;b&gt;" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert client.get("/nowhere").headers["content-type"] == "application/json"
        assert _ask(client, "/api/v1/nowhere").headers["content-type"] == "application/problem+json"
        assert client.post("/nodes", headers=BROWSER).status_code == 405


def test_what_nobody_foresaw_is_a_page_for_people_alone(
    database: Database, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Visit) -> None:
        raise ZeroDivisionError("as no one expects")

    monkeypatch.setattr(log_in, "ask", broken)
    asked = Asked(database, clock)
    page = asked.ask("/login?lang=en", scope=None, headers=BROWSER)
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "It cannot be shown." in page.text
    assert "as no one expects" not in page.text
    assert asked.ask("/login", scope=None).headers["content-type"] == "application/problem+json"
    assert any("as no one expects" in each for each in asked.said)
