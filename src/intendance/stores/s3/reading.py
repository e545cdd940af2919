"""An object's bytes as they come over a connection that may break."""

from __future__ import annotations

import io
from typing import Any

from intendance.model.errors.store import ObjectExists, ObjectMissing, StoreUnreachable
from intendance.stores.s3.calls import Bucket, Unanswered
from intendance.system.clock import monotonic_seconds

_PIECE_BYTES = 256 << 10


class Body(io.RawIOBase):
    """The bytes of one version of an object, from its first to its last; asks again from where a connection broke.

    Raises ObjectMissing when it is made, and the errors of stores when the rest cannot be had.
    """

    def __init__(self, bucket: Bucket, key: str) -> None:
        super().__init__()
        self._bucket = bucket
        self._key = key
        self._offset = self._size = 0
        self._fails = 0
        first = bucket.ask("get_object", f"read {key}", key=key)
        self._same = {"VersionId": first["VersionId"]} if first.get("VersionId") else {"IfMatch": first["ETag"]}
        self._take(first)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """As of `RawIOBase`. Raises the errors of stores when the rest cannot be had."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), _PIECE_BYTES, self._size - self._offset)
        if wanted <= 0:
            return 0
        piece = self._piece(wanted)
        view[: len(piece)] = piece
        self._offset += len(piece)
        return len(piece)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_stream"):
            self._stream.close()
        super().close()

    def _piece(self, wanted: int) -> bytes:
        while True:
            try:
                piece = self._received(wanted)
            except Unanswered as failure:
                self._resume(failure)
                continue
            self._fails = 0
            return piece

    def _received(self, wanted: int) -> bytes:
        """Some bytes, without waiting for all; raises Unanswered when the connection broke, or drips."""
        from botocore.exceptions import BotoCoreError  # as boto3: only once a bucket is spoken to
        from urllib3.exceptions import HTTPError

        try:
            piece: bytes = self._stream.read1(wanted)
        except (BotoCoreError, HTTPError, OSError) as error:
            raise self._bucket.unanswered(error) from None
        if not piece:
            raise Unanswered(f"{self._key} ended after {self._offset} of {self._size} bytes")
        self._since += len(piece)
        if monotonic_seconds() - self._started > self._bucket.patience.transfer_seconds(self._since):
            raise Unanswered(f"{self._key} comes too slowly")
        return piece

    def _resume(self, failure: Unanswered) -> None:
        """Ask for the rest of the same version; what made no progress several times in a row is given up."""
        self._fails += 1
        if self._fails >= self._bucket.patience.attempts:
            raise StoreUnreachable(store=self._bucket.name, detail=failure.detail) from None
        self._stream.close()
        rest = {"Range": f"bytes={self._offset}-", **self._same}
        try:
            self._take(self._bucket.ask("get_object", f"read {self._key}", key=self._key, **rest))
        except (ObjectMissing, ObjectExists):  # gone, or not the same any more
            detail = f"{self._key} is not there any more, after {self._offset} of its {self._size} bytes"
            raise StoreUnreachable(store=self._bucket.name, detail=detail) from None

    def _take(self, answer: Any) -> None:
        # A number that was cut within its digits is corrected by the next answer.
        self._size = self._offset + int(answer["ContentLength"])
        # The stream under botocore's own, since that one waits until all that was asked for has come.
        self._stream = answer["Body"]._raw_stream  # noqa: SLF001
        self._started = monotonic_seconds()
        self._since = 0
