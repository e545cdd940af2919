"""Whether a bucket is what the plan says; what is missing is said with the command that mends it."""

from __future__ import annotations

from intendance.model.errors.store import StoreRefused, StoreUnprepared
from intendance.stores.s3.calls import Bucket


def require_ready(bucket: Bucket) -> None:
    """Raises StoreUnprepared when there is no bucket, or it keeps no locks and the plan asks for them, and the errors
    of stores."""
    bucket.ask("list_objects_v2", "list it", MaxKeys=1)
    if bucket.declared.object_lock is not None and not keeps_locks(bucket):
        name = bucket.declared.bucket
        raise StoreUnprepared(
            store=bucket.name,
            detail=f"the plan asks for object_lock, and the bucket {name} was made without",
            remedy="Make a bucket with Object Lock (`aws s3api create-bucket --object-lock-enabled-for-bucket …`, "
            "`docs/stores/s3.md`) and name it in the plan, or leave object_lock out.",
        )


def keeps_locks(bucket: Bucket) -> bool | None:
    """Whether the bucket was made with Object Lock; None when the credentials may not ask."""
    try:
        said = bucket.ask("get_object_lock_configuration", "look at its locks")
    except StoreUnprepared:
        return False  # no configuration, which S3 says as something that is not found
    except StoreRefused as refused:
        return None if "AccessDenied" in str(refused.params["detail"]) else False
    return bool(said.get("ObjectLockConfiguration", {}).get("ObjectLockEnabled") == "Enabled")
