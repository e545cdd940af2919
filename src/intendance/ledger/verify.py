"""Verification of a whole ledger or of a range of its records: form, chain, kinds, tree, signature, pinned head."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from intendance.ledger import envelope, note, witnessed
from intendance.ledger.bound import BoundHead, of_ledger
from intendance.ledger.cosignature import WitnessKey
from intendance.ledger.examine import examine, faultless
from intendance.ledger.note import Checkpoint, VerifierKey
from intendance.ledger.origin import node_of
from intendance.ledger.policy import Policy
from intendance.ledger.report import Case, Report
from intendance.ledger.rows import Block, Row
from intendance.ledger.saying import say_what_was_not_checked
from intendance.ledger.signed_tree import SignedTree
from intendance.ledger.source import Source, Unreadable
from intendance.ledger.tile_audit import TileAudit
from intendance.ledger.tlog import EMPTY_ROOT, TILE_WIDTH, Edge, Tile, leaf_hash, unbundle
from intendance.model.errors.ledger import NoteMalformed, PinUnusable, RangeEmpty, RecordUnreadable
from intendance.model.record import Attachment

Heads = Sequence[tuple[str, Checkpoint]]
"""Heads that somebody else vouches for, each with whom: `pin`, `witness NAME`."""


def verify(
    source: Source,
    *,
    first: int | None = None,
    last: int | None = None,
    pin: tuple[Path, bytes] | None = None,
    witnesses: Sequence[WitnessKey] = (),
    policy: Policy | None = None,
    bound: tuple[BoundHead, ...] | None = None,
) -> Report:
    """Verify the records `first` to `last` (both included; all when neither is given) of one ledger.

    `pin` is an older signed checkpoint of the same log, with the path it came from: what it signed must still be there.
    `witnesses` must each have cosigned a checkpoint of it, and what they cosigned must still be there; of a `policy`,
    as many as its quorum asks for. `bound` are heads of ledgers in a fleet log; one must be of this ledger.
    Raises RangeEmpty, PinUnusable; whatever is wrong with the ledger itself is in the report.
    """
    report = Report(whole=first is None and last is None)
    try:
        verification = Verification(source, report)
        known = verification.known_heads(pin, witnesses, policy, bound)
        if report.whole:
            verification.all_records(known)
        else:
            verification.some_records(first or 0, report.size - 1 if last is None else last, known)
    except Unreadable as error:
        report.add(Case.UNREADABLE, "ledger", str(error))
    say_what_was_not_checked(report)
    return report


class Verification:
    """One pass over one source; everything found goes into the report."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        self.key: VerifierKey | None = None
        self.signed: Checkpoint | None = None
        self._previous: str | None = envelope.NO_PREVIOUS
        self._expected = 0
        self._gaps = False
        self._sound_attachments: set[str] = set()
        self._opened: tuple[int, str, list[bytes] | None] | None = None
        report.size = source.size()
        self._read_genesis()
        self._read_checkpoint()
        report.node = node_of(report.origin) or ""

    # Who signed what

    def _read_genesis(self) -> None:
        row = next(self.source.rows(0, 1), None)
        if row is None:
            self.report.add(
                Case.GENESIS_MISSING, "record 0", "the genesis record, which holds the ledger's key, is missing"
            )
            return
        try:
            genesis = envelope.fact(row.content, "genesis", 0).data
            self.key = VerifierKey.parse(genesis.ledger_key)
        except (RecordUnreadable, NoteMalformed) as error:
            self.report.add(
                Case.KEY_UNREADABLE, "record 0", f"the ledger's key cannot be read from it: {error.message}"
            )
            return
        self.report.key = self.key.text
        self.report.origin = genesis.origin
        if self.key.name != genesis.origin or node_of(genesis.origin) is None:
            self.report.add(Case.ORIGIN_DIFFERS, "record 0", "its origin and the name of its key do not fit")

    def _read_checkpoint(self) -> None:
        content = self.source.checkpoint()
        if content is None:
            self.report.add(
                Case.CHECKPOINT_MISSING, "checkpoint", "the file is missing: nothing signed binds these records"
            )
            return
        try:
            self.signed, signed_note = note.read_checkpoint(content)
        except NoteMalformed as error:
            self.report.add(Case.CHECKPOINT_MALFORMED, "checkpoint", str(error.params["detail"]))
            return
        self.report.signed_size = self.signed.size
        self.report.signed_root = self.signed.root.hex()
        self.report.origin = self.report.origin or self.signed.origin
        if self.key is None:
            self.report.add(
                Case.SIGNATURE_UNCHECKED, "checkpoint", "its signature was not checked: the key is not known"
            )
            return
        if self.signed.origin != self.key.name:
            self.report.add(Case.CHECKPOINT_FOREIGN, "checkpoint", f"it is of another log: {self.signed.origin}")
        genuine = note.verify_note(signed_note, self.key)
        if genuine is None:
            self.report.add(Case.SIGNATURE_MISSING, "checkpoint", "it carries no signature of this ledger's key")
        elif not genuine:
            self.report.add(Case.SIGNATURE_WRONG, "checkpoint", "its signature does not fit its text")

    def known_heads(
        self,
        pin: tuple[Path, bytes] | None,
        witnesses: Sequence[WitnessKey],
        policy: Policy | None = None,
        bound: tuple[BoundHead, ...] | None = None,
    ) -> Heads:
        """The older heads that somebody elsewhere kept, each with what it is. Raises PinUnusable, Unreadable."""
        pinned = None if pin is None else self.read_pin(*pin)
        known = [] if pinned is None else [("pin", pinned)]
        if witnesses or policy is not None:
            notes = [self.source.checkpoint() or b"", *self.source.witnessed()]
            cosigned = witnessed.compare(notes, self.key, witnesses, self.report)
            if policy is not None:
                cosigned |= witnessed.under_policy(notes, self.key, policy, self.report)
            known += [(f"witness {key.name}", head) for key, head in cosigned.items()]
        if bound is not None and self.key is not None:
            heads = of_ledger(self.key, bound, self.report)
            known += heads if self.report.whole else heads[-1:]
        return known

    def read_pin(self, path: Path, content: bytes) -> Checkpoint | None:
        """The pinned checkpoint, if this ledger's key signed it. Raises PinUnusable."""
        try:
            pinned, signed_note = note.read_checkpoint(content)
        except NoteMalformed as error:
            raise PinUnusable(path=path, detail=error.params["detail"]) from None
        if self.key is None:
            self.report.add(Case.PIN_NOT_COMPARED, "pin", "it was not compared: the ledger's key is not known")
            return None
        if pinned.origin != self.key.name:
            raise PinUnusable(path=path, detail=f"it is of {pinned.origin}, this ledger is {self.key.name}")
        genuine = note.verify_note(signed_note, self.key)
        if genuine is None:
            self.report.add(
                Case.PIN_OF_ANOTHER_KEY, "pin", "another key signed it: one of the two ledgers is not genuine"
            )
            return None
        if not genuine:
            raise PinUnusable(path=path, detail="its signature does not fit its text")
        self.report.pinned_size = pinned.size
        return pinned

    # The whole ledger: the tree is rebuilt from the records

    def all_records(self, known: Heads) -> None:
        """Verify everything: records, tree, every file of the log, the database's own structure."""
        with self.source.checking() as checked:
            audit = TileAudit(self.source, self.report)
            if self.signed is not None:
                audit.require(self.signed.size)
            roots = self._rebuild(audit, {head.size for head in (self.signed, *dict(known).values()) if head})
            if self._gaps:
                self.report.not_checked.append("The tree and its tiles: records are missing.")
            else:
                audit.finish(signed_root_holds=self._signed_root_holds(roots))
                for where, head in known:
                    self._compare_with(where, head, roots.get(head.size))
            self._compare_sizes()
            holder, damage = checked()
        if damage:
            self.report.add(Case.STORAGE_DAMAGED, holder, damage)

    def _rebuild(self, audit: TileAudit, marks: set[int]) -> dict[int, bytes]:
        """Go through all records; returns the root hashes of the tree at the sizes asked for."""
        roots = {0: EMPTY_ROOT}
        edge = Edge()
        tail: list[bytes] = []
        for block in self.source.blocks(0, self.report.size):
            self._block(block)
            if self._gaps:
                continue
            tail = [row[4] for row in block]
            for tile, hashes in _grown(edge, tail, marks, roots):
                audit.row(tile.level or 0, tile.index, hashes)
            if len(tail) == TILE_WIDTH:
                audit.entries(block[0][0] // TILE_WIDTH, tail)
                tail = []
        self._expect(self.report.size)
        if not self._gaps:
            audit.edge(edge, tail)
        return roots

    def _signed_root_holds(self, roots: dict[int, bytes]) -> bool:
        if self.signed is None or self.signed.size not in roots:
            return False
        if roots[self.signed.size] != self.signed.root:
            self.report.add(
                Case.ROOT_DIFFERS, "checkpoint", f"the first {self.signed.size} records do not give the root it signs"
            )
            return False
        return True

    # A range: its records are looked up in the signed tree

    def some_records(self, first: int, last: int, known: Heads) -> None:
        """Verify the records from `first` to `last` against the signed tree as the tiles hold it. Raises RangeEmpty."""
        if not 0 <= first <= last < self.report.size:
            raise RangeEmpty(first=first, last=last, size=self.report.size)
        self._expected, self._previous = first, None if first else envelope.NO_PREVIOUS
        tree = None if self.signed is None else SignedTree(self.source.tile, self.signed, self.report)
        for row in self.source.rows(max(first - 1, 0), last + 1):
            if row.seq < first:
                self._previous = envelope.digest(row.content)
                continue
            self._one(row)
            if tree is not None and self.signed is not None and row.seq < self.signed.size:
                self._look_up(row, tree)
        self._expect(last + 1)
        self._compare_sizes()
        if self.signed is not None:
            for where, head in known:
                reached = head.size <= self.signed.size
                self._compare_with(where, head, self._root_at(head.size, self.signed) if reached else None)

    def _root_at(self, size: int, signed: Checkpoint) -> bytes | None:
        return SignedTree(self.source.tile, signed, self.report).root_at(size)

    def _look_up(self, row: Row, tree: SignedTree) -> None:
        signed = tree.leaf(row.seq)
        if signed is not None and signed != leaf_hash(row.content):
            self.report.add(Case.RECORD_REPLACED, f"record {row.seq}", "it is not the record that was signed")
        index, at = divmod(row.seq, TILE_WIDTH)
        path, entries = self._bundle(index)
        if entries is not None and (at >= len(entries) or entries[at] != row.content):
            self.report.add(Case.FILE_DIFFERS, path, f"the file differs from the ledger's records at record {row.seq}")

    def _bundle(self, index: int) -> tuple[str, list[bytes] | None]:
        """The path of a bundle and its entries (none when it cannot be taken apart); None when it is missing."""
        if self._opened is None or self._opened[0] != index:
            size = self.signed.size if self.signed else 0
            tile = Tile(None, index, min(size - index * TILE_WIDTH, TILE_WIDTH))
            content = self.source.tile(tile) or self.source.tile(Tile(None, index))
            if content is None:
                self.report.add(Case.FILE_MISSING, tile.path, "the file is missing")
            self._opened = (index, tile.path, None if content is None else _entries(content))
        return self._opened[1:]

    # What both have in common

    def _block(self, block: Block) -> None:
        """Records that stand together: all at once when they are faultless, else one by one."""
        seen = None
        if self._previous is not None:
            seen = faultless(block, self.report.node, self._expected, self._previous)
        if seen is None:
            for row in block:
                self._one(Row._make(row))
            return
        self._previous, attached = seen
        for seq, attachment in attached:
            self._attached(f"record {seq}", attachment)
        self._seen(block[0][0], block[-1][0])

    def _seen(self, first: int, last: int) -> None:
        self._expected = last + 1
        self.report.records += last + 1 - first
        if self.report.first is None:
            self.report.first = first
        self.report.last = last

    def _one(self, row: Row) -> None:
        """One record: its number, its form, its kind, its link to the one before, its attachments."""
        if row.seq != self._expected:
            self._expect(row.seq)
        seen = examine(row, self.report.node)
        if seen.case is not None:
            self.report.add(seen.case, _named(row), seen.detail)
        if seen.prev != self._previous and None not in (seen.prev, self._previous):
            self.report.add(
                Case.CHAIN_BROKEN, _named(row), "it does not name the record before it: one of the two was changed"
            )
        if (row.seq == 0) != (row.kind == "genesis"):
            self.report.add(Case.GENESIS_MISPLACED, _named(row), "only record 0 is a genesis record")
        for attachment in seen.attachments:
            self._attached(_named(row), attachment)
        self._previous = envelope.digest(row.content)
        self._seen(row.seq, row.seq)

    def _expect(self, seq: int) -> None:
        """Note the records that are missing before number `seq`."""
        if seq == self._expected:
            return
        self._gaps = True
        self._previous = None
        if seq < self._expected:
            self.report.add(Case.RECORD_OUT_OF_ORDER, f"record {seq}", "it stands out of order")
        elif seq == self._expected + 1:
            self.report.add(Case.RECORD_MISSING, f"record {self._expected}", "it is missing")
        else:
            self.report.add(Case.RECORD_MISSING, f"records {self._expected} to {seq - 1}", "they are missing")

    def _attached(self, where: str, attachment: Attachment) -> None:
        if attachment.sha256 in self._sound_attachments:
            return
        content = self.source.attachment(attachment.sha256)
        if content is None:
            self.report.add(Case.ATTACHMENT_MISSING, where, f"its attachment {attachment.sha256} is missing")
        elif sha256(content).hexdigest() != attachment.sha256 or len(content) != attachment.size:
            self.report.add(Case.ATTACHMENT_CHANGED, where, f"its attachment {attachment.sha256} was changed")
        else:
            self.report.attachments += 1
            self._sound_attachments.add(attachment.sha256)

    def _compare_sizes(self) -> None:
        if self.signed is None or self._gaps:
            return
        size, signed = self.report.size, self.signed.size
        if signed > size:
            self.report.add(
                Case.RECORDS_LOST, "ledger", f"the checkpoint signs {signed} records, the database holds {size}"
            )
        elif signed < size:
            detail = f"record {signed} is not signed yet (`intendance ledger checkpoint` signs)"
            if size - signed > 1:
                detail = f"records {signed} to {size - 1} are not signed yet (`intendance ledger checkpoint` signs)"
            self.report.add(Case.RECORDS_UNSIGNED, "checkpoint", detail)

    def _compare_with(self, where: str, known: Checkpoint, root: bytes | None) -> None:
        if known.size > min(self.report.size, self.signed.size if self.signed else 0):
            detail = f"it signs {known.size} records, more than this ledger now shows: rolled back"
            self.report.add(Case.ROLLED_BACK, where, detail)
        if root is not None and root != known.root:
            detail = f"its {known.size} records are not the first of this ledger: history rewritten"
            self.report.add(Case.HISTORY_REWRITTEN, where, detail)


def _grown(
    edge: Edge, contents: Sequence[bytes], marks: set[int], roots: dict[int, bytes]
) -> list[tuple[Tile, list[bytes]]]:
    """Add the records of one bundle to the tree; the tiles they fill. The roots at the sizes in `marks` are noted."""
    leaves = [leaf_hash(content) for content in contents]
    end = edge.size + len(leaves)
    filled: list[tuple[Tile, list[bytes]]] = []
    if len(leaves) == TILE_WIDTH and not any(edge.size < mark < end for mark in marks):
        filled = edge.append_tile(leaves)
    else:
        for leaf in leaves:
            filled += edge.append(leaf)
            if edge.size in marks:
                roots[edge.size] = edge.root()
    if end in marks:
        roots[end] = edge.root()
    return filled


def _entries(content: bytes) -> list[bytes]:
    try:
        return unbundle(content)
    except ValueError:
        return []


def _named(row: Row) -> str:
    return f"record {row.seq}"
