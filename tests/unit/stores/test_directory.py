"""A folder as a store, and all that can be wrong with a disk."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from intendance.model.errors.store import ObjectExists, ObjectMissing, StoreFull, StoreRefused, StoreUnreachable
from intendance.model.plan import DirectoryStore
from intendance.stores import Store, adopt_store, open_store
from intendance.stores import directory as adapter


def declared(path: Path) -> DirectoryStore:
    return DirectoryStore(name="second-disk", path=str(path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> Store:
    adopt_store(declared(root))
    return open_store(declared(root))


def names_in(folder: Path) -> list[str]:
    """All that stands there, hidden names too."""
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def mounted(place: Path, *words: str) -> Iterator[None]:
    """Mount something there for the block; needs root with the right to mount, which CI has."""
    done = subprocess.run(["mount", *words, str(place)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        assert os.environ.get("CI") != "true", done.stderr
        pytest.skip(f"this user may not mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        adopt_store(declared(place))
        store = open_store(declared(place))
        store.put("f/small", [b"x"])
        before = store.free_bytes()
        with pytest.raises(StoreFull) as full:
            store.put("f/large", [bytes(1 << 20)] * 4)
        assert re.search(r"second-disk is full: [\d.]+ (bytes|KiB) left", full.value.message)
        assert store.free_bytes() == before
        assert [stored.key for stored in store.list("")] == ["f/small"]
        assert names_in(place / "f") == ["small"]


def test_a_disk_without_inodes_is_full_too(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place, "-t", "tmpfs", "-o", "size=1m,nr_inodes=4", "tmpfs"):
        adopt_store(declared(place))
        store = open_store(declared(place))
        with pytest.raises(StoreFull):
            store.put("f/n/a/b/c", [b"x"])


def test_a_read_only_mount_refuses_writing_and_is_read(root: Path, store: Store) -> None:
    store.put("f/a", [b"x"])
    with mounted(root, "--bind", str(root)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(root)], check=True)
        with pytest.raises(StoreRefused, match="read-only"):
            store.put("f/b", [b"x"])
        assert [stored.key for stored in store.list("")] == ["f/a"]
        with store.open("f/a") as source:
            assert source.read() == b"x"


def as_nobody(path: Path, code: str) -> str:
    """What a store says to uid 65534 (root passes every permission)."""
    if os.geteuid() != 0:
        assert os.environ.get("CI") != "true"
        pytest.skip("only root may become another user")
    program = (
        "import os, sys\n"
        "from intendance.model.errors import IntendanceError\n"
        "from intendance.model.plan import DirectoryStore\n"
        "from intendance.stores import adopt_store, open_store\n"
        "import intendance.stores.directory\n"
        "import encodings.idna\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "declared = DirectoryStore(name='second-disk', path=sys.argv[1]); store = open_store(declared)\n"
        f"try:\n    {code}\n    print('done')\n"
        "except IntendanceError as error:\n    print(type(error).__name__, error.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def open_root(tmp_path: Path) -> Iterator[Path]:
    """A store whose way others may walk."""
    with reachable_folder() as base:
        root = base / "store"
        adopt_store(declared(root))
        open_store(declared(root)).put("f/a", [b"x"])
        yield root


@contextmanager
def reachable_folder() -> Iterator[Path]:
    base = Path(tempfile.mkdtemp(prefix="is-", dir="/tmp"))
    base.chmod(0o755)
    try:
        yield base
    finally:
        shutil.rmtree(base)


def test_another_user_is_refused_in_a_sentence(open_root: Path) -> None:
    put = "store.put('f/b', [b'x'])"
    listing = "print([s.key for s in store.list('')])"
    for mode, code in ((0o755, put), (0o000, put), (0o000, listing), (0o111, listing)):
        open_root.chmod(mode)
        (open_root / adapter.MARK).chmod(0o644)
        said = as_nobody(open_root, code)
        assert said.startswith("StoreRefused The store second-disk refused to "), said
        assert "permission denied, as user id 65534" in said
    open_root.chmod(0o755)
    assert as_nobody(open_root, "store.open('f/a').__enter__()").startswith("StoreRefused")
    assert as_nobody(open_root.parent / "other", "adopt_store(declared)").startswith("StoreRefused")


def test_a_missing_folder_is_never_made_by_a_backup(root: Path) -> None:
    store = open_store(declared(root))
    for attempt in (
        lambda: store.put("f/a", [b"x"]),
        lambda: store.head("f/a"),
        lambda: list(store.list("")),
        store.free_bytes,
        lambda: store.open("f/a").__enter__(),
    ):
        with pytest.raises(StoreUnreachable, match="does not exist"):
            attempt()
    assert not root.exists()


def test_an_empty_mount_point_is_not_a_store(root: Path) -> None:
    root.mkdir()
    store = open_store(declared(root))
    for attempt in (lambda: store.put("f/a", [b"x"]), lambda: list(store.list("")), store.free_bytes):
        with pytest.raises(StoreUnreachable, match="probably not mounted"):
            attempt()
    assert list(root.iterdir()) == []


def test_a_disk_that_goes_away_is_noticed(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    with mounted(place, "-t", "tmpfs", "-o", "size=2m", "tmpfs"):
        adopt_store(declared(place))
        store = open_store(declared(place))
        store.put("f/a", [b"x"])
    with pytest.raises(StoreUnreachable, match="not mounted"):
        store.put("f/b", [b"x"])
    with pytest.raises(StoreUnreachable, match="not mounted"):
        list(store.list(""))
    assert list(place.iterdir()) == []


def test_adoption_makes_one_folder_and_repeats_itself_without_effect(tmp_path: Path) -> None:
    root = tmp_path / "store"
    adopt_store(declared(root))
    mark = (root / adapter.MARK).stat()
    adopt_store(declared(root))
    assert (root / adapter.MARK).stat() == mark
    with pytest.raises(StoreUnreachable, match="does not exist"):
        adopt_store(declared(tmp_path / "absent" / "store"))
    assert not (tmp_path / "absent").exists()
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(StoreUnreachable):
        adopt_store(declared(file))


def test_adoption_looks_into_fstab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = tmp_path / "a disk"
    disk.mkdir()
    fstab = tmp_path / "fstab"
    fstab.write_text(f"# {tmp_path} x\n\n/dev/sdz1 {str(disk).replace(' ', chr(92) + '040')} ext4 defaults 0 2\nbad\n")
    monkeypatch.setattr(adapter, "_FSTAB", fstab)
    for root in (disk, disk / "store"):
        with pytest.raises(StoreUnreachable, match="not mounted"):
            adopt_store(declared(root))
    assert list(disk.iterdir()) == []
    adopt_store(declared(tmp_path / "elsewhere"))
    with mounted(disk, "-t", "tmpfs", "tmpfs"):
        adopt_store(declared(disk / "store"))
        assert (disk / "store" / adapter.MARK).exists()


def test_what_a_killed_process_left_is_not_listed(root: Path, store: Store) -> None:
    store.put("f/a", [b"x"])
    program = (
        "import sys\nfrom intendance.model.plan import DirectoryStore\nfrom intendance.stores import open_store\n"
        "store = open_store(DirectoryStore(name='s', path=sys.argv[1]))\n"
        "def chunks():\n    yield bytes(1 << 20)\n    print('half', flush=True)\n    sys.stdin.read()\n"
        "store.put('f/b', chunks())\n"
    )
    victim = subprocess.Popen([sys.executable, "-c", program, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert victim.stdout is not None
    assert victim.stdin is not None
    assert victim.stdout.readline() == b"half\n"
    assert [stored.key for stored in store.list("")] == ["f/a"]
    victim.kill()
    victim.wait()
    victim.stdout.close()
    victim.stdin.close()
    assert len(names_in(root / "f")) == 2  # its temporary name is there,
    assert [stored.key for stored in store.list("")] == ["f/a"]  # and is no object
    store.put("f/b", [b"y"])


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_hard_links_a_name_is_still_taken_once(
    code: int, root: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_links)
    together = threading.Barrier(4)
    outcomes: list[bool] = []

    def put() -> None:
        def chunks() -> Iterator[bytes]:
            together.wait()
            yield b"x" * 100

        try:
            store.put("f/a", chunks())
        except ObjectExists:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, False, True]
    assert names_in(root / "f") == ["a"]


def test_links_lead_nowhere(root: Path, store: Store, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b").write_text("x")
    (root / "a").symlink_to(tmp_path / "secret")
    (root / "d").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(root / "pipe")
    assert list(store.list("")) == []
    for key in ("a", "pipe"):
        with pytest.raises(ObjectMissing):
            store.head(key)
    with pytest.raises(ObjectMissing), store.open("a"):
        pass


def test_all_is_durable_on_return(root: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order that survives power loss: the bytes, then the name, then each folder that is new or has a new name."""
    order: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        order.append(f"sync {Path(f'/proc/self/fd/{descriptor}').readlink().name.split('.')[-1]}")
        real_fsync(descriptor)

    def link(source: Path, target: Path) -> None:
        order.append("name")
        real_link(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    store.put("f/n/a", [b"x"])
    assert order == ["sync store", "sync f", "sync part", "name", "sync n"]


def test_objects_are_not_for_others(root: Path, store: Store) -> None:
    store.put("f/a", [b"x"])
    assert (root / "f" / "a").stat().st_mode & 0o007 == 0
    assert (root / "f").stat().st_mode & 0o007 == 0
