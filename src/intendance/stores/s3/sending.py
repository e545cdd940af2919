"""One object on its way into a bucket, as one request that is made again when its answer was lost."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import IO, Any

from intendance.model.errors.sets import CopyDiffers
from intendance.model.errors.store import ObjectExists, ObjectMissing
from intendance.stores.s3.calls import Bucket
from intendance.system.clock import monotonic_seconds

SHA256 = "intendance-sha256"
"""Beside each object: the SHA-256 of its bytes, in hexadecimal."""

_TOKEN = "intendance-put"  # noqa: S105 -- it opens nothing


class Content:
    """Bytes that wait, with their length and hashes."""

    def __init__(self, spool: Any) -> None:
        self.file = spool
        self.size_bytes = 0
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()

    @property
    def md5(self) -> str:
        """As Content-MD5 has it."""
        return base64.b64encode(self._md5.digest()).decode()

    @property
    def sha256(self) -> str:
        """In hexadecimal."""
        return self._sha256.hexdigest()

    def take(self, chunk: bytes | memoryview) -> None:
        """Add bytes. Raises OSError."""
        self._md5.update(chunk)
        self._sha256.update(chunk)
        self.file.write(chunk)
        self.size_bytes += len(chunk)


class Sending:
    """The attempts to put one object. A token beside the object tells ours from another writer's."""

    def __init__(self, bucket: Bucket, key: str, content: Content, lock: Mapping[str, Any]) -> None:
        self._bucket = bucket
        self._key = key
        self._content = content
        self._lock = lock
        self._token = secrets.token_hex(16)
        self._repeated = False

    def attempt(self) -> None:
        """Send it, unless an earlier attempt whose answer was lost has arrived. Raises Unanswered, ObjectExists, and
        the errors of stores."""
        # A bucket with versions may take a second one in spite of If-None-Match (radosgw does): look before repeating.
        if self._repeated and self._arrived():
            return
        self._repeated = True
        try:
            self._send()
        except ObjectExists:
            if not self._arrived():
                raise

    def _send(self) -> None:
        seconds = self._bucket.patience.transfer_seconds(self._content.size_bytes)
        self._bucket.once(
            "put_object",
            f"store {self._key}",
            key=self._key,
            seconds=seconds,
            Body=_Bytes(self._content.file, monotonic_seconds() + seconds),
            ContentLength=self._content.size_bytes,
            ContentMD5=self._content.md5,
            ContentType="application/octet-stream",
            IfNoneMatch="*",
            Metadata={SHA256: self._content.sha256, _TOKEN: self._token},
            **self._lock,
        )

    def stored(self) -> Mapping[str, Any]:
        """What the store says of the object that was sent. Raises Unanswered, CopyDiffers, and the errors of stores."""
        said = self._look()
        size_bytes, sha256 = said["ContentLength"], said.get("Metadata", {}).get(SHA256)
        if (size_bytes, sha256) != (self._content.size_bytes, self._content.sha256):
            detail = f"it says {size_bytes} bytes where {self._content.size_bytes} were sent"
            if size_bytes == self._content.size_bytes:
                detail = "it keeps another SHA-256 beside them, or none"
            raise CopyDiffers(part=self._key, store=self._bucket.name, detail=detail)
        return said

    def _arrived(self) -> bool:
        """Whether what stands there is what an earlier attempt has sent. Raises ObjectExists for anybody else's."""
        try:
            said = self._look()
        except ObjectMissing:
            return False
        if said.get("Metadata", {}).get(_TOKEN) != self._token:
            raise ObjectExists(store=self._bucket.name, key=self._key)
        return True

    def _look(self) -> Mapping[str, Any]:
        """A second time where it is not what was sent: an answer that was cut within its head says less than the
        store."""
        said: Mapping[str, Any] = {}
        for _ in range(2):
            said = self._bucket.once("head_object", f"look at {self._key}", key=self._key)
            beside = said.get("Metadata", {})
            if (beside.get(SHA256), beside.get(_TOKEN)) == (self._content.sha256, self._token):
                break
        return said


class _Bytes:
    """A spooled file as botocore sends it: from its start, and not beyond a deadline."""

    def __init__(self, spool: IO[bytes], until: float) -> None:
        self._spool = spool
        self._until = until
        spool.seek(0)

    def read(self, size: int = -1) -> bytes:
        if monotonic_seconds() > self._until:
            raise TimeoutError("the store takes the bytes too slowly")
        return self._spool.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._spool.seek(offset, whence)

    def tell(self) -> int:
        return self._spool.tell()
