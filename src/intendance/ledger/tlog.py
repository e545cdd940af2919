"""The Merkle tree of RFC 6962 (section 2.1) and its storage as C2SP tlog-tiles: pure functions of hashes.

A *node* is named by (height, index): the hash of the complete subtree over leaves [index * 2^height, (index + 1) *
2^height). A *tile* is named by (level, index): 256 nodes of height 8 * level.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from hashlib import sha256

from intendance.model.frozen import dataclass

TILE_WIDTH = 256
TILE_HEIGHT = 8
HASH_BYTES = 32
ENTRY_LIMIT_BYTES = 0xFFFF
EMPTY_ROOT = sha256(b"").digest()

Nodes = Callable[[int, int], bytes]
"""Gives the hash of the complete subtree (height, index)."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one log entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over hashes that stand side by side: all of one height, only the last may be a smaller tree."""
    if not hashes:
        return EMPTY_ROOT
    row = hashes
    while len(row) > 1:
        above = [sha256(b"\x01" + row[i] + row[i + 1]).digest() for i in range(0, len(row) - 1, 2)]
        if len(row) % 2:
            above.append(row[-1])
        row = above
    return row[0]


def range_hash(start: int, end: int, nodes: Nodes) -> bytes:
    """The Merkle tree hash over leaves [start, end), where `start` is a multiple of the smallest power of two >= end -
    start."""
    count = end - start
    if count <= 0:
        return EMPTY_ROOT
    if count & (count - 1) == 0:
        height = count.bit_length() - 1
        return nodes(height, start >> height)
    split = start + _split(count)
    return node_hash(range_hash(start, split, nodes), range_hash(split, end, nodes))


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves, from the leaf's sibling up to the root's child."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            proof.append(range_hash(split, end, nodes))
            end = split
        else:
            proof.append(range_hash(start, split, nodes))
            start = split
    return proof[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the leaf hash stands at `index` of the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    here, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(sibling, found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves; 0 < old <= new."""
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new} leaves")
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        split = start + _split(end - start)
        if old <= split:
            proof.append(range_hash(split, end, nodes))
            end = split
        else:
            proof.append(range_hash(start, split, nodes))
            start, whole = split, False
    if not whole:
        proof.append(range_hash(start, end, nodes))
    return proof[::-1]


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree (old, old_root) is the beginning of the tree (new, new_root)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    old_found = new_found = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            old_found, new_found = node_hash(sibling, old_found), node_hash(sibling, new_found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            new_found = node_hash(new_found, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and old_found == old_root and new_found == new_root


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


@dataclass(frozen=True, slots=True)
class Tile:
    """The name of a tile or, with `level` None, of a bundle of entries; `width` 256 when it is full."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """`tile/<L>/<N>[.p/<W>]`, relative to the log."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = "entries" if self.level is None else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == TILE_WIDTH else f".p/{self.width}")


_PATH = re.compile(
    r"tile/(entries|0|[1-9]|[1-5]\d|6[0-3])/((?:x\d{3}/)*)(\d{3})(?:\.p/([1-9]|[1-9]\d|1\d\d|2[0-4]\d|25[0-5]))?",
    re.ASCII,
)


def parse_path(path: str) -> Tile | None:
    """The tile that a path names, or None when it names none."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    level, high, low, width = found.groups()
    tile = Tile(
        level=None if level == "entries" else int(level),
        index=int(high.replace("x", "").replace("/", "") + low),
        width=TILE_WIDTH if width is None else int(width),
    )
    return tile if tile.path == path else None


def tiles_of(size: int) -> Iterator[Tile]:
    """All tiles and bundles that a log of `size` entries has, bundles first, then level by level."""
    levels: tuple[int | None, ...] = (None, *range(8))
    for level in levels:
        count = size >> (TILE_HEIGHT * (level or 0))
        full, width = divmod(count, TILE_WIDTH)
        for index in range(full):
            yield Tile(level, index)
        if width:
            yield Tile(level, full, width)


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle holds them: each after its length as a big-endian uint16. Raises ValueError beyond 65,535."""
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > ENTRY_LIMIT_BYTES:
            raise ValueError(f"an entry of {len(entry)} bytes")
        parts += (len(entry).to_bytes(2), entry)
    return b"".join(parts)


def unbundle(content: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError when it ends within an entry."""
    entries: list[bytes] = []
    at, end = 0, len(content)
    while at < end:
        start = at + 2
        at = start + int.from_bytes(content[at:start])
        if start > end or at > end:
            raise ValueError("the bundle ends within an entry")
        entries.append(content[start:at])
    return entries


@dataclass(slots=True)
class Edge:
    """The right edge of a growing tree: per level the nodes that do not fill a tile yet."""

    size: int = 0
    levels: list[list[bytes]] = field(default_factory=list)

    def append(self, leaf: bytes) -> list[tuple[Tile, list[bytes]]]:
        """Add a leaf hash; returns the tiles that it filled, lowest first."""
        self.size += 1
        if self.levels and len(self.levels[0]) < TILE_WIDTH - 1:
            self.levels[0].append(leaf)
            return []
        return self._carry(leaf)

    def append_tile(self, leaves: Sequence[bytes]) -> list[tuple[Tile, list[bytes]]]:
        """Add 256 leaf hashes where a tile begins; the same as `append` of each, at less cost."""
        self.size += TILE_WIDTH
        self.levels[:1] = [list(leaves[:-1])]
        return self._carry(leaves[-1])

    def _carry(self, rising: bytes) -> list[tuple[Tile, list[bytes]]]:
        filled: list[tuple[Tile, list[bytes]]] = []
        level = 0
        while True:
            if level == len(self.levels):
                self.levels.append([])
            row = self.levels[level]
            row.append(rising)
            if len(row) < TILE_WIDTH:
                return filled
            index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            filled.append((Tile(level, index), row))
            self.levels[level] = []
            rising = root_of(row)
            level += 1

    @property
    def tail(self) -> list[bytes]:
        """The leaf hashes that do not fill a tile yet."""
        return self.levels[0] if self.levels else []

    def partial_tiles(self) -> list[tuple[Tile, list[bytes]]]:
        """The tiles that this size leaves partly filled."""
        return [
            (Tile(level, self.size >> (TILE_HEIGHT * (level + 1)), len(row)), row)
            for level, row in enumerate(self.levels)
            if row
        ]

    def root(self) -> bytes:
        """The root hash at this size."""
        rest: list[bytes] = []
        for row in self.levels:
            side_by_side = row + rest
            rest = [root_of(side_by_side)] if side_by_side else []
        return rest[0] if rest else EMPTY_ROOT
