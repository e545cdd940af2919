"""Executions of activities: when they are due (`decide.py`, pure) and what they have done (`journal.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from intendance.model.frozen import dataclass

if TYPE_CHECKING:  # so that who only asks for times (`plan check`) does not load every kind of evidence
    from intendance.model.evidence import Evidence
    from intendance.model.record import Record


class Steps(Protocol):
    """What one execution sees of its own journal.

    A step is an effect followed by `commit`, which inserts the step's memo and its evidence in one transaction. An
    attempt that
    crashed is followed by a new attempt with a higher number; committed steps are not performed again.
    """

    run: str
    attempt: int
    asset: str
    actor: str

    def memo(self, step: str) -> dict[str, Any] | None:
        """What an earlier attempt committed for `step`, or None: it has yet to be performed."""

    def commit(self, step: str, memo: dict[str, Any], evidence: Evidence | None = None) -> Record | None:
        """Commit the step: memo and evidence record in one transaction, then sealed. Returns the record, if any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run is: `phase` in the words of the trade (`dump`, `pack`, `fetch`, `load`, `hash`), bytes done,
    bytes expected."""

    phase: str
    done_bytes: int
    total_bytes: int | None


class ProgressSink(Protocol):
    """Takes progress as often as it comes; the sink decides how often it writes."""

    def __call__(self, progress: Progress, /) -> None: ...
