"""A real agent with real workers on a wall clock that jumps forth and back: libfaketime is the clock."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.agent.ledger_view import verify_ledger
from tests.support.state import Site, until

pytestmark = pytest.mark.gnupg


class Wall:
    """The wall clock of a site's processes, as far from the real one as it is set."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._file = site.base / "wall"
        self.set("+0")
        library = subprocess.run(
            ["faketime", "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        self._fake = {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        site.environment = self._fake | {"PATH": f"{self._with_workers()}:{os.environ['PATH']}"}

    def _with_workers(self) -> Path:
        """A folder with an `ionice` that gives the agent's workers, whose environment is made for them, the same
        clock."""
        folder = self._site.base / "bin"
        folder.mkdir()
        program = folder / "ionice"
        lines = [f'export {name}="{value}"' for name, value in self._fake.items()]
        program.write_text("\n".join(["#!/bin/sh", *lines, f'exec {shutil.which("ionice")} "$@"', ""]))
        program.chmod(0o755)
        return folder

    def set(self, offset: str) -> None:
        temporary = self._file.with_suffix(".tmp")
        temporary.write_text(offset + "\n")
        temporary.replace(self._file)

    def jump(self, offset: str) -> None:
        """Set it, have the agent look at it, and return when it has looked."""
        self.set(offset)
        self._site.wake()
        assert self._site.ping() is not None


@pytest.fixture
def wall(bare_site: Site) -> Wall:
    if shutil.which("faketime") is None and not os.environ.get("CI"):
        pytest.skip("faketime is not installed: `./dev system`")
    return Wall(bare_site)


def made(site: Site) -> list[str]:
    """The occurrences that were backed up, oldest first, once nothing is under way."""
    with site.node() as node:
        runs = node.journal.recent(limit=100)
        if {"queued", "running"} & {run.state for run in runs}:
            return []
        backups = sorted(run.occurrence for run in runs if (run.activity, run.state) == ("backup.full", "succeeded"))
        return [f"{occurrence:%m-%d %H:%M}" for occurrence in backups]


def test_a_clock_that_jumps_repeats_nothing_and_loses_nothing(bare_site: Site, wall: Wall) -> None:
    site = bare_site
    due = (datetime.now(UTC) + timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    site.write_plan(full=f"0 {due.hour} * * *")
    site.plan.write_text(site.plan.read_text().replace("Europe/Brussels", "UTC"))
    site.adopt()
    day = [f"{due + timedelta(days=number):%m-%d %H:%M}" for number in range(3)]

    def reaches(*days: str) -> None:
        until(lambda: made(site) == list(days), f"backups of {days} and nothing else")

    with site.agent() as agent:
        ping = site.ping()
        assert ping is not None
        assert ping["next_due"].startswith(f"{due:%Y-%m-%dT%H:%M}")
        wall.jump("+3h")
        reaches(day[0])
        for offset in ("+0", "+3h", "+1h", "+4h"):
            wall.jump(offset)
            assert made(site) == day[:1], "what was done is not done again"
        wall.jump("+51h")
        reaches(day[0], day[2])
        wall.jump("+26h")  # the clock had been a day ahead: the day that was passed over is not silenced for ever
        wall.jump("+3h")
        wall.jump("+27h")
        reaches(*day)
        assert agent.poll() is None
    with site.node() as node:
        assert [each.data["count"] for each in node.book.records(kind="run.missed")] == [1]
        assert [run.attempt for run in node.journal.recent(limit=100)] == [1] * 6
    assert len(site.sets()) == 3
    assert verify_ledger(site.state).exit_code == 0
