"""What the manager holds of a ledger, and what a finding does to the word of its node. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from intendance.model.frozen import dataclass

PAGE = 50
"""Records of a ledger on one page."""


class Condition(StrEnum):
    """How a ledger stands: `contradicted` has a finding that no sound node brings about, `unclear` one of records that
    this program may be too old to judge or that were too many; of `waiting` not all is signed yet, of `empty`
    nothing is here."""

    CONTRADICTED = "contradicted"
    UNCLEAR = "unclear"
    WAITING = "waiting"
    WHOLE = "whole"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A finding: something that a node's ledger must never do. `subject` says where, `exhibit` is the signed text that
    shows it; `incarnation` says in which of the node's ledgers."""

    node: str
    incarnation: int
    kind: str
    subject: str
    detail: str
    exhibit: str
    found_at: datetime
    settled_at: datetime | None = None
    settled_by: str = ""
    settled_why: str = ""
    settled_seq: int | None = None
    id: int = 0

    @property
    def grave(self) -> bool:
        """Whether nothing that the node says proves anything while it stands."""
        return self.kind not in {"undetermined", "excess", "weaker"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLedger:
    """A node's present ledger. `size` records are here; a head that the node signed (`note`) covers `signed_size`."""

    node: str
    incarnation: int
    origin: str
    fingerprint: str
    size: int
    signed_size: int
    note: str
    received_at: datetime | None
    bound_size: int = 0
    bound_seq: int = 0
    bound_at: datetime | None = None
    """Its first `bound_size` records are bound by record `bound_seq` of the fleet log; None: not yet."""
    doubts: tuple[Doubt, ...] = ()
    """All of them, former incarnations' too, the newest first."""

    @property
    def standing_doubts(self) -> tuple[Doubt, ...]:
        """Those that nobody settled, of this very ledger."""
        return standing_doubts(self.doubts, self.incarnation)

    @property
    def condition(self) -> Condition:
        """How it stands."""
        if any(each.grave for each in self.standing_doubts):
            return Condition.CONTRADICTED
        if self.standing_doubts:
            return Condition.UNCLEAR
        if not self.size:
            return Condition.EMPTY
        return Condition.WHOLE if self.signed_size >= self.size else Condition.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordBrief:
    """A record in a list: `covered` by a head that the node signed."""

    seq: int
    kind: str
    asset: str | None
    at: str
    covered: bool


def standing_doubts(doubts: Iterable[Doubt], incarnation: int) -> tuple[Doubt, ...]:
    """The doubts that nobody settled, about one incarnation of a node."""
    return tuple(each for each in doubts if each.settled_at is None and each.incarnation == incarnation)


def worst_first(ledgers: Iterable[HeldLedger]) -> tuple[HeldLedger, ...]:
    """The ledgers, those that contradict themselves first."""
    return tuple(sorted(ledgers, key=lambda each: (list(Condition).index(each.condition), each.node)))
