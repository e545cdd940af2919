"""Evidence of drills: a set restored elsewhere, by the product and by hand, and what stood in it."""

from __future__ import annotations

from typing import Literal

from intendance.model.evidence.restore import Check, Phases
from intendance.model.frozen import dataclass

LegName = Literal["restore", "by_hand"]
Trust = Literal["ledger", "given", "pinned", "first_use"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One way back: `restore` is the product's own path, `by_hand` the RESTORE.sh of the set.

    `phases` are milliseconds; those of one pipe overlap. `restored_bytes` are before compression, `read_bytes` what was
    read of the store for it, which may be more than the set holds.
    """

    name: LegName
    phases: Phases
    checks: tuple[Check, ...]
    restored_bytes: int
    read_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """On what the drill ran: `scratch` is the file system that was restored to (`ext4`, `tmpfs`)."""

    cpus: int
    cpu: str
    memory_bytes: int
    scratch: str
    scratch_free_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How fast the store gave bytes: the set's ciphertext, read once from end to end while nothing else ran."""

    fetched_bytes: int
    fetch_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A newer set that was passed over, and why nobody can use it."""

    set: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillCompleted:
    """A set came back whole by both legs, and its content was what it must be.

    `node` is the one that made the set, `by` who drilled (`self`, or the name of another host). `recovers_to` is the
    set's recovery point; `rpo_seconds` what would have been lost had the drill been the real thing, `rto_ms` how long
    the product's leg took from the store to checked data, its fetch included, and `predicted_ms` how long earlier
    drills on such a machine led to expect for this size and this link. `sequence` numbers the asset's sets.
    `first_bytes` are those of the first part of each stream, before which nothing of it can be loaded. `passed_over`
    are newer sets of its kind that nobody can use.
    `node_fingerprint` is the key whose signature was trusted, and `trust` says why; `signed_by` the one that signed
    this set where that is a former key of the node, by the word of its present one. `ledger` numbers the set.
    `sandbox` lists the means that held what was loaded.
    """

    set: str
    kind: str
    engine: str
    store: str
    store_kind: str
    by: str
    fleet: str
    node: str
    node_fingerprint: str
    trust: Trust
    sequence: int
    manifest_sha256: str
    legs: tuple[Leg, ...]
    recovers_to: str
    rpo_seconds: int
    rto_ms: int
    source_bytes: int
    stored_bytes: int
    hardware: Hardware
    link: Link
    sandbox: tuple[str, ...]
    restore_sh_sha256: str
    base: str | None = None
    first_bytes: int = 0
    predicted_ms: int | None = None
    passed_over: tuple[Unusable, ...] = ()
    signed_by: str = ""
    ledger: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillFailed:
    """A drill did not bring the set back, or not as it was; one that could not even run counts as failed.

    `set` and `kind` are empty when none was chosen yet; `leg` is empty outside of both legs. `step` says how far it
    was. `checks` are those of the leg that failed on its content.
    """

    set: str
    kind: str
    engine: str
    store: str
    store_kind: str
    by: str
    fleet: str
    node: str
    leg: str
    step: str
    error: str
    message: str
    next_step: str
    checks: tuple[Check, ...] = ()
