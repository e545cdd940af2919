"""`python -m tests.support.told_of_itself HOW`: a process that says what it was given, and ends as it is told to."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path


def main(how: str) -> None:
    """Say everything, then end: with a number, by a signal's name, by a fault, or not at all (`never`)."""
    mask = os.umask(0)
    os.umask(mask)
    given = {
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "umask": mask,
        "signals": {each.name: str(signal.getsignal(each)) for each in signal.valid_signals() if hasattr(each, "name")},
        "blocked": sorted(int(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "wakeup": signal.set_wakeup_fd(-1),
        "descriptors": [number for number in range(256) if _is_open(number)],
        "inherited": [number for number in range(256) if _is_open(number) and os.get_inheritable(number)],
        "input": sys.stdin.read(),
        "arguments": sys.argv[1:],
        "program": Path(sys.argv[0]).name,
        "encodings": [
            (each.encoding, each.errors, each.line_buffering) for each in (sys.stdin, sys.stdout, sys.stderr)
        ],
        "threads": threading.active_count(),
        "timezone": time.tzname,
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "niceness": os.nice(0),
        "children": _children(),
    }
    sys.stdout.write(json.dumps(given, sort_keys=True) + "\n")
    sys.stdout.flush()
    sys.stderr.write("said\n")
    if how == "never":
        threading.Event().wait()
    if how == "fault":
        raise RuntimeError("as told")
    if how.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[how])
    sys.exit(int(how))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
