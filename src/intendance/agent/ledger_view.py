"""What people ask of a node's ledger: read it, verify it, take its signed head away."""

from __future__ import annotations

from pathlib import Path

from intendance import __version__
from intendance.agent.against import NOTHING_KEPT, Kept, compare, read_against, source_of
from intendance.agent.opening import open_book, telling_lost
from intendance.ledger.book import Book
from intendance.ledger.bundle import check_files, open_files
from intendance.ledger.export import Exported, export
from intendance.ledger.imports import check_views
from intendance.ledger.note import Checkpoint
from intendance.ledger.proof import Proof
from intendance.ledger.report import Case, Report
from intendance.ledger.source import Unreadable, open_source
from intendance.ledger.tlog import leaf_hash
from intendance.ledger.witnessed import carrying, kept
from intendance.model.errors.ledger import (
    CheckpointTaken,
    CheckpointUnwritable,
    KindUnknown,
)
from intendance.model.evidence import KINDS
from intendance.model.frozen import dataclass
from intendance.model.record import Record
from intendance.system.clock import Clock
from intendance.system.publish import publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Records oldest first, how many the ledger holds in all, whose it is, and the zone that people there read."""

    origin: str
    zone: str
    size: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordInFull:
    """One record with its canonical bytes, its leaf hash, and its proof once it is signed."""

    origin: str
    zone: str
    record: Record
    canonical: bytes
    leaf: bytes
    proof: Proof | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The signed checkpoint of all records, and the vkey that verifies it."""

    checkpoint: Checkpoint
    key: str


def list_records(state: Path, clock: Clock, *, kind: str | None, asset: str | None, last: int) -> Listing:
    """The newest `last` records of a kind and an asset, oldest of them first. Raises KindUnknown."""
    if kind is not None and kind not in KINDS:
        raise KindUnknown(kind=kind, known=", ".join(KINDS))
    with open_book(state, clock) as book:
        newest = tuple(book.records(kind=kind, asset=asset, newest_first=True, limit=last))
        return Listing(origin=book.origin, zone=_zone(book), size=book.size(), records=newest[::-1])


def one_record(state: Path, clock: Clock, seq: int) -> RecordInFull:
    """One record in full. Raises RecordMissing."""
    with open_book(state, clock) as book:
        content = book.content(seq)
        return RecordInFull(
            origin=book.origin,
            zone=_zone(book),
            record=book.record(seq),
            canonical=content,
            leaf=leaf_hash(content),
            proof=book.proof(seq),
        )


def verify_ledger(
    state: Path, *, first: int | None = None, last: int | None = None, elsewhere: Kept = NOTHING_KEPT
) -> Report:
    """Verify a state folder's ledger without changing anything there, and compare it with what others keep of it.

    Raises NoState, LedgerLost, PinUnusable, PolicyUnusable, FleetLogUnusable, WitnessKeyUnusable, RangeEmpty.
    """
    against = read_against(elsewhere)
    try:
        with telling_lost(state), open_source(state) as source:
            report = compare(source, against, first, last)
            if report.whole:
                check_views(source, report)
            return report
    except Unreadable as error:
        report = Report()
        report.add(Case.UNREADABLE, "ledger", str(error))
        report.not_checked.append("Anything: the ledger could not be opened.")
        return report


def verify_bundle(
    path: Path, *, first: int | None = None, last: int | None = None, elsewhere: Kept = NOTHING_KEPT
) -> Report:
    """Verify a bundle that `export_bundle` wrote, here or elsewhere, and compare it with what others keep of it.

    Raises BundleUnusable, PinUnusable, PolicyUnusable, FleetLogUnusable, WitnessKeyUnusable, RangeEmpty.
    """
    against = read_against(elsewhere)
    try:
        with open_files(path) as files:
            report = compare(source_of(files), against, first, last)
            check_files(files, report)
            return report
    except Unreadable as error:
        report = Report()
        report.add(Case.UNREADABLE, "bundle", str(error))
        report.not_checked.append("Anything else: the bundle could not be read to its end.")
        return report


def export_bundle(
    state: Path, clock: Clock, path: Path, *, first: int | None = None, last: int | None = None
) -> Exported:
    """Sign whatever is not signed yet and write the ledger, or its records `first` to `last` (both included), with all
    that verifies them, to a new folder or `.tar`.

    Raises BundleTaken, BundleUnwritable, LedgerContradicted, RangeEmpty.
    """
    bounds = None if first is None and last is None else (first or 0, last)
    with open_book(state, clock) as book:
        head = book.seal(mend=True)
        assert head is not None  # noqa: S101 -- a ledger that opens has its genesis record
        head = carrying(head, _notes(book))
        with open_source(state) as source:
            return export(source, book.layout, head, book.key, path=path, software=__version__, bounds=bounds)


def take_head(state: Path, clock: Clock, output: Path | None) -> Head:
    """Sign whatever is not signed yet, bring lost tiles back, and give the checkpoint; also into a new file `output`.

    Raises CheckpointTaken when that file exists, CheckpointUnwritable.
    """
    with open_book(state, clock) as book:
        checkpoint = book.seal(mend=True)
        assert checkpoint is not None  # noqa: S101 -- a ledger that opens has its genesis record
        checkpoint = carrying(checkpoint, _notes(book))
        if output is not None:
            try:
                publish(output, checkpoint.note)
            except FileExistsError:
                raise CheckpointTaken(path=output) from None
            except OSError as error:
                raise CheckpointUnwritable(path=output, detail=error.strerror) from None
        return Head(checkpoint=checkpoint, key=book.key.text)


def _notes(book: Book) -> list[bytes]:
    """What witnesses cosigned of it: what cannot be read is what nobody carries along."""
    try:
        return [content for _, content in kept(book.layout)]
    except OSError:
        return []


def _zone(book: Book) -> str:
    """The zone of the plan in force, as `status` has it; UTC while there is none."""
    plans = book.facts("plan.adopted", latest=1)
    return str(plans[0].data.timezone) if plans else "UTC"
