"""SQLite files, found by their first bytes where services and sites keep their data."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from intendance.agent.inventory.machine import Machine

MAGIC = b"SQLite format 3\x00"
"""SQLite's file format, "The Database Header"."""
_SMALLEST_BYTES = 512  # the smallest page
_DEEPEST = 8
_MOST_ENTRIES = 200_000
_PLACES = ("/var/lib", "/srv", "/opt")
_SUFFIXES = (".db", ".sqlite", ".sqlite3", ".db3", ".s3db", ".sdb")
_OF_THE_SYSTEM = frozenset(
    f"/var/lib/{name}"
    for name in (
        "PackageKit", "apt", "colord", "command-not-found", "containerd", "containers", "docker", "dpkg", "fwupd",
        "intendance", "lxcfs", "man-db", "mysql", "mlocate", "plocate", "postgresql", "snapd", "systemd",
        "ubuntu-advantage", "unattended-upgrades", "update-notifier",
    )
)  # fmt: skip
"""Folders whose SQLite files the system makes again by itself, or that belong to another kind of asset."""
_OF_DEVELOPERS = (".git", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", "node_modules")
"""Folders that tools of developers make again by themselves."""
_OF_GNUPG = "tofu.db"
"""What GnuPG counts for itself beside its keys (`pubring.kbx`); the keys are kept as keys, not as a database."""


def files(machine: Machine, trees: Iterable[str], leave_out: Iterable[str] = ()) -> tuple[str, ...]:
    """The paths of SQLite files under /var/lib, /srv, /opt and these trees; none under `leave_out`."""
    without = frozenset(leave_out) | _OF_THE_SYSTEM
    budget = _Budget(_MOST_ENTRIES)
    found: set[str] = set()
    for place in dict.fromkeys((*_PLACES, *trees)):
        real = machine.resolve(place)
        if machine.is_folder(real):
            found.update(_below(machine, real, without, budget, 0))
    if budget.left <= 0:
        why = f"more than {_MOST_ENTRIES} files: those beyond were not looked at"
        machine.miss("sqlite", why, "too_many", str(_MOST_ENTRIES))
    return tuple(sorted(found))


class _Budget:
    """How many more entries are looked at."""

    def __init__(self, left: int) -> None:
        self.left = left


def _below(machine: Machine, folder: str, without: frozenset[str], budget: _Budget, depth: int) -> Iterator[str]:
    if folder in without or depth > _DEEPEST:
        return
    try:
        with os.scandir(machine.place(folder)) as entries:
            inside = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in inside:
        budget.left -= 1
        if budget.left <= 0:
            return
        path = f"{folder.rstrip('/')}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _OF_DEVELOPERS:
                yield from _below(machine, path, without, budget, depth + 1)
        elif entry.name == _OF_GNUPG and any(other.name == "pubring.kbx" for other in inside):
            continue
        elif entry.name.lower().endswith(_SUFFIXES) and _is_sqlite(Path(entry.path)):
            yield path


def _is_sqlite(place: Path) -> bool:
    try:
        status = place.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size < _SMALLEST_BYTES:
            return False
        with place.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False
