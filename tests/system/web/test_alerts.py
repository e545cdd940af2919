"""The pages of alerts, asked as a browser asks: who may see and do what; a form from elsewhere does nothing."""

from __future__ import annotations

import pytest

from intendance.fleet.database.connect import Database
from tests.support.alerted import Alerted
from tests.support.clock import MovableClock
from tests.system.web.conftest import Browser


@pytest.fixture
def alerted(database: Database, clock: MovableClock, browser: Browser) -> Alerted:
    """A node of five is silent, and people were told."""
    found = Alerted(database, clock)
    found.watch.enrol(["a", "b", "c", "d", "web-01"])
    found.watch.wait(200, beating=("a", "b", "c", "d"))
    return found


def test_pages_of_alerts_are_found_from_every_page_and_link_on(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("vera")
    assert '<a href="/alerts">1 alerte ouverte, 1 sans réponse</a>' in browser.client.get("/").text
    page = browser.client.get("/alerts").text
    assert "Une alerte attend une réponse depuis" in page
    assert 'hx-get="/alerts"' in page
    assert 'href="/api/v1/alerts"' in page
    number = alerted.open_numbers["web-01 node.missing"]
    assert f'<a href="/alerts/{number}">alerte {number}</a>' in page
    assert f'<a href="/alerts/{number}">{number}</a>' in browser.client.get("/nodes/web-01").text
    one = browser.client.get(f"/alerts/{number}").text
    assert "Personne ne répond depuis" in one
    assert 'href="/nodes/web-01"' in one


@pytest.mark.parametrize("number", ["0", "999", "9" * 15, "9" * 40])
def test_what_is_no_alert_is_said(browser: Browser, number: str) -> None:
    browser.log_in("vera")
    answer = browser.client.get(f"/alerts/{number}")
    assert answer.status_code == 404
