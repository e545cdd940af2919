"""Looking at this very machine, and at what the kernel of another one would say."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.activities.sample import perform
from intendance.activities.sample.decide import CpuTimes, FileSystem
from intendance.activities.sample.perform import Looker, cpu_times, file_system, memory_kib, mount_point
from intendance.system.clock import SystemClock
from tests.support.clock import MovableClock

STAT = "cpu  100 20 30 400 50 6 7 8 90 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 1\n"
MEMINFO = "\n".join(
    (
        "MemTotal:  1000 kB",
        "MemFree:  100 kB",
        "MemAvailable:  250 kB",
        "SwapTotal:  200 kB",
        "SwapFree:  150 kB",
        "Pages: 0",
    )
)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / "meminfo").write_text(MEMINFO)
    (tmp_path / "loadavg").write_text("1.25 0.5 0.1 1/100 12345\n")
    return tmp_path


def test_this_machine_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform, "_PATIENCE_SECONDS", 60)
    seen = Looker(SystemClock()).look([tmp_path, tmp_path / "not there"])
    assert seen.cpu_permille is None
    assert 0 < seen.memory_permille <= 1000
    assert seen.memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    (system,) = seen.file_systems
    told = os.statvfs(tmp_path)
    assert system.size_bytes == pytest.approx(told.f_blocks * told.f_frsize, rel=0.05), "some count what others left"
    assert 0 <= system.used_permille <= 1000
    assert seen.silent == ()


def test_figures_are_those_of_the_kernel(proc: Path) -> None:
    clock = MovableClock(NOON)
    looker = Looker(clock, proc=proc)
    first = looker.look([])
    assert (first.memory_permille, first.swap_permille, first.load_centi) == (750, 250, 125)
    assert first.memory_bytes == 1_024_000
    (proc / "stat").write_text(STAT.replace("cpu  100", "cpu  175").replace(" 400 ", " 425 "))
    clock.move(timedelta(minutes=1))
    assert looker.look([]).cpu_permille == 750


def test_waiting_for_a_disk_is_idle_and_a_guest_counts_once() -> None:
    assert cpu_times(STAT) == CpuTimes(total=621, idle=450)
    assert memory_kib(MEMINFO) == {
        "MemTotal": 1000, "MemFree": 100, "MemAvailable": 250, "SwapTotal": 200, "SwapFree": 150,
    }  # fmt: skip


def test_a_file_system_is_named_by_where_it_is_mounted(tmp_path: Path) -> None:
    mount = mount_point(tmp_path / ".")
    assert os.path.ismount(mount)
    assert tmp_path.is_relative_to(mount)
    assert mount_point(Path("/proc/self")) == Path("/proc")
    assert file_system(tmp_path / "nothing") is None


def test_each_file_system_is_told_once(tmp_path: Path, proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perform, "_PATIENCE_SECONDS", 60)
    (tmp_path / "a").mkdir()
    seen = Looker(MovableClock(NOON), proc=proc).look([tmp_path, tmp_path / "a", Path("/proc")])
    assert sorted(each.place for each in seen.file_systems) == sorted({str(mount_point(tmp_path)), "/proc"})


def test_a_file_system_that_does_not_answer_holds_nobody_up(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, reached = threading.Event(), threading.Event()

    class Asking(threading.Thread):
        """As long as the machine is slow it is waited for; from then on only for as long as the product would."""

        def join(self, timeout: float | None = None) -> None:
            reached.wait(60)
            super().join(timeout)

    def hangs(path: Path) -> FileSystem | None:
        if path.name == "gone":
            reached.set()
            answers.wait()
        return FileSystem(place=str(path), used_permille=1, inodes_permille=1, size_bytes=1)

    monkeypatch.setattr(perform, "file_system", hangs)
    monkeypatch.setattr(perform, "Thread", Asking)
    monkeypatch.setattr(perform, "_PATIENCE_SECONDS", 0.05)
    looker = Looker(MovableClock(NOON), proc=proc)
    places = [Path("/here"), Path("/gone"), Path("/after")]
    try:
        first = looker.look(places)
        assert ([each.place for each in first.file_systems], first.silent) == (["/here"], ("/gone",))
        second = looker.look(places)
        assert (second.file_systems, second.silent) == ((), ("/gone",))
        assert second.memory_permille == 750
        threads = [each for each in threading.enumerate() if isinstance(each, Asking)]
        assert len(threads) == 1, "one that hangs is not joined by others"
    finally:
        answers.set()
    threads[0].join()
    monkeypatch.setattr(perform, "_PATIENCE_SECONDS", 30)
    assert len(looker.look(places).file_systems) == 3
