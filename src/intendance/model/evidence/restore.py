"""Evidence of restores."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One comparison after a restore: `found` says what was seen, in English, without a row of user data."""

    name: str
    ok: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """Milliseconds spent; phases that overlap in one pipe are measured by their own children's lifetime."""

    fetch_ms: int
    decrypt_ms: int
    load_ms: int
    replay_ms: int
    check_ms: int
    total_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreCompleted:
    """A set was restored beside the original. `reached` is the recovery point of what now stands at `destination`."""

    set: str
    kind: str
    engine: str
    store: str
    destination: str
    target: str
    reached: str
    restored_bytes: int
    phases: Phases
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFailed:
    """A restore did not complete; `left_behind` says what stands at the destination now, or is empty."""

    set: str
    engine: str
    store: str
    destination: str
    step: str
    error: str
    message: str
    next_step: str
    left_behind: str
