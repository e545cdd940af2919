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
    """A set was restored beside the original. `reached` is the recovery point of what now stands at `destination`;
    `site` is the site that it was restored for, whose `site.restored` or `site.failed` follows."""

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
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFailed:
    """A restore did not complete; `left_behind` says what stands at the destination now, or is empty; `site` is the
    site that it was begun for."""

    set: str
    engine: str
    store: str
    destination: str
    step: str
    error: str
    message: str
    next_step: str
    left_behind: str
    site: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredShare:
    """One asset of a restored site: its set, the instant that it reaches, and the number of its `restore.completed`."""

    asset: str
    set: str
    reached: str
    destination: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRestored:
    """All assets of a site were restored beside each other under `destination`.

    `reached_from` and `reached_to` are the instants of what is furthest back and furthest on, `skew_seconds` (rounded
    up) what lies between: the site is of no single instant where it is not 0. `target` is as in `restore.completed`.
    """

    site: str
    destination: str
    target: str
    reached_from: str
    reached_to: str
    skew_seconds: int
    shares: tuple[RestoredShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFailed:
    """A site was not restored: `asset` failed (empty: what failed concerns all), and `undone` names the sets that had
    been restored and were taken away again. `left_behind` says what stands there now, or is empty."""

    site: str
    destination: str
    asset: str
    error: str
    message: str
    next_step: str
    undone: tuple[str, ...]
    left_behind: str
