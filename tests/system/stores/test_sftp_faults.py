"""Backups to another machine over a line that fails, and into a folder that fails by itself: nothing half is listed,
the record says why in one sentence, and the next run heals it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from intendance.model.errors import Exit, IntendanceError
from intendance.model.errors.store import StoreFull, StoreHostUnknown, StoreRefused, StoreUnreachable
from intendance.model.plan import FilesAsset
from intendance.model.plan import SftpStore as Declared
from intendance.model.plan import Store as AnyStore
from intendance.stores import Store, Use, adopt_store
from intendance.stores.secret import read_secret
from intendance.stores.sftp import SftpStore
from intendance.stores.sftp.link import Link
from tests.support.faulty_line import FaultyLine, line_to
from tests.support.sshd import SshServer, sshd
from tests.support.workshop import Workshop
from tests.system.test_sftp import tiny_disk

pytestmark = pytest.mark.gnupg


@dataclass
class Ground:
    """A workshop whose asset goes to another machine at the end of a faulty line."""

    workshop: Workshop
    line: FaultyLine
    declared: Declared
    silence_seconds: float = 20

    def opened(self, store: AnyStore, use: Use) -> Store:
        assert isinstance(store, Declared)
        far = replace(store, port=self.line.port)
        link = Link(far, lambda: read_secret(far.name, far.credentials), silence_seconds=self.silence_seconds)
        return SftpStore(far, link)

    def facts(self, kind: str) -> list[Any]:
        return [fact.data for fact in self.workshop.book.facts(kind, asset="site")]

    def goes_into(self, declared: Declared) -> None:
        self.declared = declared
        self.workshop.further, self.workshop.stores = {declared.name: declared}, (declared.name,)
        plan = self.workshop.backup_plan("full")
        self.workshop.declare(FilesAsset(name="site", path=str(self.workshop.tree), backup=plan))

    def fails(self, error: type[IntendanceError], words: str) -> None:
        with pytest.raises(error, match=words) as raised:
            self.workshop.back_up()
        (failed,) = self.facts("backup.failed")
        assert (failed.error, failed.message) == (raised.value.code, raised.value.message)
        assert failed.next_step
        assert "\n" not in failed.message
        assert raised.value.exit_code is Exit.FAILED
        assert list(Path(self.declared.path).rglob("MANIFEST.json")) == []
        assert self.facts("backup.completed") == []

    def heals(self) -> None:
        self.line.heal()
        self.silence_seconds = 20
        made = self.workshop.back_up()
        (seen,) = self.workshop.inspect(deep=True)
        assert (seen.newest[0].set, seen.faulty) == (made.set, 0)


@pytest.fixture
def ground(workshop: Workshop, ssh_server: SshServer) -> Iterator[Ground]:
    workshop.tree.mkdir()
    (workshop.tree / "photo").write_bytes(os.urandom(900_000))
    declared = ssh_server.store()
    adopt_store(declared)
    with line_to("127.0.0.1", ssh_server.port) as line:
        made = Ground(workshop, line, declared)
        workshop.opened_by = made.opened
        made.goes_into(declared)
        yield made


FAULTS: dict[str, tuple[Callable[[FaultyLine], Any], str]] = {
    "cut in mid-part": (lambda line: line.cut(after_bytes=200_000), r"cannot be reached: \w"),
    "stall in mid-part": (lambda line: line.stall(after_bytes=200_000), "does not answer"),
    "drip in mid-part": (lambda line: line.drip(after_bytes=200_000), "does not answer"),
    "byte changed on its way": (lambda line: line.flip(after_bytes=200_000, times=9), r"cannot be reached: \w"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_line_that_fails(ground: Ground, fault: str) -> None:
    harm, words = FAULTS[fault]
    ground.silence_seconds = 3 if "stall" in fault or "drip" in fault else 20
    harm(ground.line)
    ground.fails(StoreUnreachable, f"box {words}" if words.startswith("cannot") else words)
    ground.heals()


def test_a_disk_that_fills_up_over_there(
    ground: Ground, ssh_server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = SftpStore.put
    with tiny_disk(ssh_server.new_folder(), ssh_server.user) as folder:
        ground.goes_into(replace(ground.declared, path=str(folder)))
        adopt_store(ground.declared)

        def filled_by_others(self: SftpStore, key: str, chunks: Any) -> Any:
            room = os.statvfs(folder)
            (folder / "of-others").write_bytes(bytes(room.f_bavail * room.f_frsize - 300_000))
            return put(self, key, chunks)

        with monkeypatch.context() as patched:
            patched.setattr(SftpStore, "put", filled_by_others)
            ground.fails(StoreFull, "box is full")
        assert [path.name for path in folder.rglob("*.part")] == []
        (folder / "of-others").unlink()
        ground.heals()


def test_another_machine_answers(ground: Ground) -> None:
    right = ground.declared
    with sshd() as other:
        ground.goes_into(replace(right, host_key=other.host_key))
        ground.fails(StoreHostUnknown, "shows another host key than the plan names: ssh-ed25519 SHA256:")
    ground.goes_into(right)
    ground.heals()


def test_permission_denied_over_there(ground: Ground) -> None:
    Path(ground.declared.path).chmod(0o555)
    ground.fails(StoreRefused, "permission denied")
    Path(ground.declared.path).chmod(0o750)
    ground.heals()
