"""Where a bucket stands, asked of the bucket itself."""

from __future__ import annotations

from urllib.parse import urlsplit

from intendance.model.errors import IntendanceError
from intendance.stores.s3.calls import DEFAULT_REGION, Bucket


def region(bucket: Bucket) -> dict[str, str]:
    """The region as the bucket says it, and as its answers do; empty where nobody does."""
    found = {"region_located": "", "region_headed": ""}
    try:
        located = bucket.ask("get_bucket_location", "say where it is").get("LocationConstraint")
        found["region_located"] = located or (DEFAULT_REGION if bucket.declared.endpoint is None else "")
    except IntendanceError:
        pass  # credentials that may not ask: nobody says it
    try:
        headers = bucket.ask("head_bucket", "look at it")["ResponseMetadata"]["HTTPHeaders"]
        found["region_headed"] = headers.get("x-amz-bucket-region", "")
    except IntendanceError:
        pass
    return found


def endpoint(bucket: Bucket) -> str:
    """The host spoken to."""
    declared = bucket.declared
    if declared.endpoint is None:
        return f"s3.{declared.region or DEFAULT_REGION}.amazonaws.com"
    return urlsplit(declared.endpoint).hostname or ""
