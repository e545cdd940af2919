"""Evidence of guided restores: five steps, and what was written over production."""

from __future__ import annotations

from typing import Literal

from intendance.model.evidence.restore import Check
from intendance.model.frozen import dataclass

GuideStep = Literal["identify", "choose", "test", "replace", "verify", "back", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedStep:
    """A step that has ended: when, after how many milliseconds, and whether well."""

    step: GuideStep
    ended_at: str
    took_ms: int
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreGuided:
    """One step of a guided restore of an asset, as it ended. All of one restore have the same `guide`; it began at
    `began_at`, and this step took `took_ms`, without the time in which a person looked at it. `steps` are all that have
    ended, this one the last.

    `scope` says what was lost: `all`, `database`, `table` or `paths`; `what` names databases and tables, and counts
    paths. `present`: something stood there. From `choose` on, `set` is what is put back and `reached` its recovery
    point. `safety` is the set that was made of the original and read back before it was replaced, empty where nothing
    stood there; `unsafe` says why there is none. `kept` is where the original is now. `back` and `cancelled` end a
    guide otherwise: the original was put back, or never touched.
    """

    guide: str
    step: GuideStep
    ok: bool
    engine: str
    scope: str
    what: str
    began_at: str
    took_ms: int
    present: bool
    steps: tuple[GuidedStep, ...]
    set: str = ""
    store: str = ""
    kind: str = ""
    reached: str = ""
    safety: str = ""
    unsafe: str = ""
    kept: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    error: str = ""
    message: str = ""
    next_step: str = ""
    site: str | None = None
