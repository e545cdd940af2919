"""The fleet log: what the manager itself did, signed and chained as a node's ledger is."""

from __future__ import annotations

from typing import Literal

from intendance.api.operation import PAGE, Call, Operation
from intendance.api.records import KIND, SEQ, OneRecord, Records, one, page
from intendance.fleet.own_log import HeldLog
from intendance.fleet.tokens.decide import Scope
from intendance.model.errors.accounts import PageUnknown
from intendance.model.frozen import dataclass
from intendance.system.clock import rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class LogVerified:
    """What verifying the whole log said; the manager does it when the log grew, and once a minute while somebody asks,
    but spends no more than a twentieth of the time on it."""

    at: str
    outcome: Literal["verified", "tampered", "incomplete", "undetermined"]
    records: int
    faults: tuple[str, ...]
    not_checked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessShown:
    """A witness of the plan: the newest size that it cosigned (0: none that is here) and when; `cosigned`: that is the
    head itself."""

    name: str
    size: int
    at: str | None
    cosigned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuorumShown:
    """How many witnesses the plan wants, how many of them cosigned the head of `size` records, and each of them."""

    size: int
    wanted: int
    cosigned: int
    witnesses: tuple[WitnessShown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLogHead:
    """The head of the fleet log: `note` is the signed checkpoint of its first `signed_size` records (C2SP), `key` the
    verifier key of whoever signs it."""

    schema: Literal["intendance.fleet-log-head/1"] = "intendance.fleet-log-head/1"
    origin: str
    key: str
    size: int
    signed_size: int
    note: str
    verified: LogVerified
    quorum: QuorumShown


def head(call: Call) -> FleetLogHead:
    """The head. Raises what opening and reading a ledger raises."""
    held = call.services.log.held()
    return FleetLogHead(
        origin=held.origin,
        key=held.key,
        size=held.size,
        signed_size=held.signed_size,
        note=held.note,
        verified=_verified(held),
        quorum=_quorum(held),
    )


def _verified(held: HeldLog) -> LogVerified:
    found = held.verified
    return LogVerified(
        at=rfc3339(found.at),
        outcome=found.outcome,
        records=found.records,
        faults=found.faults,
        not_checked=found.not_checked,
    )


def _quorum(held: HeldLog) -> QuorumShown:
    found = held.quorum
    witnesses = tuple(
        WitnessShown(
            name=each.name, size=each.size, at=None if each.at is None else rfc3339(each.at), cosigned=each.cosigned
        )
        for each in found.witnesses
    )
    return QuorumShown(size=found.size, wanted=found.wanted, cosigned=found.cosigned, witnesses=witnesses)


def records(call: Call) -> Records:
    """A page of its records. Raises what opening and reading a ledger raises."""
    (before,) = call.after(int) or (None,)
    found = call.services.log.page(before, call.limit, kind=call.text("kind") or None)
    return page(found, call.limit)


def record(call: Call) -> OneRecord:
    """One of its records. Raises PageUnknown, and what opening and reading a ledger raises."""
    found = call.services.log.proved(call.numbers["seq"])
    if found is None:
        raise PageUnknown(name=f"{call.numbers['seq']}")
    return one(found)


OPERATIONS = (
    Operation(
        name="fleet-log",
        path="/api/v1/log",
        summary="The fleet log's signed head, what verifying it says, and which witnesses cosigned it",
        scope=Scope.READ,
        answered=head,
        answer=FleetLogHead,
    ),
    Operation(
        name="fleet-log-records",
        path="/api/v1/log/records",
        summary="The fleet log's records, newest first",
        scope=Scope.READ,
        answered=records,
        answer=Records,
        parameters=(KIND, *PAGE),
    ),
    Operation(
        name="fleet-log-record",
        path="/api/v1/log/records/{seq}",
        summary="One record of the fleet log, with its canonical bytes and the proof that it is in the signed tree",
        scope=Scope.READ,
        answered=record,
        answer=OneRecord,
        parameters=(SEQ,),
    ),
)
