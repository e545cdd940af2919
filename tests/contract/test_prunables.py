"""What everybody who deletes in a store must do: the same suite for each adapter; and what S3 alone can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.model.errors.prune import DeleteCredentialsMissing, StoreNotPruned
from intendance.model.errors.store import StoreRefused
from intendance.model.plan import DirectoryStore, S3Store, SecretReference
from intendance.stores import PRUNERS, Prunable, Store, Use, adopt_store, open_prunable, open_store
from tests.support.radosgw import Radosgw, Shelf, make_shelf
from tests.support.sshd import ADDS_ONLY, SshServer


@dataclass
class Pair:
    """A place as the node has it, and as the host that prunes has it."""

    store: Store
    pruner: Prunable


def directory(_request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    declared = DirectoryStore(name="contract", path=str(tmp_path / "store"))
    adopt_store(declared)
    return Pair(open_store(declared), open_prunable(declared))


def pruned(shelf: Shelf) -> S3Store:
    """The bucket as the plan has it on the host that prunes: what stores may only add, its owner may delete."""
    return replace(shelf.declared, delete_credentials=SecretReference(file=str(shelf.credentials(shelf.owner))))


def s3(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    gateway: Radosgw = request.getfixturevalue("radosgw")
    declared = pruned(make_shelf(gateway, tmp_path / "users", versioned=True))
    return Pair(open_store(declared), open_prunable(declared))


def sftp(request: pytest.FixtureRequest, _tmp_path: Path) -> Pair:
    """A folder in which the node's key can remove and rewrite nothing that has its name, and another key can."""
    server: SshServer = request.getfixturevalue("ssh_server")
    declared = server.store(credentials=str(server.let_in(ADDS_ONLY)), delete_credentials=str(server.key))
    adopt_store(declared)
    return Pair(open_store(declared), open_prunable(declared))


PLACES: dict[str, Callable[[pytest.FixtureRequest, Path], Pair]] = {"directory": directory, "s3": s3, "sftp": sftp}


@pytest.fixture(params=PLACES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    return PLACES[request.param](request, tmp_path)


def keys(pair: Pair, prefix: str = "f") -> list[str]:
    return [stored.key for stored in pair.pruner.everything(prefix)]


def test_every_place_has_its_suite() -> None:
    assert set(PLACES) == set(PRUNERS)


def test_it_tells_its_time(pair: Pair) -> None:
    assert abs(pair.pruner.now() - datetime.now(UTC)) < timedelta(minutes=5)


def test_what_is_deleted_is_gone_and_nothing_else(pair: Pair) -> None:
    for name in ("f/n/a/set/MANIFEST.json", "f/n/a/set/tree-00000.zst.gpg", "f/n/a/set2/MANIFEST.json", "f2/n"):
        pair.store.put(name, [b"x"])
    (first,) = [stored for stored in pair.pruner.everything("f/n/a/set") if stored.key.endswith("MANIFEST.json")]
    pair.pruner.delete(first)
    pair.pruner.delete(first)
    assert keys(pair) == ["f/n/a/set/tree-00000.zst.gpg", "f/n/a/set2/MANIFEST.json"]
    pair.pruner.tidy("f/n/a/set")
    assert keys(pair, "f/n/a/set") == ["f/n/a/set/tree-00000.zst.gpg"]
    for stored in list(pair.pruner.everything("f/n/a/set")):
        pair.pruner.delete(stored)
    pair.pruner.tidy("f/n/a/set")
    pair.pruner.tidy("f/n/a/set")
    assert list(pair.store.list("f/n/a/set")) == []
    assert [stored.key for stored in pair.store.list("")] == ["f/n/a/set2/MANIFEST.json", "f2/n"]


def test_ages_are_those_of_the_store(pair: Pair) -> None:
    stored = pair.store.put("f/n/a/set/x", [b"x"])
    (seen,) = pair.pruner.everything("f/n/a/set")
    assert abs(seen.stored_at - stored.stored_at) < timedelta(seconds=1)
    assert seen.size_bytes == 1


def test_names_that_are_none_are_refused(pair: Pair) -> None:
    with pytest.raises(StoreRefused):
        list(pair.pruner.everything("../elsewhere"))


def test_s3_takes_every_version_every_mark_and_every_upload(radosgw: Radosgw, tmp_path: Path) -> None:
    shelf = make_shelf(radosgw, tmp_path / "users", versioned=True)
    pruner = open_prunable(pruned(shelf))
    key = "f/n/a/set/MANIFEST.json"
    for content in (b"one", b"two"):
        shelf.s3.put_object(Bucket=shelf.bucket, Key=key, Body=content)
    shelf.s3.delete_object(Bucket=shelf.bucket, Key=key)  # a mark of deletion over two versions
    shelf.s3.create_multipart_upload(Bucket=shelf.bucket, Key="f/n/a/set/tree-00000.zst.gpg")
    found = list(pruner.everything("f/n/a/set"))
    assert sorted(each.size_bytes for each in found) == [0, 0, 3, 3]
    for each in found:
        pruner.delete(each)
    assert list(pruner.everything("f/n/a/set")) == []


def test_s3_refuses_what_is_locked_and_those_that_store_may_delete_nothing(radosgw: Radosgw, tmp_path: Path) -> None:
    shelf = make_shelf(radosgw, tmp_path / "users", lock="compliance")
    declared = pruned(shelf)
    store = open_store(declared, Use(keep_days=1))
    key = store.put("f/n/a/set/MANIFEST.json", [b"x"]).key
    pruner = open_prunable(declared)
    (stored,) = pruner.everything("f")
    with pytest.raises(StoreRefused):
        pruner.delete(stored)
    node = open_prunable(replace(declared, delete_credentials=declared.credentials))
    with pytest.raises(StoreRefused):
        node.delete(stored)
    assert store.head(key).lock_until is not None
    assert [each.version for each in pruner.everything("f")] == [stored.version]


def test_sftp_takes_the_hidden_files_of_puts_that_were_cut(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    pair = sftp(request, tmp_path)

    def cut() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError("the pipe broke")

    with pytest.raises(ConnectionResetError):
        pair.store.put("f/n/a/set/tree-00000.zst.gpg", cut())
    (left,) = pair.pruner.everything("f")  # the node's key could not take it away
    assert left.key.startswith("f/n/a/set/.tree-00000.zst.gpg.")
    assert list(pair.store.list("f")) == []
    pair.pruner.delete(left)
    for folder in ("f/n/a/set", "f/n/a", "f/n", "f"):
        pair.pruner.tidy(folder)
    assert list(pair.pruner.everything("f")) == []


def test_over_sftp_the_nodes_own_key_deletes_nothing(ssh_server: SshServer) -> None:
    declared = ssh_server.store()
    adopt_store(declared)
    key = SecretReference(file=str(ssh_server.let_in(ADDS_ONLY)))
    node = replace(declared, credentials=key, delete_credentials=key)
    stored = open_store(node).put("f/a", [b"x"])
    with pytest.raises(StoreRefused):
        open_prunable(node).delete(stored)
    assert [each.key for each in open_store(declared).list("")] == ["f/a"]
    with pytest.raises(DeleteCredentialsMissing):
        open_prunable(replace(node, delete_credentials=None))


def test_without_credentials_of_its_own_nothing_is_opened_to_delete(tmp_path: Path) -> None:
    declared = S3Store(name="far", bucket="b", credentials=SecretReference(file=str(tmp_path / "none")))
    with pytest.raises(DeleteCredentialsMissing):
        open_prunable(declared)
    with pytest.raises(StoreNotPruned):
        open_prunable(replace(declared, kind="tape"))  # type: ignore[arg-type]
