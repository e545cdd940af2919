"""What a web server's configuration says, as Apache and nginx alike: folders, names, certificates, logs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from intendance.model.frozen import dataclass

Read = Callable[[str], Sequence[str]]
"""The texts of the files that a pattern names, in order."""

DEEPEST = 10
"""Inclusions within inclusions; more is a circle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A folder that is served, the names of its hosts as written, and the web server."""

    path: str
    hosts: tuple[str, ...]
    by: str


@dataclass(slots=True)
class Configuration:
    """What a web server's files say. `unclear` are values that only the running server knows."""

    served: list[Served] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)


def distinct(values: Iterable[str]) -> tuple[str, ...]:
    """The values once each, in order."""
    return tuple(dict.fromkeys(values))
