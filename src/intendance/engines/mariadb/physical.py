"""A physical backup: one stream with the files of the whole server, as mariadb-backup copies them from below a running
one.

It restores in seconds where a dump takes minutes, and only into the release series of MariaDB that wrote it. It always
holds every database of the server and its accounts, whatever the plan names: a server does not start on less.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from intendance.engines import Finished, Producer, Source
from intendance.engines.mariadb import faults, physical_faults, privileges, survey
from intendance.engines.mariadb.client import Client
from intendance.engines.mariadb.watch import LockWatch
from intendance.model.errors.engine import FilesNotCopied
from intendance.model.plan import MariadbAsset
from intendance.system import process

STREAM = "server"
MEDIA = "mbstream"
# What mariadb-backup reads of an options file beside the clients' sections (`mariadb-backup --help`, 10.11).
GROUPS = (
    "xtrabackup", "mariabackup", "mariadb-backup", "mysqld", "server", "mariadb", "mariadbd", "galera",
    *(f"{name}-{series}" for name in ("mysqld", "mariadb", "mariadbd") for series in ("10.6", "10.11", "11.4", "11.8")),
)  # fmt: skip
LOCK_BOUND_SECONDS = 60.0
LOCK_POLL_SECONDS = 2.0
PARALLEL = 2

_DATA = frozenset({".ibd", ".frm", ".MYD", ".MYI", ".MAD", ".MAI", ".CSV", ".CSM", ".opt"})
_SERIES = re.compile(r"\b(\d+\.\d+)\.(\d+)")
_POSITION = re.compile(r"binlog position: filename '([^']*)', position '(\d+)'(?:, GTID of the last change '([^']*)')?")
_VARIABLES = """
SELECT @@datadir, @@innodb_data_file_path, @@innodb_undo_tablespaces, @@log_bin,
  CONCAT_WS(',', @@innodb_encrypt_tables, @@innodb_encrypt_log, @@aria_encrypt_tables);
"""


class PhysicalSession:
    """One physical backup in the making: a single producer. `close` ends the watch and lets go of the secret.

    Raises FilesNotCopied, AccessDenied with the exact GRANT statement, ProgramMissing, and what `survey.take` raises.
    """

    def __init__(
        self,
        asset: MariadbAsset,
        client: Client,
        scratch: Path,
        *,
        lock_bound_seconds: float = LOCK_BOUND_SECONDS,
        lock_poll_seconds: float = LOCK_POLL_SECONDS,
    ) -> None:
        self.asset = asset
        self.client = client
        self._scratch = scratch
        self._bounds = (lock_bound_seconds, lock_poll_seconds)
        self._watch: LockWatch | None = None
        self._position: dict[str, Any] = {}
        self._given = False
        self._socket = _local_socket(asset)
        self._seen = survey.take(client, asset)
        tool = tool_version()
        require_series(asset.name, "mariadb-backup", tool, self._seen.version)
        ((folder, data_file_path, undo, log_bin, encrypted),) = client.query(_VARIABLES)
        self._require_rights(log_bin == "1")
        data = Path(folder)
        require_files(asset.name, data, self._socket)
        _require_inside(asset.name, data, data_file_path)
        if set(encrypted.split(",")) - {"OFF", "0"}:
            raise FilesNotCopied(
                asset=asset.name,
                detail="its tables are encrypted with keys that are not in them",
                remedy="Keep to logical backups of this server: they are encrypted to the plan's recipients.",
            )
        self.source = Source(
            engine="mariadb",
            version=self._seen.version,
            identity=self._seen.identity,
            estimated_bytes=data_bytes(data),
            details={
                "databases": [database.name for database in self._seen.databases],
                "whole_server": True,
                "server_version": self._seen.version,
                "tool_version": tool,
                "lower_case_table_names": self._seen.lower_case_table_names,
                "page_size_bytes": self._seen.page_size_bytes,
                "data_file_path": data_file_path,
                "undo_tablespaces": int(undo),
            },
            warnings=client.warnings,
        )

    def next_producer(self) -> Producer | None:
        """The one stream `server`, then None."""
        if self._given:
            return None
        self._given = True
        target = self._scratch / "mariadb-backup"
        target.mkdir(mode=0o700)
        # Its own --ftwrl-wait-timeout also gives up on any SELECT that runs longer, though that blocks nothing (seen on
        # 10.11.19); the watch ends it only when it really waits for a lock.
        self._watch = LockWatch(self.client, *self._bounds)
        self._watch.start()
        return Producer(
            stream=STREAM,
            media=MEDIA,
            argv=(
                "mariadb-backup", self.client.defaults, "--backup", f"--stream={MEDIA}", f"--parallel={PARALLEL}",
                "--protocol=SOCKET", f"--socket={self._socket}", *self._user(),
                f"--target-dir={target}", f"--tmpdir={target}",
            ),
            finish=self._finished,
            pass_fds=self.client.pass_fds,
            on_stderr=self._note,
        )  # fmt: skip

    def close(self) -> None:
        """End what still runs beside the copy."""
        self._end_watch()
        self.client.close()

    def _user(self) -> tuple[str, ...]:
        return () if self.asset.connect.credentials is not None else (f"--user={getpass.getuser()}",)

    def _require_rights(self, binary_log: bool) -> None:  # noqa: FBT001 -- private
        lacking = privileges.missing_for_copy(self._seen.grants, self._seen.account, binary_log=binary_log)
        self.client.grants = lacking
        if lacking:
            detail = f"the account {self._seen.account} may not copy the server's files"
            raise faults.access_denied(self.asset.name, detail, lacking)

    def _note(self, line: bytes) -> None:
        found = _POSITION.search(line.decode(errors="replace"))
        if found is not None:
            self._position = {"file": found[1], "position": int(found[2]), "gtid": found[3] or ""}

    def _finished(self, code: int, stderr: str) -> Finished:
        watch = self._end_watch()
        fault = physical_faults.from_backup(
            self.asset.name,
            self.client.hide(stderr),
            code=code,
            grants=self.client.grants,
            blocked=None if watch is None else watch.blocked,
        )
        if fault is not None:
            raise fault
        schemas = {each.name: (each.character_set, each.collation) for each in self._seen.databases}
        after = survey.describe(self.client, schemas, numbers=False)
        common = [common_details(before, after[before.name]) for before in self._seen.databases]
        return Finished(details={"databases": common, "binary_log": self._position})

    def _end_watch(self) -> LockWatch | None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.stop()
        return watch


def common_details(before: survey.Database, after: survey.Database) -> dict[str, Any]:
    """What a restore may expect of a database: what stood there both before and after the copy was made."""
    first, second = before.details(), after.details()
    now = {table["name"]: table for table in second["tables"]}
    tables = [
        table | {"rows_estimated": min(table["rows_estimated"], now[table["name"]]["rows_estimated"])}
        for table in first["tables"]
        if table["name"] in now
    ]
    objects = {kind: count for kind, count in first["objects"].items() if second["objects"][kind] == count}
    return first | {"tables": tables, "objects": objects}


def tool_version() -> str:
    """`10.11.19`: of the mariadb-backup of this machine. Raises ProgramMissing."""
    done = process.run(["mariadb-backup", "--version"], deadline_seconds=60)
    found = _SERIES.search(done.stderr + done.stdout.decode(errors="replace"))
    return found[0] if found else "unknown"


def series(version: str) -> str:
    """`10.11` of `10.11.19-MariaDB`: what may open each other's files."""
    found = _SERIES.search(version)
    return found[1] if found else version


def require_series(asset: str, program: str, version: str, server: str) -> None:
    """Raises FilesNotCopied unless the program is of the server's release series, and not older than the server."""
    tool, wanted = _SERIES.search(version), _SERIES.search(server)
    if tool is None or wanted is None or tool[1] != wanted[1] or int(tool[2]) < int(wanted[2]):
        raise FilesNotCopied(
            asset=asset,
            detail=f"`{program}` is {version} and the server {server.partition('-')[0]}",
            remedy=f"Install the server's own release of it: `apt-get install mariadb-backup` (or `{program}` "
            f"{server.partition('-')[0]} from where the server came).",
        )


def require_files(asset: str, data: Path, path: str) -> None:
    """Raises FilesNotCopied unless the server behind the socket `path` keeps its files in `data` and we may read
    them."""
    readable = os.access(data, os.R_OK | os.X_OK, effective_ids=True)
    if not readable or not all(os.access(each, os.R_OK, effective_ids=True) for each in data.glob("ib*")):
        raise FilesNotCopied(
            asset=asset,
            detail=f"{data} cannot be read by {getpass.getuser()}",
            remedy="Run Intendance on the server's own machine as root or as the user who owns that folder.",
        )
    if _works_elsewhere(path, data):
        raise FilesNotCopied(
            asset=asset,
            detail=f"the server behind {path} does not keep its files in {data} as this machine sees it",
            remedy="Run Intendance where the server runs (inside its container), or keep to logical backups.",
        )


def data_bytes(data: Path) -> int:
    """The size of what will be copied, before compression: tables and system tablespaces, no binary logs."""
    total = 0
    for folder in (data, *(each for each in data.iterdir() if each.is_dir())):
        for each in folder.iterdir():
            if each.suffix in _DATA or each.name.startswith(("ibdata", "undo", "ib_logfile", "aria_log")):
                total += _size(each)
    return total


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # dropped meanwhile
        return 0


def _local_socket(asset: MariadbAsset) -> str:
    if asset.connect.socket is None:
        raise FilesNotCopied(
            asset=asset.name,
            detail="the plan reaches the server by host and port, and its files must be on this machine",
            remedy="Write `socket:` instead of `host:` for a server of this machine, or keep to logical backups.",
        )
    return asset.connect.socket


def _require_inside(asset: str, data: Path, data_file_path: str) -> None:
    """A table kept elsewhere (DATA DIRECTORY) is copied with a link to its first place: a restored server would open
    the *original* file."""
    linked = sorted(f"{each.parent.name}.{each.stem}" for each in data.glob("*/*.isl"))
    if linked or "/" in data_file_path:
        what = ", ".join(linked[:8]) if linked else data_file_path
        raise FilesNotCopied(
            asset=asset,
            detail=f"some of its tables are kept outside of {data}: {what}",
            remedy="Make them anew without DATA DIRECTORY, or keep to logical backups.",
        )


def _works_elsewhere(path: str, data: Path) -> bool:
    """Whether the process that listens on a Unix socket surely works in another folder than `data`: mariadbd's working
    directory is its data directory. False where the system does not let us see."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(path)
        packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, _, _ = struct.unpack("3i", packed)
    try:
        there = Path(f"/proc/{pid}/cwd").stat()
    except OSError:
        return False
    here = data.stat()
    return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)


def server_options(details: Mapping[str, Any]) -> tuple[str, ...]:
    """The options of mariadbd without which it does not open the files of that set."""
    options = [
        f"--innodb-page-size={int(details['page_size_bytes'])}",
        f"--lower-case-table-names={int(details['lower_case_table_names'])}",
    ]
    path = str(details["data_file_path"])
    if re.fullmatch(r"[A-Za-z0-9_:;.]+", path):
        options.append(f"--innodb-data-file-path={path}")
    if details["undo_tablespaces"]:
        options.append(f"--innodb-undo-tablespaces={int(details['undo_tablespaces'])}")
    return tuple(options)
