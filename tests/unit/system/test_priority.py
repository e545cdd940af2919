"""Giving way to others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from intendance.system import priority


class Session:
    """The kernel's file: who is not root may write it once in a tenth of a second, all processes together."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.written: list[str] = []

    def write_text(self, text: str) -> None:
        if self.refusals:
            self.refusals -= 1
            raise BlockingIOError
        self.written.append(text)


def test_a_session_gives_way_though_another_did_right_before(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(refusals=3)
    monkeypatch.setattr(priority, "_SESSION", session)
    monkeypatch.setattr(os, "getsid", lambda _: os.getpid())
    priority.session_gives_way()
    assert session.written == ["10"]


def test_a_kernel_without_such_groups_keeps_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(priority, "_SESSION", tmp_path / "none" / "autogroup")
    monkeypatch.setattr(os, "getsid", lambda _: os.getpid())
    priority.session_gives_way()
