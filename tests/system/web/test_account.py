"""One's own sessions: seen, ended one by one, ended all but this one; never those of somebody else."""

from __future__ import annotations

import re

from intendance.web.visit import Services
from tests.system.web.conftest import PASSWORD, Browser


def _end(browser: Browser, path: str) -> str:
    answer = browser.client.post(path, data={"token": browser.token("/account")}, follow_redirects=False)
    return str(answer.headers.get("location", answer.status_code))


def test_ones_sessions_are_seen_and_ended(browser: Browser, services: Services) -> None:
    elsewhere = services.accounts.begin("vera", PASSWORD, address="192.0.2.9", browser="<b>Lynx</b>")
    third = services.accounts.begin("vera", PASSWORD)
    others = services.accounts.begin("omar", PASSWORD)
    browser.log_in("vera")
    assert 'href="/account"' in browser.client.get("/").text
    page = browser.client.get("/account?lang=en").text
    assert "In 3 places." in page
    assert "192.0.2.9" in page
    assert "&lt;b&gt;Lynx&lt;/b&gt;" in page
    (key,) = [each.key for each in services.accounts.sessions_of("vera") if each.address == "192.0.2.9"]
    (foreign,) = [each.key for each in services.accounts.sessions_of("omar")]
    assert len(re.findall("/account/sessions/[0-9a-f]+/end", page)) == 3

    assert browser.client.post(f"/account/sessions/{key}/end", data={"token": "x"}).status_code == 403
    assert services.accounts.who(elsewhere.token) is not None
    assert _end(browser, f"/account/sessions/{key}/end") == "/account"
    assert services.accounts.who(elsewhere.token) is None
    assert _end(browser, f"/account/sessions/{foreign}/end") == "404"
    assert services.accounts.who(others.token) is not None

    assert services.accounts.who(third.token) is not None
    assert _end(browser, "/account/sessions/end") == "/account"
    assert services.accounts.who(third.token) is None
    (mine,) = services.accounts.sessions_of("vera")
    assert _end(browser, f"/account/sessions/{mine.key}/end") == "/login"
    assert browser.client.get("/", follow_redirects=False).headers["location"] == "/login"


def test_nobody_sees_sessions_before_logging_in(browser: Browser) -> None:
    assert browser.client.get("/account", follow_redirects=False).headers["location"] == "/login"
