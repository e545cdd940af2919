"""What a set carries for a rebuild: packed, read back, and nothing else taken for it."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from intendance.model.plan import Recipient
from intendance.sets import rebuilding

SOURCE = b"version: 1\n"


def recipient(name: str) -> Recipient:
    return Recipient(name=name, fingerprint="A" * 40, held_by="admin", armored=f"key of {name}")


def test_the_plan_comes_back_with_the_keys() -> None:
    packed = rebuilding.pack(SOURCE, [recipient("owner"), recipient("offline")])
    assert rebuilding.unpack(packed) == {
        "intendance.yaml": SOURCE,
        "keys/owner.asc": b"key of owner",
        "keys/offline.asc": b"key of offline",
    }
    assert packed == rebuilding.pack(SOURCE, [recipient("owner"), recipient("offline")])


def archive(*names: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as written:
        for name in names:
            written.addfile(tarfile.TarInfo(name))
    return gzip.compress(packed.getvalue())


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no archive",
        gzip.compress(b"no archive"),
        gzip.compress(bytes(rebuilding.LIMIT_BYTES + 1)),
        archive("keys/owner.asc"),
        archive("intendance.yaml", "../outside"),
        archive("intendance.yaml", "/etc/passwd"),
    ],
    ids=["empty", "bytes", "no tar", "a bomb", "no plan", "above", "absolute"],
)
def test_anything_else_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        rebuilding.unpack(packed)


KEYS = ("A" * 40, "0123456789ABCDEF" * 4)


def test_a_manifest_carries_it_as_text_and_older_ones_carry_nothing() -> None:
    carried = rebuilding.written(b"\x00\xffmessage", "head\n3\nroot\n", KEYS)
    assert rebuilding.read({rebuilding.FIELD: carried}) == rebuilding.Carried(
        plan=b"\x00\xffmessage", head="head\n3\nroot\n", keys=KEYS
    )
    assert rebuilding.read({}) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        "text",
        {"plan": "é", "head": "", "keys": []},
        {"plan": "AA==", "keys": []},
        {"plan": "AA==", "head": ""},
        {"plan": "AA==", "head": "", "keys": 3},
        {"plan": "AA==", "head": "", "keys": ["a" * 40]},
        {"plan": "AA==", "head": "", "keys": ["A" * 39]},
    ],
)
def test_what_cannot_be_read_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        rebuilding.read({rebuilding.FIELD: wrong})


@pytest.mark.parametrize(
    ("name", "below"),
    [("keys/a.asc", True), ("a", True), ("../a", False), ("/a", False), ("a/../../b", False), ("", False)],
)
def test_what_stays_in_its_folder(name: str, below: bool) -> None:
    assert rebuilding.is_below(name) is below
