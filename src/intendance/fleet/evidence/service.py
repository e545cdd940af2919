"""Records of nodes: taken when they follow on what is here and are signed, kept once, acknowledged once committed.

`size` records are here; the first `signed_size` of them are shown to be those of a verified head, and only these count
as evidence. In between lie records whose head comes with a later batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import evidence_attachment, evidence_head, evidence_record, node_key
from intendance.fleet.evidence import amounts, decide, findings
from intendance.fleet.evidence.decide import Amount, Copy, Found
from intendance.fleet.runs import rows as runs
from intendance.ledger import envelope, note
from intendance.ledger.note import Checkpoint, VerifierKey
from intendance.ledger.rows import Row
from intendance.ledger.tlog import Edge, leaf_hash
from intendance.model.errors.fleet import EvidenceRefused, NotEnrolled
from intendance.model.errors.ledger import NoteMalformed
from intendance.model.verdict import Fact
from intendance.system.clock import Clock
from intendance.wire.messages import AttachmentBytes, EvidenceBatch


class Head(NamedTuple):
    """A node's copy as the database has it."""

    copy: Copy
    signed_size: int
    key: VerifierKey


class Evidence:
    """The manager's copies of the ledgers of its nodes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._asked: dict[tuple[str, int], decide.Asked] = {}

    def _now_us(self) -> int:
        return to_us(self._clock.read().at)

    def receive(self, batch: EvidenceBatch) -> int:
        """Take a batch; how many records are here once it is committed. One that begins too late is left: the answer
        says where to begin. Raises EvidenceRefused and EvidenceExcessive (and keeps the finding), NotEnrolled,
        DatabaseUnreachable."""
        while True:
            head = self._head(batch.node, batch.incarnation)
            if batch.first_seq > head.copy.size:
                self._ask_again(batch, head.copy.size)
                return head.copy.size
            outcome = self._examine(head, batch)
            if isinstance(outcome, Found):
                self._keep(batch.node, batch.incarnation, outcome, batch.checkpoint, cut=outcome.kind == "fork")
                raise decide.refused(batch.node, outcome)
            committed = self._committed(batch, head, *outcome)
            if isinstance(committed, Found):
                self._keep(batch.node, batch.incarnation, committed, batch.checkpoint)
                raise decide.refused(batch.node, committed)
            if committed:
                self._asked.pop((batch.node, batch.incarnation), None)
                return outcome[1].size

    def _ask_again(self, batch: EvidenceBatch, size: int) -> None:
        """A node that goes on leaving records out, though it was told where to begin, is found out."""
        place, now_us = (batch.node, batch.incarnation), self._now_us()
        asked = decide.asked_again(self._asked.get(place), size, now_us)
        self._asked[place] = asked
        found = decide.gap(asked, batch.first_seq, now_us)
        if found is not None:
            self._keep(*place, found, batch.checkpoint)

    def _examine(self, head: Head, batch: EvidenceBatch) -> tuple[list[Row], Copy, Checkpoint] | Found:
        signed = _verified(batch.checkpoint, head.key)
        if signed is None:
            return decide.unsigned(head.key.name)
        contents = [record.encode() for record in batch.records]
        known = head.copy.size - batch.first_seq
        if not self._are_same(batch, contents[:known]):
            return Found(
                kind="fork", subject=f"{batch.first_seq}", detail="records that are here came with other words"
            )
        followed = decide.follow(batch.node, head.copy, contents[known:])
        if isinstance(followed, Found):
            return followed
        rows, after = followed
        if rows and signed.size < after.size:
            raise EvidenceRefused(node=batch.node, detail="their head does not cover them")
        if signed.size == after.size:
            found = decide.forked(after.size, after.edge.root(), signed.root)
            if found is not None:
                return found
        return rows, after, signed

    def _are_same(self, batch: EvidenceBatch, contents: Sequence[bytes]) -> bool:
        if not contents:
            return True
        with self._database.read() as connection:
            here = list(_contents(connection, batch.node, batch.incarnation, batch.first_seq, len(contents)))
        return here == contents

    def _committed(
        self, batch: EvidenceBatch, head: Head, rows: Sequence[Row], after: Copy, signed: Checkpoint
    ) -> bool | Found:
        """Write the records, unless another process has written some meanwhile, or they are too many."""
        now_us = self._now_us()
        place = {"node": batch.node, "incarnation": batch.incarnation}
        with self._database.begin() as connection:
            if _locked_size(connection, batch.node, batch.incarnation) != head.copy.size:
                return False
            attached = amounts.news(connection, decide.named(batch))
            more = Amount(sum(len(row.content) for row in rows), sum(len(each.content) for each in attached))
            found = amounts.count(connection, batch.node, more, now_us)
            if found is not None:
                return found
            if rows:
                connection.execute(
                    insert(evidence_record), [place | row._asdict() | {"received_us": now_us} for row in rows]
                )
                runs.keep(connection, batch.node, batch.incarnation, rows, now_us)
            _attach(connection, attached)
            changed: dict[str, Any] = {
                "size": after.size,
                "last_sha256": after.last_sha256,
                "edge": decide.write_edge(after.edge),
                "changed_us": now_us,
            }
            if signed.size == after.size:
                changed |= {"signed_size": signed.size, "note": batch.checkpoint}
            connection.execute(update(evidence_head).where(_this(batch.node, batch.incarnation)).values(**changed))
        return True

    def look_at(self, name: str, incarnation: int, text: str, known_size: int) -> Found | None:
        """Look at a head that a beat showed, when the node knew that `known_size` of its records were here.

        Raises NotEnrolled, DatabaseUnreachable.
        """
        head = self._head(name, incarnation)
        signed = _verified(text, head.key)
        if signed is None:
            found: Found | None = decide.unsigned(head.key.name)
        else:
            found = decide.rolled_back(known_size, signed.size)
            if found is None and signed.size == head.copy.size:
                found = decide.forked(signed.size, head.copy.edge.root(), signed.root)
        if found is not None:
            self._keep(name, incarnation, found, text)
        elif signed is not None and signed.size == head.copy.size > head.signed_size:
            this = _this(name, incarnation) & (evidence_head.c.size == signed.size)
            with self._database.begin() as connection:
                values = {"signed_size": signed.size, "note": text, "changed_us": self._now_us()}
                connection.execute(update(evidence_head).where(this).values(**values))
        return found

    def _head(self, name: str, incarnation: int) -> Head:
        joined = evidence_head.join(
            node_key,
            (node_key.c.node == evidence_head.c.node) & (node_key.c.incarnation == evidence_head.c.incarnation),
        )
        asked = select(evidence_head, node_key.c.ledger_key).select_from(joined).where(_this(name, incarnation))
        with self._database.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            raise NotEnrolled
        last = row.last_sha256 or envelope.NO_PREVIOUS
        copy = Copy(row.size, last, decide.read_edge(row.size, row.edge))
        return Head(copy, row.signed_size, VerifierKey.parse(row.ledger_key))

    def _keep(self, name: str, incarnation: int, found: Found, exhibit: str, *, cut: bool = False) -> None:
        """Keep a finding. With `cut`, drop records that no head ever covered: they are of the other history."""
        with self._database.begin() as connection:
            findings.keep(connection, name, incarnation, found, exhibit, self._now_us())
            if cut:
                _cut_back(connection, name, incarnation)

    def facts(
        self, name: str, kind: str, *, asset: str | None = None, latest: int | None = None
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind of a node's present ledger, typed, newest first; only what a verified head covers.

        Raises RecordUnreadable, DatabaseUnreachable.
        """
        newest = (
            select(evidence_head.c.incarnation, evidence_head.c.signed_size)
            .where(evidence_head.c.node == name)
            .order_by(evidence_head.c.incarnation.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            head = connection.execute(newest).one_or_none()
            if head is None:
                return ()
            record = evidence_record.c
            wanted = (record.node == name) & (record.incarnation == head.incarnation) & (record.kind == kind)
            wanted &= record.seq < head.signed_size
            if asset is not None:
                wanted &= record.asset == asset
            asked = select(record.seq, record.content).where(wanted).order_by(record.seq.desc()).limit(latest)
            rows = connection.execute(asked).all()
        return tuple(envelope.fact(bytes(row.content), kind, row.seq) for row in rows)


def _attach(connection: Connection, attachments: Sequence[AttachmentBytes]) -> None:
    for each in attachments:
        row = {"sha256": each.sha256, "size": len(each.content), "media": each.media, "content": each.content}
        connection.execute(insert_into(connection, evidence_attachment).values(**row).on_conflict_do_nothing())


def _this(name: str, incarnation: int) -> Any:
    return (evidence_head.c.node == name) & (evidence_head.c.incarnation == incarnation)


def _verified(text: str, key: VerifierKey) -> Checkpoint | None:
    """The head of a note that the node's key signed, else None."""
    try:
        checkpoint, signed = note.read_checkpoint(text.encode())
    except NoteMalformed:
        return None
    return checkpoint if checkpoint.origin == key.name and note.verify_note(signed, key) else None


def _locked_size(connection: Connection, name: str, incarnation: int) -> int:
    asked = select(evidence_head.c.size).where(_this(name, incarnation)).with_for_update()
    size: int = connection.execute(asked).scalar_one()
    return size


def _contents(connection: Connection, name: str, incarnation: int, first: int, count: int) -> Iterator[bytes]:
    record = evidence_record.c
    wanted = (record.node == name) & (record.incarnation == incarnation)
    wanted &= (record.seq >= first) & (record.seq < first + count)
    for content in connection.execute(select(record.content).where(wanted).order_by(record.seq)).scalars():
        yield bytes(content)


def _cut_back(connection: Connection, name: str, incarnation: int) -> None:
    head = connection.execute(select(evidence_head).where(_this(name, incarnation)).with_for_update()).one()
    if head.size == head.signed_size:
        return
    record = evidence_record.c
    beyond = (record.node == name) & (record.incarnation == incarnation) & (record.seq >= head.signed_size)
    connection.execute(delete(evidence_record).where(beyond))
    runs.cut_back(connection, name, incarnation, head.signed_size)
    edge, last = Edge(), ""
    for content in _contents(connection, name, incarnation, 0, head.signed_size):
        edge.append(leaf_hash(content))
        last = envelope.digest(content)
    values = {"size": head.signed_size, "last_sha256": last, "edge": decide.write_edge(edge)}
    connection.execute(update(evidence_head).where(_this(name, incarnation)).values(**values))
