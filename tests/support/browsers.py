"""A real browser, as it is installed, on whatever machine runs the tests."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Playwright

_START_MS = 300_000

LETTERS_ARE_THERE = "() => (document.body.offsetHeight, document.fonts.ready.then(() => true))"
"""Waits until a page's letters are those that it asked for: until then others stand there, which are wider."""


def launched(browsers: Playwright) -> Browser:
    """Chromium, which a busy machine may be long in starting, and whose shared memory a container may keep small."""
    return browsers.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=["--no-sandbox", "--disable-dev-shm-usage"],
        timeout=_START_MS,
    )
