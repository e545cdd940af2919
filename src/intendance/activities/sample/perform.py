"""Looking at the machine, with nothing but what the kernel tells: cheap enough for the idle agent, once a minute."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Thread

from intendance.activities.sample.decide import CpuTimes, FileSystem, Reading, busy_permille
from intendance.activities.sample.servers import Servers
from intendance.model.plan import MariadbAsset
from intendance.system.clock import Clock

_PROC = Path("/proc")
_PATIENCE_SECONDS = 0.5


class Looker:
    """Looks at one machine again and again; `places` are the paths whose file systems matter."""

    def __init__(self, clock: Clock, *, proc: Path = _PROC, servers: Servers | None = None) -> None:
        self._clock = clock
        self._proc = proc
        self._before: CpuTimes | None = None
        self._file_systems = _FileSystems()
        self._servers = servers or Servers()

    def look(self, places: Iterable[Path], databases: Iterable[MariadbAsset] = ()) -> Reading:
        """One reading. Raises OSError where there is no such `/proc`."""
        now = self._clock.read()
        times = cpu_times((self._proc / "stat").read_text())
        memory = memory_kib((self._proc / "meminfo").read_text())
        load = (self._proc / "loadavg").read_text().split()[0]
        busy = busy_permille(self._before, times)
        self._before = times
        answered, unanswered = self._servers.ask(tuple(databases))
        seen, silent = self._file_systems.ask((*places, *self._servers.folders()))
        return Reading(
            at=now.at,
            mono_seconds=now.mono_ns / 1e9,
            cpu_permille=busy,
            memory_permille=_used(memory["MemTotal"], memory.get("MemAvailable", memory["MemFree"])),
            swap_permille=_used(memory.get("SwapTotal", 0), memory.get("SwapFree", 0)),
            load_centi=round(float(load) * 100),
            processors=os.cpu_count() or 1,
            memory_bytes=memory["MemTotal"] * 1024,
            file_systems=seen,
            silent=silent,
            databases=answered,
            unanswered=unanswered,
        )


class _FileSystems:
    """Asks file systems on a thread of its own: a server of files that hangs does not stop the agent.

    Nobody waits longer than a moment for the thread. While it has not come back, what it asks about is silent and the
    others are not asked anew.
    """

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._found: Mapping[str, FileSystem] = {}
        self._asking = ""

    def ask(self, places: tuple[Path, ...]) -> tuple[tuple[FileSystem, ...], tuple[str, ...]]:
        """How full they are, each file system once, and which one is silent."""
        if self._thread is not None and self._thread.is_alive():
            return (), (self._asking,)
        self._found = {}
        self._thread = Thread(target=self._work, args=(places,), daemon=True, name="file systems")
        self._thread.start()
        self._thread.join(_PATIENCE_SECONDS)
        silent = (self._asking,) if self._thread.is_alive() else ()
        return tuple(self._found.values()), silent

    def _work(self, places: tuple[Path, ...]) -> None:
        for place in places:
            self._asking = str(place)
            system = file_system(place)
            if system is not None:
                self._found = {**self._found, system.place: system}


def file_system(path: Path) -> FileSystem | None:
    """How full the file system of a path is, as `df` reckons it for who is not root; None where there is none."""
    try:
        mount = mount_point(path)
        told = os.statvfs(mount)
    except OSError:
        return None
    used = told.f_blocks - told.f_bfree
    return FileSystem(
        place=str(mount),
        used_permille=_share(used, used + told.f_bavail),
        inodes_permille=_share(told.f_files - told.f_ffree, told.f_files),
        size_bytes=told.f_blocks * told.f_frsize,
    )


def mount_point(path: Path) -> Path:
    """The folder at which the file system of a path is mounted. Raises OSError when the path is not there."""
    here = path.resolve(strict=True)
    device = here.stat().st_dev
    while here.parent != here and here.parent.stat().st_dev == device:
        here = here.parent
    return here


def cpu_times(stat: str) -> CpuTimes:
    """The first line of `/proc/stat`; waiting for a disk is idle, a guest's time is counted once (proc(5))."""
    fields = [int(field) for field in stat.split("\n", 1)[0].split()[1:9]]
    return CpuTimes(total=sum(fields), idle=fields[3] + fields[4])


def memory_kib(meminfo: str) -> Mapping[str, int]:
    """`/proc/meminfo` by name, in KiB."""
    found = {}
    for line in meminfo.splitlines():
        name, _, value = line.partition(":")
        if value.strip().endswith("kB"):
            found[name] = int(value.split()[0])
    return found


def _used(total: int, free: int) -> int:
    return _share(total - free, total)


def _share(part: int, whole: int) -> int:
    """Thousandths, never beyond what a share can be."""
    return 0 if whole <= 0 else min(1000, max(0, round(1000 * part / whole)))
