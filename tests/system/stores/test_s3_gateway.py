"""What a gateway does to a backup by its own means: a quota that is used up, a user disabled in mid-upload, a disk that
freezes, a clock that differs; and what the node's credentials can do to what is there: nothing."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore import auth
from botocore.exceptions import ClientError

from intendance.model.errors import IntendanceError
from intendance.model.errors.store import StoreClockDiffers, StoreFull, StoreRefused, StoreUnreachable
from intendance.model.plan import FilesAsset, S3Store
from intendance.model.plan import Store as Declared
from intendance.stores import Store, Use, open_store
from intendance.stores.s3.calls import Bucket, Patience
from intendance.stores.s3.store import S3Store as Adapter
from intendance.system.clock import Clock, Instant, SystemClock
from tests.support.radosgw import Radosgw, Shelf, make_shelf
from tests.support.state import until
from tests.support.workshop import Workshop

pytestmark = pytest.mark.gnupg
QUICK = Patience(silence_seconds=10, answer_seconds=20, attempts=6, pause_seconds=0.01)


def facts(workshop: Workshop, kind: str) -> list[Any]:
    return [fact.data for fact in workshop.book.facts(kind, asset="site")]


class Jumping:
    """The machine's clock, until it jumps."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._clock = SystemClock()

    def read(self) -> Instant:
        instant = self._clock.read()
        return Instant(instant.at + self.ahead, instant.mono_ns, instant.boot)


def into(workshop: Workshop, declared: S3Store, patience: Patience = QUICK, clock: Clock | None = None) -> None:
    """Back the tree up into that bucket alone."""

    def opened(store: Declared, use: Use) -> Store:
        assert isinstance(store, S3Store)
        return Adapter(Bucket(store, clock=clock, patience=patience), use)

    workshop.opened_by = opened
    workshop.further, workshop.stores = {"offsite": declared}, ("offsite",)
    workshop.declare(FilesAsset(name="site", path=str(workshop.tree), backup=workshop.backup_plan("full")))


def fails(workshop: Workshop, error: type[IntendanceError], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        workshop.back_up()
    failed = facts(workshop, "backup.failed")[0]
    assert (failed.error, failed.message) == (raised.value.code, raised.value.message)
    assert facts(workshop, "backup.completed") == []


def status_of(call: Callable[[], Any]) -> int:
    """The HTTP status of the answer."""
    try:
        return int(call()["ResponseMetadata"]["HTTPStatusCode"])
    except ClientError as refused:
        return int(refused.response["ResponseMetadata"]["HTTPStatusCode"])


def noticed(shelf: Shelf, call: Callable[[], Any], status: int) -> None:
    """Wait until the gateway has noticed what its administrator did: it remembers users for a while."""
    until(lambda: status_of(call) == status, f"{shelf.bucket}: HTTP status {status}")


def heals(workshop: Workshop, shelf: Shelf) -> None:
    made = workshop.back_up()
    (seen,) = workshop.inspect(deep=True)
    assert (seen.newest[0].set, seen.faulty) == (made.set, 0)
    assert not shelf.s3.list_multipart_uploads(Bucket=shelf.bucket).get("Uploads")


@pytest.fixture
def own(radosgw: Radosgw, workshop: Workshop) -> Shelf:
    """A bucket of a user of its own, who is limited and disabled."""
    workshop.tree.mkdir()
    (workshop.tree / "photo").write_bytes(os.urandom(12 << 20))
    user = radosgw.user()
    shelf = Shelf(radosgw, f"own-{user.uid}", user, user, user, workshop.base / "users", None)
    shelf.folder.mkdir()
    shelf.s3.create_bucket(Bucket=shelf.bucket, CreateBucketConfiguration={"LocationConstraint": radosgw.region})
    return shelf


@contextmanager
def after_parts(count: int, act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Do something once that many parts are in the bucket."""
    put = Adapter.put
    seen: list[str] = []

    def counting(self: Adapter, key: str, chunks: Any) -> Any:
        if key.endswith(".gpg") and len(seen) == count:
            act()
        seen.append(key)
        return put(self, key, chunks)

    with monkeypatch.context() as patched:
        patched.setattr(Adapter, "put", counting)
        yield
    assert len(seen) > count, "there were too few parts"


def test_a_user_who_is_disabled_in_mid_upload(own: Shelf, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    into(workshop, own.declared)
    uid = f"--uid={own.owner.uid}"

    def suspend() -> None:
        own.gateway.admin("user", "suspend", uid)
        noticed(own, lambda: own.s3.list_objects_v2(Bucket=own.bucket), 403)

    with after_parts(2, suspend, monkeypatch):
        fails(workshop, StoreRefused, "suspended")
    own.gateway.admin("user", "enable", uid)
    noticed(own, lambda: own.s3.list_objects_v2(Bucket=own.bucket), 200)
    assert any(key.endswith(".gpg") for key in own.held()), "what was there stays, and is no set"
    assert not any(key.endswith("MANIFEST.json") for key in own.held())
    heals(workshop, own)


def test_a_quota_that_is_used_up_in_mid_upload(own: Shelf, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    into(workshop, own.declared)
    quota = ("--quota-scope=user", f"--uid={own.owner.uid}")

    def limit() -> None:
        own.gateway.admin("quota", "set", *quota, "--max-objects=0")
        own.gateway.admin("quota", "enable", *quota)
        noticed(own, lambda: own.s3.put_object(Bucket=own.bucket, Key="more", Body=b"x"), 403)

    with after_parts(2, limit, monkeypatch):
        fails(workshop, StoreFull, "quota is used up")
    assert not any(key.endswith("MANIFEST.json") for key in own.held())
    own.gateway.admin("quota", "disable", *quota)
    noticed(own, lambda: own.s3.put_object(Bucket=own.bucket, Key="more", Body=b"x"), 200)
    heals(workshop, own)


def test_a_disk_that_freezes(private_radosgw: Callable[..., Radosgw], workshop: Workshop) -> None:
    gateway = private_radosgw()
    shelf = make_shelf(gateway, workshop.base / "users")
    workshop.tree.mkdir()
    (workshop.tree / "note").write_text("one")
    open_store(shelf.declared).put("before", [b"x"])
    into(workshop, shelf.declared, replace(QUICK, silence_seconds=0.5, answer_seconds=1, attempts=2))
    os.kill(gateway.pids["osd"], signal.SIGSTOP)
    try:
        fails(workshop, StoreUnreachable, r"(?i)time|no whole answer")
    finally:
        os.kill(gateway.pids["osd"], signal.SIGCONT)
    into(workshop, shelf.declared, replace(QUICK, silence_seconds=60, answer_seconds=90))  # it has to find itself again
    assert not any(key.endswith("MANIFEST.json") for key in shelf.held())
    heals(workshop, shelf)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_differs(hours: int, own: Shelf, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node's clock, in mid-upload: what it signs from then on is of another time to the gateway."""
    clock, told = Jumping(), auth.get_current_datetime
    into(workshop, own.declared, clock=clock)

    def jump() -> None:
        clock.ahead = timedelta(hours=hours)
        monkeypatch.setattr(auth, "get_current_datetime", lambda **words: told(**words) + clock.ahead)

    with after_parts(2, jump, monkeypatch):
        fails(workshop, StoreClockDiffers, "clock")
    clock.ahead = timedelta()
    assert any(key.endswith(".gpg") for key in own.held()), "what was there stays, and is no set"
    assert not any(key.endswith("MANIFEST.json") for key in own.held())
    heals(workshop, own)


def harmful(shelf: Shelf, node: Any, version: str) -> dict[str, Callable[[], object]]:
    """Each call of S3 that could delete, shorten, or open a way to it."""
    bucket = {"Bucket": shelf.bucket}
    key = bucket | {"Key": "f/a"}
    this = key | {"VersionId": version}
    soon = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)}
    rule = {"ID": "e", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}
    everybody = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{shelf.bucket}/*"}
    ]}  # fmt: skip
    default = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    return {
        "delete": lambda: node.delete_object(**key),
        "delete a version": lambda: node.delete_object(**this),
        "delete a version by the right to bypass": lambda: node.delete_object(**this, BypassGovernanceRetention=True),
        "delete many": lambda: node.delete_objects(**bucket, Delete={"Objects": [{"Key": "f/a"}]}),
        "shorten a lock": lambda: node.put_object_retention(**this, Retention=soon),
        "shorten a lock by the right to bypass": lambda: node.put_object_retention(
            **this, Retention=soon, BypassGovernanceRetention=True
        ),
        "take a lock off": lambda: node.put_object_retention(**this, Retention={}, BypassGovernanceRetention=True),
        "lift a legal hold": lambda: node.put_object_legal_hold(**this, LegalHold={"Status": "OFF"}),
        "default of locks": lambda: node.put_object_lock_configuration(**bucket, ObjectLockConfiguration=default),
        "expire all": lambda: node.put_bucket_lifecycle_configuration(
            **bucket, LifecycleConfiguration={"Rules": [rule]}
        ),
        "no rules of expiry": lambda: node.delete_bucket_lifecycle(**bucket),
        "stop versions": lambda: node.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Suspended"}),
        "policy": lambda: node.put_bucket_policy(**bucket, Policy=json.dumps(everybody)),
        "no policy": lambda: node.delete_bucket_policy(**bucket),
        "access list of the bucket": lambda: node.put_bucket_acl(**bucket, ACL="public-read-write"),
        "delete the bucket": lambda: node.delete_bucket(**bucket),
    }


def test_the_nodes_credentials_delete_and_shorten_nothing(locked_shelf: Shelf, tmp_path: Path) -> None:
    shelf = locked_shelf
    stored = Adapter(Bucket(shelf.declared, patience=QUICK), Use(keep_days=30)).put("f/a", [b"the only copy"])
    assert stored.version is not None
    before = shelf.s3.get_object_retention(Bucket=shelf.bucket, Key="f/a", VersionId=stored.version)["Retention"]
    policy = shelf.s3.get_bucket_policy(Bucket=shelf.bucket)["Policy"]
    node = shelf.gateway.client(shelf.appender)
    for name, harm in harmful(shelf, node, stored.version).items():
        assert status_of(harm) in (400, 403, 409), name
    node.put_object(Bucket=shelf.bucket, Key="f/a", Body=b"of a thief")  # a version more, and the first one stays
    held = shelf.s3.list_object_versions(Bucket=shelf.bucket)
    assert stored.version in [each["VersionId"] for each in held["Versions"]]
    assert "DeleteMarkers" not in held
    whole = shelf.s3.get_object(Bucket=shelf.bucket, Key="f/a", VersionId=stored.version)["Body"].read()
    assert whole == b"the only copy"
    after = shelf.s3.get_object_retention(Bucket=shelf.bucket, Key="f/a", VersionId=stored.version)["Retention"]
    assert after == before
    assert shelf.s3.get_bucket_versioning(Bucket=shelf.bucket)["Status"] == "Enabled"
    assert shelf.s3.get_bucket_policy(Bucket=shelf.bucket)["Policy"] == policy
    with pytest.raises(ClientError):
        shelf.s3.get_bucket_lifecycle_configuration(Bucket=shelf.bucket)
