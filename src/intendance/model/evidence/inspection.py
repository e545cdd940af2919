"""Evidence of inspections: what somebody saw in a store, read from the store and not from memory."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSeen:
    """One set as found in the store. `fault` is empty, or names what is wrong with it in English.

    `hashed_bytes` counts ciphertext re-read and compared in this inspection. `version` is the store's own name of its
    manifest, and until `lock_until` the store lets nobody erase any object of it: both empty where nobody asked, or the
    store has none.
    """

    set: str
    kind: str
    recovers_to: str
    completed_at: str
    stored_bytes: int
    hashed_bytes: int
    manifest_sha256: str
    fault: str = ""
    version: str = ""
    lock_until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePlace:
    """Where the store said that it is, when it was inspected; empty where nobody says it.

    `kind` and `region_declared` are the plan's, as is `node_region`; `endpoint` is the host spoken to, `region_located`
    what the bucket says (GetBucketLocation) and `region_headed` what its answers say.
    """

    kind: str
    endpoint: str = ""
    region_declared: str = ""
    region_located: str = ""
    region_headed: str = ""
    node_region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionCompleted:
    """What the store holds for an asset. `by` is the actor's relation to the data: `self` or the name of another host.

    `newest` are the latest sets, newest first, at most 20. `days` are the local calendar days (YYYY-MM-DD, plan's
    zone) of the last 400 that have at least one faultless set. `incomplete` counts prefixes without manifest, which
    hold `incomplete_bytes`; `faulty` counts all faulty sets (a set of the ledger that is not in the store is one) and
    `damaged` names the newest of them, at most 30. `hashed_sets` were re-read whole, at most 60 named; after a `deep`
    inspection, every set was.

    `fleet` and `node` are whose sets they are (empty: the ledger's own node), `node_fingerprint` the key whose
    signatures counted, and `trust` why. `thirtieths` (0 to 29) are the shares of all parts whose turn it was to be
    re-read. `yearly` are the first logical or full set of each year and the first that passed a drill.
    `clock_off_s`: by how many seconds the store's time contradicts ours and the sets' own, 0 where it does not.
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
    fleet: str = ""
    node: str = ""
    node_fingerprint: str = ""
    trust: str = ""
    place: StorePlace | None = None
    thirtieths: tuple[int, ...] = ()
    yearly: tuple[SetSeen, ...] = ()
    clock_off_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionFailed:
    """The store could not be inspected: nothing is known of it from this attempt."""

    store: str
    by: str
    error: str
    message: str
    next_step: str
    fleet: str = ""
    node: str = ""
