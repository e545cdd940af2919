"""What the child program says when it fails, as an error of the house."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intendance.model.errors import IntendanceError
from intendance.model.errors.engine import (
    AccessDenied,
    DatabaseDamaged,
    DatabaseLocked,
    EngineFailed,
    MemoryShort,
    SourceMissing,
)

_AS_OWNER = "Run Intendance as root, which then reads as the file's owner, or as that owner."
_FOLDER = (
    "Let the file's owner read and write it and its folder: SQLite makes its -wal, -shm and -journal there, also for"
    " reading."
)
_RECOVER = "Make its folder writable for the file's owner: what a writer left half-done must be taken back first."
_MAKERS: dict[str, Callable[[str, str], IntendanceError]] = {
    "missing": lambda asset, detail: SourceMissing(asset=asset, detail=detail),
    "empty": lambda asset, detail: SourceMissing(asset=asset, detail=detail),
    "foreign": lambda asset, detail: DatabaseDamaged(asset=asset, detail=detail),
    "damaged": lambda asset, detail: DatabaseDamaged(asset=asset, detail=detail),
    "locked": lambda asset, detail: DatabaseLocked(asset=asset, detail=detail),
    "memory": lambda asset, detail: MemoryShort(asset=asset, detail=detail),
    "stranger": lambda asset, detail: AccessDenied(asset=asset, detail=detail, remedy=_AS_OWNER),
    "closed": lambda asset, detail: AccessDenied(asset=asset, detail=detail, remedy=_FOLDER),
    "unrecovered": lambda asset, detail: AccessDenied(asset=asset, detail=detail, remedy=_RECOVER),
}


def argv(command: str, *arguments: str) -> tuple[str, ...]:
    """The child program, isolated from whatever Python packages and variables stand around."""
    return (sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name("child.py")), command, *arguments)


def answer(line: str | bytes) -> dict[str, Any]:
    """A line of the child's, or nothing where the line is not its own."""
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def said_in(stderr: str) -> tuple[str, str]:
    """The child's fault and its detail, or what else it said."""
    for line in reversed(stderr.splitlines()):
        said = answer(line)
        if "error" in said:
            return str(said["error"]), str(said["detail"]).rstrip(".")
    return "failed", stderr.rstrip(".") or "it did not say why"


def failure(asset: str, code: int, stderr: str) -> IntendanceError:
    """Why the child ended with another code than 0."""
    if code < 0:
        return EngineFailed(asset=asset, detail=f"the reading process was ended by signal {-code}.")
    error, detail = said_in(stderr)
    maker = _MAKERS.get(error)
    return EngineFailed(asset=asset, detail=f"{detail}.") if maker is None else maker(asset, detail)
