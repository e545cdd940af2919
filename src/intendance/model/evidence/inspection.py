"""Evidence of inspections: what somebody saw in a store, read from the store and not from memory."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSeen:
    """One set as found in the store. `fault` is empty, or names what is wrong with it in English.

    `hashed_bytes` counts ciphertext re-read and compared in this inspection (all of the set, or 0).
    """

    set: str
    kind: str
    recovers_to: str
    completed_at: str
    stored_bytes: int
    hashed_bytes: int
    manifest_sha256: str
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionCompleted:
    """What the store holds for an asset. `by` is the actor's relation to the data: `self` or the name of another host.

    `newest` are the latest sets, newest first, at most 20. `days` are the local calendar days (YYYY-MM-DD, plan's
    zone) of the last 400 that have at least one faultless set. `incomplete` counts prefixes without manifest, which
    hold `incomplete_bytes`; `faulty`
    counts all faulty sets (a set of the ledger that is not in the store is one) and `damaged` names the newest of
    them, at most 30. `hashed_sets` were re-read whole, at most 60 named; after a `deep` inspection, every set was.
    """

    store: str
    by: str
    sets: int
    faulty: int
    incomplete: int
    stored_bytes: int
    hashed_bytes: int
    newest: tuple[SetSeen, ...]
    days: tuple[str, ...]
    oldest_recovers_to: str | None
    zone: str
    deep: bool = False
    hashed_sets: tuple[str, ...] = ()
    damaged: tuple[SetSeen, ...] = ()
    incomplete_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionFailed:
    """The store could not be inspected: nothing is known of it from this attempt."""

    store: str
    by: str
    error: str
    message: str
    next_step: str
