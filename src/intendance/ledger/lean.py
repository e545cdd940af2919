"""Evidence read with only those members that judging looks at, and quickly: thousands of records at each judging.

For each class of evidence a twin is made, with the same members by the same names, that the decoder fills in half the
time: it is no dataclass, and lacks what no check reads. What a check should come to read is taken out of `UNREAD`;
until then it fails on every judging, and so do the tests (`tests/property/test_lean.py`). The record around it is read
the same way: the decoder makes what stands for a `Fact`, its instant with it, and skips the chain's own members.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, reduce
from operator import or_
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Generic, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec

from intendance.ledger import envelope
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence import KINDS
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen
from intendance.model.evidence.sample import (
    DatabaseRolledUp,
    FileSystemRolledUp,
    LimitFollowed,
    SampleRollup,
    StillAbove,
)
from intendance.model.verdict import Fact

UNREAD: Mapping[type, frozenset[str]] = MappingProxyType(
    {
        SetSeen: frozenset({"kind", "completed_at", "hashed_bytes", "manifest_sha256"}),
        InspectionCompleted: frozenset(
            {
                "hashed_bytes",
                "hashed_sets",
                "thirtieths",
                "incomplete",
                "incomplete_bytes",
                "sets",
                "stored_bytes",
                "oldest_recovers_to",
                "deep",
                "fleet",
                "trust",
            }
        ),
        BackupCompleted: frozenset(
            {
                "recipients",
                "manifest_sha256",
                "warnings",
                "source_bytes",
                "stored_bytes",
                "kind",
                "engine",
                "engine_version",
                "sequence",
            }
        ),
        SampleRollup: frozenset(
            {
                "cpu_highest_permille",
                "memory_highest_permille",
                "swap_permille",
                "load_centi",
                "began_at",
                "ended_at",
                "step_seconds",
                "readings",
                "memory_bytes",
                "processors",
            }
        ),
        LimitFollowed: frozenset({"for_seconds"}),
        StillAbove: frozenset({"for_seconds"}),
        FileSystemRolledUp: frozenset({"place", "highest_used_permille", "inodes_permille", "size_bytes"}),
        DatabaseRolledUp: frozenset({"unanswered", "connections_allowed"}),
    }
)
"""Members that no check reads, of the kinds of which there are many records and of what they are made of."""


D = TypeVar("D")


class _Told(msgspec.Struct, Generic[D], frozen=True, kw_only=True, gc=False):
    """What a record states: the members of `Fact`, where `at` is written `ts`."""

    node: str
    seq: int
    at: Annotated[datetime, msgspec.Meta(tz=True)] = msgspec.field(name="ts")
    kind: str
    asset: str | None
    actor: str
    data: D


def fact(content: bytes, kind: str, seq: int) -> Fact[Any]:
    """As `envelope.fact`, without the members that no check reads. Raises RecordUnreadable."""
    read = _reader(kind)
    if read is None:  # of few records, making the twin takes longer
        return envelope.fact(content, kind, seq)
    try:
        return cast("Fact[Any]", read(content))
    except (ValueError, RecursionError) as error:
        raise RecordUnreadable(seq=seq, detail=str(error)) from None


def facts(rows: Sequence[tuple[int, bytes]], kind: str) -> tuple[Fact[Any], ...]:
    """The same of many records of a kind, by their numbers. Raises RecordUnreadable."""
    read = _reader(kind)
    if read is not None:
        try:
            return cast("tuple[Fact[Any], ...]", tuple([read(content) for _, content in rows]))
        except (ValueError, RecursionError):
            pass  # it is said below of which of them
    return tuple([fact(content, kind, seq) for seq, content in rows])


@cache
def _reader(kind: str) -> Callable[[bytes], _Told[Any]] | None:
    shape: Any = KINDS[kind]
    return msgspec.json.Decoder(_Told[_twin(shape)]).decode if shape in UNREAD else None  # type: ignore[misc]


@cache
def _twin(shape: type[Any]) -> type[msgspec.Struct]:
    """A class with the members of a dataclass that are read, and their defaults."""
    hints, unread = get_type_hints(shape), UNREAD.get(shape, frozenset())
    members: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for field in dataclasses.fields(shape):
        if field.name in unread:
            continue
        member = field.name, _of_twins(hints[field.name])
        members.append(member if field.default is dataclasses.MISSING else (*member, field.default))
    return msgspec.defstruct(shape.__name__, members, frozen=True, kw_only=True, gc=False)


def _of_twins(hint: Any) -> Any:
    """A type in which each dataclass is its twin."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _twin(hint)
    parts = get_args(hint)
    twins = tuple(map(_of_twins, parts))
    if twins == parts:
        return hint
    return reduce(or_, twins) if isinstance(hint, UnionType) else get_origin(hint)[twins]
