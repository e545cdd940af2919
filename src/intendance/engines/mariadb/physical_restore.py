"""Restore of a physical backup into a folder: the files unpacked, brought to one instant, opened by a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intendance.engines import Consumer, StreamInSet
from intendance.engines.mariadb import compare, faults, physical, physical_faults
from intendance.engines.mariadb.server_folder import ServerFolder
from intendance.engines.private_mariadb import ServerSizes
from intendance.model.errors.engine import DestinationUnusable, LoadFailed
from intendance.model.evidence.restore import Check
from intendance.system import process
from intendance.system.sandbox import Sandbox

PREPARE_DEADLINE_SECONDS = 6 * 3600.0
PREPARE_MEMORY = "512M"


class PhysicalRestore(ServerFolder):
    """Into a new folder, whose `data` becomes a data directory that `mariadbd` of the same series opens."""

    def __init__(
        self,
        streams: Sequence[StreamInSet],
        details: Mapping[str, Any],
        into: str,
        *,
        sandbox: Sandbox | None = None,
    ) -> None:
        if "/" not in into:
            raise DestinationUnusable(
                destination=f"`{into}`",
                detail="a physical set holds the files of a whole server, which only fit into a folder",
                remedy="Write `--into /a/new/folder`, or name a logical set with `--point ID`.",
            )
        super().__init__(into, sandbox)
        self._details = details
        self._databases: list[dict[str, Any]] = [each for stream in streams for each in stream.details["databases"]]
        self._options = physical.server_options(details)

    def prepare(self) -> None:
        """Create the folder. Raises DestinationTaken, DestinationUnusable, ProgramMissing."""
        process.find("mbstream")
        self._require_series("mariadb-backup", physical.tool_version())
        done = process.run(["mariadbd", "--no-defaults", "--version"], deadline_seconds=60)
        self._require_series("mariadbd", done.stdout.decode(errors="replace"))
        self._create()
        self.data.mkdir(mode=0o700)
        self._own(self.data)

    def consumers(self) -> Sequence[Consumer]:
        """mbstream, which unpacks into the fresh data directory."""
        argv = self._within(("mbstream", "-x", "-C", str(self.data)))
        return (Consumer(stream=physical.STREAM, argv=argv, finish=self._unpacked),)

    def replay(self) -> None:
        """Bring the copied files to one instant with the redo log copied beside them, and start a server on them.

        Raises LoadFailed, PrivateServerFailed.
        """
        linked = sorted(each.name for each in self.data.glob("*/*.isl"))
        if linked:
            raise LoadFailed(
                destination=self.destination, detail=f"these tables point to files outside: {', '.join(linked[:8])}."
            )
        argv = [
            "mariadb-backup", "--no-defaults", "--prepare", f"--use-memory={PREPARE_MEMORY}",
            f"--target-dir={self.data}", f"--tmpdir={self.working}",
        ]  # fmt: skip
        done = process.run(self._within(argv), deadline_seconds=PREPARE_DEADLINE_SECONDS, accept=range(-64, 256))
        if not physical_faults.completed(done.code, done.stderr):
            raise LoadFailed(destination=self.destination, detail=physical_faults.sentence_of(done.stderr) + ".")
        # The accounts are those of the original server: nobody else could log in to look.
        sizes = ServerSizes(buffer_pool_mib=256, redo_log_mib=96)
        self._new_server(sizes, *self._options, "--skip-grant-tables").start()

    def check(self) -> tuple[Check, ...]:
        """A first query, each database of the plan, and the command that starts the restored server."""
        ((version,),) = self._query("SELECT VERSION();")
        checks = [Check(name="server", ok=True, found=f"MariaDB {version} opened the files and answered")]
        for details in self._databases:
            checks += compare.database(self._query, str(details["database"]), details, events=compare.EVENTS_AS_STORED)
        started = self._start_command(self._options)
        checks.append(Check(name="data directory", ok=True, found=f"start it with: {started}"))
        return tuple(checks)

    def _unpacked(self, code: int, stderr: str) -> None:
        if code != 0:
            said = f"mbstream was ended by signal {-code}" if code < 0 else faults.sentence_of(stderr)
            raise LoadFailed(destination=self.destination, detail=said + ".")

    def _require_series(self, program: str, version: str) -> None:
        wanted = str(self._details["server_version"])
        if physical.series(version) != physical.series(wanted):
            raise DestinationUnusable(
                destination=self.destination,
                detail=f"the set comes from MariaDB {wanted.partition('-')[0]}, and `{program}` here is of another "
                f"series ({physical.series(version)})",
                remedy=f"Install MariaDB {physical.series(wanted)}, or restore a logical set, which any version loads.",
            )
