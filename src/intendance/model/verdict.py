"""Facts in, verdicts out: the two ends of judging."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from intendance.model.evidence import Evidence
from intendance.model.frozen import dataclass

E_co = TypeVar("E_co", bound=Evidence, covariant=True)


class State(StrEnum):
    """What a rule's verdict can be; only `pass` is green."""

    PASS = "pass"  # noqa: S105 -- a verdict, not a password
    FAIL = "fail"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"
    PENDING = "pending"
    UNKNOWN = "unknown"
    ERROR = "error"


class Severity(StrEnum):
    """What a broken rule does: `blocking` pages and makes commands exit 4, `warning` mails, `duty` reminds people."""

    BLOCKING = "blocking"
    WARNING = "warning"
    DUTY = "duty"


WORST_FIRST = (
    State.FAIL,
    State.ERROR,
    State.UNKNOWN,
    State.PENDING,
    State.WAIVED,
    State.PASS,
    State.NOT_APPLICABLE,
)
GRAVEST_FIRST = (Severity.BLOCKING, Severity.WARNING, Severity.DUTY)
"""The orders in which verdicts are told."""


class Attestor(StrEnum):
    """Whose word a verdict rests on."""

    SELF = "self"
    MANAGER = "manager"
    DRILL_HOST = "drill_host"
    STORE = "store"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A ledger record: the node whose log holds it and its leaf index there."""

    node: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Generic[E_co]):
    """Evidence selected for a rule: typed data with its place in the ledger. `at` is the record's `ts`, aware, UTC."""

    node: str
    seq: int
    at: datetime
    kind: str
    asset: str | None
    actor: str
    data: E_co


Param = str | int | datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: a code of the rule's own list and the parameters of its sentence. Durations are integers of seconds,
    `*_s`."""

    code: str
    params: dict[str, Param] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuse:
    """The waiver of a waived verdict: its record, who answers for it and why, when it ends, how often it was renewed.

    `days` counts the days, of the last 400, on which the rule was waived for the same thing.
    """

    grant: Citation
    granted_by: str
    granter: str
    reason: str
    ticket: str
    began_at: datetime
    ends_at: datetime
    renewal: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A rule judged for one subject at one instant.

    `since_at_least`: the state began then or before, since older facts were not looked at. `next_change_at`: when time
    alone may next change it (None: never). `excuse` is the waiver of a waived one, whose reason is why it is broken.
    """

    rule: str
    asset: str | None
    node: str
    state: State
    severity: Severity
    since: datetime | None
    reason: Reason
    cites: tuple[Citation, ...] = ()
    attested_by: Attestor | None = None
    next_change_at: datetime | None = None
    since_at_least: bool = False
    excuse: Excuse | None = None
