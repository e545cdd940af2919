"""The compiled plan in force: canonical JSON whose SHA-256 stands in the ledger's latest `plan.adopted` record.

`plan.json` is a copy for readers; `plans/<sha256>.json` was written before the record, so that whatever a crash left
between the two is put right by the next reader.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import quote

import msgspec

from intendance.model.errors.plan import PlanAltered
from intendance.model.errors.state import NoState, StateUnusable
from intendance.model.plan import FilesAsset, MariadbAsset, Plan
from intendance.system import lock
from intendance.system.publish import publish
from intendance.system.sql import read_statements

_STATEMENTS = read_statements(Path(__file__).with_name("in_force.sql"))
_encoder = msgspec.json.Encoder(order="sorted")
_ENGINES: Mapping[str, type[MariadbAsset | FilesAsset]] = {"mariadb": MariadbAsset, "files": FilesAsset}


def encode(plan: Plan) -> bytes:
    """The one canonical JSON of a plan: sorted keys, no spaces."""
    return _encoder.encode(plan)


def decode(content: bytes) -> Plan:
    """The plan of `encode`'s bytes. Raises ValueError for anything else."""
    data = msgspec.json.decode(content, type=dict[str, Any])
    hints = get_type_hints(Plan)
    values: dict[str, Any] = {
        field.name: msgspec.convert(data.get(field.name), hints[field.name])
        for field in fields(Plan)
        if field.name != "assets"
    }
    assets = {name: _asset(asset) for name, asset in data["assets"].items()}
    plan = Plan(assets=assets, **values)
    if encode(plan) != content:
        raise ValueError("not written by this version")
    return plan


def _asset(data: Mapping[str, Any]) -> MariadbAsset | FilesAsset:
    return msgspec.convert(data, _ENGINES[data["kind"]])


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
    holds what the ledger records.
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
    except (ValueError, KeyError, TypeError) as error:
        raise PlanAltered(state=state, detail=f"this version of Intendance cannot read it ({error})") from error


def recorded_sha256(state: Path) -> str | None:
    """The SHA-256 of the compiled plan that the ledger's latest adoption names; None when none was ever adopted.

    Raises NoState, StateUnusable.
    """
    database = state / "agent" / "state.db"
    try:
        if not database.exists():
            raise NoState(state=state)
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=rw", uri=True, timeout=30)) as connection:
            row = connection.execute(_STATEMENTS["latest_adoption"]).fetchone()
    except (OSError, sqlite3.Error) as error:
        if "no such table" in str(error):
            raise NoState(state=state) from None
        raise StateUnusable(state=state, detail=str(error)) from error
    return None if row is None else str(json.loads(row[0])["data"]["plan_sha256"])


def bring_up_to_date(state: Path) -> None:
    """Make `plan.json` the plan that the ledger records; the caller holds the adoption lock."""
    recorded = recorded_sha256(state)
    if recorded is not None and _matching(plan_path(state), recorded) is None:
        content = _matching(compiled_path(state, recorded), recorded)
        if content is not None:
            publish(plan_path(state), content, mode=0o600, replace=True)


def _repair(state: Path) -> None:
    # A reader without the right to write has its answer all the same.
    with contextlib.suppress(PermissionError), lock.waiting(adoption_lock(state)):
        bring_up_to_date(state)


def _matching(path: Path, wanted: str) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateUnusable(state=path.parent, detail=f"{error.strerror}: {path}") from None
    return content if sha256(content).hexdigest() == wanted else None
