"""A secret, read where the plan says it is, at the moment it is needed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from intendance.model.errors import IntendanceError
from intendance.model.errors.process import ProgramFailed
from intendance.model.secret import HOME, SecretReference
from intendance.system import process

_LIMIT_BYTES = 64 << 10
_COMMAND_SECONDS = 30


class SecretUnusable(Exception):
    """Why a secret cannot be had, never repeating it, and what mends that; whoever needs it says for what."""

    def __init__(self, *, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy


def read_secret(reference: SecretReference) -> str:
    """The text that a file, a variable or a program gives. Raises SecretUnusable."""
    if reference.file is not None:
        return _file(path_of(reference.file))
    if reference.env is not None:
        value = os.environ.get(reference.env)
        if not value:
            raise SecretUnusable(
                detail=f"the environment variable {reference.env} is not set",
                remedy=f"Set {reference.env} where Intendance runs.",
            )
        return value
    return _printed(reference.command or ("false",))


def path_of(file: str) -> Path:
    """Where a secret's file is for whoever asks: `~/` is their home. Raises SecretUnusable where they have none."""
    try:
        return Path(file).expanduser() if file.startswith(HOME) else Path(file)
    except RuntimeError:
        raise SecretUnusable(
            detail=f"{file}: who runs Intendance has no home folder", remedy="Write the file's whole path in the plan."
        ) from None


def _file(path: Path) -> str:
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(_LIMIT_BYTES)
    except OSError as failure:
        raise SecretUnusable(
            detail=f"{path}: {(failure.strerror or str(failure)).lower()}",
            remedy=f"Write {path}, readable by who runs Intendance and nobody else.",
        ) from None
    if not stat.S_ISREG(mode) or mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        raise SecretUnusable(
            detail=f"{path} is open to others than its owner",
            remedy=f"Close it: `chmod 600 {path}`. If others could log in here, change the secret too.",
        )
    return content.decode("utf-8", errors="replace")


def _printed(command: tuple[str, ...]) -> str:
    remedy = "Run that command by hand to see why; it must print the credentials."
    try:
        done = process.run(command, deadline_seconds=_COMMAND_SECONDS)
    except ProgramFailed as failure:  # what it said may be the secret: not repeated
        detail = f"the command {command[0]} that gives them ended with code {failure.params['code']}"
        raise SecretUnusable(detail=detail, remedy=remedy) from None
    except IntendanceError as failure:
        raise SecretUnusable(detail=failure.message.rstrip("."), remedy=remedy) from None
    return done.stdout.decode("utf-8", errors="replace")
