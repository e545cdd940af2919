"""What a session's browser is called."""

from __future__ import annotations

import pytest

from intendance.web.account import browser_told

USUAL = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox, Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537 Edg/1": (
        "Edge, Windows"
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1": (
        "Safari, iPhone"
    ),
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36": (
        "Chrome, Android"
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15) AppleWebKit/605 Version/18.0 Safari/605": "Safari, macOS",
}


@pytest.mark.parametrize("said", USUAL)
def test_a_usual_browser_is_named_with_its_system(said: str) -> None:
    assert browser_told(said) == USUAL[said]


@pytest.mark.parametrize("said", ["", "curl/8.5", "Firefox/140", f"Firefox/1 Linux {'x' * 300}"])
def test_any_other_is_shown_as_it_says_itself(said: str) -> None:
    assert browser_told(said) == said
