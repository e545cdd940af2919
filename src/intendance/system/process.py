"""Child processes: always an argument list, an own process group, an end with their parent, and a bounded, redacted
stderr.

`setpriv --pdeathsig` (util-linux, on every Debian) makes a child end when the thread that started it ends, so
children are
started from a process's main thread.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import IO, Any, Protocol

from intendance.model.errors.process import ProgramFailed, ProgramMissing, ProgramTimedOut
from intendance.model.frozen import dataclass
from intendance.system.redaction import redact

STDERR_TAIL_BYTES = 8192
_INHERITED = ("PATH", "HOME", "TMPDIR", "GNUPGHOME", "GPG_TTY", "TERM", "XDG_RUNTIME_DIR", "LD_LIBRARY_PATH")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The small environment of every child: PATH and its like, English messages, UTC. Never a secret."""
    base = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    base.setdefault("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    return base | {"LC_ALL": "C.UTF-8", "TZ": "UTC"} | dict(extra or {})


def find(program: str) -> str:
    """The program's full path, on PATH or in the system's own folders. Raises ProgramMissing."""
    found = shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        raise ProgramMissing(program=program, package=PACKAGES.get(program, program))
    return found


PACKAGES: Mapping[str, str] = {
    "gpg": "gnupg",
    "gpg-agent": "gpg-agent",
    "gpgv": "gpgv",
    "gpgconf": "gnupg",
    "zstd": "zstd",
    "tar": "tar",
    "mariadb": "mariadb-client",
    "mariadb-dump": "mariadb-client",
    "my_print_defaults": "mariadb-client",
    "mariadb-backup": "mariadb-backup",
    "mbstream": "mariadb-backup",
    "mariadbd": "mariadb-server",
    "mariadb-install-db": "mariadb-server",
    "setpriv": "util-linux",
    "ionice": "util-linux",
    "unshare": "util-linux",
}


class Process(Protocol):
    """A process of ours, as `subprocess.Popen` has it."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    @property
    def returncode(self) -> int | Any: ...
    def poll(self) -> int | None: ...
    def wait(self) -> int: ...


@dataclass(slots=True)
class Child:
    """A running program. `stdout` and `stdin` are raw file objects when they were asked for as pipes.

    Any thread may wait for it or end it. Its process group ends with it, before it is reaped, so that a signal never
    meets a
    process that got the same number later.
    """

    program: str
    process: Process
    tail: bytearray = field(default_factory=bytearray)
    cut: bool = False
    reader: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None  # noqa: S101 -- asked for by the caller
        return self.process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        assert self.process.stdout is not None  # noqa: S101 -- asked for by the caller
        return self.process.stdout

    def wait(self, deadline_seconds: float | None = None) -> int:
        """Wait for the end and return the exit code (negative: a signal). Raises ProgramTimedOut after killing the
        group."""
        if not self.has_ended(deadline_seconds):
            self.kill()
            raise ProgramTimedOut(program=self.program, seconds=int(deadline_seconds or 0))
        code = self._reap()
        if self.reader is not None:
            self.reader.join()
        return code

    def end(self) -> None:
        """Send SIGKILL to the whole group without waiting or closing anything; quiet when it has already ended."""
        with self._lock:
            if self.process.returncode is None:
                self._signal_group()

    def kill(self) -> None:
        """End the whole process group at once, reap it and close our ends of its pipes; quiet when it has already
        ended.

        Not while another thread reads or writes those pipes: use `end` then.
        """
        self.end()
        self._reap()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self.reader is not None:
            self.reader.join()

    def has_ended(self, deadline_seconds: float | None) -> bool:
        """Wait at most that long (None: for ever) and say whether it has ended."""
        with self._lock:
            if self.process.returncode is not None:
                return True
            descriptor = os.pidfd_open(self.process.pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            return bool(poll.poll(None if deadline_seconds is None else deadline_seconds * 1000))
        finally:
            os.close(descriptor)

    def _reap(self) -> int:
        self.has_ended(None)
        with self._lock:
            if self.process.returncode is None:
                self._signal_group()
            return self.process.wait()

    def _signal_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def stderr(self) -> str:
        """The end of what it wrote to stderr, redacted, at most 8 KiB."""
        said = bytes(self.tail)
        if self.cut:  # half a line may be the second half of a secret, without the word that tells it
            said = said.partition(b"\n")[2] if b"\n" in said[:-1] else b""
        return redact(said.decode("utf-8", errors="replace")).strip()

    def raise_for(self, code: int) -> None:
        """Raises ProgramFailed when `code` is not 0."""
        if code != 0:
            raise ProgramFailed(program=self.program, code=code, detail=self.stderr() or "it said nothing")


def start(
    argv: Sequence[str],
    *,
    stdin: int | IO[bytes] | None = None,
    stdout: int | IO[bytes] | None = None,
    extra_environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    cwd: str | None = None,
    on_stderr: Callable[[bytes], None] | None = None,
    new_session: bool = False,
) -> Child:
    """Start a program (stdin and stdout: None = /dev/null, subprocess.PIPE, or a descriptor). Raises ProgramMissing.

    `on_stderr` receives every raw line of stderr as well, from a reader thread: for programs that report on many files.
    `new_session` is for a program that starts others: all of them can then be found by its session.
    """
    program = argv[0]
    command = [find("setpriv"), "--pdeathsig", "KILL", "--", find(program), *argv[1:]]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL if stdin is None else stdin,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env=environment(extra_environment),
        pass_fds=tuple(pass_fds),
        cwd=cwd,
        process_group=None if new_session else 0,
        start_new_session=new_session,
        bufsize=0,
    )
    return follow(Child(program=program, process=process), on_stderr)


def follow(child: Child, on_stderr: Callable[[bytes], None] | None) -> Child:
    """Read what a child that was just started writes to stderr, for as long as it does."""
    child.reader = threading.Thread(target=_drain, args=(child, on_stderr), name=f"{child.program} stderr", daemon=True)
    child.reader.start()
    return child


def widen(pipe: IO[bytes], size_bytes: int = 1 << 20) -> None:
    """Give a pipe the size in bytes (1 MiB is what Linux allows without privilege), or leave it where that is
    denied."""
    with contextlib.suppress(PermissionError):  # above the user's share of pipe memory: slower, no less right
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size_bytes)


@dataclass(frozen=True, slots=True)
class Completed:
    """A program that ended: exit code, all of stdout, redacted tail of stderr."""

    code: int
    stdout: bytes
    stderr: str


def run(
    argv: Sequence[str],
    *,
    input: bytes = b"",  # noqa: A002 -- the standard library's own word
    deadline_seconds: float = 60,
    extra_environment: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    cwd: str | None = None,
    accept: Sequence[int] = (0,),
) -> Completed:
    """Run a short program to its end. Raises ProgramMissing, ProgramTimedOut, ProgramFailed (exit code not in
    `accept`)."""
    child = start(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        extra_environment=extra_environment,
        pass_fds=pass_fds,
        cwd=cwd,
    )
    return finish(child, input, deadline_seconds=deadline_seconds, accept=accept)


def finish(
    child: Child, content: bytes = b"", *, deadline_seconds: float = 60, accept: Sequence[int] = (0,)
) -> Completed:
    """Give a short program that was started with both pipes its input, and wait for its end. Raises ProgramTimedOut,
    ProgramFailed."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        child.end()

    timer = threading.Timer(deadline_seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        writer = threading.Thread(target=_feed, args=(child.stdin, content), daemon=True)
        writer.start()
        output = child.stdout.read()
        writer.join()
        code = child.wait()
    finally:
        timer.cancel()
        child.kill()
    if expired.is_set():
        raise ProgramTimedOut(program=child.program, seconds=int(deadline_seconds))
    if code not in accept:
        child.raise_for(code if code != 0 else -1)
    return Completed(code=code, stdout=output, stderr=child.stderr())


def _feed(pipe: IO[bytes], content: bytes) -> None:
    left = memoryview(content)
    with contextlib.suppress(BrokenPipeError), pipe:
        while left:
            left = left[pipe.write(left) :]  # a signal that comes meanwhile may end a write halfway


def _drain(child: Child, on_stderr: Callable[[bytes], None] | None) -> None:
    source = child.process.stderr
    assert source is not None  # noqa: S101 -- always a pipe, see start()
    with source, _lines(source) as lines:
        for line in lines:
            child.tail += line
            child.cut = child.cut or len(child.tail) > STDERR_TAIL_BYTES
            del child.tail[:-STDERR_TAIL_BYTES]
            if on_stderr is not None:
                on_stderr(line)


def _lines(source: IO[bytes]) -> IO[bytes]:
    return os.fdopen(os.dup(source.fileno()), "rb", buffering=65536)
