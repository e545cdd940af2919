"""Which process a number names: a pid alone is reused, a pid with its start time and boot is not."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from intendance.model.frozen import dataclass

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One process of one boot. `started_ticks` is field 22 of `/proc/PID/stat` (proc(5)): clock ticks after boot."""

    pid: int
    started_ticks: int
    boot: str


def identify(pid: int, boot: str) -> Identity | None:
    """The process that has this number now, or None when there is none (or only its remains, not yet reaped)."""
    fields = _stat(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    return Identity(pid=pid, started_ticks=int(fields[19]), boot=boot)


def is_alive(identity: Identity, boot: str) -> bool:
    """Whether that very process still runs in this boot."""
    return identity.boot == boot and identify(identity.pid, boot) == identity


def send(identity: Identity, boot: str, number: signal.Signals) -> bool:
    """Signal that very process; false when it has gone."""
    if not is_alive(identity, boot):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(identity.pid, number)
        return True
    return False


def end_session(session: int) -> int:
    """Kill every process of a session but the caller; returns how many were found."""
    found = 0
    with os.scandir(_PROC) as entries:
        processes = [int(entry.name) for entry in entries if entry.name.isdigit()]
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            if pid == os.getpid() or os.getsid(pid) != session:
                continue
            fields = _stat(pid)
            if fields is not None and fields[0] not in {"Z", "X"}:
                os.kill(pid, signal.SIGKILL)
                found += 1
    return found


def _stat(pid: int) -> list[str] | None:
    """The fields after the program's name, which may itself hold spaces and brackets: state is 0."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()
