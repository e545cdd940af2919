"""What a verification found, and what it could not see."""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum

from intendance.model.frozen import dataclass


class Fault(StrEnum):
    """How bad a finding is, worst first: contradiction, something missing, something that cannot be judged."""

    TAMPERED = "tampered"
    INCOMPLETE = "incomplete"
    UNDETERMINED = "undetermined"


EXIT_CODES = {Fault.TAMPERED: 1, Fault.INCOMPLETE: 3, Fault.UNDETERMINED: 5}
LISTED = 100
"""Findings kept in full; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: where (`record 12`, a file of the log, `checkpoint`), and what, in English."""

    fault: Fault
    where: str
    detail: str


@dataclass(slots=True, kw_only=True)
class Report:
    """The result of one verification; filled while it runs.

    `size` counts the database's records, `first` and `last` bound those verified (None: none). `signed_size` and
    `signed_root` (hex) are the checkpoint's. `key` is the vkey that the signature was checked with.
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
    records: int = 0
    tiles: int = 0
    attachments: int = 0
    findings: list[Finding] = field(default_factory=list)
    counts: dict[Fault, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))
    not_checked: list[str] = field(default_factory=list)

    def add(self, fault: Fault, where: str, detail: str) -> None:
        """Note a finding."""
        self.counts[fault] += 1
        if len(self.findings) < LISTED:
            self.findings.append(Finding(fault=fault, where=where, detail=detail))

    @property
    def worst(self) -> Fault | None:
        """The worst kind of finding, or None when everything asked for is verified."""
        return next((fault for fault in Fault if self.counts[fault]), None)

    @property
    def exit_code(self) -> int:
        """0 verified, 1 tampered, 3 incomplete, 5 undetermined; the worst wins in the order 1, 3, 5."""
        return 0 if self.worst is None else EXIT_CODES[self.worst]
