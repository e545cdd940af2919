"""Trying, in a bucket, what nobody with the node's credentials should be able to do: only to what the probe wrote."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from intendance.model.errors.store import StoreRefused
from intendance.model.evidence.probe import Attempt
from intendance.stores.probing import Probed, Standing, attempted
from intendance.stores.s3.adopting import keeps_locks
from intendance.stores.s3.calls import Bucket, Unanswered, connect
from intendance.stores.s3.credentials import access_key
from intendance.stores.s3.regions import endpoint, region
from intendance.stores.s3.store import S3Store
from intendance.system.clock import rfc3339

_WORDS = {True: "yes", False: "no", None: "unclear"}


def probe(store: S3Store, prefix: str) -> Probed:
    """Write one small object, then try to overwrite, delete and unlock it. What cannot be deleted stays there.

    Raises the errors of stores when not even writing can be tried.
    """
    bucket, key = store.bucket, f"{prefix}/{secrets.token_hex(8)}"
    attempts = [attempted("write", lambda: store.put(key, [b"a probe of this store\n"]))]
    if attempts[0].outcome != "done":
        return Probed(attempts=tuple(attempts), endpoint=endpoint(bucket), **region(bucket))
    stored = store.head(key)
    attempts += [
        attempted("read", lambda: _read(store, key)),
        _overwrite(bucket, key, versioned=stored.version is not None),
        _wrong_checksum(bucket, f"{key}-checksum"),
        _wrong_secret(bucket),
    ]
    versioned: dict[str, Any] = {} if stored.version is None else {"VersionId": stored.version}
    if stored.lock_until is not None:
        until = bucket.clock.read().at.replace(microsecond=0) + timedelta(hours=1)
        sooner = {"Mode": (bucket.declared.object_lock or "governance").upper(), "RetainUntilDate": until}
        lock = {"Retention": sooner, **versioned}
        bypass: dict[str, Any] = {"BypassGovernanceRetention": True}
        for tried, more in (("shorten_lock", {}), ("bypass_lock", bypass)):
            attempts.append(attempted(tried, partial(_change, bucket, "put_object_retention", key, lock | more)))
    attempts.append(attempted("delete", lambda: _change(bucket, "delete_object", key, {})))
    if versioned:
        attempts.append(attempted("delete_version", lambda: _change(bucket, "delete_object", key, versioned)))
    return Probed(
        attempts=tuple(attempts),
        endpoint=endpoint(bucket),
        versions=_versions(bucket),
        locks=_WORDS[keeps_locks(bucket)],
        lock_until="" if stored.lock_until is None else rfc3339(stored.lock_until),
        **region(bucket),
    )


def look(bucket: Bucket) -> Standing:
    """What the bucket says of itself to the plan's credentials."""
    locks, located = _WORDS[keeps_locks(bucket)], region(bucket)["region_located"]
    return Standing(region_located=located, versions=_versions(bucket), locks=locks)


def _read(store: S3Store, key: str) -> None:
    with store.open(key) as source:
        source.read()


def _put(bucket: Bucket, key: str, content: bytes) -> None:
    encoded = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
    bucket.ask("put_object", "overwrite", key=key, Body=content, ContentMD5=encoded)


def _change(bucket: Bucket, method: str, key: str, arguments: dict[str, Any]) -> None:
    bucket.ask(method, method.replace("_", " "), key=key, **arguments)


def _overwrite(bucket: Bucket, key: str, *, versioned: bool) -> Attempt:
    """Where versions are kept, writing over takes nothing away: either outcome is safe."""
    found = attempted("overwrite", lambda: _put(bucket, key, b"other bytes"))
    return replace(found, wanted="done") if versioned and found.outcome == "done" else found


def _wrong_checksum(bucket: Bucket, key: str) -> Attempt:
    wrong = base64.b64encode(bytes(16)).decode()
    try:
        return attempted(
            "wrong_checksum",
            lambda: bucket.once("put_object", "store it", key=key, Body=b"changed on the way", ContentMD5=wrong),
        )
    except Unanswered as failure:  # for a backup, bytes that were changed on the way are a passing fault
        outcome = "refused" if "digest" in failure.detail.lower() else "unclear"
        return Attempt(tried="wrong_checksum", outcome=outcome, wanted="refused", detail=failure.detail[:200])


def _wrong_secret(bucket: Bucket) -> Attempt:
    """With the right key's id and another secret: a store that answers checks no signatures."""
    key = access_key(bucket.name, bucket.declared.credentials)
    other = Bucket(bucket.declared, clock=bucket.clock, patience=bucket.patience)
    other.use(connect(bucket.declared, replace(key, secret=secrets.token_urlsafe(30)), bucket.patience))
    return attempted("wrong_secret", lambda: other.ask("list_objects_v2", "list it", MaxKeys=1))


def _versions(bucket: Bucket) -> str:
    try:
        return "yes" if bucket.ask("get_bucket_versioning", "ask").get("Status") == "Enabled" else "no"
    except StoreRefused:
        return "unclear"
