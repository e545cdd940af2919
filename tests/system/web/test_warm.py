"""What the first page of a process needs is read before anybody asks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from intendance.fleet.verdicts.standing import Standing
from intendance.model.errors.fleet import DatabaseUnreachable
from intendance.web import render, warm
from intendance.web.visit import Services


class _Watched:
    """Verdicts that say how often they were read."""

    def __init__(self, read: Callable[[], Standing]) -> None:
        self._read = read
        self.times = 0
        self.often = threading.Event()

    def standing(self) -> Standing:
        self.times += 1
        if self.times >= 3:
            self.often.set()
        return self._read()


def _kept_warm(fleet: object, enough: threading.Event) -> list[str]:
    ending, said = threading.Event(), list[str]()
    thread = threading.Thread(target=warm.keep_warm, args=(fleet, said.append, ending))
    thread.start()
    try:
        assert enough.wait(120)
    finally:
        ending.set()
        thread.join()
    return said


def test_a_manager_reads_before_anybody_asks_and_again_each_minute(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "EVERY_SECONDS", 0.01)
    watched = _Watched(services.fleet.standing)
    _kept_warm(watched, watched.often)
    environment = render._environment()
    assert environment.cache is not None
    loaded = {name for _loader, name in environment.cache}
    assert {"wall.html", "alerts.html", "alert.html", "node.html", "rule.html"} <= loaded


def test_a_database_that_is_away_ends_no_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Standing:
        raise DatabaseUnreachable(where="x", detail="away")

    monkeypatch.setattr(warm, "EVERY_SECONDS", 0.01)
    watched = _Watched(away)
    assert _kept_warm(watched, watched.often) == []


def test_what_nobody_foresaw_is_said_once_and_ends_no_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Standing:
        raise KeyError("MAINT_999")

    monkeypatch.setattr(warm, "EVERY_SECONDS", 0.01)
    watched = _Watched(broken)
    (said,) = _kept_warm(watched, watched.often)
    assert "KeyError: 'MAINT_999'" in said
