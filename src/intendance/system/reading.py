"""Reading where nothing can be written: whether a folder takes writes, and a SQLite database in one that does not."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

_LEAST_FREE_BYTES = 65_536
"""With less, SQLite cannot even make the 32 KiB index that lies beside a write-ahead log."""

_BUSY_SECONDS = 30


def refused_writing(folder: Path) -> OSError | None:
    """What the system would say to a write below an existing folder; None when it would take it.

    Raises OSError when the folder cannot be looked at.
    """
    found = os.statvfs(folder)
    free = found.f_frsize * (found.f_bfree if os.geteuid() == 0 else found.f_bavail)
    if found.f_flag & os.ST_RDONLY:
        number = errno.EROFS
    elif not os.access(folder, os.W_OK):
        number = errno.EACCES
    elif free < _LEAST_FREE_BYTES:
        number = errno.ENOSPC
    else:
        return None
    return OSError(number, os.strerror(number), str(folder))


def connect_for_reading(database: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    """A connection that sees all that was committed, and writes nothing into the database's folder if it takes no
    writes. Raises sqlite3.Error, OSError.

    In write-ahead mode SQLite needs the log's index (`-shm`), and makes it where it is missing. Where it cannot and
    there is no log (`-wal`), the database file is whole and read as it is (`immutable`). Where there is one, the last
    commits may be in the log only: both are copied into memory and joined there.
    """
    address = f"{database.absolute().as_uri()}?mode=ro"
    try:
        return _tried(_connect(address, any_thread))
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_FULL")):
            raise
    log = database.with_name(f"{database.name}-wal")
    if log.exists() and log.stat().st_size:
        return _joined(database, log, any_thread)
    return _tried(_connect(f"{address}&immutable=1", any_thread))


def _connect(address: str, any_thread: bool) -> sqlite3.Connection:  # noqa: FBT001 -- private
    return sqlite3.connect(
        address, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=not any_thread
    )


def _tried(connection: sqlite3.Connection) -> sqlite3.Connection:
    """The connection, once it has read something: until then SQLite opens nothing."""
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _joined(database: Path, log: Path, any_thread: bool) -> sqlite3.Connection:  # noqa: FBT001 -- private
    """The database with its log, as a copy that has no name any more and goes with the connection."""
    import shutil  # for the rarest of cases: they take longer to import than most of the others to read
    import tempfile

    places = (Path("/dev/shm"), Path(tempfile.gettempdir()))  # noqa: S108 -- a folder of our own is made there
    wanted = sum(file.stat().st_size for file in (database, log))
    place = next((each for each in places if _room(each) > 2 * wanted), places[-1])
    with tempfile.TemporaryDirectory(prefix="intendance-", dir=place) as folder:
        before = _marks(database, log)
        for file in (database, log):
            shutil.copyfile(file, Path(folder) / file.name)
        if _marks(database, log) != before:
            raise OSError(errno.EBUSY, "it is being written elsewhere", str(database))
        connection = _connect((Path(folder) / database.name).absolute().as_uri(), any_thread)
        try:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA query_only = ON")
        except BaseException:
            connection.close()
            raise
        return connection


def _room(place: Path) -> int:
    try:
        found = os.statvfs(place)
    except OSError:
        return 0
    return found.f_frsize * found.f_bavail if os.access(place, os.W_OK) else 0


def _marks(*files: Path) -> list[tuple[int, int, int]]:
    return [(found.st_ino, found.st_size, found.st_mtime_ns) for found in (file.stat() for file in files)]
