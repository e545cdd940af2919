"""Which process a number names: a pid alone is reused, a pid with its start time and boot is not."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

from intendance.model.frozen import dataclass
from intendance.system.clock import monotonic_seconds

_PROC = Path("/proc")
_LAST_CALL_SECONDS = 5.0


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
    """Kill every process of a session but the caller, and wait until they have ended; returns how many were found.

    One that a dead disk or share holds up in the kernel is waited for no longer than five seconds.
    """
    with os.scandir(_PROC) as entries:
        processes = [int(entry.name) for entry in entries if entry.name.isdigit()]
    killed = []
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            if pid != os.getpid() and os.getsid(pid) == session:
                killed += _kill(pid, session)
    deadline = monotonic_seconds() + _LAST_CALL_SECONDS
    for descriptor in killed:
        ended = select.poll()
        ended.register(descriptor, select.POLLIN)
        ended.poll(max(0.0, deadline - monotonic_seconds()) * 1000)
        os.close(descriptor)
    return len(killed)


def _kill(pid: int, session: int) -> list[int]:
    """Kill one process if it still lives in the session: a descriptor that tells its end. Raises ProcessLookupError."""
    descriptor = os.pidfd_open(pid)
    try:
        fields = _stat(pid)
        if fields is not None and fields[0] not in {"Z", "X"} and os.getsid(pid) == session:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            return [os.dup(descriptor)]
    finally:
        os.close(descriptor)
    return []


def _stat(pid: int) -> list[str] | None:
    """The fields after the program's name, which may itself hold spaces and brackets: state is 0."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()
