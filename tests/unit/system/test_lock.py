"""Locks: who holds one is told to the next, and asking after one takes it from nobody."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from intendance.model.errors.state import LockHeld
from intendance.system import lock


def test_a_held_lock_is_seen_and_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "shop-db"
    assert not lock.is_held(path)
    with lock.held(path, purpose="Backing up shop-db"):
        assert lock.is_held(path)
        with pytest.raises(LockHeld) as refused, lock.held(path, purpose="Restoring shop-db"):
            pytest.fail("two hold the same lock")
        assert refused.value.params["holder"] == f"process {os.getpid()} (Backing up shop-db)"
    assert not lock.is_held(path)


def test_who_asks_whether_a_lock_is_held_keeps_nobody_from_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            lock.is_held(path)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(2000):
            with lock.held(path, purpose="test"):
                pass
    finally:
        ended.set()
        asking.join()


def test_who_asks_at_the_same_time_is_not_taken_for_one_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb+") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        assert not lock.is_held(path)


def test_one_who_asks_and_is_kept_waiting_in_between_refuses_nobody(tmp_path: Path) -> None:
    """A busy machine lets a process wait wherever it is: for much longer than somebody who holds it is waited for."""
    path = tmp_path / "lock"
    path.touch()
    asking = path.open("rb+")
    fcntl.flock(asking, fcntl.LOCK_SH)
    goes_on = threading.Timer(0.5, asking.close)
    goes_on.start()
    try:
        with lock.held(path, purpose="test"):
            assert asking.closed
    finally:
        goes_on.join()
