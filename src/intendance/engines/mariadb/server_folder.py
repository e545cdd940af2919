"""What restores into a folder share: a server of our own on a data directory that gets its name once all is done."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from intendance.engines.mariadb.client import rows_of
from intendance.engines.new_folder import NewFolder
from intendance.engines.private_mariadb import PrivateServer, ServerSizes, start_command
from intendance.model.errors.engine import PrivateServerFailed
from intendance.system.sandbox import Sandbox

COUNT_DEADLINE_SECONDS = 3600.0
LOADING = ("--innodb-sort-buffer-size=32M", "--skip-innodb-doublewrite")
"""For a server that loads: wide sorting for indexes, and pages written once. What is left of a load that was cut short
is thrown away, so that torn pages need no second copy; all is synced before the folder has its name."""
_POOL_MIB = (256, 2048)


def loading_sizes() -> ServerSizes:
    """Sizes for loading a dump: a quarter of the memory that is free, within bounds."""
    least, most = _POOL_MIB
    free_mib = least
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        free_mib = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) // 1024 // 4
    return ServerSizes(buffer_pool_mib=max(least, min(most, free_mib)), redo_log_mib=512)


class ServerFolder:
    """A new folder whose `data` is the data directory of a server that is stopped before the folder gets its name.

    In a `sandbox`, whose folder holds `into`, whatever reads what was stored is locked in.
    """

    def __init__(self, into: str, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox
        self._new = NewFolder(Path(os.path.abspath(into)))  # noqa: PTH100 -- symbolic links stay as they were written
        self.destination = str(self._new.path)
        self.unfinished = str(self._new.partial)
        self._server: PrivateServer | None = None

    @property
    def data(self) -> Path:
        """The data directory, where it stands now."""
        return self._new.place / "data"

    @property
    def working(self) -> Path:
        """What programs write meanwhile: beside the data, so that there is room for it, and gone in the end."""
        return self._new.place / "working"

    def publish(self) -> None:
        """Stop the server, bring all of it to the disk, and give the folder its name. Raises DestinationTaken,
        DestinationUnusable, ProgramTimedOut."""
        self._stop()
        shutil.rmtree(self.working)
        self._new.publish()

    def discard(self) -> None:
        """Stop the server and remove the folder, if this restore created it."""
        if self._server is not None:
            self._server.kill()
        self._stop()
        self._new.discard()

    def close(self) -> None:
        """Stop the server with everything on disk and let go of the folder."""
        try:
            self._stop()
        finally:
            self._new.close()

    def _create(self) -> None:
        self._new.create()
        self.working.mkdir(mode=0o700)
        self._own(self._new.place, self.working)

    def _own(self, *places: Path) -> None:
        if self._sandbox is not None:
            self._sandbox.own(*places)

    def _within(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
        return tuple(argv) if self._sandbox is None else self._sandbox.argv(argv, environment)

    def _new_server(self, sizes: ServerSizes, *options: str) -> PrivateServer:
        self._server = PrivateServer(
            self.data, sizes=sizes, options=(*options, f"--tmpdir={self.working}"), sandbox=self._sandbox
        )
        return self._server

    def _running(self) -> PrivateServer:
        if self._server is None:
            raise PrivateServerFailed(detail="it does not run")
        return self._server

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def _query(self, sql: str) -> list[tuple[str, ...]]:
        said = self._running().execute("SET sql_mode='';\n" + sql, deadline_seconds=COUNT_DEADLINE_SECONDS)
        return rows_of(said)

    def _start_command(self, options: Sequence[str] = ()) -> str:
        return start_command(self._new.path / "data", self._new.path / "mariadb.sock", options)
