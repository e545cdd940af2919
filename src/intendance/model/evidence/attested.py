"""Evidence that a person gives of what no program can see."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAttested:
    """`by`, a contact of the plan, says that the store at `place` stands in `region`: its provider was asked.

    Nobody but Amazon answers for the region that a bucket names, so this is a person's word, and shown as such.
    """

    store: str
    place: str
    region: str
    by: str
