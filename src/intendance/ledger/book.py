"""A node's ledger, open for writing and reading: append records, seal them, find facts."""

from __future__ import annotations

import os
import pwd
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from intendance.ledger import envelope, rows, sealing, tiles
from intendance.ledger.beginning import Before, new_genesis
from intendance.ledger.canonical import clean
from intendance.ledger.failures import failures
from intendance.ledger.layout import Layout
from intendance.ledger.lean import facts as lean_facts
from intendance.ledger.note import Checkpoint, VerifierKey
from intendance.ledger.origin import node_of
from intendance.ledger.proof import Differs, Proof, prove
from intendance.model.errors import InternalError
from intendance.model.errors.ledger import CheckpointUnusable, LedgerContradicted, LedgerExists, RecordMissing
from intendance.model.errors.state import NoState, StateUnwritable
from intendance.model.evidence import KIND_OF, KINDS, Evidence
from intendance.model.evidence.lifecycle import Genesis
from intendance.model.record import Attachment, Record
from intendance.model.verdict import Fact
from intendance.system import lock
from intendance.system.clock import Clock, rfc3339
from intendance.system.publish import publish


class Transaction:
    """One SQLite transaction in which records and the rows of other rooms are written together, or not at all."""

    def __init__(self, connection: sqlite3.Connection, node: str, clock: Clock) -> None:
        self._connection = connection
        self._node = node
        self._clock = clock
        self._head: tuple[int, str] | None = None

    def append(
        self,
        evidence: Evidence,
        *,
        actor: str,
        asset: str | None = None,
        run: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Record:
        """Add a record at the end of the ledger; it stands once the transaction is committed.

        Raises NotCanonical, RecordTooLarge.
        """
        seq, prev = self._head or self._read_head()
        now = self._clock.read()
        record = Record(
            v=envelope.VERSION,
            seq=seq,
            node=self._node,
            boot=now.boot,
            ts=rfc3339(now.at),
            mono_us=now.mono_ns // 1000,
            kind=KIND_OF[type(evidence)],
            actor=clean(actor),
            prev=prev,
            data=envelope.evidence_data(evidence),
            asset=asset,
            run=run,
            attachments=list(attachments),
        )
        content = envelope.encode(record)
        self._connection.execute(
            "INSERT INTO record (seq, kind, asset, ts, content) VALUES (?, ?, ?, ?, ?)",
            (seq, record.kind, asset, record.ts, content),
        )
        self._head = (seq + 1, envelope.digest(content))
        return record

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Run a statement of another room in this transaction."""
        return self._connection.execute(sql, parameters)

    def _read_head(self) -> tuple[int, str]:
        last = self._connection.execute("SELECT seq, content FROM record ORDER BY seq DESC LIMIT 1").fetchone()
        return (0, envelope.NO_PREVIOUS) if last is None else (last[0] + 1, envelope.digest(last[1]))


class Book:
    """One connection to a node's ledger. Several processes may each have one; a Book belongs to one thread."""

    def __init__(
        self,
        layout: Layout,
        connection: sqlite3.Connection,
        genesis: Genesis,
        clock: Clock,
        refused: OSError | None = None,
    ) -> None:
        self.node = node_of(genesis.origin) or ""
        self.origin = genesis.origin
        self.key = VerifierKey.parse(genesis.ledger_key)
        self.connection = connection
        self.layout = layout
        self.refused = refused
        """What the system says to writes in the state folder; None when it takes them."""
        self._clock = clock

    @classmethod
    def create(
        cls,
        state: Path,
        *,
        fleet: str,
        node: str,
        openpgp_fingerprint: str,
        software: str,
        clock: Clock,
        before: Before | None = None,
    ) -> Book:
        """Begin a ledger: signing key, database, genesis record 0, first checkpoint. `node` may be FLEET_LOG; with
        `before` it follows another ledger.

        What an interrupted creation left is completed. Raises LedgerExists, LedgerKeyUnusable, StateUnusable.
        """
        layout = Layout(state)
        with failures(layout):
            _make_folders(layout)
            with lock.waiting(layout.lock):
                connection = _begin_database(layout)
                try:
                    genesis = new_genesis(layout, fleet, node, openpgp_fingerprint, software, clock, before)
                    book = cls(layout, connection, genesis, clock)
                    with book.transaction() as transaction:
                        transaction.append(genesis, actor=f"person:{_user()}")
                except BaseException:
                    connection.close()
                    raise
        book.seal()
        return book

    @classmethod
    def open(cls, state: Path, clock: Clock) -> Book:
        """Open the ledger of a state folder; one that takes no writes can be read all the same.

        Raises NoState; LedgerShortened or LedgerContradicted when the database is not the one last signed;
        CheckpointUnusable, LedgerBusy, LedgerFailed, StateUnusable.
        """
        layout = Layout(state)
        with failures(layout):
            if not layout.database.exists():
                raise NoState(state=state)
            connection, refused = rows.connect_as_possible(layout.database)
            try:
                book = cls(layout, connection, _read_genesis(connection, layout), clock, refused)
                book._check()
            except BaseException:
                connection.close()
                raise
        return book

    def _check(self) -> None:
        on_disk = sealing.read_signed(self.layout, self.origin)
        if on_disk is not None:
            sealing.check_tail(self.connection, self.layout, on_disk[0])
        elif rows.size(self.connection) == 1:
            self.seal()  # the creation was interrupted after the genesis record
        else:
            raise CheckpointUnusable(path=self.layout.checkpoint, detail="the file is missing")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction, commit it at the end of the block, roll it back on any exception.

        What it recorded is signed by the next `seal()`. Raises LedgerBusy, LedgerFailed, StateUnwritable.
        """
        self._expect_idle("a ledger transaction was begun")
        self.expect_writable()
        with failures(self.layout):
            self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield Transaction(self.connection, self.node, self._clock)
            with failures(self.layout):
                self.connection.execute("COMMIT")
        finally:
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")

    def expect_writable(self) -> None:
        """Raises StateUnwritable when nothing can be recorded."""
        if self.refused is not None:
            raise StateUnwritable(state=self.layout.state, refused=self.refused)

    def _expect_idle(self, doing: str) -> None:
        if self.connection.in_transaction:
            raise InternalError(detail=f"{doing} inside a ledger transaction")

    def append(
        self,
        evidence: Evidence,
        *,
        actor: str,
        asset: str | None = None,
        run: str | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> Record:
        """Record one piece of evidence and sign the tree that holds it.

        Raises what `transaction` and `seal` raise; once committed, the record stands even if it cannot be signed yet.
        """
        with self.transaction() as transaction:
            record = transaction.append(evidence, actor=actor, asset=asset, run=run, attachments=attachments)
        self.seal()
        return record

    def seal(self, *, mend: bool = False) -> Checkpoint | None:
        """Write the tiles of all committed records, then sign their tree; None when there are no records.

        Waits for another process that does the same. `mend` also brings back any tile that was lost. Raises
        LedgerShortened, LedgerContradicted, CheckpointUnusable, LedgerKeyUnusable, LedgerFailed; StateUnwritable when
        there is something to sign and nothing can be written.
        """
        self._expect_idle("the ledger was to be sealed")
        if self.refused is not None:
            return self._sealed()
        with failures(self.layout), lock.waiting(self.layout.lock):
            return sealing.seal(self.connection, self.layout, self.key, mend=mend)

    def _sealed(self) -> Checkpoint | None:
        """The checkpoint as it stands, if it signs every record. Raises StateUnwritable, CheckpointUnusable."""
        signed = sealing.read_signed(self.layout, self.origin)
        if signed is None or signed[0].size != self.size():
            self.expect_writable()
        return None if signed is None else signed[0]

    def size(self) -> int:
        """How many records there are."""
        return rows.size(self.connection)

    def record(self, seq: int) -> Record:
        """One record. Raises RecordMissing, RecordUnreadable."""
        return envelope.decode(self.content(seq), seq)

    def content(self, seq: int) -> bytes:
        """One record's canonical bytes. Raises RecordMissing."""
        row = self.connection.execute("SELECT content FROM record WHERE seq = ?", (seq,)).fetchone()
        if row is None:
            raise RecordMissing(seq=seq, size=self.size())
        return bytes(row[0])

    def proof(self, seq: int) -> Proof | None:
        """The proof that a record is in the signed tree; None when it is not signed yet.

        Raises RecordMissing, CheckpointUnusable, LedgerContradicted.
        """
        content = self.content(seq)
        on_disk = sealing.read_signed(self.layout, self.origin)
        if on_disk is None or seq >= on_disk[0].size:
            return None
        try:
            return prove(seq, content, on_disk[0], partial(tiles.read, self.layout.log))
        except Differs as error:
            raise LedgerContradicted(state=self.layout.state, detail=str(error)) from None

    def records(
        self,
        *,
        kind: str | None = None,
        asset: str | None = None,
        since: datetime | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Iterator[Record]:
        """The records that match, by number; `since` compares with `ts`, inclusive. Raises RecordUnreadable."""
        matching = rows.selected(
            self.connection,
            kind=kind,
            asset=asset,
            since=None if since is None else rfc3339(since),
            newest_first=newest_first,
            limit=limit,
        )
        for seq, content in matching:
            yield envelope.decode(content, seq)

    def latest(self, *, kind: str | None, before: int | None, limit: int) -> tuple[tuple[int, bytes], ...]:
        """Number and canonical bytes of the newest records of a kind, or of all, below a number; newest first."""
        return tuple(
            rows.selected(
                self.connection, kind=kind, asset=None, since=None, newest_first=True, limit=limit, before=before
            )
        )

    def facts(
        self,
        kind: str,
        *,
        asset: str | None = None,
        since: datetime | None = None,
        latest: int | None = None,
        lean: bool = False,
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind, typed, newest first, at most `latest`; `since` as for `records`; `lean`: with only
        those members that are judged.

        Raises RecordUnreadable.
        """
        if kind not in KINDS:
            raise InternalError(detail=f"facts of kind {kind!r}")
        matching = rows.selected(
            self.connection,
            kind=kind,
            asset=asset,
            since=None if since is None else rfc3339(since),
            newest_first=True,
            limit=latest,
        )
        return lean_facts(list(matching), kind) if lean else tuple([envelope.fact(c, kind, seq) for seq, c in matching])

    def newest(self, kind: str, *, asset: str, latest: int) -> tuple[tuple[int, datetime], ...]:
        """Number and date of the latest records of a kind about an asset, newest first; reads no record."""
        return tuple((seq, datetime.fromisoformat(ts)) for seq, ts in rows.newest(self.connection, kind, asset, latest))

    def marks(self, first: int) -> Iterator[tuple[str, str | None, datetime]]:
        """Kind, asset and date of the records from number `first` on, in order; reads no record."""
        for kind, asset, ts in rows.marks(self.connection, first):
            yield kind, asset, datetime.fromisoformat(ts)

    def attach(self, content: bytes, media: str) -> Attachment:
        """Keep bytes beside the ledger under their SHA-256, durably, for a record to name."""
        attachment = Attachment(sha256=sha256(content).hexdigest(), size=len(content), media=media)
        path = self.layout.attachment(attachment.sha256)
        with failures(self.layout):
            if not path.exists() or path.read_bytes() != content:
                publish(path, content, mode=0o600, replace=True)
        return attachment

    def close(self) -> None:
        """Close the connection; what was committed stands."""
        self.connection.close()

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _make_folders(layout: Layout) -> None:
    layout.state.mkdir(parents=True, exist_ok=True)
    for folder in (layout.agent, layout.key.parent, layout.log):
        folder.mkdir(mode=0o700, exist_ok=True)


def _begin_database(layout: Layout) -> sqlite3.Connection:
    os.close(os.open(layout.database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = rows.connect(layout.database)
    connection.executescript(Path(__file__).with_name("book.sql").read_text(encoding="utf-8"))
    if rows.size(connection):
        origin = _read_genesis(connection, layout).origin
        connection.close()
        raise LedgerExists(state=layout.state, origin=origin)
    return connection


def _read_genesis(connection: sqlite3.Connection, layout: Layout) -> Genesis:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone() is None:
        raise NoState(state=layout.state)
    row = connection.execute("SELECT seq, kind, content FROM record ORDER BY seq LIMIT 1").fetchone()
    if row is None:
        raise NoState(state=layout.state)
    if row[:2] != (0, "genesis"):
        raise LedgerContradicted(state=layout.state, detail="its first record is not a genesis record")
    genesis: Genesis = envelope.fact(row[2], "genesis", 0).data
    return genesis


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
