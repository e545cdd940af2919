"""What this machine is, for figures that mean nothing without it."""

from __future__ import annotations

import os
from pathlib import Path

_ESCAPED = "\\040"  # a blank in /proc/mounts: proc(5)


def cpu_name() -> str:
    """The processor as it calls itself, `unknown` where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return "unknown"
    found = [line.partition(":")[2].strip() for line in lines if line.lower().startswith(("model name", "hardware"))]
    return found[0][:100] if found and found[0] else "unknown"


def memory_bytes() -> int:
    """Physical memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def file_system(folder: Path) -> str:
    """The kind of file system that a folder lies on (`ext4`), `unknown` where the system does not say."""
    place = folder.resolve()
    try:
        lines = [line.split() for line in Path("/proc/mounts").read_text(errors="replace").splitlines()]
    except OSError:
        return "unknown"
    mounts = [(Path(fields[1].replace(_ESCAPED, " ")), fields[2]) for fields in lines if len(fields) > 2]
    below = [(len(where.parts), number, kind) for number, (where, kind) in enumerate(mounts)
             if place.is_relative_to(where)]  # fmt: skip
    return max(below)[2] if below else "unknown"
