"""Names of what people keep: they may be told on the machine itself, and stand in no record, manifest or log; and how
many of something there are, in the English of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class TellsNames(Protocol):
    """A session whose warnings and errors count; `told_apart` are the lines with the names, for a file that only the
    owner of the state folder reads."""

    told_apart: list[str]


def place(asset: str) -> str:
    """Where in the state folder the names stand of which the last backup of an asset had something to say."""
    return f"agent/snapshots/{asset}.names"


def written(heading: str, lines: Sequence[str]) -> bytes:
    """The content of such a file."""
    return "\n".join((heading, *lines, "")).encode(errors="backslashreplace")


def counted(count: int, noun: str) -> str:
    """`1 view`, `2 indexes`, `0 triggers`; the noun stands in the singular."""
    ending = "" if count == 1 else "es" if noun.endswith("x") else "s"
    return f"{count} {noun}{ending}"
