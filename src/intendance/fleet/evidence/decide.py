"""Whether records follow on what is here, and what a signed head says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from intendance.ledger.envelope import decode, digest
from intendance.ledger.examine import examine
from intendance.ledger.report import Fault
from intendance.ledger.rows import Row
from intendance.ledger.tlog import Edge, leaf_hash
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import EvidenceRefused
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.frozen import dataclass

NUL = "\x00"
"""No name holds one, and PostgreSQL keeps none in text."""

FindingKind = Literal["fork", "rollback", "chain", "signature", "undetermined"]
"""Another history; less than was signed before; records that do not follow; a head signed by another key; records of a
version that this program does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that no sound node does. `subject` makes the same thing found again the same finding."""

    kind: FindingKind
    subject: str
    detail: str


class Copy(NamedTuple):
    """What is here of a node's ledger: how many records, the digest of the last, the tree's right edge."""

    size: int
    last_sha256: str
    edge: Edge


def read_edge(size: int, content: bytes) -> Edge:
    """The right edge as it was kept."""
    return Edge(size, msgspec.msgpack.decode(content, type=list[list[bytes]]) if content else [])


def write_edge(edge: Edge) -> bytes:
    """The right edge, to be kept."""
    return msgspec.msgpack.encode(edge.levels)


def follow(node: str, copy: Copy, contents: Sequence[bytes]) -> tuple[list[Row], Copy] | Found:
    """The rows of records that follow on the copy, and the copy with them; or what is wrong with the first bad one."""
    rows: list[Row] = []
    previous, edge = copy.last_sha256, copy.edge
    for seq, content in enumerate(contents, copy.size):
        try:
            record = decode(content, seq)
        except RecordUnreadable as error:
            return Found(kind="chain", subject=f"{seq}", detail=error.message)
        row = Row(seq, record.kind, record.asset, record.ts, content)
        examined = examine(row, node)
        if examined.prev is None and examined.fault is Fault.UNDETERMINED:
            return Found(kind="undetermined", subject=f"{seq}", detail=f"record {seq}: {examined.detail}")
        if examined.fault is Fault.TAMPERED or record.seq != seq or record.node != node:
            return Found(kind="chain", subject=f"{seq}", detail=examined.detail or f"record {seq} names another place")
        if NUL in f"{record.kind}{record.asset}{record.ts}":
            return Found(kind="chain", subject=f"{seq}", detail=f"record {seq}: its kind, asset or time holds a NUL")
        if examined.prev != previous:
            return Found(kind="chain", subject=f"{seq}", detail=f"record {seq} does not follow on the one before")
        previous = digest(content)
        edge.append(leaf_hash(content))
        rows.append(row)
    return rows, Copy(copy.size + len(rows), previous, edge)


def rolled_back(known_size: int, signed_size: int) -> Found | None:
    """That a head holds less than the node itself knew to be here when it showed it."""
    if signed_size >= known_size:
        return None
    detail = f"the node shows a head of {signed_size} records, and {known_size} of its records are here"
    return Found(kind="rollback", subject=f"{signed_size}", detail=detail)


def forked(size: int, root_here: bytes, root: bytes) -> Found | None:
    """That the first records of the node, as it signed them, are not those that are here."""
    if root_here == root:
        return None
    detail = f"the node's first {size} records are not those that are here"
    return Found(kind="fork", subject=f"{size} {root.hex()}", detail=detail)


def unsigned(origin: str) -> Found:
    """That a head is not signed by the node's key."""
    return Found(kind="signature", subject=origin, detail="a head that it showed is not signed by its key")


def refused(node: str, found: Found) -> IntendanceError:
    """The answer to a node whose records were not taken."""
    return EvidenceRefused(node=node, detail=found.detail)
