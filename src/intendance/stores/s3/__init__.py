"""A store in a bucket that speaks S3 (`docs/stores/s3.md`).

boto3 is imported when a bucket is first spoken to: only workers and commands that ask a store for something pay for it.
"""

from __future__ import annotations

from intendance.model.plan import S3Store as Declared
from intendance.stores import Use
from intendance.stores.probing import Probed, Standing
from intendance.stores.s3.adopting import require_ready
from intendance.stores.s3.calls import Bucket
from intendance.stores.s3.probing import look, probe
from intendance.stores.s3.store import S3Store


def open_store(declared: Declared, use: Use) -> S3Store:
    """The store of the plan; nothing is asked before its first method is called."""
    return S3Store(Bucket(declared), use)


def probe_store(declared: Declared, prefix: str) -> Probed:
    """Try what the credentials allow; what is written stays locked for two days where the plan asks for locks."""
    return probe(S3Store(Bucket(declared), Use(keep_days=2)), prefix)


def adopt_store(declared: Declared) -> None:
    """Look whether the bucket is as the plan says; it is never made by us.

    Raises StoreUnprepared, StoreUnreachable, StoreRefused, StoreClockDiffers, StoreCredentialsUnusable.
    """
    require_ready(Bucket(declared))


def look_at_store(declared: Declared) -> Standing:
    """As `intendance.stores.look_at_store`. Raises also StoreUnprepared."""
    bucket = Bucket(declared)
    require_ready(bucket)
    return look(bucket)
