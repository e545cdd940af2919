"""What a verification found, and what it could not see."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Self

from intendance.model.frozen import dataclass


class Fault(StrEnum):
    """How bad a finding is, worst first: contradiction, something missing, something that cannot be judged."""

    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"
    UNDETERMINED = "undetermined"


class Case(StrEnum):
    """What a finding is, by a name that stays for programs; each case is as bad as it says."""

    fault: Fault

    def __new__(cls, code: str, fault: Fault) -> Self:
        case = str.__new__(cls, code)
        case._value_ = code
        case.fault = fault
        return case

    # records
    RECORD_NOT_CANONICAL = "record_not_canonical", Fault.TAMPERED
    RECORD_MISPLACED = "record_misplaced", Fault.TAMPERED
    RECORD_REPLACED = "record_replaced", Fault.TAMPERED
    RECORD_OUT_OF_ORDER = "record_out_of_order", Fault.TAMPERED
    RECORD_NOT_THE_HASHED = "record_not_the_hashed", Fault.TAMPERED
    CHAIN_BROKEN = "chain_broken", Fault.TAMPERED
    GENESIS_MISPLACED = "genesis_misplaced", Fault.TAMPERED
    RECORD_MISSING = "record_missing", Fault.INCOMPLETE
    RECORDS_UNSIGNED = "records_unsigned", Fault.INCOMPLETE
    RECORDS_LOST = "records_lost", Fault.INCOMPLETE
    RECORD_VERSION_UNKNOWN = "record_version_unknown", Fault.UNDETERMINED
    RECORD_MALFORMED = "record_malformed", Fault.UNDETERMINED
    RECORD_TIME_MALFORMED = "record_time_malformed", Fault.UNDETERMINED
    RECORD_KIND_UNKNOWN = "record_kind_unknown", Fault.UNDETERMINED
    RECORD_DATA_UNKNOWN = "record_data_unknown", Fault.UNDETERMINED
    # what records name
    ATTACHMENT_CHANGED = "attachment_changed", Fault.TAMPERED
    ATTACHMENT_MISSING = "attachment_missing", Fault.INCOMPLETE
    # who signed
    ORIGIN_DIFFERS = "origin_differs", Fault.TAMPERED
    CHECKPOINT_MALFORMED = "checkpoint_malformed", Fault.TAMPERED
    CHECKPOINT_FOREIGN = "checkpoint_foreign", Fault.TAMPERED
    SIGNATURE_WRONG = "signature_wrong", Fault.TAMPERED
    ROOT_DIFFERS = "root_differs", Fault.TAMPERED
    GENESIS_MISSING = "genesis_missing", Fault.INCOMPLETE
    CHECKPOINT_MISSING = "checkpoint_missing", Fault.INCOMPLETE
    KEY_UNREADABLE = "key_unreadable", Fault.UNDETERMINED
    SIGNATURE_UNCHECKED = "signature_unchecked", Fault.UNDETERMINED
    SIGNATURE_MISSING = "signature_missing", Fault.UNDETERMINED
    # the pinned checkpoint
    HISTORY_REWRITTEN = "history_rewritten", Fault.TAMPERED
    ROLLED_BACK = "rolled_back", Fault.INCOMPLETE
    PIN_NOT_COMPARED = "pin_not_compared", Fault.UNDETERMINED
    PIN_OF_ANOTHER_KEY = "pin_of_another_key", Fault.UNDETERMINED
    # heads of nodes that a fleet log binds
    BOUND_CONTRADICTED = "bound_contradicted", Fault.TAMPERED
    BOUND_NOT_GENUINE = "bound_not_genuine", Fault.TAMPERED
    BOUND_UNREADABLE = "bound_unreadable", Fault.UNDETERMINED
    NOT_BOUND = "not_bound", Fault.UNDETERMINED
    # witnesses
    COSIGNATURE_WRONG = "cosignature_wrong", Fault.TAMPERED
    COSIGNATURE_MISSING = "cosignature_missing", Fault.UNDETERMINED
    KEY_NOT_IN_POLICY = "key_not_in_policy", Fault.UNDETERMINED
    QUORUM_MISSED = "quorum_missed", Fault.UNDETERMINED
    QUORUM_BEHIND = "quorum_behind", Fault.UNDETERMINED
    # files
    FILE_DIFFERS = "file_differs", Fault.TAMPERED
    TILE_DIFFERS = "tile_differs", Fault.TAMPERED
    SUMS_MALFORMED = "sums_malformed", Fault.TAMPERED
    STORAGE_DAMAGED = "storage_damaged", Fault.TAMPERED
    VIEW_DIFFERS = "view_differs", Fault.TAMPERED
    FILE_MISSING = "file_missing", Fault.INCOMPLETE
    FILE_AHEAD = "file_ahead", Fault.INCOMPLETE
    FILE_UNKNOWN = "file_unknown", Fault.UNDETERMINED
    UNREADABLE = "unreadable", Fault.UNDETERMINED


EXIT_CODES = {Fault.TAMPERED: 1, Fault.INCOMPLETE: 3, Fault.UNDETERMINED: 5}
LISTED = 100
"""Findings kept in full; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: where (`record 12`, a file of the log, `checkpoint`), and what, in English."""

    case: Case
    where: str
    detail: str

    @property
    def fault(self) -> Fault:
        """How bad it is."""
        return self.case.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """The largest head that a witness cosigned, and when, by its own clock."""

    name: str
    size: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """A policy's quorum: how many of the witnesses that can count cosigned, and the records that it vouches for, if
    it is met."""

    name: str
    cosigned: int
    witnesses: int
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The heads of nodes' ledgers that a fleet log binds, and of how many ledgers."""

    ledgers: int
    heads: int


@dataclass(slots=True, kw_only=True)
class Report:
    """The result of one verification; filled while it runs.

    `size` counts the database's records, `first` and `last` bound those verified (None: none). `signed_size` and
    `signed_root` (hex) are the checkpoint's. `key` is the vkey that the signature was checked with. `bound_size` is the
    largest head of it that a fleet log binds, `fleet_log` the verification of that; `bound` what a fleet log binds.
    """

    origin: str = ""
    node: str = ""
    key: str = ""
    size: int = 0
    first: int | None = None
    last: int | None = None
    whole: bool = True
    signed_size: int | None = None
    signed_root: str | None = None
    pinned_size: int | None = None
    bound_size: int | None = None
    witnesses: list[Witnessed] = field(default_factory=list)
    quorum: Quorum | None = None
    bound: Bound | None = None
    fleet_log: Report | None = None
    records: int = 0
    tiles: int = 0
    attachments: int = 0
    findings: list[Finding] = field(default_factory=list)
    counts: dict[Fault, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))
    not_checked: list[str] = field(default_factory=list)

    def add(self, case: Case, where: str, detail: str) -> None:
        """Note a finding."""
        self.counts[case.fault] += 1
        if len(self.findings) < LISTED:
            self.findings.append(Finding(case=case, where=where, detail=detail))

    @property
    def own(self) -> Fault | None:
        """The worst kind of finding of this ledger, or None when everything asked for is verified."""
        return next((fault for fault in Fault if self.counts[fault]), None)

    @property
    def worst(self) -> Fault | None:
        """The same, of the fleet log too that it was compared with."""
        found = {self.own, None if self.fleet_log is None else self.fleet_log.worst}
        return next((fault for fault in Fault if fault in found), None)

    @property
    def exit_code(self) -> int:
        """0 verified, 1 tampered, 3 incomplete, 5 undetermined; the worst wins in the order 1, 3, 5."""
        return 0 if self.worst is None else EXIT_CODES[self.worst]
