"""A private Ceph with an S3 gateway (radosgw), one for all workers of a test run, and buckets and users of their own.

The programs come from Debian's packages, installed or only unpacked in `.dev/ceph` (`./dev system`): nothing is run as
a service. Start: about 10 s. `radosgw` is shared, so a test that freezes or fills it takes a `private_radosgw`.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal

import boto3
import pytest
from botocore.config import Config

from intendance.model.plan import S3Store, SecretReference
from tests.support.ports import free_port
from tests.support.radosgw_keeper import Specification, environment

ROOT = Path(__file__).parents[2]
UNPACKED = ROOT / ".dev" / "ceph"
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "osdmaptool")
REGION = "eu-central-1"
_UP_SECONDS = 300.0


def unpacked() -> str | None:
    """Where `./dev system` unpacked Ceph; None when the system has it installed."""
    return None if shutil.which("radosgw") else str(UNPACKED)


def lack() -> str:
    """What this machine lacks to run a gateway and how to get it, as a sentence; empty for nothing."""
    path = environment(unpacked())["PATH"]
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    return f"Ceph is not at hand (`./dev system`): {', '.join(missing)}" if missing else ""


def need_radosgw() -> None:
    """Skip when Ceph is missing, except in CI, where a missing tool is a failure."""
    if sentence := lack():
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)


@dataclass(frozen=True)
class User:
    """A user of the gateway."""

    uid: str
    id: str
    secret: str


@dataclass(frozen=True)
class Radosgw:
    """A gateway that runs. `pids`: `mon`, `osd`, `rgw`."""

    endpoint: str
    region: str
    folder: Path
    pids: Mapping[str, int] = field(hash=False)
    unpacked: str | None

    def admin(self, *words: str) -> Any:
        """What `radosgw-admin` prints, as JSON where it is.

        It ends with ECANCELED when the gateway wrote the same user between its reading and its writing (a user's
        statistics, say): then it is to begin again.
        """
        while True:
            done = subprocess.run(
                ["radosgw-admin", "-c", str(self.folder / "ceph.conf"), *words],
                env=environment(self.unpacked),
                capture_output=True,
                check=False,
                timeout=120,
            )
            if done.returncode != errno.ECANCELED:
                break
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout.decode()

    def user(self, *, op_mask: str | None = None) -> User:
        """A new user who may do all, or only what `op_mask` names (`read`, `read,write`: nothing is deleted)."""
        made = User(f"u{secrets.token_hex(6)}", f"AK{secrets.token_hex(9).upper()}", secrets.token_urlsafe(30))
        words = [f"--uid={made.uid}", f"--access-key={made.id}", f"--secret-key={made.secret}"]
        masked = [] if op_mask is None else [f"--op-mask={op_mask}"]
        self.admin("user", "create", "--display-name", made.uid, *words, *masked)
        return made

    def client(self, user: User, **config: Any) -> Any:
        """boto3's own client for a user: what tests use to see, or to do harm, behind our back."""
        settings = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}, proxies={}, **config)
        return boto3.session.Session(user.id, user.secret, region_name=self.region).client(
            "s3", endpoint_url=self.endpoint, config=settings
        )


@dataclass(frozen=True)
class Shelf:
    """A bucket and three who may enter: its owner, one who may only add, one who may only read.

    `declared` is the store as a node's plan has it: with the credentials that can only add.
    """

    gateway: Radosgw
    bucket: str
    owner: User
    appender: User
    reader: User
    folder: Path
    lock: Literal["governance", "compliance"] | None

    @property
    def declared(self) -> S3Store:
        return self.store_of(self.appender)

    def store_of(self, user: User, *, name: str = "offsite", endpoint: str | None = None) -> S3Store:
        """The bucket as a store of the plan, with some user's credentials; `endpoint`: through a proxy."""
        return S3Store(
            name=name,
            bucket=self.bucket,
            region=self.gateway.region,
            endpoint=endpoint or self.gateway.endpoint,
            object_lock=self.lock,
            credentials=SecretReference(file=str(self.credentials(user))),
        )

    def credentials(self, user: User) -> Path:
        path = self.folder / f"{user.uid}.ini"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(f"[default]\naws_access_key_id = {user.id}\naws_secret_access_key = {user.secret}\n")
        return path

    @property
    def s3(self) -> Any:
        """boto3's client as the bucket's owner."""
        return _client(self.gateway, self.owner)

    def held(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


@cache
def _client(gateway: Radosgw, user: User) -> Any:
    return gateway.client(user)


@cache
def _people(gateway: Radosgw) -> tuple[User, User, User]:
    """One owner, one who may only add and one who may only read, for all buckets: a user takes 0.3 s to make."""
    return gateway.user(), gateway.user(op_mask="read,write"), gateway.user(op_mask="read")


def make_shelf(
    gateway: Radosgw, folder: Path, *, lock: Literal["governance", "compliance"] | None = None, versioned: bool = False
) -> Shelf:
    """A bucket of its own; with `lock`, one made with Object Lock (and so with versions)."""
    owner, appender, reader = _people(gateway)
    folder.mkdir(parents=True, exist_ok=True)
    shelf = Shelf(gateway, f"b-{secrets.token_hex(8)}", owner, appender, reader, folder, lock)
    shelf.s3.create_bucket(
        Bucket=shelf.bucket,
        ObjectLockEnabledForBucket=lock is not None,
        CreateBucketConfiguration={"LocationConstraint": gateway.region},
    )
    if versioned:
        shelf.s3.put_bucket_versioning(Bucket=shelf.bucket, VersioningConfiguration={"Status": "Enabled"})
    here, inside = f"arn:aws:s3:::{shelf.bucket}", f"arn:aws:s3:::{shelf.bucket}/*"

    def entry(effect: str, user: User, *actions: str) -> dict[str, Any]:
        principal = {"AWS": [f"arn:aws:iam:::user/{user.uid}"]}
        named = [f"s3:{action}" for action in actions]
        return {"Effect": effect, "Principal": principal, "Action": named, "Resource": [here, inside]}

    reading = ("GetObject", "GetObjectVersion", "ListBucket", "ListBucketVersions", "GetBucketLocation",
               "GetBucketVersioning", "GetBucketObjectLockConfiguration", "GetObjectRetention")  # fmt: skip
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            entry("Allow", owner, "*"),  # also of what the others have put, which is theirs by radosgw's own rules
            entry("Allow", appender, *reading, "PutObject", "PutObjectRetention"),
            # Who has put an object may else bypass its governance lock.
            entry(
                "Deny",
                appender,
                "BypassGovernanceRetention",
                "DeleteObject",
                "DeleteObjectVersion",
                "PutObjectLegalHold",
            ),
            entry("Allow", reader, *reading),
        ],
    }
    shelf.s3.put_bucket_policy(Bucket=shelf.bucket, Policy=json.dumps(policy))
    return shelf


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Radosgw]:
    """The gateway that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    with running(base if worker_id == "master" else base.parent) as gateway:
        yield gateway


@pytest.fixture
def private_radosgw(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts gateways that this test alone uses: `private_radosgw(skew="+1h")`."""
    from contextlib import ExitStack

    with ExitStack() as open_ones:
        number = iter(range(1000))
        yield lambda **given: open_ones.enter_context(running(tmp_path / f"rgw{next(number)}", **given))


@pytest.fixture
def shelf(radosgw: Radosgw, tmp_path: Path) -> Shelf:
    """A bucket without locks."""
    return make_shelf(radosgw, tmp_path / "s3-users")


@pytest.fixture
def locked_shelf(radosgw: Radosgw, tmp_path: Path) -> Shelf:
    """A bucket whose store in the plan asks for governance locks."""
    return make_shelf(radosgw, tmp_path / "s3-users", lock="governance")


@contextmanager
def running(meeting: Path, *, skew: str | None = None) -> Iterator[Radosgw]:
    """The gateway of those who meet in this folder: the first starts it; it ends after the last, however they end."""
    need_radosgw()
    meeting.mkdir(parents=True, exist_ok=True)
    ready, users = meeting / "radosgw.json", meeting / "radosgw.users"
    with (meeting / "radosgw.start").open("w") as starting, users.open("w") as using:
        fcntl.flock(starting, fcntl.LOCK_EX)
        fcntl.flock(using, fcntl.LOCK_SH)  # waits for one that is ending
        if not ready.exists():  # nobody has, or the last one has gone
            _start(meeting, ready, users, skew)
        said = json.loads(ready.read_text())
        fcntl.flock(starting, fcntl.LOCK_UN)
        yield Radosgw(
            endpoint=f"http://127.0.0.1:{said['port']}",
            region=said["region"],
            folder=Path(said["folder"]),
            pids=said["pids"],
            unpacked=said["unpacked"],
        )


def _start(meeting: Path, ready: Path, users: Path, skew: str | None) -> None:
    given = Specification(
        folder=tempfile.mkdtemp(prefix="irgw-", dir="/tmp"),
        users=str(users),
        ready=str(ready),
        port=free_port(),
        monitor_port=free_port(),
        region=REGION,
        unpacked=unpacked(),
        skew=skew,
    )
    specification = meeting / "radosgw.specification"
    specification.write_text(json.dumps(asdict(given)))
    with (meeting / "radosgw.out").open("wb") as output:
        keeper = _keeper(specification, output)
        until = time.monotonic() + _UP_SECONDS
        while not ready.exists():
            if keeper.poll() is not None or time.monotonic() > until:
                said = (meeting / "radosgw.out").read_text(errors="replace")[-3000:]
                pytest.fail(f"radosgw did not start: {said}")
            time.sleep(0.05)
        keeper.returncode = 0  # it ends by itself, perhaps after us: nobody waits for it


def _keeper(specification: Path, output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.radosgw_keeper", str(specification)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
