"""The manifest: what version 1 allows, byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from intendance.model.errors.sets import ManifestInvalid, ManifestVersionUnknown
from intendance.sets.manifest import Manifest, decode, encode, part_name, sums
from tests.support.sets import manifest, parts

GOLDEN = Path(__file__).parents[2] / "golden" / "manifest-v1.json"


def test_the_bytes_of_version_1_never_change() -> None:
    expected = GOLDEN.read_bytes()
    assert encode(manifest(3)) == expected
    assert decode(expected, "golden") == manifest(3)


def test_it_is_canonical_by_another_implementation() -> None:
    assert rfc8785.dumps(json.loads(encode(manifest(3)))) == encode(manifest(3))


def test_an_unknown_version_is_named() -> None:
    content = json.loads(encode(manifest())) | {"v": 2, "novelty": True}
    with pytest.raises(ManifestVersionUnknown) as refused:
        decode(_bytes(content), "x")
    assert refused.value.message == "The manifest of x has version 2; this Intendance reads version 1."


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"asset": "Site"}, "asset is not a name"),
        ({"node": "../x"}, "node is not a name"),
        ({"set": "site.backup-full.20261101T020000Z.2"}, "set, run, attempt and asset do not agree"),
        ({"attempt": 0}, "set, run, attempt and asset do not agree"),
        ({"asset": "other"}, "set, run, attempt and asset do not agree"),
        ({"sequence": 4, "previous": None}, "sequence and previous do not agree"),
        ({"previous": "0" * 64}, "sequence and previous do not agree"),
        ({"sequence": 1, "previous": "x"}, "previous is not a hash"),
        ({"retention_days": 0}, "retention_days is out of bounds"),
        ({"started_at": "2026-11-01 02:00"}, "an instant is not RFC 3339 in UTC"),
        ({"first_seen": "2026-11-01T02:00:00+01:00"}, "an instant is not RFC 3339 in UTC"),
        ({"recovers_to": "2026-13-01T02:00:00Z"}, "an instant is not RFC 3339 in UTC"),
        ({"recipients": ()}, "recipients are not fingerprints"),
        ({"recipients": ("abcd",)}, "recipients are not fingerprints"),
        ({"files": ()}, "files must be SHA256SUMS, RESTORE.sh, NODE-KEY.asc"),
        ({"streams": ()}, "streams are missing or named twice"),
        ({"streams": manifest().streams * 2}, "streams are missing or named twice"),
        ({"compression": "none"}, "its schema, compression or encryption"),
        ({"source": {"ratio": 0.5}}, "a number that is not an integer"),
        ({"source": {"Ratio": 1}}, "the key 'Ratio'"),
        ({"source": {"rows": 2**53}}, "an integer beyond"),
        ({"warnings": ("\udc80",)}, "surrogate"),
    ],
)
def test_what_cannot_be_written(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        encode(manifest(**changes))
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"parts": ()}, "not numbered from 0 without a gap"),
        ({"parts": parts("tree", 1, 2)[1:]}, "not numbered from 0 without a gap"),
        ({"parts": parts("other", 1)}, "not numbered from 0 without a gap"),
        ({"parts": parts("tree", 0)}, "no proper size or hash"),
        ({"parts": (replace(parts("tree", 9)[0], sha256_cipher="0"),)}, "no proper size or hash"),
        ({"name": "a/b", "parts": parts("a/b", 1)}, "is not well formed"),
        ({"source_bytes": -1}, "is not well formed"),
    ],
)
def test_streams_that_cannot_be_written(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        encode(_with_stream(**change))
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "canonical"),
        (b"[]", "object"),
        (b"\xff", "canonical"),
        (b"{" * 100_000, "canonical"),
        (encode(manifest())[:-1], "canonical"),
        (encode(manifest()) + b"\n", "canonical"),
        (encode(manifest()).replace(b'"v":1', b'"v":1,"v":1'), "canonical"),
        (encode(manifest()).replace(b'"v":1', b'"v":1,"vein":1'), "does not know"),
        (encode(manifest()).replace(b'"sequence":0', b'"sequence":"0"'), "sequence"),
    ],
)
def test_what_cannot_be_read(content: bytes, said: str) -> None:
    with pytest.raises(ManifestInvalid) as refused:
        decode(content, "x")
    assert said in refused.value.message


def test_a_huge_one_is_not_even_parsed() -> None:
    with pytest.raises(ManifestInvalid, match="at most"):
        decode(b" " * (32 * 2**20 + 1), "x")


def test_sums_are_what_sha256sum_reads() -> None:
    assert sums({part_name("tree", 0): "a" * 64}, {"RESTORE.sh": b""}) == (
        b"a" * 64
        + b"  tree-00000.zst.gpg\n"
        + b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  RESTORE.sh\n"
    )


def test_sizes_add_up() -> None:
    big = _with_stream(parts=parts("tree", 7000, 8000))
    assert (big.stored_bytes, big.source_bytes, len(big.parts)) == (15000, 10240, 2)


def _with_stream(**change: Any) -> Manifest:
    base = manifest()
    return replace(base, streams=(replace(base.streams[0], **change),))


def _bytes(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
