"""Evidence of probes: what a store let us do when we tried."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One thing that was tried with the credentials of the plan, and what came of it.

    `tried` is `write`, `read`, `overwrite`, `rename`, `delete`, `delete_version`, `shorten_lock`, `bypass_lock`,
    `wrong_checksum` or `wrong_secret`; `outcome` is `done`, `refused`, or `unclear` (the store did not answer, or could
    not be asked). `wanted` is the outcome that keeps backups safe. `detail` is the store's word, redacted.
    """

    tried: str
    outcome: str
    wanted: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreProbed:
    """What a store did. `by` is `self`, or the host that probed; `kind` that of the plan.

    The region three ways, empty where nobody says it: `region_declared` in the plan, `region_located` as the bucket
    says (GetBucketLocation), `region_headed` as its answers say (`x-amz-bucket-region`); `endpoint` is the host spoken
    to. `node_region` is the node's, as the plan has it. `versions` and `locks` tell what the bucket keeps: `yes`, `no`
    or `unclear`; `lock_until` is until when the object that was written is locked.
    """

    store: str
    by: str
    kind: str
    place: str
    attempts: tuple[Attempt, ...]
    endpoint: str = ""
    region_declared: str = ""
    region_located: str = ""
    region_headed: str = ""
    node_region: str = ""
    versions: str = "unclear"
    locks: str = "unclear"
    lock_until: str = ""
