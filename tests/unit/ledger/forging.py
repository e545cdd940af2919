"""What somebody who may write every file, and even somebody with the ledger's key, makes of a ledger."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from intendance.ledger import canonical, note
from intendance.ledger.report import Report
from intendance.ledger.rows import Row
from intendance.ledger.tlog import Edge, Tile, bundle, leaf_hash
from tests.support.ledger_material import InMemory

Signer = Callable[[str], bytes]


def first_finding(report: Report) -> tuple[str, str, str]:
    found = report.findings[0]
    return str(found.fault), found.where, found.detail


def rewritten(ledger: InMemory, seq: int, **changes: Any) -> InMemory:
    """A record changed by somebody who then mends its columns, but neither chain nor tree."""
    row = ledger.kept[seq]
    value = json.loads(row.content) | changes
    ledger.kept[seq] = Row(value["seq"], value["kind"], value["asset"], value["ts"], canonical.encode(value))
    return ledger


def rebuilt(ledger: InMemory, sign: Signer) -> InMemory:
    """Chain, tiles and checkpoint made anew from the records: what the thief of the key leaves behind."""
    previous = "0" * 64
    edge, entries = Edge(), []
    ledger.files.clear()
    for position, row in enumerate(ledger.kept):
        value = json.loads(row.content) | {"prev": previous}
        content = canonical.encode(value)
        ledger.kept[position] = row._replace(content=content)
        previous = sha256(content).hexdigest()
        entries.append(content)
        for tile, hashes in edge.append(leaf_hash(content)):
            ledger.files[tile.path] = b"".join(hashes)
    for tile, hashes in edge.partial_tiles():
        ledger.files[tile.path] = b"".join(hashes)
    for first in range(0, len(entries), 256):
        some = entries[first : first + 256]
        ledger.files[Tile(None, first // 256, len(some)).path] = bundle(some)
    origin = json.loads(ledger.kept[0].content)["data"]["origin"]
    ledger.signed = sign(note.checkpoint_text(origin, edge.size, edge.root()))
    return ledger
