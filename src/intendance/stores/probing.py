"""What a probe finds out about a store, whatever its kind."""

from __future__ import annotations

from collections.abc import Callable

from intendance.model.errors import IntendanceError
from intendance.model.errors.store import ObjectExists, StoreCredentialsUnusable, StoreRefused
from intendance.model.evidence.probe import Attempt
from intendance.model.frozen import dataclass

SAFE = {"write": "done", "read": "done"}
"""The outcome of what is tried that keeps backups safe; of all else, a refusal does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The answers. Fields as in `StoreProbed`."""

    attempts: tuple[Attempt, ...]
    endpoint: str = ""
    region_located: str = ""
    region_headed: str = ""
    versions: str = "unclear"
    locks: str = "unclear"
    lock_until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a store beyond a network says of itself, nothing being written: as in `Probed`; `free_bytes` where known."""

    region_located: str = ""
    versions: str = "unclear"
    locks: str = "unclear"
    free_bytes: int | None = None


def attempted(tried: str, act: Callable[[], object]) -> Attempt:
    """Try one thing. A refusal is an outcome; what else goes wrong leaves it unclear."""
    wanted = SAFE.get(tried, "refused")
    try:
        act()
    except (StoreRefused, StoreCredentialsUnusable, ObjectExists) as error:
        detail = str(error.params.get("detail", error.message))
        return Attempt(tried=tried, outcome="refused", wanted=wanted, detail=detail[:200])
    except IntendanceError as error:
        return Attempt(tried=tried, outcome="unclear", wanted=wanted, detail=error.message[:200])
    return Attempt(tried=tried, outcome="done", wanted=wanted)
