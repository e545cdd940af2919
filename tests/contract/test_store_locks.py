"""What every store that locks must do when a lock is lengthened, and that the others say that they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from intendance.activities.backup.locking import LockingStore
from intendance.model.errors.store import ObjectMissing, StoreRefused
from intendance.model.plan import DirectoryStore, SecretReference, SftpStore
from intendance.stores import Lockable, Use, open_store
from intendance.system.clock import SystemClock
from tests.support.memory_store import MemoryStore
from tests.support.radosgw import make_shelf

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def bucket(lock: Literal["governance", "compliance"]) -> Callable[[pytest.FixtureRequest, Path], LockingStore]:
    """As a node has it: with credentials that can neither delete nor shorten."""

    def opened(request: pytest.FixtureRequest, tmp_path: Path) -> LockingStore:
        shelf = make_shelf(request.getfixturevalue("radosgw"), tmp_path / "users", lock=lock)
        return open_store(shelf.declared, Use(keep_days=2))  # type: ignore[return-value]  # a store of this kind is one

    return opened


PLACES: dict[str, Callable[[pytest.FixtureRequest, Path], LockingStore]] = {
    "memory": lambda _, __: MemoryStore("contract", locks=True),
    "s3 governance": bucket("governance"),
    "s3 compliance": bucket("compliance"),
}


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LockingStore:
    return PLACES[request.param](request, tmp_path)


def ahead(days: float) -> datetime:
    return SystemClock().read().at + days * DAY


def test_a_lock_is_lengthened_and_never_shortened(store: LockingStore) -> None:
    assert isinstance(store, Lockable)
    assert store.locks
    store.put("f/a", [b"kept for the law"])
    store.put("f/b", [b"not"])
    others = store.head("f/b").lock_until
    until = ahead(2562)
    said = store.lengthen_lock("f/a", until)
    assert until <= said < until + 2 * SECOND
    assert store.head("f/a").lock_until == said
    for sooner in (until, until - 100 * DAY, ahead(-1)):
        assert store.lengthen_lock("f/a", sooner) == said
    assert store.head("f/a").lock_until == said
    later = store.lengthen_lock("f/a", until + DAY)
    assert until + DAY <= later == store.head("f/a").lock_until
    assert store.head("f/b").lock_until == others, "only what was named"
    with store.open("f/a") as source:
        assert source.read() == b"kept for the law"


def test_what_is_not_there_cannot_be_locked(store: LockingStore) -> None:
    with pytest.raises(ObjectMissing):
        store.lengthen_lock("f/nothing", ahead(1))


def test_a_bucket_that_the_plan_asks_for_no_locks_says_so(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    shelf = make_shelf(request.getfixturevalue("radosgw"), tmp_path / "users")
    store = open_store(shelf.declared)
    store.put("f/a", [b"x"])
    assert isinstance(store, Lockable)
    assert not store.locks
    with pytest.raises(StoreRefused):
        store.lengthen_lock("f/a", ahead(1))


def test_a_lock_that_a_bucket_cannot_keep_is_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    shelf = make_shelf(request.getfixturevalue("radosgw"), tmp_path / "users")
    open_store(shelf.declared).put("f/a", [b"x"])
    store = open_store(replace(shelf.declared, object_lock="compliance"))
    assert isinstance(store, Lockable)
    with pytest.raises(StoreRefused):
        store.lengthen_lock("f/a", ahead(1))


def test_folders_and_sftp_lock_nothing(tmp_path: Path) -> None:
    key = SecretReference(file="/nowhere")
    sftp = SftpStore(name="box", host="box.example.org", user="u", path="/", host_key="x", credentials=key)
    for declared in (DirectoryStore(name="local", path=str(tmp_path)), sftp):
        assert not isinstance(open_store(declared), Lockable)
