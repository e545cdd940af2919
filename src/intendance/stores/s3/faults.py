"""What a bucket's refusals mean, in the errors of stores; no key ever stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from intendance.model.errors import IntendanceError
from intendance.model.errors.store import (
    ObjectExists,
    ObjectMissing,
    StoreClockDiffers,
    StoreFull,
    StoreRefused,
    StoreUnprepared,
    StoreUnreachable,
)
from intendance.model.frozen import dataclass
from intendance.system.redaction import Secrets

_MISSING = ("NoSuchKey", "NoSuchVersion", "404", "NotFound")
_TAKEN = ("PreconditionFailed", "412")
_PASSING = (
    "SlowDown",
    "RequestTimeout",
    "OperationAborted",
    "ConditionalRequestConflict",
    "BadDigest",  # the bytes were changed on their way
    "XAmzContentSHA256Mismatch",
    "IncompleteBody",
)
_FULL = ("QuotaExceeded", "InsufficientStorage", "EntityTooLargeForQuota", "StorageQuotaExceeded", "507")
_BARE = "403"
"""The refusal of a HEAD has no words: only the clocks say that they are why."""
_ALLOWED = timedelta(minutes=15)
"""S3 refuses what is signed at a time further away than that."""
_OURS = (400, 403, 404, 405, 409, 411, 412, 416, 501)
_KEYS = {
    "InvalidAccessKeyId": "it does not know the access key",
    "SignatureDoesNotMatch": "the secret is not the access key's",
    "ExpiredToken": "the credentials have expired",
    "InvalidToken": "it does not know the session token",
    "UserSuspended": "the user is suspended",
    "AccountProblem": "it says that there is a problem with the account",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A refusal as the store sent it."""

    code: str
    message: str
    status: int
    date: str

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed in a moment."""
        return (self.status >= 500 and self.status not in (501, 507)) or self.status == 429 or self.code in _PASSING


def reply_of(response: Mapping[str, Any]) -> Reply:
    """A refusal as botocore parsed it."""
    error, said = response.get("Error", {}), response.get("ResponseMetadata", {})
    return Reply(
        code=str(error.get("Code", "")),
        message=str(error.get("Message") or ""),
        status=int(said.get("HTTPStatusCode") or 0),
        date=str(said.get("HTTPHeaders", {}).get("date", "")),
    )


def from_reply(
    reply: Reply, *, store: str, bucket: str, operation: str, key: str | None, secrets: Secrets, now: datetime
) -> IntendanceError:
    """The error of stores that a refusal means; `key` is set where a missing object is one."""
    if reply.code == "NoSuchBucket" or (key is None and reply.code in _MISSING):
        remedy = "Check the bucket's name in the plan; Intendance makes no bucket (`docs/stores/s3.md` says how to)."
        return StoreUnprepared(store=store, detail=f"there is no bucket {bucket}", remedy=remedy)
    if reply.code in _MISSING and key is not None:
        return ObjectMissing(store=store, key=key)
    if reply.code in _TAKEN and key is not None:
        return ObjectExists(store=store, key=key)
    if reply.code == "RequestTimeTooSkewed" or (reply.code == _BARE and _apart(reply.date, now) > _ALLOWED):
        return StoreClockDiffers(store=store, difference=_difference(reply.date, now))
    if reply.code in _FULL:
        return StoreFull(store=store, free="its quota is used up: nothing")
    said = _KEYS.get(reply.code) or secrets.hide(" ".join(filter(None, (reply.code, reply.message))))
    if reply.status in _OURS:
        return StoreRefused(store=store, operation=operation, detail=said or f"HTTP status {reply.status}")
    return StoreUnreachable(store=store, detail=f"it answered {said or 'nothing'} (HTTP status {reply.status})")


def _difference(date: str, now: datetime) -> str:
    apart = _apart(date, now)
    return f"{timedelta(seconds=round(apart.total_seconds()))} h" if apart else "more than it allows"


def _apart(date: str, now: datetime) -> timedelta:
    """How far the store's clock is from ours, as far as its answer says."""
    try:
        theirs = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return timedelta()
    return abs(now - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)))
