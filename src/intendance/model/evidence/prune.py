"""Evidence of pruning: what was marked, what is being deleted, what was deleted and by which proof."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMarked:
    """A set that no retention keeps any more, or (with an empty `manifest_sha256`) an attempt that never became one.

    `stored_at` is the store's time of its last object.
    """

    set: str
    manifest_sha256: str
    stored_at: str
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneMarked:
    """These sets may be deleted a week from `marked_at`, the store's time, if nothing keeps them then. Not before.

    `by` is `self`, or the host that prunes; `fleet` and `node` are whose sets they are. `lifted` lost their mark:
    something keeps them again.
    """

    store: str
    by: str
    marked_at: str
    sets: tuple[SetMarked, ...]
    lifted: tuple[str, ...] = ()
    fleet: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPruned:
    """A set that is deleted. `because` is `expired`, for an attempt `incomplete`, or `begun` where an earlier pruning
    was broken off; `proof` is the newer set whose drill allows it.

    Instants: `recovers_to`, `stored_at` (the store's time) and `marked_at`.
    """

    set: str
    kind: str
    recovers_to: str
    stored_at: str
    stored_bytes: int
    manifest_sha256: str
    marked_at: str
    because: str
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneBegun:
    """From here on these sets are being deleted: one that is gone, whole or in part, was not taken by anybody else."""

    store: str
    by: str
    sets: tuple[SetPruned, ...]
    fleet: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneCompleted:
    """A store was pruned at `pruned_at`, the store's time: these sets and attempts are gone, and these are all.

    `kept` sets are left; `due` might go and stay because of the `ceiling`. `confirmed` is how many deletions a person
    allowed, None where the ceiling held.
    """

    store: str
    by: str
    pruned_at: str
    sets: tuple[SetPruned, ...]
    freed_bytes: int
    kept: int
    due: int
    ceiling: int
    confirmed: int | None = None
    fleet: str = ""
    node: str = ""
