"""Objects of a bucket as a store: written once, each with one request that carries its own proof."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from intendance.model.errors.store import ObjectExists, ObjectMissing, StoreRefused, StoreUnreachable
from intendance.stores import StoredObject, Use
from intendance.stores.keys import is_key, require_key
from intendance.stores.s3.calls import Bucket
from intendance.stores.s3.reading import Body
from intendance.stores.s3.regions import endpoint, region
from intendance.stores.s3.sending import SHA256, Content, Sending

LARGEST_PUT_BYTES = 5 << 30
"""What one request may carry, by the S3 protocol; our parts have 160 MiB at most."""

_IN_MEMORY_BYTES = 1 << 20
_SPOOL = Path("/var/tmp")  # noqa: S108 -- a file there has no name; on a disk where /tmp may be memory
_HEX = re.compile(r"[0-9a-f]{64}")


class S3Store:
    """A bucket as a store. Threads may share it.

    What is put waits in a file without a name, as ciphertext, until its length and its hashes are known.
    """

    def __init__(self, bucket: Bucket, use: Use) -> None:
        self.name = bucket.name
        self.bucket = bucket
        self._use = use

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        """As `Store.put`: one request with Content-MD5, refused when the key is taken, then a look at what is there.

        A request whose answer was lost is made again; a token beside the object tells ours from another writer's.
        """
        require_key(self.name, key)
        self._require_free(key)
        with self._spooled(chunks) as content:
            sending = Sending(self.bucket, key, content, self._lock())
            self.bucket.persist(sending.attempt)
            return _stored(key, self.bucket.persist(sending.stored))

    @contextmanager
    def open(self, key: str) -> Iterator[IO[bytes]]:
        """As `Store.open`; reading goes on where a connection broke."""
        with closing(Body(self.bucket, require_key(self.name, key))) as body:
            yield body  # type: ignore[misc]  # RawIOBase is what `open(…, buffering=0)` gives too

    def head(self, key: str) -> StoredObject:
        """As `Store.head`, with its version, its lock and the SHA-256 that was sent with it."""
        try:
            return _stored(key, self.bucket.ask("head_object", f"look at {key}", key=require_key(self.name, key)))
        except StoreRefused:
            # An answer to HEAD has no words; the same refusal of a listing says why.
            if is_key(key):
                self.bucket.ask("list_objects_v2", f"look at {key}", Prefix=key, MaxKeys=1)
            raise

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """As `Store.list`, a thousand at a time; whether the store can be reached shows at once."""
        folder = f"{require_key(self.name, prefix)}/" if prefix else ""
        return self._pages(folder, self._page(folder, None))

    def free_bytes(self) -> int | None:
        """None: a bucket does not say."""
        return None

    def regions(self) -> tuple[str, str, str]:
        """As `TellsRegion.regions`."""
        said = region(self.bucket)
        return endpoint(self.bucket), said["region_located"], said["region_headed"]

    @property
    def locks(self) -> bool:
        """As `Lockable.locks`."""
        return self.bucket.declared.object_lock is not None

    def lengthen_lock(self, key: str, until: datetime) -> datetime:
        """As `Lockable.lengthen_lock`: of the version that stands there, in the mode in which it is locked, else in
        the plan's."""
        mode = self.bucket.declared.object_lock
        operation = f"lengthen the lock of {key}"
        if mode is None:
            raise StoreRefused(store=self.name, operation=operation, detail="the plan asks it for no locks")
        asked = _whole_second(until)
        said = self.bucket.ask("head_object", f"look at {key}", key=require_key(self.name, key))
        held: datetime | None = said.get("ObjectLockRetainUntilDate")
        if held is not None and held >= asked:
            return held
        version = {"VersionId": said["VersionId"]} if said.get("VersionId") else {}
        retention = {"Mode": said.get("ObjectLockMode") or mode.upper(), "RetainUntilDate": asked}
        self.bucket.ask("put_object_retention", operation, key=key, Retention=retention, **version)
        held = self.bucket.ask("head_object", f"look at {key}", key=key, **version).get("ObjectLockRetainUntilDate")
        if held is None or held < asked:
            raise StoreRefused(store=self.name, operation=operation, detail="it says that it did, and is as it was")
        return held

    def _pages(self, folder: str, page: Mapping[str, Any]) -> Iterator[StoredObject]:
        while True:
            for found in page.get("Contents", ()):
                if is_key(found["Key"]):
                    yield StoredObject(
                        key=found["Key"], size_bytes=found["Size"], stored_at=_second(found["LastModified"])
                    )
            following = page.get("NextContinuationToken")
            if not page.get("IsTruncated") or not following:
                return
            page = self._page(folder, following)

    def _page(self, folder: str, token: str | None) -> Mapping[str, Any]:
        more = {} if token is None else {"ContinuationToken": token}
        page: Mapping[str, Any] = self.bucket.ask("list_objects_v2", f"list {folder or 'it'}", Prefix=folder, **more)
        return page

    def _require_free(self, key: str) -> None:
        """Asked first, so that nothing is sent for nothing, and for stores that do not know `If-None-Match`."""
        try:
            self.head(key)
        except ObjectMissing:
            return
        raise ObjectExists(store=self.name, key=key)

    @contextmanager
    def _spooled(self, chunks: Iterable[bytes | memoryview]) -> Iterator[Content]:
        folder = self._use.spool or _SPOOL
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(folder)) as spool:
            content = Content(spool)
            for chunk in chunks:  # what the caller's own bytes raise is not the store's
                try:
                    content.take(chunk)
                except OSError as error:
                    said = (error.strerror or str(error)).lower()
                    detail = f"what is sent to it waits in {folder}, and there: {said}"
                    raise StoreUnreachable(store=self.name, detail=detail) from error
            if content.size_bytes > LARGEST_PUT_BYTES:
                detail = f"{content.size_bytes} bytes are more than one request of S3 may carry"
                raise StoreRefused(store=self.name, operation="store an object", detail=detail)
            yield content

    def _lock(self) -> dict[str, Any]:
        mode = self.bucket.declared.object_lock
        if mode is None or self._use.keep_days <= 0:
            return {}
        until = self.bucket.clock.read().at + timedelta(days=self._use.keep_days)
        return {"ObjectLockMode": mode.upper(), "ObjectLockRetainUntilDate": _whole_second(until)}


def _stored(key: str, said: Mapping[str, Any]) -> StoredObject:
    sha256 = said.get("Metadata", {}).get(SHA256)
    version = said.get("VersionId")
    return StoredObject(
        key=key,
        size_bytes=said["ContentLength"],
        stored_at=_second(said["LastModified"]),
        sha256=sha256 if sha256 is not None and _HEX.fullmatch(sha256) else None,
        version=None if version in (None, "null") else version,
        lock_until=said.get("ObjectLockRetainUntilDate"),
    )


def _second(at: datetime) -> datetime:
    """A listing has fractions of a second where the object's own headers have none."""
    return at.astimezone(UTC).replace(microsecond=0)


def _whole_second(until: datetime) -> datetime:
    """Rounded up: some stores refuse fractions, and a lock is never shorter than the plan says."""
    return (until + timedelta(seconds=1, microseconds=-1)).replace(microsecond=0)
