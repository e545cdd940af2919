"""Manifests survive a round trip, and no change of their bytes passes for another manifest."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intendance.model.errors.sets import ManifestInvalid, ManifestVersionUnknown
from intendance.sets.manifest import decode, encode
from tests.support.sets import manifest, parts

keys = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(
    lambda text: unicodedata.normalize("NFC", text)
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
details: st.SearchStrategy[dict[str, Any]] = st.dictionaries(keys, values, max_size=5)


@given(source=details, warnings=st.lists(texts, max_size=3), sequence=st.integers(0, 5000), size=st.integers(1, 2**50))
def test_round_trip(source: dict[str, Any], warnings: list[str], sequence: int, size: int) -> None:
    stream = manifest().streams[0]
    streams = (type(stream)(name="tree", media="tar", source_bytes=size, argv=(), parts=parts("tree", size, 1)),)
    written = manifest(sequence, source=source, warnings=tuple(warnings), streams=streams)
    assert decode(encode(written), "x") == written


@given(st.data())
def test_a_changed_byte_never_reads_as_the_same_manifest(data: st.DataObject) -> None:
    """Even without the signature: what still reads is another manifest, and writes as the changed bytes."""
    content = bytearray(encode(manifest(2)))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode(bytes(content), "x")
    except (ManifestInvalid, ManifestVersionUnknown):
        return
    assert changed != manifest(2)
    assert encode(changed) == bytes(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_one_sentence(content: bytes) -> None:
    with pytest.raises((ManifestInvalid, ManifestVersionUnknown), match=r"\A[^\n]+\.\Z"):
        decode(content, "x")
