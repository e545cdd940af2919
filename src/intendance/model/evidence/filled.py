"""Evidence of sets that were brought into a store that lacked them."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCopied:
    """A set that is complete in the store from here on, and the store that its bytes came from, each part proven."""

    set: str
    source: str
    manifest_sha256: str
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFilled:
    """`store` lacked sets that others hold: these are there now, and `left` are not yet, of `left_bytes`.

    `copied_bytes` counts what was sent or found there, also of a set that is not complete yet. `error` is a class of
    the error tree where something stood in the way, else empty.
    """

    store: str
    sets: tuple[SetCopied, ...]
    copied_bytes: int
    left: int
    left_bytes: int
    error: str = ""
    message: str = ""
    next_step: str = ""
