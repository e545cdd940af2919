"""Ledger records as nodes signed them, and the runs that they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from intendance.api import cursor
from intendance.api.nodes import NODE
from intendance.api.operation import PAGE, Call, Operation, Parameter
from intendance.fleet.reading.decide import EndedRun
from intendance.fleet.reading.proving import ProvedRecord
from intendance.fleet.tokens.decide import Scope
from intendance.fleet.verdicts.records import HeldRecord
from intendance.ledger import tlog
from intendance.ledger.proof import as_data
from intendance.model.frozen import dataclass

KIND = Parameter(name="kind", summary="Only of this kind: docs/evidence.md.", pattern=r"^[a-z.-]{1,60}$")
ASSET = Parameter(name="asset", summary="Only about this asset.")
SEQ = Parameter(name="seq", where="path", kind="whole", summary="Its number.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordShown:
    """A record of a node's present ledger, or of the fleet log (whose `node` is `.log`); `record` is its content, whose
    form is in docs/ledger.md. `covered`: a signed head shows it; before that it proves nothing."""

    node: str
    incarnation: int
    seq: int
    covered: bool
    sha256: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Records of one ledger, newest first."""

    schema: Literal["intendance.held-records/1"] = "intendance.held-records/1"
    records: tuple[RecordShown, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofShown:
    """That a record stands in a signed tree (RFC 6962, 2.1.1): `hashes`, in hexadecimal, lead from the leaf's sibling
    upward to the `root` of `size` records, and `checkpoint` is the C2SP signed note that says both."""

    size: int
    root: str
    hashes: tuple[str, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OneRecord:
    """One record. `canonical` are the bytes that the ledger holds, `leaf_hash` is theirs in the tree, whose leaf number
    `seq` it is, and `proof` leads to the signed head (null: none covers it yet). `key` is the C2SP verifier key of that
    log: compare it with one that you have from elsewhere."""

    schema: Literal["intendance.held-record/1"] = "intendance.held-record/1"
    node: str
    incarnation: int
    seq: int
    covered: bool
    sha256: str
    record: dict[str, Any]
    canonical: str
    leaf_hash: str
    origin: str
    key: str
    proof: ProofShown | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """Why a run did not succeed; `code` is empty where the record names none."""

    code: str
    message: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCitation:
    """The record that ended a run."""

    node: str
    seq: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShown:
    """An attempt of a run that ended; `state` is `succeeded`, `failed`, or how it ended otherwise."""

    id: str
    node: str
    asset: str
    activity: str
    state: str
    actor: str
    ended_at: str
    error: RunError | None
    evidence: tuple[RunCitation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Attempts of runs that ended on one node, newest first."""

    schema: Literal["intendance.ended-runs/1"] = "intendance.ended-runs/1"
    runs: tuple[RunShown, ...]
    next: str | None


def records(call: Call) -> Records:
    """A page of records. Raises NodeNotEnrolled."""
    (before,) = call.after(int) or (None,)
    found = call.services.reading.page_of_records(
        call.text("node"), before, call.limit, kind=call.text("kind"), asset=call.text("asset")
    )
    return page(found, call.limit)


def page(found: Sequence[HeldRecord], limit: int) -> Records:
    """A page of records, newest first, and where the next begins."""
    more = cursor.write(found[-1].seq) if len(found) == limit and found[-1].seq > 0 else None
    return Records(records=tuple(map(_record, found)), next=more)


def record(call: Call) -> OneRecord:
    """One record. Raises PageUnknown, LedgerCopyDiffers."""
    return one(call.services.reading.record(call.text("node"), call.numbers["seq"]))


def one(proved: ProvedRecord) -> OneRecord:
    """A record as it is told."""
    found = proved.record
    return OneRecord(
        node=found.node,
        incarnation=found.incarnation,
        seq=found.seq,
        covered=found.covered,
        sha256=found.digest,
        record=msgspec.json.decode(found.content),
        canonical=found.content.decode(),
        leaf_hash=tlog.leaf_hash(found.content).hex(),
        origin=proved.origin,
        key=proved.key,
        proof=None if proved.proof is None else msgspec.convert(as_data(proved.proof), ProofShown),
    )


def _record(found: HeldRecord) -> RecordShown:
    return RecordShown(
        node=found.node,
        incarnation=found.incarnation,
        seq=found.seq,
        covered=found.covered,
        sha256=found.digest,
        record=msgspec.json.decode(found.content),
    )


def runs(call: Call) -> Runs:
    """A page of runs. Raises NodeNotEnrolled."""
    (before,) = call.after(int) or (None,)
    found, more = call.services.reading.page_of_runs(call.text("node"), before, call.limit, asset=call.text("asset"))
    return Runs(runs=tuple(map(_run, found)), next=None if more is None else cursor.write(more))


def _run(ended: EndedRun) -> RunShown:
    failed = ended.state != "succeeded"
    error = RunError(code=ended.error, message=ended.message, next_step=ended.next_step) if failed else None
    return RunShown(
        id=ended.id,
        node=ended.node,
        asset=ended.asset,
        activity=ended.activity,
        state=ended.state,
        actor=ended.actor,
        ended_at=ended.ended_at,
        error=error,
        evidence=(RunCitation(node=ended.node, seq=ended.seq, kind=ended.kind),),
    )


OPERATIONS = (
    Operation(
        name="records",
        path="/api/v1/nodes/{node}/records",
        summary="A node's ledger records, newest first",
        scope=Scope.READ,
        answered=records,
        answer=Records,
        parameters=(
            NODE,
            KIND,
            ASSET,
            *PAGE,
        ),
    ),
    Operation(
        name="record",
        path="/api/v1/nodes/{node}/records/{seq}",
        summary="One ledger record, with its canonical bytes and the proof that it is in the signed tree",
        scope=Scope.READ,
        answered=record,
        answer=OneRecord,
        parameters=(NODE, SEQ),
    ),
    Operation(
        name="runs",
        path="/api/v1/nodes/{node}/runs",
        summary="Runs that ended on a node, newest first",
        scope=Scope.READ,
        answered=runs,
        answer=Runs,
        parameters=(NODE, ASSET, *PAGE),
    ),
)
