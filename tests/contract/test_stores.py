"""What every store must do: the same suite for each adapter, and for the fake that tests elsewhere use.

A new adapter joins by one line in `PLACES`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intendance.model.errors.store import ObjectExists, ObjectMissing, StoreRefused
from intendance.model.plan import DirectoryStore
from intendance.stores import Store, adopt_store, open_store
from tests.support.memory_store import MemoryStore
from tests.support.radosgw import make_shelf
from tests.support.sshd import SshServer


def directory(_: pytest.FixtureRequest, tmp_path: Path) -> Store:
    declared = DirectoryStore(name="contract", path=str(tmp_path / "store"))
    adopt_store(declared)
    return open_store(declared)


def s3(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """As a node has it: with credentials that can neither delete nor change."""
    declared = make_shelf(request.getfixturevalue("radosgw"), tmp_path / "users").declared
    adopt_store(declared)
    return open_store(declared)


def sftp(request: pytest.FixtureRequest, _: Path) -> Store:
    server: SshServer = request.getfixturevalue("ssh_server")
    declared = server.store()
    adopt_store(declared)
    return open_store(declared)


PLACES: dict[str, Callable[[pytest.FixtureRequest, Path], Store]] = {
    "directory": directory,
    "memory": lambda _, __: MemoryStore("contract"),
    "s3": s3,
    "sftp": sftp,
}
LONG_SECONDS = 600
"""Who waits for another that failed fails then too, and does not wait for ever."""
SEGMENTS = st.from_regex(r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]{0,8}", fullmatch=True)
KEYS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return PLACES[request.param](request, tmp_path)


def content_of(store: Store, key: str) -> bytes:
    with store.open(key) as source:
        return source.read()


def keys_of(store: Store, prefix: str = "") -> list[str]:
    return [stored.key for stored in store.list(prefix)]


def test_a_new_store_is_empty(store: Store) -> None:
    assert keys_of(store) == []
    assert keys_of(store, "fleet/node") == []
    free = store.free_bytes()
    assert free is None or free > 0


def test_what_was_put_is_there(store: Store) -> None:
    before = store.put("f/n/a/set/tree-00000.zst.gpg", [b"one ", memoryview(b"two"), b""])
    assert content_of(store, before.key) == b"one two"
    assert before == store.head(before.key) == next(store.list("f"))
    assert (before.key, before.size_bytes) == ("f/n/a/set/tree-00000.zst.gpg", 7)


def test_an_object_may_be_empty(store: Store) -> None:
    assert store.put("empty", []).size_bytes == 0
    assert content_of(store, "empty") == b""


def test_a_chunk_may_be_reused_when_the_next_is_asked_for(store: Store) -> None:
    buffer = bytearray(3)

    def chunks() -> Iterator[memoryview]:
        for letter in b"abc":
            buffer[:] = bytes([letter]) * 3
            yield memoryview(buffer)

    store.put("reused", chunks())
    assert content_of(store, "reused") == b"aaabbbccc"


def test_an_object_is_read_in_pieces_and_never_beyond_its_end(store: Store) -> None:
    store.put("a", [b"x" * 100_000])
    with store.open("a") as source:
        assert source.read(10) == b"x" * 10
        assert len(source.read()) == 99_990
        assert source.read(1) == b""


def test_the_store_tells_the_time(store: Store) -> None:
    at = store.put("a", [b"x"]).stored_at
    assert at.utcoffset() == timedelta(0)
    assert store.head("a").stored_at == at
    assert datetime(2020, 1, 1, tzinfo=UTC) < at


def test_nothing_is_ever_written_over(store: Store) -> None:
    store.put("f/a", [b"first"])
    with pytest.raises(ObjectExists) as refused:
        store.put("f/a", [b"second"])
    assert "f/a" in refused.value.message
    assert content_of(store, "f/a") == b"first"
    assert keys_of(store) == ["f/a"]


def test_a_race_has_one_winner_and_its_bytes_stay_whole(store: Store) -> None:
    together = threading.Barrier(8, timeout=LONG_SECONDS)
    outcomes: list[bytes] = []

    def put(content: bytes) -> None:
        def chunks() -> Iterator[bytes]:
            together.wait()  # all eight found the name free, and are writing
            yield content * 1000
            yield content * 1000

        try:
            store.put("f/contested", chunks())
        except ObjectExists:
            return
        outcomes.append(content * 2000)

    threads = [threading.Thread(target=put, args=(bytes([65 + n]),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert content_of(store, "f/contested") == outcomes[0]
    assert keys_of(store) == ["f/contested"]


def test_when_the_bytes_fail_nothing_is_stored(store: Store) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"x" * 2_000_000
        assert keys_of(store) == []
        raise ConnectionResetError("the pipe broke")

    with pytest.raises(ConnectionResetError):  # the caller's own error, as it was raised
        store.put("f/a", chunks())
    assert keys_of(store) == []
    with pytest.raises(ObjectMissing):
        store.head("f/a")
    store.put("f/a", [b"again"])
    assert content_of(store, "f/a") == b"again"


def test_half_an_object_is_not_listed_nor_opened(store: Store) -> None:
    seen: list[object] = []

    def chunks() -> Iterator[bytes]:
        yield b"half"
        seen.extend(store.list(""))
        with pytest.raises(ObjectMissing):
            store.head("f/a")
        with pytest.raises(ObjectMissing), store.open("f/a"):
            pass
        yield b"whole"

    store.put("f/a", chunks())
    assert seen == []


def test_missing_objects_are_named(store: Store) -> None:
    store.put("f/a", [b"x"])
    for key in ("nothing", "f", "f/b", "f/a/b"):
        with pytest.raises(ObjectMissing) as missing:
            store.head(key)
        assert f" {key}." in missing.value.message
        with pytest.raises(ObjectMissing), store.open(key):
            pass


NO_KEYS = ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "../a", "/etc/passwd", ".hidden", "a/.part", "a b",
           "a\nb", "a\0b", "é", "a\\b", "a:b", "a*", "x" * 300, "/".join("ab" for _ in range(400)),
           "-" + "x" * 200]  # fmt: skip


def test_names_that_are_no_keys_are_refused(store: Store) -> None:
    for key in NO_KEYS:
        with pytest.raises(StoreRefused):
            store.put(key, [b"x"])
        with pytest.raises(StoreRefused):
            store.head(key)
        with pytest.raises(StoreRefused), store.open(key):
            pass
        if key:
            with pytest.raises(StoreRefused):
                list(store.list(key))
    assert keys_of(store) == []


def test_listing_by_folder_in_key_order(store: Store) -> None:
    keys = ["a/x", "a-b/x", "a/b/c", "a.b", "ab", "a/b-c", "B/x", "b", "a/b.c/d", "0"]
    for key in keys:
        store.put(key, [key.encode()])
    assert keys_of(store) == sorted(keys)
    assert keys_of(store, "a") == ["a/b-c", "a/b.c/d", "a/b/c", "a/x"]
    assert keys_of(store, "a/b") == ["a/b/c"]
    assert keys_of(store, "b") == keys_of(store, "zzz") == []
    assert [stored.size_bytes for stored in store.list("a/b")] == [len("a/b/c")]


CONTENTS = st.dictionaries(KEYS, st.binary(max_size=40), max_size=12)
FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=25, suppress_health_check=FIXTURES)
@given(contents=CONTENTS, data=st.data())
@pytest.mark.parametrize("place", ["directory", "memory"])
def test_a_store_is_a_sorted_mapping(
    place: str,
    contents: dict[str, bytes],
    data: st.DataObject,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    behaves_as_a_sorted_mapping(PLACES[place](request, tmp_path_factory.mktemp("store")), contents, data)


@settings(max_examples=3, suppress_health_check=FIXTURES)
@given(contents=CONTENTS, data=st.data())
@pytest.mark.parametrize("place", [place for place in PLACES if place not in ("directory", "memory")])
def test_a_store_beyond_a_network_is_one_too(
    place: str,
    contents: dict[str, bytes],
    data: st.DataObject,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    behaves_as_a_sorted_mapping(PLACES[place](request, tmp_path_factory.mktemp("store")), contents, data)


def behaves_as_a_sorted_mapping(store: Store, contents: dict[str, bytes], data: st.DataObject) -> None:
    kept: dict[str, bytes] = {}
    for key, content in contents.items():
        if any(key.startswith(f"{other}/") or other.startswith(f"{key}/") for other in kept):
            continue  # a file and a folder of one name: no store of ours is asked for that
        store.put(key, [content])
        kept[key] = content
    assert [(stored.key, stored.size_bytes) for stored in store.list("")] == [
        (key, len(kept[key])) for key in sorted(kept)
    ]
    for key, content in kept.items():
        assert content_of(store, key) == content
    if kept:
        prefix = data.draw(st.sampled_from(sorted(kept))).split("/")[0]
        assert keys_of(store, prefix) == sorted(key for key in kept if key.startswith(f"{prefix}/"))


def test_two_objects_may_be_written_at_once(store: Store) -> None:
    together = threading.Barrier(2, timeout=LONG_SECONDS)

    def put(name: str) -> None:
        def chunks() -> Iterator[bytes]:
            for _ in range(50):
                together.wait()
                yield name.encode() * 1000

        store.put(f"f/{name}", chunks())

    threads = [threading.Thread(target=put, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content_of(store, "f/a") == b"a" * 50_000
    assert content_of(store, "f/b") == b"b" * 50_000
