"""Whether records follow on what is here, and what a signed head says of it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from intendance.ledger.envelope import decode, digest
from intendance.ledger.examine import examine
from intendance.ledger.report import Fault
from intendance.ledger.rows import Row
from intendance.ledger.tlog import Edge, leaf_hash
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import EvidenceExcessive, EvidenceRefused
from intendance.model.errors.ledger import RecordUnreadable
from intendance.model.frozen import dataclass
from intendance.wire.messages import AttachmentBytes, EvidenceBatch

NUL = "\x00"
"""No name holds one, and PostgreSQL keeps none in text."""

FindingKind = Literal["fork", "rollback", "gap", "chain", "signature", "undetermined", "excess"]
"""Another history; less than was signed before; records left out, though asked for; records that do not follow; a head
signed by another key; records of a version that this program does not know; more than a node may fill here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Something that no sound node does. `subject` makes the same thing found again the same finding."""

    kind: FindingKind
    subject: str
    detail: str


AGAIN = " again "
"""What stands between a subject and how often it was settled before, where the same is found once more."""


MOST_OPEN = 20
"""Findings of one kind about one ledger, each with its exhibit, before those that follow are counted in one more: a key
that was taken signs another history as often as somebody likes."""
FOLDED = "more"
"""The subject of the one that counts them."""


def folded(count: int, latest: Found) -> Found:
    """The finding that stands for `count` more of its kind."""
    detail = f"{count} more of this kind, at the same time as {MOST_OPEN} others; the latest: {latest.detail}"
    return Found(kind=latest.kind, subject=FOLDED, detail=detail)


RECORDS_A_DAY_BYTES = 1 << 30
ATTACHED_A_DAY_BYTES = 64 << 20
ATTACHED_BYTES = 1 << 30
"""What one node may fill here: a busy one writes 1 MiB of records a day, and an attachment of 100 KiB whenever its
packages change; years of that come at once where a node joins late."""


class Amount(NamedTuple):
    """Bytes of a node."""

    records: int = 0
    attached: int = 0


def excess(day: str, today: Amount, attached_before: int, more: Amount) -> Found | None:
    """That a node would fill more than it may with what it sends: `today` counts that of the day, `attached_before` the
    attachments of all days."""
    records, attached, ever = (
        today.records + more.records,
        today.attached + more.attached,
        attached_before + more.attached,
    )
    if more.records and records > RECORDS_A_DAY_BYTES:
        detail = f"it sends {records} bytes of records in a day, and {RECORDS_A_DAY_BYTES} are taken"
    elif more.attached and attached > ATTACHED_A_DAY_BYTES:
        detail = f"it sends {attached} bytes of attachments in a day, and {ATTACHED_A_DAY_BYTES} are taken"
    elif more.attached and ever > ATTACHED_BYTES:
        detail = f"it sends {ever} bytes of attachments in all, and {ATTACHED_BYTES} are kept"
    else:
        return None
    return Found(kind="excess", subject=day, detail=detail)


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


def named(batch: EvidenceBatch) -> list[AttachmentBytes]:
    """Those attachments of a batch that are what they say they are, and that one of its records names: others are
    nobody's, and are left. Its records were read before."""
    if not batch.attachments:
        return []
    contents = (record.encode() for record in batch.records)
    names = {each.sha256 for content in contents for each in decode(content, batch.first_seq).attachments}
    own = (each for each in batch.attachments if each.sha256 in names)
    return [each for each in own if sha256(each.content).hexdigest() == each.sha256]


def rolled_back(known_size: int, signed_size: int) -> Found | None:
    """That a head holds less than the node itself knew to be here when it showed it."""
    if signed_size >= known_size:
        return None
    detail = f"the node shows a head of {signed_size} records, and {known_size} of its records are here"
    return Found(kind="rollback", subject=f"{signed_size}", detail=detail)


GAP_TRIES = 3
GAP_AFTER_US = 10 * 60 * 1_000_000
"""A batch that begins too late is answered with where to begin; an answer may be lost, and a node may be restarted."""


class Asked(NamedTuple):
    """From which record on a node was asked for its records, since when, and how often it sent later ones instead."""

    size: int
    since_us: int
    tries: int


def asked_again(before: Asked | None, size: int, now_us: int) -> Asked:
    """What is known once a node has sent records that begin too late, `size` of them being here."""
    if before is None or before.size != size or now_us < before.since_us:
        return Asked(size, now_us, 1)
    return before._replace(tries=before.tries + 1)


def gap(asked: Asked, first_seq: int, now_us: int) -> Found | None:
    """That records in between did not come, though they were asked for again and again."""
    if asked.tries < GAP_TRIES or now_us - asked.since_us < GAP_AFTER_US:
        return None
    detail = f"it sends records from {first_seq} on, and not those from {asked.size} on that it was asked for"
    return Found(kind="gap", subject=f"{asked.size}", detail=detail)


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
    kind = EvidenceExcessive if found.kind == "excess" else EvidenceRefused
    return kind(node=node, detail=found.detail)
