"""A bucket as a store, on a real gateway: what the contract of all stores does not ask."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from intendance.model.errors import IntendanceError
from intendance.model.errors.store import (
    ObjectExists,
    StoreCredentialsUnusable,
    StoreFull,
    StoreRefused,
    StoreUnprepared,
    StoreUnreachable,
)
from intendance.model.plan import S3Store as Declared
from intendance.model.plan import SecretReference
from intendance.stores import Use, adopt_store, open_store
from intendance.stores.s3.calls import Bucket, Patience, Unanswered
from intendance.stores.s3.store import S3Store
from tests.support.radosgw import Radosgw, Shelf, make_shelf

QUICK = Patience(silence_seconds=30, answer_seconds=60, attempts=3, pause_seconds=0.01)
MIB = 1 << 20


def opened(declared: Declared, **use: Any) -> S3Store:
    return S3Store(Bucket(declared, patience=QUICK), Use(**use))


def read(store: S3Store, key: str) -> bytes:
    with store.open(key) as source:
        return source.read()


def losing_answers(bucket: Bucket, method: str, times: int) -> Callable[..., Any]:
    """Requests arrive, and `times` answers of one kind get lost on their way back."""
    once, left = bucket.once, iter(range(times))

    def unreliable(asked: str, operation: str, **given: Any) -> Any:
        answer = once(asked, operation, **given)
        if asked == method and next(left, None) is not None:
            raise Unanswered("the connection was reset")
        return answer

    return unreliable


@pytest.mark.parametrize("lock", [None, "governance"])
def test_a_put_whose_answer_was_lost_is_recognised(radosgw: Radosgw, tmp_path: Path, lock: Any) -> None:
    shelf = make_shelf(radosgw, tmp_path, lock=lock)
    store = opened(shelf.declared, keep_days=2)
    store.bucket.once = losing_answers(store.bucket, "put_object", 2)  # type: ignore[method-assign]
    stored = store.put("f/a", [b"once"])
    assert (stored.size_bytes, stored.sha256) == (4, hashlib.sha256(b"once").hexdigest())
    versions = shelf.s3.list_object_versions(Bucket=shelf.bucket).get("Versions", [])
    assert len(versions) == 1


def test_another_writer_is_not_taken_for_a_lost_answer(shelf: Shelf) -> None:
    store = opened(shelf.declared)

    def chunks() -> Iterator[bytes]:
        yield b"same bytes"
        shelf.s3.put_object(Bucket=shelf.bucket, Key="f/a", Body=b"same bytes")

    with pytest.raises(ObjectExists):
        store.put("f/a", chunks())


def test_an_answer_that_never_comes_is_given_up(shelf: Shelf) -> None:
    store = opened(shelf.declared)
    store.bucket.once = losing_answers(store.bucket, "head_object", 99)  # type: ignore[method-assign]
    shelf.s3.put_object(Bucket=shelf.bucket, Key="f/a", Body=b"x")
    with pytest.raises(StoreUnreachable, match="reset"):
        store.head("f/a")


def test_a_deaf_store_is_unreachable_within_the_deadline(shelf: Shelf) -> None:
    with closing(socket.socket()) as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(16)
        declared = replace(shelf.declared, endpoint=f"http://127.0.0.1:{deaf.getsockname()[1]}")
        patience = replace(QUICK, silence_seconds=0.3, answer_seconds=0.6, attempts=2)
        with pytest.raises(StoreUnreachable) as raised:
            S3Store(Bucket(declared, patience=patience), Use()).head("a")
    assert raised.value.transient


def test_an_answer_that_drips_is_unreachable_within_the_deadline(shelf: Shelf) -> None:
    over = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with closing(connection), suppress(OSError):  # who asked goes away
            for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                if over.wait(0.05):
                    return
                connection.sendall(bytes([letter]))

    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        declared = replace(shelf.declared, endpoint=f"http://127.0.0.1:{server.getsockname()[1]}")
        patience = replace(QUICK, silence_seconds=30, answer_seconds=0.5, attempts=1)
        with pytest.raises(StoreUnreachable, match="no whole answer"):
            S3Store(Bucket(declared, patience=patience), Use()).head("a")
        over.set()
        thread.join()


class _Broken:
    """A response's stream that breaks after some bytes."""

    def __init__(self, stream: Any, left: int) -> None:
        self._stream = stream
        self._left = left

    def read1(self, size: int) -> bytes:
        if self._left <= 0:
            raise ConnectionResetError("cut")
        piece: bytes = self._stream.read1(min(size, self._left))
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        self._stream.close()


def test_reading_goes_on_where_the_connection_broke(shelf: Shelf) -> None:
    content = os.urandom(3 * MIB + 17)
    store = opened(shelf.declared)
    store.put("f/a", [content])
    once, asked = store.bucket.once, []

    def breaking(method: str, operation: str, **given: Any) -> Any:
        answer = once(method, operation, **given)
        if method == "get_object":
            asked.append(given.get("Range"))
            if len(asked) < 4:
                answer["Body"]._raw_stream = _Broken(answer["Body"]._raw_stream, MIB - 1)
        return answer

    store.bucket.once = breaking  # type: ignore[method-assign]
    assert read(store, "f/a") == content
    assert len(asked) == 4
    assert asked[0] is None
    assert asked[1] == f"bytes={MIB - 1}-"


def test_reading_that_makes_no_progress_is_given_up(shelf: Shelf) -> None:
    store = opened(shelf.declared)
    store.put("f/a", [b"x" * 100])
    once = store.bucket.once

    def breaking(method: str, operation: str, **given: Any) -> Any:
        answer = once(method, operation, **given)
        answer["Body"]._raw_stream = _Broken(answer["Body"]._raw_stream, 0)
        return answer

    store.bucket.once = breaking  # type: ignore[method-assign]
    with pytest.raises(StoreUnreachable, match="cut"):
        read(store, "f/a")


def test_bytes_changed_on_the_way_are_refused_by_the_store(shelf: Shelf) -> None:
    """The hash is of the bytes as they came to us; what the network makes of them is not it."""
    store = opened(shelf.declared)
    once = store.bucket.once

    def tampering(method: str, operation: str, **given: Any) -> Any:
        if method == "put_object":
            given["Body"] = b"changed!"
        return once(method, operation, **given)

    store.bucket.once = tampering  # type: ignore[method-assign]
    with pytest.raises((StoreRefused, StoreUnreachable), match=r"(?i)digest"):
        store.put("f/a", [b"original"])
    assert shelf.held() == []


def test_the_nodes_credentials_can_add_and_read_only(locked_shelf: Shelf) -> None:
    shelf = locked_shelf
    stored = opened(shelf.declared, keep_days=30).put("f/a", [b"x"])
    node = shelf.gateway.client(shelf.appender)
    where = {"Bucket": shelf.bucket, "Key": "f/a"}
    shorter = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=1)}
    attempts: list[Callable[[], object]] = [
        lambda: node.delete_object(**where),
        lambda: node.delete_object(**where, VersionId=stored.version),
        lambda: node.delete_object(**where, VersionId=stored.version, BypassGovernanceRetention=True),
        lambda: node.put_object_retention(**where, VersionId=stored.version, Retention=shorter),
        lambda: node.put_object_retention(
            **where, VersionId=stored.version, Retention=shorter, BypassGovernanceRetention=True
        ),
        lambda: node.put_bucket_lifecycle_configuration(
            Bucket=shelf.bucket,
            LifecycleConfiguration={
                "Rules": [{"ID": "e", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]
            },
        ),
        lambda: node.put_bucket_versioning(Bucket=shelf.bucket, VersioningConfiguration={"Status": "Suspended"}),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    reader = opened(shelf.store_of(shelf.reader))
    assert read(reader, "f/a") == b"x"
    with pytest.raises(StoreRefused):
        reader.put("f/b", [b"x"])


@pytest.mark.parametrize("mode", ["governance", "compliance"])
def test_a_lock_lasts_as_long_as_the_plan_keeps_points(radosgw: Radosgw, tmp_path: Path, mode: Any) -> None:
    shelf = make_shelf(radosgw, tmp_path, lock=mode)
    before = datetime.now(UTC)
    stored = opened(shelf.declared, keep_days=90).put("f/a", [b"x"])
    assert stored.lock_until is not None
    assert stored.lock_until.microsecond == 0
    assert before + timedelta(days=90) <= stored.lock_until <= datetime.now(UTC) + timedelta(days=90, seconds=2)
    retention = shelf.s3.get_object_retention(Bucket=shelf.bucket, Key="f/a", VersionId=stored.version)
    assert retention["Retention"]["Mode"] == mode.upper()
    with pytest.raises(ClientError, match="AccessDenied"):  # even the bucket's owner
        shelf.s3.delete_object(Bucket=shelf.bucket, Key="f/a", VersionId=stored.version)


def test_listing_goes_beyond_one_page(shelf: Shelf) -> None:
    store = opened(shelf.declared)
    for number in range(7):
        shelf.s3.put_object(Bucket=shelf.bucket, Key=f"f/{number}", Body=b"x")
    shelf.s3.put_object(Bucket=shelf.bucket, Key="f/not one of ours", Body=b"x")
    once = store.bucket.once
    store.bucket.once = lambda method, operation, **given: once(method, operation, **given, MaxKeys=3)  # type: ignore[method-assign]
    assert [each.key for each in store.list("f")] == [f"f/{number}" for number in range(7)]


def test_refusals_are_told_in_our_words_and_without_keys(shelf: Shelf, tmp_path: Path) -> None:
    user = shelf.gateway.user()
    cases: list[tuple[Declared, type[IntendanceError], str]] = [
        (replace(shelf.declared, bucket="no-such-bucket-here"), StoreUnprepared, "no-such-bucket-here"),
        (shelf.store_of(user), StoreRefused, "AccessDenied"),
        (shelf.store_of(replace(shelf.appender, uid="wrong", secret="not-the-secret-at-all")), StoreRefused, "secret"),
        (shelf.store_of(replace(shelf.appender, uid="who", id="AKUNKNOWNUNKNOWN")), StoreRefused, "access key"),
        (replace(shelf.declared, endpoint="http://127.0.0.1:9"), StoreUnreachable, "cannot be reached"),
    ]
    for declared, error, words in cases:
        asks: list[Callable[[S3Store], object]] = [lambda store: list(store.list("")), lambda s: s.put("a", [b"x"])]
        if error is not StoreUnprepared:  # an answer to HEAD has no words to tell a bucket from an object
            asks.append(lambda store: store.head("f/a"))
        for ask in asks:
            with pytest.raises(error, match=words) as raised:
                ask(opened(declared))
            told = raised.value.message + raised.value.advice
            for secret in (shelf.appender.id, shelf.appender.secret, user.id, user.secret, "not-the-secret-at-all"):
                assert secret not in told


def test_a_wrong_clock_is_told_plainly(shelf: Shelf) -> None:
    script = (
        "import sys; from pathlib import Path; from intendance.model.plan import S3Store, SecretReference\n"
        "from intendance.stores import open_store; from intendance.model.errors import IntendanceError\n"
        "d = S3Store(name='offsite', bucket=sys.argv[1], region=sys.argv[2], endpoint=sys.argv[3],\n"
        "            credentials=SecretReference(file=sys.argv[4]))\n"
        "try: open_store(d).head('f/a')\n"
        "except IntendanceError as error: print(error.code, error.message)\n"
    )
    words = [shelf.bucket, shelf.gateway.region, shelf.gateway.endpoint, str(shelf.credentials(shelf.appender))]
    said = subprocess.run(
        ["faketime", "-f", "+3h", sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith("store_clock_differs")
    assert re.search(r"differ by (3:0[0-4]|2:5[5-9]):", said), said


def test_a_used_up_quota_is_a_full_store(radosgw: Radosgw, tmp_path: Path) -> None:
    owner = radosgw.user()
    shelf = replace(make_shelf(radosgw, tmp_path), owner=owner, bucket=f"full-{owner.uid}")
    radosgw.admin("quota", "set", "--quota-scope=user", f"--uid={owner.uid}", "--max-objects=0")
    radosgw.admin("quota", "enable", "--quota-scope=user", f"--uid={owner.uid}")
    radosgw.client(owner).create_bucket(  # the gateway reads its user only now: it keeps no older word on the quota
        Bucket=shelf.bucket, CreateBucketConfiguration={"LocationConstraint": radosgw.region}
    )
    with pytest.raises(StoreFull):
        opened(shelf.store_of(owner)).put("f/a", [b"x" * 5000])


def test_a_bucket_that_the_plan_names_is_looked_at_and_never_made(shelf: Shelf, locked_shelf: Shelf) -> None:
    adopt_store(shelf.declared)
    adopt_store(locked_shelf.declared)
    absent = replace(shelf.declared, bucket="never-made-by-us")
    with pytest.raises(StoreUnprepared, match="never-made-by-us"):
        adopt_store(absent)
    assert "never-made-by-us" not in [each["Name"] for each in shelf.s3.list_buckets()["Buckets"]]
    with pytest.raises(StoreUnprepared, match="object_lock"):
        adopt_store(replace(shelf.declared, object_lock="compliance"))


def test_what_waits_is_in_the_spool_and_has_no_name(shelf: Shelf, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    store = opened(shelf.declared, spool=spool)
    seen: list[str] = []

    def chunks() -> Iterator[bytes]:
        for _ in range(4):
            yield os.urandom(MIB)
        seen.extend(_descriptors())

    assert store.put("f/a", chunks()).size_bytes == 4 * MIB
    assert any(path.startswith(str(spool)) and path.endswith("(deleted)") for path in seen)
    assert list(spool.iterdir()) == []


def _descriptors() -> list[str]:
    return [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]


CREDENTIALS = "aws_access_key_id = AKIDAKID\naws_secret_access_key = verysecretword\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[default]\naws_access_key_id = AKIDAKID\n", "lack"),
        (f"[one]\n{CREDENTIALS}[two]\n{CREDENTIALS}", "no section"),
        (f"[one\n{CREDENTIALS}", "form"),
        ("", "lack"),
    ],
)
def test_credentials_that_cannot_be_used_are_never_repeated(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "s3.ini"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(StoreCredentialsUnusable, match=words) as raised:
        open_store(_declared(SecretReference(file=str(path)))).head("a")
    assert "AKIDAKID" not in raised.value.message + raised.value.advice
    assert "verysecretword" not in raised.value.message + raised.value.advice


def test_credentials_come_by_file_variable_or_program(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = shelf.credentials(shelf.appender)
    text = path.read_text()
    monkeypatch.setenv("OFFSITE_KEY", text.replace("[default]\n", ""))
    for reference in (
        SecretReference(file=str(path)),
        SecretReference(env="OFFSITE_KEY"),
        SecretReference(command=("cat", str(path))),
    ):
        assert list(open_store(replace(shelf.declared, credentials=reference)).list("")) == []
    path.chmod(0o644)
    with pytest.raises(StoreCredentialsUnusable, match="open to others"):
        open_store(shelf.declared).head("a")
    for reference in (SecretReference(env="NOT_SET_AT_ALL"), SecretReference(command=("false",))):
        with pytest.raises(StoreCredentialsUnusable):
            open_store(replace(shelf.declared, credentials=reference)).head("a")


def test_boto_is_imported_only_once_a_bucket_is_spoken_to() -> None:
    modules = "intendance.cli.status, intendance.cli.main, intendance.agent.loop, intendance.agent.worker"
    script = f"import sys, {modules}, intendance.stores.s3; print(sorted(m for m in sys.modules if 'boto' in m))"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def _declared(reference: SecretReference) -> Declared:
    return Declared(name="offsite", bucket="b", endpoint="http://127.0.0.1:9", credentials=reference)
