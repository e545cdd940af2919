"""That one record stands in the tree which a head signs: found from tiles, and checked before it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from intendance.ledger.note import Checkpoint
from intendance.ledger.tlog import Tile, inclusion_proof, leaf_hash, verify_inclusion
from intendance.model.frozen import dataclass


class Differs(Exception):
    """Records and tiles are not those that were signed; it says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That the record `seq`, whose leaf hash is `leaf`, stands in the tree of a checkpoint (RFC 6962, 2.1.1)."""

    seq: int
    leaf: bytes
    hashes: tuple[bytes, ...]
    checkpoint: Checkpoint


def prove(seq: int, content: bytes, head: Checkpoint, read: Callable[[Tile], bytes | None]) -> Proof:
    """The proof of a record that `head` covers, from the tiles that `read` gives. Raises Differs."""
    from intendance.ledger.report import Report  # what verifies is not loaded by what only reads and appends
    from intendance.ledger.signed_tree import SignedTree

    leaf, report = leaf_hash(content), Report()
    try:
        hashes = inclusion_proof(seq, head.size, SignedTree(read, head, report).node)
    except LookupError:
        raise Differs("; ".join(f"{found.where}: {found.detail}" for found in report.findings)) from None
    if not verify_inclusion(leaf, seq, head.size, hashes, head.root):
        raise Differs(f"record {seq} is not the one that was signed")
    return Proof(seq=seq, leaf=leaf, hashes=tuple(hashes), checkpoint=head)


def as_data(proof: Proof) -> dict[str, Any]:
    """A proof for programs, wherever it is told: from the leaf's sibling upward, and the signed note."""
    return {
        "size": proof.checkpoint.size,
        "root": proof.checkpoint.root.hex(),
        "hashes": [step.hex() for step in proof.hashes],
        "checkpoint": proof.checkpoint.note.decode(),
    }
