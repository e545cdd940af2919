"""Commands as copies of a process that has imported the product already: each starts in 10 ms instead of 300.

`python -m tests.support.warm` waits on its standard input for what it is to be, and for each makes a copy of itself.
From then on that copy is a process like any other, with arguments, environment, folder, streams and an exit code of
its own, and runs the module as `python -m` does. What differs is that everything is imported. That each command imports
what it needs is proven by those that start as people start them: some in `tests/unit/cli`, all in `./dev test --long`.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_AT_START = ("LD_", "LC_", "LANG", "PYTHON", "MALLOC_", "FAKETIME", "COVERAGE")
"""What is read when a process starts, and never again."""
_LARGEST = 131_072
_READY = b"ready"
_NOT_COMMANDS = (
    "intendance.api",
    "intendance.web",
    "intendance.fleet.database.migrations",
    "intendance.ledger.standalone",
)


def environment(more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Of a person at a wide terminal without colours, who has no keyring and no settings of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GNUPGHOME", "INTENDANCE"))}
    return kept | {"LC_ALL": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "200"} | dict(more)


def run(
    module: str, words: Sequence[str], *, cwd: Path, environment: Mapping[str, str], timeout_seconds: float
) -> subprocess.CompletedProcess[str]:
    """`python -m MODULE WORDS` to its end, without input; a copy where a copy is the same."""
    parent = None if os.environ.get("INTENDANCE_TESTS_START") == "anew" else _parent()
    if parent is not None and _vital(environment) == parent.vital:
        wish = {"module": module, "words": list(words), "cwd": str(cwd), "environment": dict(environment)}
        message = json.dumps(wish).encode()
        if len(message) < _LARGEST:
            return parent.run(message, timeout_seconds)
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        capture_output=True, text=True, check=False, timeout=timeout_seconds, cwd=cwd, stdin=subprocess.DEVNULL,
        env=dict(environment),
    )  # fmt: skip


def _vital(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_AT_START)}


@dataclass
class Parent:
    """The process that is copied, one per test worker. It ends when its input does: with us, however we end."""

    vital: Mapping[str, str]
    line: socket.socket
    process: subprocess.Popen[bytes]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, message: bytes, timeout_seconds: float) -> subprocess.CompletedProcess[str]:
        """One copy, to its end."""
        pipes = [os.pipe() for _ in ("its output", "its error output", "its number and its exit code")]
        heard = {reader: bytearray() for reader, _ in pipes}
        try:
            with self.lock:
                socket.send_fds(self.line, [message], [writer for _, writer in pipes])
        finally:
            for _, writer in pipes:
                os.close(writer)
        try:
            self._hear(heard, time.monotonic() + timeout_seconds)
        finally:
            for reader in heard:
                os.close(reader)
        out, err, told = heard.values()
        assert told.count(b"\n") == 2, f"it was never begun, or nobody waited for it: {self.process.poll()}"
        code = int(told.split()[1])
        return subprocess.CompletedProcess(message, code, _text(out), _text(err))

    def _hear(self, heard: Mapping[int, bytearray], end: float) -> None:
        """All that the copy says, until nobody can say any more. Raises TimeoutExpired when it is killed for that."""
        waiting = select.poll()
        for reader in heard:
            waiting.register(reader, select.POLLIN)
        *_, told = heard.values()
        open_ones = len(heard)
        while open_ones:
            for reader, _ in waiting.poll(max(0, int((end - time.monotonic()) * 1000))):
                part = os.read(reader, 65_536)
                heard[reader].extend(part)
                if not part:
                    waiting.unregister(reader)
                    open_ones -= 1
            if open_ones and time.monotonic() > end:
                if told.count(b"\n") == 1:
                    os.kill(int(told), signal.SIGKILL)
                raise subprocess.TimeoutExpired("a copy", end)


def _text(said: bytearray) -> str:
    return said.decode().replace("\r\n", "\n")


@cache
def _parent() -> Parent | None:
    """Started when the first command is asked for; None where no such process can be."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    given = environment()
    with theirs:
        argv = [sys.executable, "-m", "tests.support.warm"]
        process = subprocess.Popen(argv, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd=ROOT, env=given)
    atexit.register(_end, ours, process)
    return Parent(_vital(given), ours, process) if ours.recv(len(_READY)) == _READY else None


def _end(line: socket.socket, process: subprocess.Popen[bytes]) -> None:
    line.close()
    process.kill()
    process.wait()


# --- the process that is copied ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """What a copy is to be."""

    module: str
    words: list[str]
    cwd: str
    environment: dict[str, str]
    streams: list[int]


def main() -> None:
    """Import everything, then make copies until nobody can ask for one."""
    _import_all("intendance")
    with os.scandir("/proc/self/task") as tasks:
        assert sum(1 for _ in tasks) == 1, "a copy would lack a thread"
    gc.collect()
    gc.freeze()
    wish = _copied()
    if wish is not None:
        _become(wish)
        runpy.run_module(wish.module, run_name="__main__", alter_sys=True)


def _import_all(package: str) -> None:
    for found in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if found.name.startswith(_NOT_COMMANDS) or found.name.endswith("__main__"):
            continue
        if found.ispkg:
            _import_all(found.name)
        else:
            import_module(found.name)


def _copied() -> Wish | None:
    """What this process is to be, in a copy; None in the one that is copied, when its work is over."""
    ended, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    line = socket.socket(fileno=os.dup(0))
    line.send(_READY)
    asked = line.fileno()
    tellers: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([asked, ended], [], [])
        if ended in ready:
            with suppress(BlockingIOError):
                os.read(ended, 65_536)
            _tell_of_ends(tellers)
        if asked not in ready:
            continue
        message, streams, _, _ = socket.recv_fds(line, _LARGEST, 3)
        if not message:
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            line.detach()
            return Wish(**json.loads(message), streams=streams)
        out, err, told = streams
        os.close(out)
        os.close(err)
        tellers[pid] = told
        try:
            os.write(told, f"{pid}\n".encode())
        except BrokenPipeError:  # who asked has given up already, and nobody else would end it
            os.kill(pid, signal.SIGKILL)


def _tell_of_ends(tellers: dict[int, int]) -> None:
    for pid in list(tellers):
        reaped, status = os.waitpid(pid, os.WNOHANG)
        if reaped:
            told = tellers.pop(pid)
            with suppress(BrokenPipeError):  # it was killed because it took too long
                os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(told)


def _become(wish: Wish) -> None:
    """Have what a process has that was just started: streams, descriptors, folder, environment, arguments."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for standard, descriptor in enumerate((nothing, *wish.streams[:2])):
        os.dup2(descriptor, standard)
    with os.scandir("/proc/self/fd") as entries:
        numbers = [int(entry.name) for entry in entries]
    for number in numbers:
        if number > 2:
            with suppress(OSError):  # the one that listed them
                os.close(number)
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w", errors="backslashreplace")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    os.chdir(wish.cwd)
    os.environ.clear()
    os.environ.update(wish.environment)
    time.tzset()
    name = wish.module.replace(".", "/")
    place = next(each for each in (ROOT / f"src/{name}/__main__.py", ROOT / f"{name}.py") if each.exists())
    sys.argv = [str(place), *wish.words]
    gc.enable()


def _stream(number: int, mode: str, errors: str = "surrogateescape") -> Any:
    buffering = 1 if number == 2 else -1
    return open(number, mode, buffering, encoding="utf-8", errors=errors, closefd=False)


if __name__ == "__main__":
    main()
