"""Reading sets back and placing papers, on a real directory store."""

from __future__ import annotations

from pathlib import Path

import pytest

from intendance.model.errors.sets import CopyDiffers, SetDamaged, SetMissing
from intendance.model.errors.store import ObjectMissing, StoreUnreachable
from intendance.model.plan import DirectoryStore
from intendance.sets.fetch import CHUNK_BYTES, absent_parts, chunks_of, hash_part, open_manifest, read_small, survey
from intendance.sets.manifest import MANIFEST, NODE_KEY, PAPERS, SIGNATURE, Part, digest, part_name
from intendance.sets.publication import copy_part, paper_entries, papers, place
from intendance.stores import Store, StoredObject, open_store
from intendance.stores.directory import adopt_store
from tests.support.sets import START, manifest, parts

FOLDER = "f/n/site/s"


def make(tmp_path: Path, name: str) -> Store:
    declared = DirectoryStore(name=name, path=str(tmp_path / name))
    adopt_store(declared)
    return open_store(declared)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return make(tmp_path, "local")


def part_of(content: bytes) -> Part:
    return Part(
        name=part_name("tree", 0),
        plain_bytes=1,
        cipher_bytes=len(content),
        sha256_plain="0" * 64,
        sha256_cipher=digest(content),
    )


def test_folders_with_and_without_manifest(store: Store) -> None:
    store.put("f/n/site/a/tree-00000.zst.gpg", [b"x"])
    store.put("f/n/site/b/MANIFEST.json", [b"{}"])
    store.put("f/n/site/README", [b"not ours"])
    store.put("f/n/site/c/deeper/MANIFEST.json", [b"not ours"])
    store.put("f/n/site2/d/MANIFEST.json", [b"another asset"])
    found = survey(store, "f/n/site")
    assert (set(found.complete), set(found.incomplete)) == ({"b"}, {"a"})


def test_a_set_without_its_papers(store: Store) -> None:
    with pytest.raises(SetMissing):
        open_manifest(store, "f/n/site", "s", "A" * 40)
    store.put(f"{FOLDER}/{MANIFEST}", [b"{}"])
    with pytest.raises(SetDamaged, match=r"MANIFEST\.json\.asc is missing"):
        open_manifest(store, "f/n/site", "s", "A" * 40)
    store.put(f"{FOLDER}/{SIGNATURE}", [b"x"])
    with pytest.raises(SetDamaged, match=r"NODE-KEY\.asc is missing"):
        open_manifest(store, "f/n/site", "s", "A" * 40)


def test_what_a_listing_alone_shows() -> None:
    held = manifest(streams=(manifest().streams[0],))
    objects = {
        name: StoredObject(key=name, size_bytes=5000, stored_at=START)
        for name in (*PAPERS, SIGNATURE, MANIFEST, "tree-00000.zst.gpg")
    }
    assert absent_parts(held, objects) == ""
    without = {name: stored for name, stored in objects.items() if name not in {NODE_KEY, "tree-00000.zst.gpg"}}
    assert absent_parts(held, without) == "tree-00000.zst.gpg and 1 more missing"
    short = objects | {"tree-00000.zst.gpg": StoredObject(key="x", size_bytes=4999, stored_at=START)}
    assert absent_parts(held, short) == "tree-00000.zst.gpg has 4999 bytes instead of 5000"


def test_parts_are_hashed_in_chunks(store: Store) -> None:
    content = bytes(range(256)) * 8192 + b"end"
    store.put(f"{FOLDER}/tree-00000.zst.gpg", [content])
    counts: list[int] = []
    assert hash_part(store, FOLDER, part_of(content), counts.append) == ""
    assert (sum(counts), max(counts)) == (len(content), CHUNK_BYTES)
    assert "its hash is not" in hash_part(store, FOLDER, part_of(content[:-1] + b"x"), counts.append)
    assert "bytes instead of" in hash_part(store, FOLDER, part_of(content + b"x"), counts.append)
    assert hash_part(store, "f/n/site/none", part_of(content), counts.append) == "tree-00000.zst.gpg is missing"


def test_large_objects_are_not_taken_for_small(store: Store) -> None:
    store.put("f/large", [b"x" * 3000])
    assert read_small(store, "f/large", 1000) == b"x" * 1001
    with pytest.raises(ObjectMissing):
        read_small(store, "f/none", 1000)


def test_a_medium_that_cannot_be_read(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("f/object", [b"x"])

    class Broken:
        def readinto(self, buffer: object) -> int:
            raise OSError(5, "Input/output error")

        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(type(store), "open", lambda *_: Broken())
    with pytest.raises(StoreUnreachable, match="Input/output error"):
        list(chunks_of(store, "f/object"))


def test_papers_list_each_other(store: Store) -> None:
    contents = papers(parts("tree", 10, 20), b"key")
    assert tuple(contents) == PAPERS
    lines = contents["SHA256SUMS"].decode().splitlines()
    assert [line[66:] for line in lines] == ["tree-00000.zst.gpg", "tree-00001.zst.gpg", "RESTORE.sh", "NODE-KEY.asc"]
    assert {entry.name: entry.sha256 for entry in paper_entries(contents)} == {
        name: digest(content) for name, content in contents.items()
    }


def test_what_an_attempt_left_is_kept_only_when_it_is_the_same(store: Store) -> None:
    place(store, FOLDER, MANIFEST, b"one")
    place(store, FOLDER, MANIFEST, b"one")
    for other in (b"two", b"one and more", b"on"):
        with pytest.raises(CopyDiffers):
            place(store, FOLDER, MANIFEST, other)
    assert read_small(store, f"{FOLDER}/{MANIFEST}", 100) == b"one"


def test_a_copy_proves_both_sides(store: Store, tmp_path: Path) -> None:
    other = make(tmp_path, "second")
    content = b"ciphertext" * 1000
    store.put(f"{FOLDER}/tree-00000.zst.gpg", [content])
    wrong = part_of(content[:-1] + b"x")
    with pytest.raises(CopyDiffers, match="local"):
        copy_part(store, other, FOLDER, wrong, lambda count: None)
    with pytest.raises(ObjectMissing):
        other.head(f"{FOLDER}/tree-00000.zst.gpg")
    copy_part(store, other, FOLDER, part_of(content), lambda count: None)
    copy_part(store, other, FOLDER, part_of(content), lambda count: None)
    with pytest.raises(CopyDiffers, match="second"):
        copy_part(store, other, FOLDER, wrong, lambda count: None)
