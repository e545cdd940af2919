"""What a drill needs of an engine: a restore into a sandbox, asked afterwards what stands there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol, cast

from intendance.engines import RestoreSession, StreamInSet
from intendance.model.errors import InternalError
from intendance.model.evidence.restore import Check
from intendance.system.sandbox import Sandbox


class Rehearsal(RestoreSession, Protocol):
    """A restore whose programs run in a sandbox, and which is never published."""

    def content(self) -> Mapping[str, str]:
        """What came back, by name of the thing: two restores of one set give the same."""

    def ask(self, sql: str, point_time: str, deadline_seconds: int) -> str | None:
        """The one value that a question gives, None for NULL. Raises QuestionRefused."""

    def holds(self, name: str) -> Check:
        """Whether a file is there and not empty."""


class RehearsalFactory(Protocol):
    """Opens a rehearsal of a set's streams in the new folder `into` of a sandbox.

    `by_hand`: with the programs that somebody uses who has no Intendance. Raises DestinationUnusable.
    """

    def __call__(
        self, streams: Sequence[StreamInSet], details: Mapping[str, Any], into: str, sandbox: Sandbox, *, by_hand: bool
    ) -> Rehearsal: ...


REHEARSALS: Mapping[str, str] = MappingProxyType(
    {
        "mariadb": "intendance.engines.mariadb.rehearsal",
        "files": "intendance.engines.files.rehearsal",
        "sqlite": "intendance.engines.sqlite.rehearsal",
    }
)


def rehearse(engine: str) -> RehearsalFactory:
    """The factory for sets of an engine; its module is imported only now. Raises InternalError."""
    path = REHEARSALS.get(engine)
    if path is None:
        raise InternalError(detail=f"{engine!r}")
    return cast(RehearsalFactory, import_module(path).open_rehearsal)
