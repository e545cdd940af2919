"""A page by the keyboard alone, in real Chromium: what has the focus is in sight, and rows follow from where one is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from intendance.fleet.database.connect import Database
from intendance.web.visit import Services
from tests.golden.lives import live
from tests.support.browsers import LETTERS_ARE_THERE, launched
from tests.support.clock import MovableClock
from tests.support.received import receive
from tests.system.web.conftest import served
from tests.system.web.test_live import PATIENCE_MS, log_in

HERE = """() => {
  const each = document.activeElement, box = each.getBoundingClientRect(), ring = 5;
  const entries = [...document.querySelectorAll(".entry")];
  return {
    name: each.innerText.trim(), entry: entries.findIndex(entry => entry.contains(each)), of: entries.length,
    seen: box.top >= ring && box.bottom <= innerHeight - ring && box.width > 0,
    ringed: getComputedStyle(each).outlineStyle === "solid", end: each === document.body,
  };
}"""


@contextmanager
def _wall(services: Services, clock: MovableClock, database: Database, state: Path) -> Iterator[Page]:
    state.mkdir()
    life = live("trouble", state)
    receive(database, state, life, "web-01")
    clock.at = life.at
    services.fleet.judge_due()
    with served(services) as address, sync_playwright() as browsers:
        chromium = launched(browsers)
        page = chromium.new_page(locale="en-GB", viewport={"width": 1280, "height": 700})
        page.set_default_timeout(PATIENCE_MS)
        log_in(page, address)
        page.goto(address)
        page.evaluate(LETTERS_ARE_THERE)
        yield page
        chromium.close()


def test_every_stop_of_the_keyboard_is_in_sight_and_rows_follow_from_it(
    services: Services, clock: MovableClock, database: Database, tmp_path: Path
) -> None:
    with _wall(services, clock, database, tmp_path / "web-01") as page:
        stops = []
        while True:
            page.keyboard.press("Tab")
            stop = page.evaluate(HERE)
            if stop["end"]:
                break
            stops.append(stop)
        assert stops[0]["name"] == "Skip to content"
        assert [stop["name"] for stop in stops if not (stop["seen"] and stop["ringed"])] == []
        entries = [stop["entry"] for stop in stops if stop["entry"] >= 0]
        assert entries == sorted(entries)
        assert entries[-1] > 2
        page.goto(page.url)
        page.evaluate(LETTERS_ARE_THERE)
        while page.evaluate(HERE)["entry"] < 2:
            page.keyboard.press("Tab")
        for key, entry in (("j", 3), ("k", 2), ("k", 1), ("k", 0), ("k", 0)):
            page.keyboard.press(key)
            assert page.evaluate(HERE)["entry"] == entry
