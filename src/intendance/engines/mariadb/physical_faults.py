"""What mariadb-backup says when it fails, as errors that a person can act on. Pure.

The sentences are those of mariadb-backup 10.11 (`extra/mariabackup`), each seen on 10.11.19. It prints the account's
grants with the hash of its password beside some of them, so that only lines known to be harmless are ever repeated.
"""

from __future__ import annotations

import re

from intendance.engines.mariadb import faults
from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import EngineFailed, RedoOverrun, SourceBusy, SourceUnreachable

COMPLETED = "completed OK!"
"""The last thing that mariadb-backup says when all went well; an exit code of 0 alone is not enough."""

_STAMP = re.compile(r"^(?:\[\d+\] )?(?:FATAL ERROR: )?(?:\d{4}-\d\d-\d\d +\d+:\d\d:\d\d )?(?:\d+ )?(?:\[ERROR\] )?")
_TELLING = re.compile(
    r"FATAL ERROR|\[ERROR\]|\bError\b|\b[Ff]ailed\b|\bcannot\b|[Cc]an't|Unable|No space left|unsupported"
)
_SECRET = re.compile(r"IDENTIFIED|GRANT ", re.IGNORECASE)
_OVERRUN = re.compile(
    r"Was only able to copy log from (\d+) to (\d+), not (\d+)|Try increasing the innodb_log_file_size"
)
_UNREACHABLE = re.compile(r"Failed to connect|Lost connection|gone away|Can't connect")
_DENIED = re.compile(r"missing required privilege|Access denied")


def completed(code: int, stderr: str) -> bool:
    """Whether mariadb-backup ended well, by its exit code and by its last word."""
    return code == 0 and stderr.rstrip().endswith(COMPLETED)


def sentence_of(stderr: str) -> str:
    """What it said of its failure, on one line of at most 400 characters."""
    lines = [line for line in stderr.splitlines() if not _SECRET.search(line)]
    telling = [_STAMP.sub("", line.strip()) for line in lines if _TELLING.search(line)]
    said = "; ".join(telling[-3:]) or (_STAMP.sub("", lines[-1].strip()) if lines else "it said nothing")
    return " ".join(said.split())[:400].rstrip(". ")


def from_backup(
    asset: str, stderr: str, *, code: int, grants: tuple[str, ...] = (), blocked: str | None = None
) -> IntendanceError | None:
    """The error of a backup that did not end well, or None. `blocked` is what the lock watch cut short."""
    if completed(code, stderr):
        return None
    if blocked is not None:
        return SourceBusy(asset=asset, detail=blocked)
    if _OVERRUN.search(stderr):
        return RedoOverrun(asset=asset)
    said = sentence_of(stderr)
    if _DENIED.search(stderr):
        return faults.access_denied(asset, said, grants)
    if _UNREACHABLE.search(stderr):
        return SourceUnreachable(asset=asset, detail=said)
    if code == 0:
        said = f"mariadb-backup ended without saying `{COMPLETED}`"
    elif code < 0:
        said = f"mariadb-backup was ended by signal {-code}"
    return EngineFailed(asset=asset, detail=said + ".")
