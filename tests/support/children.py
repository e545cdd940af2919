"""What a test left running."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def children_of(parent: int | None = None) -> dict[int, str]:
    """Live children of a process (this one, unless told) by number, with the names of their programs."""
    wanted = os.getpid() if parent is None else parent
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            status = (entry / "status").read_text(errors="replace")  # a name is cut wherever 15 bytes end
        except OSError:
            continue
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        if int(fields["PPid"]) == wanted and not fields["State"].startswith(("Z", "X")):
            found[int(entry.name)] = fields["Name"]
    return found


def ending_with_us(number: signal.Signals) -> list[str]:
    """What comes before a server's command, so that it ends with the process that starts it, however that ends: by this
    signal. To be started by the main thread."""
    return ["setpriv", "--pdeathsig", number.name.removeprefix("SIG"), "--"]


def open_descriptors() -> int:
    """How many descriptors this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def assassin(program: str, then: Callable[[], object] = tuple) -> Iterator[None]:
    """Meanwhile the first child of this name that is seen is killed, and then something happens."""
    over = threading.Event()

    def lie_in_wait() -> None:
        while not over.is_set():
            for pid in [number for number, name in children_of().items() if name == program]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    then()
                    return

    thread = threading.Thread(target=lie_in_wait)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
