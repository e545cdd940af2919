"""Evidence of legal copies whose locks in a store were made as long as the plan keeps them."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLocked:
    """A set of which `store` lets nobody erase any of its `objects` before `lock_until`, the soonest of all."""

    set: str
    manifest_sha256: str
    lock_until: str
    objects: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreLocked:
    """Legal copies in `store` are locked from here on for as long as the plan keeps them; `left` are not yet.

    A set of which only the first `begun_objects` are locked yet is `begun`: the next backup goes on there, up to
    `begun_until`. `error` is a class of the error tree where something stood in the way, else empty.
    """

    store: str
    sets: tuple[SetLocked, ...]
    left: int
    begun: str = ""
    begun_objects: int = 0
    begun_until: str = ""
    error: str = ""
    message: str = ""
    next_step: str = ""
