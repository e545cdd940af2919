"""Taking another machine's ledger into view: verified whole, compared with what was in view, believed by the plan."""

from __future__ import annotations

from pathlib import Path

from intendance.agent.compose import Node, open_node
from intendance.ledger import envelope, imports
from intendance.ledger.bundle import BundleSource, Files, check_files, open_files
from intendance.ledger.note import VerifierKey, read_checkpoint
from intendance.ledger.origin import node_of
from intendance.ledger.part import RECORDS
from intendance.ledger.report import Report
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
from intendance.system import lock
from intendance.system.clock import Clock

_IMPORTING = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came into view, and its record in this node's ledger; `zone` is the one to say times in."""

    evidence: LedgerImported
    node: str
    seq: int
    zone: str


def import_bundle(state: Path, clock: Clock, bundle: Path, *, actor: str) -> Imported:
    """Take the ledger of a bundle into view. Nothing is taken of one that is refused.

    Raises BundleUnusable, ImportIsPart, ImportUnverified, ImportOfOtherFleet, ImportOfOurOwn, ImportHostUnknown,
    ImportKeyUnknown, ImportKeyDiffers, ImportOlder, ImportForked, and what opening and writing the ledger raises.
    """
    with open_node(state, clock) as node:
        node.book.expect_writable()
        with lock.held(node.layout.asset_lock(_IMPORTING), purpose="Importing a ledger"):
            try:
                with open_files(bundle) as files:
                    return _import(node, bundle, files, actor)
            except Unreadable as error:
                raise ImportUnverified(
                    bundle=bundle, result="undetermined", where="bundle", detail=str(error)
                ) from None


def _import(node: Node, bundle: Path, files: Files, actor: str) -> Imported:
    if any(name.startswith(RECORDS) for name in files.sizes):
        raise ImportIsPart(bundle=bundle)
    source = BundleSource(files)
    genesis = _genesis(bundle, source)
    host = _expect_believed(node, bundle, genesis)
    known = imports.latest_import(node.book, genesis.origin)
    signed = _signed(bundle, source)
    if known is not None and signed <= known.size:
        raise ImportOlder(bundle=bundle, size=signed, known=known.size, host=host)
    report = _verified(bundle, files, source, known, host)
    first = 0 if known is None else known.size
    rows = list(source.rows(first, report.size))
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
    imports.create_table(node.book.connection)
    with node.book.transaction() as transaction:
        imports.add(transaction, report.origin, rows)
        _expect_kept(node, bundle, evidence)
        record = transaction.append(evidence, actor=actor)
    node.book.seal()
    return Imported(evidence=evidence, node=node.book.node, seq=record.seq, zone=node.plan.organisation.timezone)


def _expect_kept(node: Node, bundle: Path, evidence: LedgerImported) -> None:
    """That what is now in view is what was verified: a bundle may change while it is read. Raises ImportUnverified."""
    try:
        kept = imports.root_in_view(node.book.connection, evidence.origin, evidence.size)
    except RecordUnreadable:
        kept = ""
    if kept != evidence.root:
        raise ImportUnverified(
            bundle=bundle, result="tampered", where="records", detail="what is kept of it is not what its root signs"
        )


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


def _expect_believed(node: Node, bundle: Path, genesis: Genesis) -> str:
    """The machine whose ledger this is, when the plan in force believes it under this key."""
    fleet, host = genesis.origin.partition("/")[0], node_of(genesis.origin)
    if host is None:
        raise ImportUnverified(
            bundle=bundle, result="undetermined", where="record 0", detail="its origin is not that of a node's log"
        )
    if fleet != node.plan.fleet:
        raise ImportOfOtherFleet(bundle=bundle, found=fleet, fleet=node.plan.fleet)
    if host == node.plan.node.id:
        raise ImportOfOurOwn(bundle=bundle, host=host)
    declared = node.plan.hosts.get(host)
    if declared is None:
        raise ImportHostUnknown(bundle=bundle, host=host, known=", ".join(node.plan.hosts) or "—")
    if declared.ledger_key is None:
        raise ImportKeyUnknown(bundle=bundle, host=host, key=genesis.ledger_key)
    if declared.ledger_key != genesis.ledger_key:
        raise ImportKeyDiffers(bundle=bundle, host=host, key=genesis.ledger_key)
    return host


def _signed(bundle: Path, source: BundleSource) -> int:
    """How many records the bundle's checkpoint signs. Raises ImportUnverified."""
    try:
        head, _ = read_checkpoint(source.checkpoint() or b"")
    except NoteMalformed as error:
        detail = str(error.params["detail"])
        raise ImportUnverified(bundle=bundle, result="tampered", where="checkpoint", detail=detail) from None
    return head.size


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
