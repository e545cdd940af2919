"""Taking another machine's ledger into view of a log: whose it is, whether it is whole, whether it goes on from what
was in view; then its records are kept beside the log, in the transaction that records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from intendance.ledger import envelope, imports
from intendance.ledger.book import Book
from intendance.ledger.bundle import BundleSource, Files, check_files, open_files
from intendance.ledger.note import VerifierKey, read_checkpoint
from intendance.ledger.origin import node_of
from intendance.ledger.part import RECORDS
from intendance.ledger.report import Report
from intendance.ledger.rows import Row
from intendance.ledger.source import Unreadable
from intendance.ledger.verify import verify
from intendance.model.errors.elsewhere import (
    ImportForked,
    ImportHostUnknown,
    ImportIsPart,
    ImportKeyDiffers,
    ImportKeyUnknown,
    ImportOfOtherFleet,
    ImportOfOurOwn,
    ImportOlder,
    ImportUnverified,
)
from intendance.model.errors.ledger import NoteMalformed, PinUnusable, RecordUnreadable
from intendance.model.evidence.imported import LedgerImported
from intendance.model.evidence.lifecycle import Genesis
from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """Whose ledgers count: those of the `hosts` of a fleet's plan, under the key that it gives (None: it gives none).
    `own` are the machines that make the backups: they are no others."""

    fleet: str
    hosts: Mapping[str, str | None]
    own: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came into view, and the number of its record."""

    evidence: LedgerImported
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came into view, and its record in the log of `node`; `zone` is the one to say times in."""

    evidence: LedgerImported
    node: str
    seq: int
    zone: str


def take_bundle(book: Book, believed: Believed, bundle: Path, *, actor: str) -> Taken:
    """Take the ledger of a bundle into view of a log. Nothing is taken of one that is refused. The caller holds a lock:
    two that take the same would record it twice.

    Raises BundleUnusable, ImportIsPart, ImportUnverified, ImportOfOtherFleet, ImportOfOurOwn, ImportHostUnknown,
    ImportKeyUnknown, ImportKeyDiffers, ImportOlder, ImportForked, and what writing the ledger raises.
    """
    try:
        with open_files(bundle) as files:
            return _take(book, believed, bundle, files, actor)
    except Unreadable as error:
        raise ImportUnverified(bundle=bundle, result="undetermined", where="bundle", detail=str(error)) from None


def _take(book: Book, believed: Believed, bundle: Path, files: Files, actor: str) -> Taken:
    _expect_whole(bundle, files)
    source = BundleSource(files)
    genesis = _genesis(bundle, source)
    host = _expect_believed(bundle, genesis, believed)
    known = imports.latest_import(book, genesis.origin)
    _expect_newer(bundle, source, known, host)
    report = _verified(bundle, files, source, known, host)
    rows = list(source.rows(0 if known is None else known.size, report.size))
    evidence = LedgerImported(
        host=host,
        origin=report.origin,
        key=report.key,
        size=report.size,
        root=report.signed_root or "",
        added=len(rows),
        newest_at=rows[-1].ts,
        checkpoint=(source.checkpoint() or b"").decode(),
    )
    return Taken(evidence=evidence, seq=_keep(book, bundle, evidence, rows, actor))


def _keep(book: Book, bundle: Path, evidence: LedgerImported, rows: Sequence[Row], actor: str) -> int:
    imports.create_table(book.connection)
    with book.transaction() as transaction:
        imports.add(transaction, evidence.origin, rows)
        _expect_kept(book, bundle, evidence)
        record = transaction.append(evidence, actor=actor)
    book.seal()
    return record.seq


def _expect_kept(book: Book, bundle: Path, evidence: LedgerImported) -> None:
    """That what is now in view is what was verified: a bundle may change while it is read. Raises ImportUnverified."""
    try:
        kept = imports.root_in_view(book.connection, evidence.origin, evidence.size)
    except RecordUnreadable:
        kept = ""
    if kept != evidence.root:
        raise ImportUnverified(
            bundle=bundle, result="tampered", where="records", detail="what is kept of it is not what its root signs"
        )


def _expect_whole(bundle: Path, files: Files) -> None:
    """That a bundle holds a whole ledger, not some records of one. Raises ImportIsPart."""
    if any(name.startswith(RECORDS) for name in files.sizes):
        raise ImportIsPart(bundle=bundle)


def _genesis(bundle: Path, source: BundleSource) -> Genesis:
    """What record 0 says, unverified as yet. Raises ImportUnverified."""
    row = next(source.rows(0, 1), None)
    try:
        if row is None:
            raise RecordUnreadable(seq=0, detail="it is missing")
        genesis: Genesis = envelope.fact(row.content, "genesis", 0).data
        VerifierKey.parse(genesis.ledger_key)
    except (RecordUnreadable, NoteMalformed) as error:
        detail = str(error.params["detail"])
        raise ImportUnverified(bundle=bundle, result="undetermined", where="record 0", detail=detail) from None
    return genesis


def _expect_believed(bundle: Path, genesis: Genesis, believed: Believed) -> str:
    """The machine whose ledger this is, when it is believed under this key.

    Raises ImportUnverified, ImportOfOtherFleet, ImportOfOurOwn, ImportHostUnknown, ImportKeyUnknown, ImportKeyDiffers.
    """
    fleet, host = genesis.origin.partition("/")[0], node_of(genesis.origin)
    if host is None:
        raise ImportUnverified(
            bundle=bundle, result="undetermined", where="record 0", detail="its origin is not that of a node's log"
        )
    if fleet != believed.fleet:
        raise ImportOfOtherFleet(bundle=bundle, found=fleet, fleet=believed.fleet)
    if host in believed.own:
        raise ImportOfOurOwn(bundle=bundle, host=host)
    if host not in believed.hosts:
        raise ImportHostUnknown(bundle=bundle, host=host, known=", ".join(believed.hosts) or "—")
    key = believed.hosts[host]
    if key is None:
        raise ImportKeyUnknown(bundle=bundle, host=host, key=genesis.ledger_key)
    if key != genesis.ledger_key:
        raise ImportKeyDiffers(bundle=bundle, host=host, key=genesis.ledger_key)
    return host


def _expect_newer(bundle: Path, source: BundleSource, known: LedgerImported | None, host: str) -> None:
    """That its checkpoint signs more than is in view. Raises ImportUnverified, ImportOlder."""
    try:
        head, _ = read_checkpoint(source.checkpoint() or b"")
    except NoteMalformed as error:
        detail = str(error.params["detail"])
        raise ImportUnverified(bundle=bundle, result="tampered", where="checkpoint", detail=detail) from None
    if known is not None and head.size <= known.size:
        raise ImportOlder(bundle=bundle, size=head.size, known=known.size, host=host)


def _verified(bundle: Path, files: Files, source: BundleSource, known: LedgerImported | None, host: str) -> Report:
    """The report of a whole verification without a finding. Raises ImportForked, ImportUnverified."""
    pin = None if known is None else (Path(f"{host}.checkpoint"), known.checkpoint.encode())
    try:
        report = verify(source, pin=pin)
    except PinUnusable as error:
        detail = str(error.params["detail"])
        raise ImportUnverified(bundle=bundle, result="undetermined", where="checkpoint", detail=detail) from None
    if known is not None and any(found.where == "pin" for found in report.findings):
        raise ImportForked(bundle=bundle, known=known.size, host=host)
    check_files(files, report)
    if report.worst is not None:
        worst = next(found for found in report.findings if found.fault is report.worst)
        raise ImportUnverified(bundle=bundle, result=str(report.worst), where=worst.where, detail=worst.detail)
    return report
