"""A drill of a SQLite database: written and looked at by a program in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import file_digest
from typing import Any

from intendance.engines import Consumer, StreamInSet
from intendance.engines.sqlite.write import WriteSession
from intendance.model.errors import InternalError
from intendance.model.evidence.restore import Check
from intendance.model.plan import SqliteAsset
from intendance.system.sandbox import Sandbox


class DatabaseRehearsal(WriteSession):
    """A database file in the sandbox."""

    def __init__(self, streams: Sequence[StreamInSet], into: str, sandbox: Sandbox) -> None:
        super().__init__(SqliteAsset(name="drill", path="/nonexistent", backup=None), streams, into)
        self._sandbox = sandbox

    def prepare(self) -> None:
        """Create the file and give it to the user of the sandbox."""
        super().prepare()
        self._sandbox.own(self._folder.place, self._copy)

    def consumers(self) -> Sequence[Consumer]:
        """The program that writes the file."""
        return tuple(replace(each, argv=self._within(each.argv)) for each in super().consumers())

    def _within(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        return self._sandbox.argv(argv)

    def content(self) -> Mapping[str, str]:
        """The hash of the file."""
        with self._copy.open("rb") as source:
            return {"database": file_digest(source, "sha256").hexdigest()}

    def ask(self, sql: str, point_time: str, deadline_seconds: int) -> str | None:
        """The plan asks nothing of these."""
        raise InternalError(detail=f"{sql} {point_time} {deadline_seconds}")

    def holds(self, name: str) -> Check:
        """A database holds no files."""
        return Check(name=f"holds {name}", ok=False, found="it is a database")


def open_rehearsal(
    streams: Sequence[StreamInSet],
    details: Mapping[str, Any],  # noqa: ARG001 -- the streams say enough
    into: str,
    sandbox: Sandbox,
    *,
    by_hand: bool,  # noqa: ARG001 -- the file is written the same way
) -> DatabaseRehearsal:
    """A rehearsal of a SQLite database."""
    return DatabaseRehearsal(streams, into, sandbox)
