"""A MariaDB server of our own: a fresh data directory, a Unix socket, no network, no configuration but ours.

A restore into a folder loads into one, the tests and the demonstration run on one. It takes no restored
configuration, no plugin and no file access from SQL, and its event scheduler is off, so that what a dump brings along
does not act.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from intendance.model.errors.engine import PrivateServerFailed
from intendance.model.errors.process import ProgramFailed, ProgramTimedOut
from intendance.model.frozen import dataclass
from intendance.system import process
from intendance.system.clock import monotonic_seconds, wait
from intendance.system.sandbox import NOWHERE, Sandbox

SOCKET_PATH_BYTES = 107  # sockaddr_un.sun_path holds 108 with the closing NUL: unix(7)
START_DEADLINE_SECONDS = 300.0
"""One that cannot begin ends and says why: so long lasts only a disk that is slow, or at work for others."""
STOP_DEADLINE_SECONDS = 300.0
_ASKED_SECONDS = 10.0
_LOCKED_IN = (f"--plugin-dir={NOWHERE}", f"--secure-file-priv={NOWHERE}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSizes:
    """Memory and redo log in MiB; `durable` false leaves the flushing of commits to the operating system."""

    buffer_pool_mib: int = 64
    redo_log_mib: int = 32
    durable: bool = False


class PrivateServer:
    """One server on the data directory `data`, created with `create`, run with `start`, ended with `stop`.

    `socket` is a path of at most 107 bytes; without one a short temporary folder holds it. `options` are further
    arguments of mariadbd. `binlog` and the like are options. In a `sandbox`, whose folder holds `data`, the server and
    every client of it are locked in; `stop` then ends it as `kill` does, for its data is thrown away.
    """

    def __init__(
        self,
        data: Path,
        *,
        socket: Path | None = None,
        sizes: ServerSizes | None = None,
        options: Sequence[str] = (),
        sandbox: Sandbox | None = None,
    ) -> None:
        self.data = data.absolute()
        self.sizes = sizes or ServerSizes()
        self.options = tuple(options)
        self._sandbox = sandbox
        beside = sandbox.folder if sandbox else Path("/tmp")  # noqa: S108 -- a new folder of our own is made in it
        self._folder = Path(tempfile.mkdtemp(prefix="intendance-db-", dir=beside))
        self._own(self._folder)
        self.socket = socket or self._folder / "s"
        self._child: process.Child | None = None
        if len(os.fsencode(self.socket)) > SOCKET_PATH_BYTES:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise PrivateServerFailed(
                detail=f"the socket's path {self.socket} is longer than {SOCKET_PATH_BYTES} bytes"
            )

    @property
    def user(self) -> str:
        """The account of the operating system, and of the server, that runs and administers it."""
        return self._sandbox.account if self._sandbox else user_name()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return None if self._child is None else self._child.process.pid

    def create(self, *, lower_case_table_names: int = 0, page_size_bytes: int = 16384) -> None:
        """Write a fresh data directory. Raises FileExistsError, ProgramMissing, PrivateServerFailed.

        The last two settings are fixed for a data directory's whole life, so they come from the server whose dump it
        takes.
        """
        self.data.mkdir(mode=0o700)
        self._own(self.data)
        argv = [
            "mariadb-install-db", "--no-defaults", f"--datadir={self.data}", "--skip-test-db", "--skip-name-resolve",
            "--auth-root-authentication-method=socket", f"--auth-root-socket-user={self.user}",
            # A server that starts removes `#sql*` from its tmpdir: in /tmp these may be another server's, and alive.
            f"--tmpdir={self._folder}",
            f"--innodb-log-file-size={self.sizes.redo_log_mib}M", f"--innodb-page-size={page_size_bytes}",
            f"--lower-case-table-names={lower_case_table_names}", *self._as_user(),
        ]  # fmt: skip
        try:
            process.run(self._within(argv), deadline_seconds=START_DEADLINE_SECONDS)
        except ProgramFailed as failure:
            raise PrivateServerFailed(detail=failure.message) from failure
        self.options += (
            f"--lower-case-table-names={lower_case_table_names}",
            f"--innodb-page-size={page_size_bytes}",
        )

    def start(self) -> None:
        """Run it and return when it answers. Raises ProgramMissing, PrivateServerFailed."""
        self.socket.unlink(missing_ok=True)
        self._child = process.start(self._within(self._argv()))
        deadline = monotonic_seconds() + START_DEADLINE_SECONDS
        while not self._answers():
            code = self._child.process.poll()
            if code is not None or monotonic_seconds() > deadline:
                self._child.kill()  # what it said is whole then
                detail = self._last_error()
                self._child = None
                raise PrivateServerFailed(detail=detail)
            wait(0.02)

    def stop(self) -> None:
        """End it with everything on disk; quiet when it does not run. Raises ProgramTimedOut after killing it."""
        child, self._child = self._child, None
        try:
            if child is not None and child.process.poll() is None and self._sandbox is None:
                os.kill(child.process.pid, signal.SIGTERM)
                child.wait(STOP_DEADLINE_SECONDS)
        finally:
            if child is not None:
                child.kill()
            shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """End it as a power cut would; the data directory stays."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def client_argv(self, program: str = "mariadb") -> tuple[str, ...]:
        """A client program's arguments up to the connection."""
        return (program, "--no-defaults", f"--socket={self.socket}", f"--user={self.user}")

    def execute(self, sql: str, *, database: str | None = None, deadline_seconds: float = 120) -> str:
        """Run statements as the administrator and return what the client prints (tab-separated, no headings)."""
        argv = [*self.client_argv(), "--batch", "--skip-column-names", "--default-character-set=utf8mb4"]
        if database is not None:
            argv.append(f"--database={database}")
        done = process.run(self._within(argv), input=sql.encode(), deadline_seconds=deadline_seconds)
        return done.stdout.decode(errors="replace" if self._sandbox else "strict")

    def _argv(self) -> list[str]:
        return [
            "mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}",
            f"--pid-file={self._folder / 'pid'}", f"--tmpdir={self._folder}", f"--secure-file-priv={self._folder}",
            f"--plugin-dir={self._folder}", "--skip-networking", "--skip-name-resolve", "--event-scheduler=OFF",
            "--local-infile=0", "--skip-symbolic-links", "--skip-log-bin", "--innodb-strict-mode=OFF",
            "--max-allowed-packet=1G", "--character-set-server=utf8mb4", "--log-warnings=1",
            f"--innodb-buffer-pool-size={self.sizes.buffer_pool_mib}M",
            f"--innodb-log-file-size={self.sizes.redo_log_mib}M",
            f"--innodb-flush-log-at-trx-commit={1 if self.sizes.durable else 0}", *self._as_user(), *self.options,
            *(_LOCKED_IN if self._sandbox else ()),
        ]  # fmt: skip

    def _within(self, argv: Sequence[str]) -> Sequence[str]:
        return self._sandbox.argv(argv) if self._sandbox else argv

    def _own(self, place: Path) -> None:
        if self._sandbox:
            self._sandbox.own(place)

    def _as_user(self) -> list[str]:
        # mariadbd refuses to run as root unless told so; a data directory belongs to whoever restores it.
        root = self._sandbox.number == 0 if self._sandbox else os.geteuid() == 0
        return ["--user=root"] if root else []

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        argv = [*self.client_argv(), "--batch", "--execute=DO 1", "--connect-timeout=5"]
        try:
            return process.run(self._within(argv), deadline_seconds=_ASKED_SECONDS, accept=(0, 1)).code == 0
        except ProgramTimedOut:  # on a machine at its limit the client is late too: it is asked again
            return False

    def _last_error(self) -> str:
        said = self._child.stderr() if self._child is not None else ""
        errors = [line for line in said.splitlines() if "[ERROR]" in line]
        return errors[0].partition("[ERROR]")[2].strip() if errors else said[-300:] or "it said nothing"


def start_command(data: Path, socket: Path, options: Sequence[str] = ()) -> str:
    """What an administrator types to run a restored data directory by hand, without network."""
    user = f" --user={user_name()}" if os.geteuid() == 0 else ""
    further = "".join(f" {shlex.quote(option)}" for option in options)
    return (
        f"mariadbd --no-defaults --datadir={data} --socket={socket} --skip-networking --event-scheduler=OFF"
        f"{further}{user}"
    )


def user_name() -> str:
    """The name of the account that runs this process; `root` where the system has no name for it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return "root"
