"""kill -9 of the process that runs a pipe, in mid-stream: no program lives on, nothing half-written is listed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from intendance.engines import Finished, Producer
from intendance.model.plan import DirectoryStore
from intendance.sets.pipe import store_stream
from intendance.stores import adopt_store, open_store
from intendance.system.openpgp import RecipientHome
from tests.support.children import children_of
from tests.support.gnupg import Keys
from tests.support.state import until

pytestmark = pytest.mark.gnupg

_BACKUP = """
import sys
from pathlib import Path
import msgspec
from intendance.engines import Finished, Producer
from intendance.model.plan import DirectoryStore, Recipient
from intendance.sets.pipe import PipeLimits, store_stream
from intendance.stores import open_store
from intendance.system.openpgp import RecipientHome
recipients = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=list[Recipient])
producer = Producer(stream="tree", media="tar", argv=("cat", "/dev/urandom"), finish=lambda c, e: Finished())
with RecipientHome(recipients) as home:
    print(home.path, flush=True)
    store_stream(producer, store=open_store(DirectoryStore(name="s", path=sys.argv[1])), prefix="f/n/a/set.1",
                 home=home, limits=PipeLimits(level=1, threads=1, part_bytes=2 << 20),
                 progress=lambda p: print(p.done_bytes, flush=True))
"""

_RESTORE = """
import sys
from pathlib import Path
import msgspec
from intendance.engines import Consumer
from intendance.model.plan import DirectoryStore
from intendance.sets.manifest import Part
from intendance.sets.unpipe import StreamSource, load_stream
from intendance.stores import open_store
parts = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=list[Part])
source = StreamSource(store=open_store(DirectoryStore(name="s", path=sys.argv[1])), folder="f/n/a/set.1", parts=parts)
reader = ("sh", "-c", "cat >/dev/null; exec sleep 600")  # a child of its own would outlive it
load_stream(source, Consumer(stream="tree", argv=reader, finish=lambda c, e: None),
            progress=lambda p: print(p.done_bytes, flush=True))
"""


def gone(descriptors: list[int]) -> bool:
    """Whether all these processes end (by pidfd: a number may be given to another)."""
    for descriptor in descriptors:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(180_000):
            return False
        os.close(descriptor)
    return True


def descriptors_of(programs: Iterable[int]) -> list[int]:
    """Of those that are still there: one may have done its work meanwhile."""
    found = []
    for pid in programs:
        with suppress(ProcessLookupError):
            found.append(os.pidfd_open(pid))
    return found


def family(pid: int) -> dict[int, str]:
    """All descendants, by number."""
    found = children_of(pid)
    for child in list(found):
        found |= family(child)
    return found


def stopped_at_work(victim: subprocess.Popen[bytes], are_wanted: Callable[[set[str]], bool]) -> dict[int, str]:
    """Its programs, once they are the wanted ones. It is left stopped, so that it begins no other before it is killed;
    none is a copy of it any more, on its way to become a program, and all end with it."""
    found: dict[int, str] = {}

    def are_at_work() -> bool:
        victim.send_signal(signal.SIGSTOP)
        told = os.waitid(os.P_PID, victim.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert told is not None
        assert told.si_code == os.CLD_STOPPED, "it ended"
        found.clear()
        found.update(family(victim.pid))
        wanted = are_wanted(set(found.values()))
        if not wanted:
            victim.send_signal(signal.SIGCONT)
        return wanted

    until(are_at_work, "its programs to be at work")
    return found


@pytest.mark.parametrize("bytes_before", [1 << 20, 12 << 20])
def test_a_killed_backup_leaves_no_program_and_no_half_object(bytes_before: int, tmp_path: Path, keys: Keys) -> None:
    declared = DirectoryStore(name="s", path=str(tmp_path / "store"))
    adopt_store(declared)
    (tmp_path / "recipients").write_bytes(msgspec.json.encode(keys.recipients))
    victim = subprocess.Popen(
        [sys.executable, "-c", _BACKUP, declared.path, str(tmp_path / "recipients")], stdout=subprocess.PIPE
    )
    assert victim.stdout is not None
    home = Path(victim.stdout.readline().decode().strip())
    while int(victim.stdout.readline()) < bytes_before:
        pass
    descriptors = descriptors_of(stopped_at_work(victim, lambda names: names == {"cat", "zstd", "gpg"}))
    victim.kill()
    victim.wait()
    victim.stdout.close()
    assert gone(descriptors)
    for stored in open_store(declared).list(""):
        path = tmp_path / "store" / stored.key
        keys.owner.gpg("--output", str(tmp_path / Path(stored.key).name), "--decrypt", str(path))  # each is whole
    for path in sorted(home.rglob("*"), reverse=True):  # a killed process cannot remove its folder of public keys
        path.rmdir() if path.is_dir() else path.unlink()
    home.rmdir()


def test_a_killed_restore_leaves_no_program(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    declared = DirectoryStore(name="s", path=str(tmp_path / "store"))
    adopt_store(declared)
    producer = Producer(
        stream="tree", media="tar", argv=("head", "-c", "6000000", "/dev/urandom"), finish=lambda c, e: Finished()
    )
    with RecipientHome(keys.recipients) as home:
        done = store_stream(
            producer, store=open_store(declared), prefix="f/n/a/set.1", home=home, progress=lambda _: None
        )
    (tmp_path / "parts").write_bytes(msgspec.json.encode(done.parts))
    monkeypatch.setenv("GNUPGHOME", str(keys.owner.home))
    victim = subprocess.Popen(
        [sys.executable, "-c", _RESTORE, declared.path, str(tmp_path / "parts")], stdout=subprocess.PIPE
    )
    assert victim.stdout is not None
    assert victim.stdout.readline()
    reading = {"sh", "sleep"}  # it may have read all already
    all_of_it = reading | {"cat", "zstd", "gpg"}
    descriptors = descriptors_of(stopped_at_work(victim, lambda names: bool(names & reading) and names <= all_of_it))
    victim.kill()
    victim.wait()
    victim.stdout.close()
    assert gone(descriptors)
