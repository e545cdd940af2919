"""The tree against a slow reading of its definition (RFC 6962, 2.1), at all sizes."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from intendance.ledger import tlog
from intendance.ledger.tlog import HASH_BYTES, TILE_WIDTH, Edge, Tile

LEAVES = [tlog.leaf_hash(b"%d" % number) for number in range(1200)]


def defined(leaves: list[bytes]) -> bytes:
    """MTH as the RFC defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + defined(leaves[:split]) + defined(leaves[split:])).digest()


def nodes(height: int, index: int) -> bytes:
    return defined(LEAVES[index << height : (index + 1) << height])


sizes = st.integers(0, len(LEAVES))


@given(sizes)
def test_three_ways_to_the_root(size: int) -> None:
    edge = Edge()
    for leaf in LEAVES[:size]:
        edge.append(leaf)
    assert defined(LEAVES[:size]) == tlog.root_of(LEAVES[:size]) == tlog.range_hash(0, size, nodes) == edge.root()


@given(st.data())
def test_inclusion(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    root = defined(LEAVES[:size])
    proof = tlog.inclusion_proof(index, size, nodes)
    assert tlog.verify_inclusion(LEAVES[index], index, size, proof, root)
    elsewhere = data.draw(st.integers(0, size - 1).filter(lambda other: other != index) if size > 1 else st.just(-1))
    assert not tlog.verify_inclusion(LEAVES[index], elsewhere, size, proof, root)
    assert not tlog.verify_inclusion(b"\x00" * HASH_BYTES, index, size, proof, root)
    assert not tlog.verify_inclusion(LEAVES[index], index, size, [*proof, LEAVES[0]], root)
    if proof:
        assert not tlog.verify_inclusion(LEAVES[index], index, size, proof[:-1], root)
        spoiled = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:spoiled], sha256(proof[spoiled]).digest(), *proof[spoiled + 1 :]]
        assert not tlog.verify_inclusion(LEAVES[index], index, size, changed, root)


@given(st.data())
def test_consistency(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, len(LEAVES)))
    old = data.draw(st.integers(1, new))
    old_root, new_root = defined(LEAVES[:old]), defined(LEAVES[:new])
    proof = tlog.consistency_proof(old, new, nodes)
    assert tlog.verify_consistency(old, new, old_root, new_root, proof)
    rewritten = sha256(old_root).digest()
    assert not tlog.verify_consistency(old, new, rewritten, new_root, proof)
    assert not tlog.verify_consistency(old, new, old_root, rewritten, proof)
    assert not tlog.verify_consistency(old, new, old_root, new_root, [*proof, LEAVES[0]])
    if proof:
        assert not tlog.verify_consistency(old, new, old_root, new_root, proof[:-1])


@given(sizes)
def test_tiles_are_what_their_definition_says(size: int) -> None:
    edge = Edge()
    built = [place for leaf in LEAVES[:size] for place in edge.append(leaf)] + edge.partial_tiles()
    assert {tile for tile, _ in built} == {tile for tile in tlog.tiles_of(size) if tile.level is not None}
    for tile, row in built:
        assert tile.level is not None
        span = TILE_WIDTH**tile.level
        first = tile.index * TILE_WIDTH
        assert row == [defined(LEAVES[(first + i) * span : (first + i + 1) * span]) for i in range(tile.width)]


@given(st.one_of(st.none(), st.integers(0, 63)), st.integers(0, 10**12), st.integers(1, 256))
def test_every_tile_has_one_path(level: int | None, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert tlog.parse_path(tile.path) == tile


@given(st.text(alphabet="tile/0123456789xp.entries", max_size=30).map(lambda rest: f"tile/{rest}"))
def test_every_path_names_one_tile_or_none(path: str) -> None:
    tile = tlog.parse_path(path)
    assert tile is None or tile.path == path


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_bundles_give_their_entries_back(entries: list[bytes]) -> None:
    assert tlog.unbundle(tlog.bundle(entries)) == entries
