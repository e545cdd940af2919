"""Open pages and the real server: evidence arrives, and the page is told; a session ends, and its stream does."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, sync_playwright
from sqlalchemy import delete, insert

from intendance.fleet.accounts.decide import IDLE_ENDS
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import finding, session
from intendance.web import live as live_streams
from intendance.web.live import MAX_OF_ONE
from intendance.web.visit import Services
from tests.golden.lives import live
from tests.support.browsers import launched
from tests.support.clock import MovableClock
from tests.support.received import receive
from tests.support.state import PATIENCE_SECONDS, until
from tests.system.web.conftest import PASSWORD, Browser, served

PATIENCE_MS = PATIENCE_SECONDS * 1000


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_streams, "BEAT_SECONDS", 0.5)


def listens(page: str) -> str:
    """Where a page says that it listens."""
    return page.split('hx-sse:connect="', 1)[1].split('"', 1)[0].replace("&amp;", "&")


def expect(lines: Iterator[str], name: str) -> None:
    for line in lines:
        if line == f"event: {name}":
            return
    raise AssertionError(f"the stream ended without {name}")


def test_evidence_that_arrives_is_told_to_the_pages_that_show_it(
    browser: Browser, database: Database, services: Services, tmp_path: Path
) -> None:
    browser.log_in("vera")
    page = browser.client.get("/?lang=en").text
    assert "Nothing has been proven" in page
    with browser.client.stream("GET", listens(page)) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        lines = answer.iter_lines()
        expect(lines, "beat")
        state = tmp_path / "web-01"
        state.mkdir()
        life = live("trouble", state)
        receive(database, state, life, "web-01")
        browser.clock.move(IDLE_ENDS / 2)
        services.fleet.judge_due()
        expect(lines, "changed")
        asked = browser.client.get("/?lang=en", headers={"hx-request": "true"})
        assert "web-01" in asked.text
    with browser.client.stream("GET", listens(page)) as answer:
        expect(answer.iter_lines(), "changed")  # what came while it was away
    until(lambda: services.live.open_streams == 0, "the streams to be let go")


def test_a_session_that_ends_ends_its_streams_and_nobody_else_gets_one(browser: Browser, database: Database) -> None:
    with browser.client.stream("GET", "/live") as answer:
        assert answer.read() == b"event: over\ndata: -\n\n"
    browser.log_in("vera")
    with browser.client.stream("GET", listens(browser.client.get("/").text)) as answer:
        lines = answer.iter_lines()
        expect(lines, "beat")
        with database.begin() as connection:
            connection.execute(delete(session))
        expect(lines, "over")
        assert list(lines)[-1:] in ([], [""])
    browser.log_in("lea")  # who has no second factor yet
    with browser.client.stream("GET", "/live") as answer:
        assert b"event: over" in answer.read()


def test_one_session_has_so_many_streams_and_no_more(browser: Browser) -> None:
    browser.log_in("vera")
    opened = [browser.client.stream("GET", "/live") for _ in range(MAX_OF_ONE)]
    lines = [each.__enter__().iter_lines() for each in opened]  # one that nobody holds any more closes its stream
    for each_line in lines:
        expect(each_line, "changed")
    with browser.client.stream("GET", "/live") as answer:
        assert answer.status_code == 503
    for each in opened:
        each.__exit__(None, None, None)


@pytest.mark.parametrize("by_itself", [True, False])
def test_a_page_that_refreshes_by_itself_keeps_no_session_alive(browser: Browser, *, by_itself: bool) -> None:
    browser.log_in("vera")
    headers = {"hx-request": "true"} if by_itself else {}
    seen = []
    for _ in range(4):
        browser.clock.move(IDLE_ENDS / 3)
        seen.append(browser.client.get("/", headers=headers, follow_redirects=False).status_code)
    assert seen == ([200, 200, 303, 303] if by_itself else [200] * 4)


def log_in(page: Page, address: str) -> None:
    """Vera, by the form of the real page."""
    page.goto(f"{address}/login")
    page.fill("#name", "vera")
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.click("button[type=submit]")


def hold(held: list[Route], route: Route) -> None:
    """Let a request wait; whoever asks for it gets no answer yet."""
    held.append(route)


def test_a_page_whose_scripts_come_slowly_listens_all_the_same(services: Services) -> None:
    with served(services) as address, sync_playwright() as browsers:
        chromium = launched(browsers)
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE_MS)
        log_in(page, address)
        held: list[Route] = []
        page.route("**/static/hx-sse*", partial(hold, held))
        with page.expect_request("**/static/hx-sse*"):
            page.goto(f"{address}/rules", wait_until="commit")
        page.wait_for_function("() => window.htmx")
        page.evaluate("() => new Promise(done => setTimeout(() => setTimeout(done)))")  # what waited for a timer, began
        assert held
        until(lambda: services.live.open_streams == 0, "the page before to let go")
        held[0].continue_()
        until(lambda: services.live.open_streams == 1, "the page to listen")
        chromium.close()


def test_in_a_browser_the_page_changes_by_itself_and_keeps_what_was_opened(
    services: Services, clock: MovableClock, database: Database, tmp_path: Path
) -> None:
    """The real script under the real policy: nothing is refused, and nobody reloads."""
    state = tmp_path / "web-01"
    state.mkdir()
    life = live("all-well", state)
    receive(database, state, life, "web-01")
    clock.at = life.at
    services.fleet.judge_due()
    said: list[str] = []
    with served(services) as address, sync_playwright() as browsers:
        chromium = launched(browsers)
        page = chromium.new_page(locale="en-GB")
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        log_in(page, address)
        page.goto(f"{address}/nodes/web-01/assets/shop-db")
        until(lambda: services.live.open_streams == 1, "the page to listen")
        page.click(".points summary >> nth=0")
        with database.begin() as connection:
            found = {"node": "web-01", "incarnation": 1, "kind": "fork", "subject": "3 ab", "found_us": to_us(life.at)}
            connection.execute(insert(finding).values(**found, detail="", exhibit=""))
        page.get_by_role("heading", name="Nobody can tell: its node contradicts itself.").wait_for()
        assert page.locator(".points details[open]").count() == 1
        with database.begin() as connection:
            connection.execute(delete(session))
        page.wait_for_url("**/login")
        chromium.close()
    assert said == []
