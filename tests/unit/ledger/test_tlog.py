"""The tree against the vectors that Certificate Transparency implementations share, and against its own definition."""

from __future__ import annotations

from hashlib import sha256

import pytest

from intendance.ledger import tlog
from intendance.ledger.tlog import Edge, Tile

ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEFT_1, LEFT_2, LEFT_4 = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
)
PROOF_6_8 = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
PROOF_2_5 = [LEFT_2, "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]


def nodes_of(entries: list[bytes]) -> tlog.Nodes:
    leaves = [tlog.leaf_hash(entry) for entry in entries]
    return lambda height, index: tlog.root_of(leaves[index << height : (index + 1) << height])


def hexed(proof: list[bytes]) -> list[str]:
    return [step.hex() for step in proof]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_every_implementation_gives(size: int) -> None:
    leaves = [tlog.leaf_hash(entry) for entry in ENTRIES[:size]]
    edge = Edge()
    for leaf in leaves:
        edge.append(leaf)
    assert tlog.root_of(leaves).hex() == ROOTS[size]
    assert edge.root().hex() == ROOTS[size]
    assert tlog.range_hash(0, size, nodes_of(ENTRIES)).hex() == ROOTS[size]


def test_inclusion_proofs_are_those_every_implementation_gives() -> None:
    nodes = nodes_of(ENTRIES)
    assert hexed(tlog.inclusion_proof(0, 8, nodes)) == [LEFT_1, LEFT_2, LEFT_4]
    assert tlog.inclusion_proof(0, 1, nodes) == []
    assert hexed(tlog.inclusion_proof(5, 8, nodes)) == [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]
    assert hexed(tlog.inclusion_proof(2, 3, nodes)) == [
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    ]


def test_consistency_proofs_are_those_every_implementation_gives() -> None:
    nodes = nodes_of(ENTRIES)
    assert tlog.consistency_proof(1, 1, nodes) == []
    assert hexed(tlog.consistency_proof(1, 8, nodes)) == [LEFT_1, LEFT_2, LEFT_4]
    assert hexed(tlog.consistency_proof(6, 8, nodes)) == PROOF_6_8
    assert hexed(tlog.consistency_proof(2, 5, nodes)) == PROOF_2_5


def test_proofs_outside_the_tree_are_refused() -> None:
    nodes = nodes_of(ENTRIES)
    for index, size in ((8, 8), (-1, 8), (0, 0)):
        with pytest.raises(ValueError, match="not in a tree"):
            tlog.inclusion_proof(index, size, nodes)
        assert not tlog.verify_inclusion(b"", index, size, [], b"")
    for old, new in ((0, 8), (5, 4)):
        with pytest.raises(ValueError, match="no proof"):
            tlog.consistency_proof(old, new, nodes)
        assert not tlog.verify_consistency(old, new, b"", b"", [])


def test_a_tree_of_70000_has_the_tiles_that_the_specification_counts() -> None:
    counted: dict[tuple[int | None, bool], list[int]] = {}
    for tile in tlog.tiles_of(70_000):
        counted.setdefault((tile.level, tile.width == 256), []).append(tile.width)
    assert {place: len(widths) for place, widths in counted.items()} == {
        (None, True): 273,
        (None, False): 1,
        (0, True): 273,
        (0, False): 1,
        (1, True): 1,
        (1, False): 1,
        (2, False): 1,
    }
    assert (counted[0, False], counted[1, False], counted[2, False]) == ([112], [17], [1])
    assert [tile for tile in tlog.tiles_of(256) if tile.level is not None] == [Tile(0, 0), Tile(1, 0, 1)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067), "tile/0/x001/x234/067"),
        (Tile(0, 0), "tile/0/000"),
        (Tile(3, 999, 17), "tile/3/999.p/17"),
        (Tile(None, 1000, 255), "tile/entries/x001/000.p/255"),
        (Tile(63, 5), "tile/63/005"),
    ],
)
def test_paths(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert tlog.parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/00",
        "tile/0/0000",
        "tile/64/000",
        "tile/00/000",
        "tile/0/001/000",
        "tile/0/x000/001",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/٠٠٠",
        "tile/entries/000~",
        "checkpoint",
        "tile/0/000\n",
    ],
)
def test_names_that_no_tile_has(path: str) -> None:
    assert tlog.parse_path(path) is None


def test_bundles() -> None:
    assert tlog.bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert tlog.unbundle(tlog.bundle(ENTRIES)) == ENTRIES
    assert len(tlog.bundle([b"x" * 65_535])) == 65_537
    with pytest.raises(ValueError, match="65536"):
        tlog.bundle([b"x" * 65_536])
    for broken in (b"\x00", b"\x00\x02a", b"\x00\x01a\x00"):
        with pytest.raises(ValueError, match="ends within"):
            tlog.unbundle(broken)


def test_the_edge_fills_tiles_of_every_level() -> None:
    edge = Edge()
    filled = [tile for number in range(65_536 + 256 + 3) for tile, _ in edge.append(sha256(b"%d" % number).digest())]
    assert filled.count(Tile(1, 0)) == 1
    assert [tile.index for tile in filled if tile.level == 0] == list(range(257))
    assert [tile for tile, _ in edge.partial_tiles()] == [Tile(0, 257, 3), Tile(1, 1, 1), Tile(2, 0, 1)]
