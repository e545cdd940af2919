"""The compiled plan in force: canonical JSON whose SHA-256 stands in the ledger's latest `plan.adopted` record.

`plan.json` is a copy for readers; `plans/<sha256>.json` was written before the record, so that whatever a crash left
between the two is put right by the next reader.

It carries the number of its form. A plan that an older release adopted is read as it stands: what that release did not
know has the value that means what was meant before. One that says anything which this release does not know is refused.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import MISSING, fields
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, get_args, get_origin, get_type_hints
from urllib.parse import quote

import msgspec

from intendance.model.errors.plan import PlanAltered, PlanOfOtherVersion
from intendance.model.errors.state import NoState, StateUnusable
from intendance.model.plan import Plan
from intendance.plan.drilling import taken_up
from intendance.system import lock
from intendance.system.publish import publish
from intendance.system.reading import connect_for_reading, refused_writing
from intendance.system.sql import read_statements

_STATEMENTS = read_statements(Path(__file__).with_name("in_force.sql"))
_encoder = msgspec.json.Encoder(order="sorted")

FORM = 2
"""Raised when the same bytes would mean something else, or a field is renamed or taken away; then `_LIFTS` says how a
plan of the former form is read. A new field whose default means what was meant before needs no new form."""

# 1: the first releases, which did not write the number down. From each form to the next, on decoded JSON.
_LIFTS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = MappingProxyType({1: dict})


def encode(plan: Plan) -> bytes:
    """The one canonical JSON of a plan: sorted keys, no spaces, the number of its form."""
    return _encoder.encode({"form": FORM, **msgspec.to_builtins(plan)})


def decode(content: bytes) -> Plan:
    """The plan of `encode`'s bytes, of this release or an older one. Raises ValueError for anything else."""
    data = msgspec.json.decode(content, type=dict[str, Any])
    if _encoder.encode(data) != content:
        raise ValueError("it is not in its canonical form")
    form = data.pop("form", 1)
    if not isinstance(form, int) or not 1 <= form <= FORM:
        raise ValueError(f"it is of form {form}, this version knows up to {FORM}")
    for number in range(form, FORM):
        data = _LIFTS[number](data)
    data = taken_up(data)
    plan = _plan(data)
    unknown = _unknown(data, msgspec.json.decode(_encoder.encode(plan)), "")
    if unknown is not None:
        raise ValueError(f"it says `{unknown}`, which this version does not know")
    return plan


def _plan(data: Mapping[str, Any]) -> Plan:
    hints = get_type_hints(Plan)
    values: dict[str, Any] = {}
    for field in fields(Plan):
        if field.name in data:
            values[field.name] = _converted(data[field.name], hints[field.name])
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"it does not say `{field.name}`")
    return Plan(**values)


def _converted(value: Any, hint: Any) -> Any:
    """msgspec tells dataclasses apart by no field, so where a mapping holds several, `kind` does."""
    classes = {str(_kind(each)): each for each in get_args(get_args(hint)[-1])} if _maps_to_union(hint) else {}
    if not classes:
        return msgspec.convert(value, hint)
    found = {}
    for name, each in msgspec.convert(value, dict[str, dict[str, Any]]).items():
        if each.get("kind") not in classes:
            raise ValueError(f"`{name}` is of kind {each.get('kind')}, which this version does not know")
        found[name] = msgspec.convert(each, classes[each["kind"]])
    return found


def _maps_to_union(hint: Any) -> bool:
    return get_origin(hint) is dict and isinstance(get_args(hint)[-1], UnionType)


def _kind(shape: Any) -> object:
    return next((field.default for field in fields(shape) if field.name == "kind"), None)


def _unknown(written: Any, understood: Any, place: str) -> str | None:
    """The first thing written that is not understood as it was written; what only is understood was left to defaults.

    A plan is hashed as it was adopted, so this tells a release that knows more, never somebody's change.
    """
    if isinstance(written, dict) and isinstance(understood, dict):
        for name, value in written.items():
            if name not in understood:
                return f"{place}{name}"
            found = _unknown(value, understood[name], f"{place}{name}.")
            if found is not None:
                return found
        return None
    if isinstance(written, list) and isinstance(understood, list) and len(written) == len(understood):
        found_in = (
            _unknown(*pair, f"{place}{number}.") for number, pair in enumerate(zip(written, understood, strict=True))
        )
        return next((found for found in found_in if found is not None), None)
    return None if written == understood else place.rstrip(".")


def plan_path(state: Path) -> Path:
    """The copy of the plan in force that readers take."""
    return state / "agent" / "plan.json"


def compiled_path(state: Path, plan_sha256: str) -> Path:
    """A compiled plan under its own hash, written before it is recorded."""
    return state / "agent" / "plans" / f"{plan_sha256}.json"


def source_path(state: Path, source_sha256: str) -> Path:
    """The YAML file of an adopted plan, as it was read."""
    return state / "agent" / "plans" / f"{source_sha256}.yaml"


def adoption_lock(state: Path) -> Path:
    """Held while a plan is adopted, or what a crash of that left is put right."""
    return state / "agent" / "adoption.lock"


def read(state: Path, *, repair: bool = True) -> Plan:
    """The plan in force; `repair` puts a stale copy right. Raises NoState, StateUnusable; PlanAltered when no file
    holds what the ledger records, PlanOfOtherVersion when this release cannot read it.
    """
    recorded = recorded_sha256(state)
    if recorded is None:
        raise NoState(state=state)
    content = _matching(plan_path(state), recorded)
    if content is None:
        content = _matching(compiled_path(state, recorded), recorded)
        if content is None:
            raise PlanAltered(state=state, detail=f"`{plan_path(state)}` was changed or lost")
        if repair:
            _repair(state)
    try:
        return decode(content)
    except ValueError as error:  # of msgspec too: its ValidationError and DecodeError are some
        raise PlanOfOtherVersion(state=state, detail=str(error)) from error


def recorded_sha256(state: Path) -> str | None:
    """The SHA-256 of the compiled plan that the ledger's latest adoption names; None when none was ever adopted.

    Raises NoState, StateUnusable.
    """
    database = state / "agent" / "state.db"
    try:
        if not database.exists():
            raise NoState(state=state)
        with closing(_connect(database)) as connection:
            row = connection.execute(_STATEMENTS["latest_adoption"]).fetchone()
    except (OSError, sqlite3.Error) as error:
        if "no such table" in str(error):
            raise NoState(state=state) from None
        raise StateUnusable(state=state, detail=str(error)) from error
    return None if row is None else str(json.loads(row[0])["data"]["plan_sha256"])


def _connect(database: Path) -> sqlite3.Connection:
    if refused_writing(database.parent) is not None:
        return connect_for_reading(database)
    return sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True, timeout=30)


def bring_up_to_date(state: Path) -> None:
    """Make `plan.json` the plan that the ledger records; the caller holds the adoption lock."""
    recorded = recorded_sha256(state)
    if recorded is not None and _matching(plan_path(state), recorded) is None:
        content = _matching(compiled_path(state, recorded), recorded)
        if content is not None:
            publish(plan_path(state), content, mode=0o600, replace=True)


def _repair(state: Path) -> None:
    if refused_writing(state / "agent") is None:  # a reader who may not write has its answer all the same
        with lock.waiting(adoption_lock(state)):
            bring_up_to_date(state)


def _matching(path: Path, wanted: str) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateUnusable(state=path.parent, detail=f"{error.strerror}: {path}") from None
    return content if sha256(content).hexdigest() == wanted else None
