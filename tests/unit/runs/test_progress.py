"""Progress: rates, remaining time, and a file that is never read half-written nor written too often."""

from __future__ import annotations

from pathlib import Path

import pytest

from intendance.runs import Progress
from intendance.runs import progress as progress_file
from intendance.runs.progress import ProgressFile, Reading, read


def reading(done: int, total: int | None, phase_ms: int) -> Reading:
    return Reading(attempt=1, phase="pack", done_bytes=done, total_bytes=total, phase_ms=phase_ms)


def test_the_rate_is_the_phase_s_mean_and_gives_the_time_that_is_left() -> None:
    assert reading(1000, 4000, 2000).bytes_per_second == 500
    assert reading(1000, 4000, 2000).remaining_seconds == 6
    assert reading(1000, None, 2000).remaining_seconds is None
    assert reading(1000, 4000, 100).bytes_per_second is None, "too early to tell"
    assert reading(0, 4000, 2000).remaining_seconds is None
    assert reading(5000, 4000, 2000).remaining_seconds == 0


def test_the_file_is_written_four_times_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(progress_file, "monotonic_seconds", lambda: now)
    path = tmp_path / "progress" / "run.json"
    sink = ProgressFile(path, attempt=2)
    assert read(path) is None
    written = 0
    for step in range(100):
        now = 100.0 + step / 50
        before = read(path)
        sink(Progress(phase="dump" if step < 50 else "pack", done_bytes=step, total_bytes=200))
        written += read(path) != before
    assert written == 8
    found = read(path)
    assert found is not None
    assert (found.attempt, found.phase, found.total_bytes) == (2, "pack", 200)
    assert found.phase_ms == pytest.approx(820, abs=5)
    assert list(path.parent.iterdir()) == [path]
