"""The SFTP store before a real OpenSSH server: wrong keys, no rights, a full disk, a line that is cut or is silent."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from intendance.model.errors.store import (
    ObjectExists,
    ObjectMissing,
    StoreCredentialsUnusable,
    StoreFull,
    StoreHostUnknown,
    StoreRefused,
    StoreUnreachable,
)
from intendance.model.plan import SecretReference, SftpStore
from intendance.stores import adopt_store, open_store
from intendance.stores.directory import MARK
from intendance.stores.secret import read_secret
from intendance.stores.sftp import BLOCK_BYTES
from intendance.stores.sftp import SftpStore as Adapter
from intendance.stores.sftp.link import Link
from tests.support.children import children_of
from tests.support.sshd import SshServer, sshd
from tests.support.state import until

A_MIB = b"x" * (1 << 20)


@pytest.fixture
def declared(ssh_server: SshServer) -> SftpStore:
    made = ssh_server.store()
    adopt_store(made)
    return made


def files_of(declared: SftpStore) -> list[str]:
    return sorted(str(path.relative_to(declared.path)) for path in Path(declared.path).rglob("*") if path.is_file())


def test_what_is_kept_there_is_for_its_user_alone(declared: SftpStore) -> None:
    open_store(declared).put("f/n/a", [b"sealed"])
    assert files_of(declared) == [MARK, "f/n/a"]
    assert Path(declared.path, "f/n/a").read_bytes() == b"sealed"
    assert oct(Path(declared.path, "f/n/a").stat().st_mode & 0o777) == "0o640"
    assert oct(Path(declared.path, "f/n").stat().st_mode & 0o777) == "0o750"


def test_large_objects_pass_in_blocks_and_come_back_as_they_were(declared: SftpStore) -> None:
    content = os.urandom(2 * BLOCK_BYTES + 12345)
    store = open_store(declared)
    sent = [content[at : at + 100_000] for at in range(0, len(content), 100_000)]
    assert store.put("large", sent).size_bytes == len(content)
    with store.open("large") as source:
        assert source.read() == content


def test_another_machine_gets_nothing(ssh_server: SshServer, declared: SftpStore) -> None:
    with sshd() as other:
        wrong = replace(declared, host_key=other.host_key)
        with pytest.raises(StoreHostUnknown) as refused:
            open_store(wrong).head("a")
    shown = subprocess.run(
        ["ssh-keygen", "-lf", ssh_server.folder / "host.pub"], capture_output=True, text=True, check=True
    )
    assert f"ssh-ed25519 {shown.stdout.split()[1]}" in refused.value.message


def test_a_key_that_is_not_let_in(ssh_server: SshServer, declared: SftpStore) -> None:
    stranger = replace(declared, credentials=SecretReference(file=str(ssh_server.folder / "host")))
    with pytest.raises(StoreCredentialsUnusable) as refused:
        open_store(stranger).head("a")
    assert f"lets no {ssh_server.user} in with this key" in refused.value.message


@pytest.mark.parametrize(("text", "said"), [("nonsense", "no private SSH key"), ("passphrase", "wants a passphrase")])
def test_keys_that_cannot_be_used(declared: SftpStore, tmp_path: Path, text: str, said: str) -> None:
    key = tmp_path / "key"
    if text == "passphrase":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret words", "-f", key], check=True)
    else:
        key.write_text(text)
    key.chmod(0o600)
    with pytest.raises(StoreCredentialsUnusable) as refused:
        open_store(replace(declared, credentials=SecretReference(file=str(key)))).head("a")
    assert said in refused.value.message


def test_nobody_listens(declared: SftpStore) -> None:
    with sshd() as gone:
        port = gone.port
    with pytest.raises(StoreUnreachable):
        open_store(replace(declared, port=port)).head("a")


def test_a_store_that_was_never_adopted_and_one_whose_disk_is_not_mounted(ssh_server: SshServer) -> None:
    absent = ssh_server.store()
    with pytest.raises(StoreUnreachable, match="does not exist there"):
        open_store(absent).put("a", [b"x"])
    unmarked = ssh_server.store(ssh_server.new_folder())
    with pytest.raises(StoreUnreachable, match="probably not mounted there"):
        open_store(unmarked).put("a", [b"x"])
    with pytest.raises(StoreUnreachable, match="does not exist there"):
        adopt_store(ssh_server.store(ssh_server.new_folder() / "no" / "parent"))


def test_a_folder_without_the_right_to_write(declared: SftpStore) -> None:
    Path(declared.path).chmod(0o555)
    with pytest.raises(StoreRefused, match="permission denied"):
        open_store(declared).put("f/a", [b"x"])
    assert files_of(declared) == [MARK]


def test_no_link_leads_out_of_the_store(declared: SftpStore, ssh_server: SshServer) -> None:
    Path(declared.path, "out").symlink_to(ssh_server.folder / "host.pub")
    store = open_store(declared)
    assert list(store.list("")) == []
    with pytest.raises(ObjectMissing), store.open("out"):
        pass


@contextmanager
def tiny_disk(folder: Path, owner: str) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root mounts a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size=3m,uid={owner}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_keeps_nothing_half(ssh_server: SshServer) -> None:
    with tiny_disk(ssh_server.new_folder(), ssh_server.user) as folder:
        declared = ssh_server.store(folder)
        adopt_store(declared)
        store = open_store(declared)
        with pytest.raises(StoreFull):
            store.put("f/large", [A_MIB] * 8)
        assert files_of(declared) == [MARK]
        store.put("f/small", [b"there is room again"])


def test_a_line_that_is_cut_is_taken_up_again(declared: SftpStore, ssh_server: SshServer) -> None:
    store = open_store(declared)

    def chunks() -> Iterator[bytes]:
        yield from [A_MIB] * 9
        signalled(sessions(ssh_server), signal.SIGKILL)
        yield from [A_MIB] * 9

    with pytest.raises(StoreUnreachable):
        store.put("f/a", chunks())
    assert list(store.list("")) == []  # over a new line
    store.put("f/a", [b"again"])
    assert [stored.key for stored in store.list("")] == ["f/a"]


def test_a_far_side_that_falls_silent_is_not_waited_for(ssh_server: SshServer) -> None:
    declared = ssh_server.store()
    adopt_store(declared)
    link = Link(declared, lambda: read_secret(declared.name, declared.credentials))
    store = Adapter(declared, link)
    store.put("a", [b"x"])
    link._silence_seconds = 1  # from now on: a busy machine may have needed longer for what went before
    stopped = sessions(ssh_server)
    try:
        signalled(stopped, signal.SIGSTOP)
        with pytest.raises(StoreUnreachable, match="does not answer"):
            store.head("a")
    finally:
        signalled(stopped, signal.SIGCONT)


def test_credentials_that_may_not_remove_still_store(tmp_path: Path) -> None:
    with sshd("-P", "remove,rmdir,posix-rename,setstat,fsetstat,symlink,hardlink") as server:
        declared = server.store()
        adopt_store(declared)
        store = open_store(declared)
        store.put("f/a", [b"first"])
        with pytest.raises(ObjectExists):
            store.put("f/a", [b"second"])
        with pytest.raises(ConnectionResetError):
            store.put("f/b", failing())
        assert [stored.key for stored in store.list("")] == ["f/a"]


def failing() -> Iterator[bytes]:
    yield b"half"
    raise ConnectionResetError("the pipe broke")


def sessions(server: SshServer) -> list[int]:
    """The processes of those who are logged in."""
    found = list(children_of(server.process.pid))
    for each in found:
        found += children_of(each)
    return found


def signalled(processes: list[int], number: signal.Signals) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each, number)


def test_a_link_that_is_forgotten_leaves_no_thread(declared: SftpStore) -> None:
    def mine() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "sftp"]

    gc.collect()  # those of other tests
    before = set(mine())
    store = open_store(declared)
    store.put("a", [b"x"])
    (own,) = set(mine()) - before
    del store
    gc.collect()  # what was raised and caught on the way held it too
    until(lambda: not own.is_alive(), "its thread to end")
