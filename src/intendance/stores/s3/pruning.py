"""Deleting in a bucket, version by version, with credentials that only the host that prunes has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from intendance.model.errors.prune import DeleteCredentialsMissing
from intendance.model.errors.store import ObjectMissing, StoreUnreachable
from intendance.model.plan import S3Store as Declared
from intendance.stores import StoredObject
from intendance.stores.keys import require_key
from intendance.stores.s3.calls import Bucket

_UPLOAD = "upload:"
"""Before the id of an upload in parts that nobody ended: it has no version yet."""


def open_prunable(declared: Declared) -> S3Pruner:
    """The bucket of the plan, for whoever may delete in it; nothing is asked before its first method is called.

    Raises DeleteCredentialsMissing.
    """
    if declared.delete_credentials is None:
        raise DeleteCredentialsMissing(store=declared.name)
    return S3Pruner(Bucket(replace(declared, credentials=declared.delete_credentials)))


class S3Pruner:
    """A bucket whose versions may be deleted. A version that is locked stays, whatever the credentials."""

    def __init__(self, bucket: Bucket) -> None:
        self.name = bucket.name
        self._bucket = bucket

    def now(self) -> datetime:
        """As `Prunable.now`: the time that the store's answers carry."""
        said = self._bucket.ask("list_objects_v2", "ask for its time", MaxKeys=1)
        date = said["ResponseMetadata"]["HTTPHeaders"].get("date", "")
        try:
            return parsedate_to_datetime(date).astimezone(UTC)
        except ValueError:
            raise StoreUnreachable(store=self.name, detail="its answer says no time") from None

    def everything(self, prefix: str) -> Iterator[StoredObject]:
        """As `Prunable.everything`: versions, marks of deletion, and uploads in parts that nobody ended."""
        folder = f"{require_key(self.name, prefix)}/"
        for page in self._pages("list_object_versions", folder, ("KeyMarker", "VersionIdMarker")):
            for found in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                yield _stored(found["Key"], found.get("Size", 0), found["LastModified"], found["VersionId"])
        for page in self._pages("list_multipart_uploads", folder, ("KeyMarker", "UploadIdMarker")):
            for found in page.get("Uploads", ()):
                yield _stored(found["Key"], 0, found["Initiated"], _UPLOAD + found["UploadId"])

    def delete(self, stored: StoredObject) -> None:
        """As `Prunable.delete`: that version alone, never a mark of deletion in its place."""
        version = stored.version or "null"
        what = f"delete {stored.key}"
        try:
            if version.startswith(_UPLOAD):
                upload = version.removeprefix(_UPLOAD)
                self._bucket.ask("abort_multipart_upload", what, key=stored.key, UploadId=upload)
            else:
                self._bucket.ask("delete_object", what, key=stored.key, VersionId=version)
        except ObjectMissing:
            return

    def tidy(self, prefix: str) -> None:
        """As `Prunable.tidy`: a bucket has no folders."""

    def _pages(self, method: str, folder: str, markers: tuple[str, str]) -> Iterator[Mapping[str, Any]]:
        more: dict[str, str] = {}
        while True:
            page = self._bucket.ask(method, f"list all of {folder}", Prefix=folder, **more)
            yield page
            following = {marker: page.get(f"Next{marker}") for marker in markers}
            if not page.get("IsTruncated") or not following[markers[0]]:
                return
            more = {marker: value for marker, value in following.items() if value}


def _stored(key: str, size_bytes: int, at: datetime, version: str) -> StoredObject:
    return StoredObject(key=key, size_bytes=size_bytes, stored_at=at.astimezone(UTC), version=version)
