"""Evidence read with only those members that judging looks at, and quickly: thousands of records at each judging.

For each class of evidence a twin is made, with the same members by the same names, that the decoder fills in half the
time: it is no dataclass, and lacks what no check reads. What a check should come to read is taken out of `UNREAD`;
until then it fails on every judging, and so do the tests (`tests/property/test_lean.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from functools import cache, reduce
from operator import or_
from types import MappingProxyType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from intendance.ledger import envelope
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.evidence import KINDS
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.inspection import InspectionCompleted, SetSeen
from intendance.model.evidence.sample import SampleRollup
from intendance.model.verdict import Fact

UNREAD: Mapping[type, frozenset[str]] = MappingProxyType(
    {
        SetSeen: frozenset({"kind", "completed_at", "hashed_bytes", "manifest_sha256"}),
        InspectionCompleted: frozenset({"hashed_bytes", "hashed_sets", "thirtieths", "incomplete", "incomplete_bytes"}),
        BackupCompleted: frozenset({"recipients", "manifest_sha256", "warnings", "source_bytes", "stored_bytes"}),
        SampleRollup: frozenset({"cpu_highest_permille", "memory_highest_permille", "swap_permille", "load_centi"}),
    }
)
"""Members that no check reads, of the kinds of which there are many records."""


def fact(content: bytes, kind: str, seq: int) -> Fact[Any]:
    """As `envelope.fact`, without the members that no check reads. Raises RecordUnreadable."""
    try:
        typed = _decoder(kind).decode(content)
        at = datetime.fromisoformat(typed.ts)
    except (ValueError, RecursionError) as error:
        raise RecordUnreadable(seq=seq, detail=str(error)) from None
    return Fact(
        node=typed.node, seq=typed.seq, at=at, kind=typed.kind, asset=typed.asset, actor=typed.actor, data=typed.data
    )


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[envelope.Typed[Any]]:
    shape: Any = KINDS[kind]
    read: Any = _twin(shape) if shape in UNREAD else shape  # of few records, making the twin takes longer
    return msgspec.json.Decoder(envelope.Typed[read])


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
