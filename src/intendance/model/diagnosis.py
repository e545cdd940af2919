"""What an examination of a machine finds: pure data, judged before anything is performed."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import Literal

from intendance.model.frozen import dataclass

# What a thing is needed for; the catalogue says which rules that serves.
Purpose = Literal["everything", "backup", "encryption", "inspection", "restore", "point_in_time", "off_site"]
Area = Literal["plan", "machine", "programs", "state", "agent", "keys", "stores", "assets"]


class Condition(StrEnum):
    """How a thing is: `missing` and `wrong` keep the plan from being performed, a `remark` does not."""

    OK = "ok"
    REMARK = "remark"
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `code` and `params` make its sentence; `mend` are lines to type or to write.

    `purpose` says what it is needed for, `engine` for which kind of asset (None: for all); `rules` are the ids of those
    that it serves, filled in from the catalogue.
    """

    area: Area
    subject: str
    condition: Condition
    code: str
    params: dict[str, str | int] = field(default_factory=dict)
    mend: tuple[str, ...] = ()
    purpose: Purpose = "backup"
    engine: str | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What an engine finds of one asset: its findings, and the local folders in which its data lie."""

    findings: tuple[Finding, ...]
    folders: tuple[str, ...] = ()
