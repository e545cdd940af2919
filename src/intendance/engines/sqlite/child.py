"""The program that touches a SQLite file: `python child.py look|copy|load|check|keep|replace|survey …`.

It needs the standard library only.

As root it becomes the file's owner before it opens anything: a `-wal` or `-shm` that belonged to root would stop the
site. It is a process of its own also because closing any descriptor of a file drops the locks that the same process
holds on it ("How To Corrupt An SQLite Database File", section 2.2). Nothing is imported once it is somebody else:
Python's own folder may be closed to them.

On failure it ends with code 3 and one line of JSON on standard error: `{"error": …, "detail": …}`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pwd
import signal
import sqlite3
import stat
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

HEADER = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat2.html, section 1.3
HEADER_BYTES = 100
FAULT = 3
SPARE_PERCENT = 15
PROBLEMS_LISTED = 10
PIECE_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1
_WAL_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24  # file format, section 4.1
_ENCODINGS = {1: "UTF-8", 2: "UTF-16le", 3: "UTF-16be"}
# Rows that break a promise of the schema are what the application stored: the copy of them is right.
_STORED_SO = ("CHECK constraint failed", "NULL value in", "NUMERIC value in", "TEXT value in", "non-")
_WRONG_INDEX = "non-unique entry in index"
_FAULTS = {
    "SQLITE_BUSY": "locked", "SQLITE_LOCKED": "locked", "SQLITE_CORRUPT": "damaged", "SQLITE_NOTADB": "foreign",
    "SQLITE_FULL": "memory", "SQLITE_READONLY": "unrecovered",
    "SQLITE_IOERR_DELETE": "unrecovered", "SQLITE_CANTOPEN": "closed", "SQLITE_PERM": "closed",
}  # fmt: skip


class Fault(Exception):
    """What stops this program, by a word that its parent knows."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(error, detail)
        self.error, self.detail = error, detail


def main(arguments: list[str]) -> None:
    """Perform one command; its answer is one line of JSON, for `copy` on standard error."""
    try:
        _COMMANDS[arguments[0]](*arguments[1:])
    except Fault as fault:
        _fail(fault.error, fault.detail)
    except sqlite3.Error as error:
        _fail(_fault_of(error), str(error))
    except BrokenPipeError:
        _fail("broken", "nobody reads the copy any more")
    except OSError as error:
        _fail("closed" if isinstance(error, PermissionError) else "failed", error.strerror or str(error))


def look(path: str, folder: str = "") -> None:
    """Print what the header says, without reading the content; with `folder`, only if a copy has room there."""
    _become_owner(path)
    found = describe(path)
    if folder:
        _require_memory(folder, int(found["change_mark"]["file_bytes"]))
    sys.stdout.write(json.dumps(found))


def copy(path: str, busy_seconds: str, folder: str) -> None:
    """Write a consistent copy to standard output, once it was found whole. It stands in memory meanwhile."""
    _become_owner(path)
    before = describe(path)
    with _in_memory(folder, int(before["change_mark"]["file_bytes"])) as (into, checked, descriptor):
        if before["journal"] == "rollback":
            _warm(path)  # writers wait while pages are copied: let these come from memory
        with closing(_open(f"file:{quote(path)}?mode=rw", float(busy_seconds))) as source:
            source.execute("PRAGMA query_only = ON")
            source.execute("BEGIN")
            source.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()  # from here on, one instant
            _require_room(folder, int(source.execute("PRAGMA page_count").fetchone()[0]) * before["page_size"])
            source.backup(into)
        versions = os.pread(descriptor, 2, 18)
        os.pwrite(descriptor, b"\1\1", 18)  # else opening the copy would look for a -wal of its own
        found = examine(checked)
        os.pwrite(descriptor, versions, 18)
        found |= {"copy_bytes": os.fstat(descriptor).st_size, "change_mark": before["change_mark"]}
        sys.stderr.write(json.dumps({"found": found}) + "\n")
        sys.stderr.flush()
        _send(descriptor)


def load(path: str) -> None:
    """Write standard input into an empty file and see that it is a whole database."""
    received = 0
    with open(path, "r+b", buffering=0) as target:
        while piece := sys.stdin.buffer.read(PIECE_BYTES):
            view = memoryview(piece)
            while view:
                view = view[target.write(view) :]
            received += len(piece)
        os.fsync(target.fileno())
        header = os.pread(target.fileno(), HEADER_BYTES, 0)
    if len(header) < HEADER_BYTES or not header.startswith(HEADER):
        raise Fault("foreign", "what came is no SQLite database")
    wanted = _page_size(header) * int.from_bytes(header[28:32], "big")
    if received != wanted:
        raise Fault("damaged", f"{received} bytes came instead of {wanted}")


def check(path: str) -> None:
    """Print what a restored copy holds, leaving nothing beside it."""
    with closing(_open(f"file:{quote(path)}?mode=ro&immutable=1", 0)) as connection:
        sys.stdout.write(json.dumps(examine(connection)))


def keep(path: str, target: str, busy_seconds: str) -> None:
    """Copy a database that may be in use into a new file, as its owner; what it holds is not judged."""
    _become_owner(path)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    with closing(_open(f"file:{quote(path)}?mode=rw", float(busy_seconds))) as source:
        source.execute("PRAGMA query_only = ON")
        with closing(_open(f"file:{quote(target)}?mode=rw", 0)) as into:
            source.backup(into)
    sys.stdout.write("{}")


def replace(path: str, source: str, busy_seconds: str) -> None:
    """Make a database that may be in use what another file holds, in one transaction of SQLite's own."""
    _become_owner(path)
    with closing(_open(f"file:{quote(path)}?mode=rw", float(busy_seconds))) as target:
        target.execute("PRAGMA synchronous = EXTRA")
        target.execute("BEGIN IMMEDIATE")  # waits for writers as long as is allowed; the copy itself would for ever
        target.execute("ROLLBACK")
        with closing(_open(f"file:{quote(source)}?mode=ro&immutable=1", 0)) as restored:
            restored.backup(target)
        sys.stdout.write(json.dumps(examine(target)))


def survey(path: str, busy_seconds: str) -> None:
    """Print what a database in use holds."""
    _become_owner(path)
    with closing(_open(f"file:{quote(path)}?mode=rw", float(busy_seconds))) as connection:
        connection.execute("PRAGMA query_only = ON")
        sys.stdout.write(json.dumps(examine(connection)))


_COMMANDS: dict[str, Callable[..., None]] = {
    "look": look, "copy": copy, "load": load, "check": check, "keep": keep, "replace": replace, "survey": survey,
}  # fmt: skip


def describe(path: str) -> dict[str, Any]:
    """The header and the change mark. Raises Fault."""
    header = _beginning(path, HEADER_BYTES)
    if not header:
        raise Fault("empty", "the file is empty (0 bytes): nothing was ever written to it")
    if len(header) < HEADER_BYTES or not header.startswith(HEADER):
        raise Fault("foreign", "the file is not a SQLite database, or it is encrypted")
    page_size = _page_size(header)
    if page_size < 512 or page_size & (page_size - 1):
        raise Fault("damaged", f"its header names pages of {page_size} bytes")
    counter, pages = struct.unpack(">II", header[24:32])
    status = os.stat(path)
    return {
        "page_size": page_size,
        "journal": "wal" if header[19] == 2 else "rollback",
        "encoding": _ENCODINGS.get(int.from_bytes(header[56:60], "big"), "none yet"),
        "user_version": int.from_bytes(header[60:64], "big", signed=True),
        "application_id": int.from_bytes(header[68:72], "big", signed=True),
        "written_by": int.from_bytes(header[96:100], "big"),
        # In WAL mode the header may stay as it is while pages change, and the -wal is gone once nobody has the database
        # open: only the file's own inode and time of change tell then.
        "change_mark": {
            "file_bytes": status.st_size,
            "change_counter": counter,
            "pages": pages,
            "inode": f"{status.st_ino:x}",  # 64 bits, more than a manifest's integers have
            "changed_us": status.st_ctime_ns // 1000,
        }
        | _wal_mark(f"{path}-wal", page_size),
    }


def examine(connection: sqlite3.Connection) -> dict[str, Any]:
    """SQLite's own check of every page and index, and the rows of each table. Raises Fault for a damaged database."""
    warnings = _integrity(connection)
    names = connection.execute("SELECT type, name, rootpage FROM sqlite_master ORDER BY type, name").fetchall()
    tables = []
    for kind, name, rootpage in names:
        if kind == "table" and rootpage and not name.startswith("sqlite_"):
            quoted = '"' + name.replace('"', '""') + '"'
            try:
                rows = connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]  # noqa: S608 -- quoted
            except sqlite3.OperationalError as error:
                warnings.append(f"the rows of {name} could not be counted: {error}")
                continue
            tables.append({"name": name, "rows": rows})
    kinds = [kind for kind, _, _ in names]
    return {
        "tables": tables,
        "objects": {
            "indexes": kinds.count("index"),
            "triggers": kinds.count("trigger"),
            "views": kinds.count("view"),
            "virtual_tables": sum(kind == "table" and not rootpage for kind, _, rootpage in names),
        },
        "warnings": warnings,
    }


def _integrity(connection: sqlite3.Connection) -> list[str]:
    try:
        said = [str(row[0]) for row in connection.execute(f"PRAGMA integrity_check({PROBLEMS_LISTED})")]
    except sqlite3.OperationalError as error:  # a function, collation or module of the application, unknown here
        return [f"its integrity could not be checked, because it needs what only the application has: {error}"]
    problems = [line for line in said if line != "ok"]
    stored_so = [line for line in problems if line.startswith(_STORED_SO) and not line.startswith(_WRONG_INDEX)]
    if damage := [line for line in problems if line not in stored_so]:
        raise Fault("damaged", "; ".join(line.replace("\n", " ") for line in damage))
    return stored_so


def _open(uri: str, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=busy_seconds, isolation_level=None)
    connection.text_factory = lambda raw: raw.decode("utf-8", errors="replace")
    for pragma in ("temp_store = MEMORY", "trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


@contextlib.contextmanager
def _in_memory(folder: str, need_bytes: int) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection, int]]:
    """A file without a name on a file system in memory, opened for writing, for checking and for sending."""
    _require_memory(folder, need_bytes)
    private = tempfile.mkdtemp(prefix="intendance-", dir=folder)
    path = f"{private}/copy"
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            stack.callback(os.close, descriptor)
            into = stack.enter_context(closing(_open(f"file:{path}?mode=rw", 0)))
            checked = stack.enter_context(closing(_open(f"file:{path}?mode=ro", 0)))
        finally:  # from here on it is gone when this process is, however that ends
            Path(path).unlink(missing_ok=True)
            Path(private).rmdir()
        into.execute("PRAGMA journal_mode = OFF")
        into.execute("PRAGMA synchronous = OFF")
        yield into, checked, descriptor


def _require_memory(folder: str, need_bytes: int) -> None:
    if _file_system(folder) not in ("tmpfs", "ramfs"):
        raise Fault("memory", f"{folder} is not a file system in memory")
    _require_room(folder, need_bytes)


def _require_room(folder: str, need_bytes: int) -> None:
    space = os.statvfs(folder)
    free = min(space.f_bavail * space.f_frsize, *_memory_left())
    if need_bytes * (100 + SPARE_PERCENT) // 100 > free:
        raise Fault("memory", f"its copy takes {_size(need_bytes)} of memory, and {folder} can take {_size(free)}")


def _memory_left() -> Iterator[int]:
    """What the machine can still give, and what this process's control group allows, in bytes."""
    with open("/proc/meminfo", encoding="utf-8") as lines:
        yield next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    with contextlib.suppress(OSError, ValueError, StopIteration):
        with open("/proc/self/cgroup", encoding="utf-8") as lines:
            group = next(line.strip()[4:] for line in lines if line.startswith("0::/"))
        place = f"/sys/fs/cgroup/{group}"
        with (
            open(f"{place}/memory.max", encoding="utf-8") as limit,
            open(f"{place}/memory.current", encoding="utf-8") as used,
        ):
            yield int(limit.read()) - int(used.read())


def _file_system(folder: str) -> str:
    """The type of the file system that holds a folder."""
    best, found = "", ""
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            _, place, kind, *_ = line.split(" ")
            if (folder + "/").startswith(place.rstrip("/") + "/") and len(place) >= len(best):
                best, found = place, kind
    return found


def _send(descriptor: int) -> None:
    size, sent = os.fstat(descriptor).st_size, 0
    while sent < size:
        sent += os.sendfile(sys.stdout.fileno(), descriptor, sent, size - sent)


def _warm(path: str) -> None:
    with open(path, "rb", buffering=0) as source:
        while source.read(PIECE_BYTES):
            pass


def _wal_mark(path: str, page_size: int) -> dict[str, Any]:
    """Size, salt and frames of a -wal: in WAL mode nothing else moves when something is committed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return {"wal_bytes": 0, "wal_frames": 0, "wal_salt": ""}
    try:
        size = os.fstat(descriptor).st_size
        salt = os.pread(descriptor, _WAL_HEADER_BYTES, 0)[16:24]
        frames, step = 0, _FRAME_HEADER_BYTES + page_size
        for offset in range(_WAL_HEADER_BYTES, size - step + 1, step):
            if os.pread(descriptor, _FRAME_HEADER_BYTES, offset)[8:16] != salt:
                break  # left over from before the last restart of the log
            frames += 1
        return {"wal_bytes": size, "wal_frames": frames, "wal_salt": salt.hex()}
    finally:
        os.close(descriptor)


def _beginning(path: str, count: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, count, 0)
    finally:
        os.close(descriptor)


def _page_size(header: bytes) -> int:
    written = int.from_bytes(header[16:18], "big")
    return 65_536 if written == 1 else written


def _become_owner(path: str) -> None:
    """Go on as the file's owner. Raises Fault when it is not there, or belongs to somebody else than this user."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise Fault("missing", f"there is no file {path}") from None
    if not stat.S_ISREG(found.st_mode):
        raise Fault("missing", f"{path} is not a file")
    owner, group, me = found.st_uid, found.st_gid, os.geteuid()
    if owner == me:
        return
    if me != 0:
        raise Fault("stranger", f"{path} belongs to {_name(owner)}, and this is {_name(me)}")
    parent = os.getppid()
    if (name := _name(owner)).startswith("user "):
        os.setgroups([group])
    else:
        os.initgroups(name, group)
    os.setresgid(group, group, group)
    os.setresuid(owner, owner, owner)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # the kernel forgot it with the change of user
    if os.getppid() != parent:
        raise Fault("broken", "the process that asked for this ended")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _fault_of(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    return next((fault for prefix, fault in _FAULTS.items() if name.startswith(prefix)), "failed")


def _size(count: int) -> str:
    return f"{max(count, 0) / 2**20:.1f} MiB"


def _fail(error: str, detail: str) -> NoReturn:
    sys.stderr.write(json.dumps({"error": error, "detail": detail}) + "\n")
    sys.stderr.flush()
    os._exit(FAULT)


if __name__ == "__main__":
    main(sys.argv[1:])
