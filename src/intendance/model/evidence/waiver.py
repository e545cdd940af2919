"""Evidence of waivers: who took the responsibility for a broken rule, why, and until when."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverGranted:
    """While it lasts, a broken `rule` is *waived*; its check goes on. At most 90 days from its record's time count.

    `about` is the identity of the asset that it is for; empty: whatever the rule is about. `granted_by` is a contact
    of the plan, `granter` its name, `marks` hashes of its name, address and telephone: two contacts that share one
    are the same person. `renewal` is 0 for the first waiver of the rule, 1 for its first renewal. `source`: `plan`
    when it stands in the plan, `command` when somebody typed it.
    """

    rule: str
    reason: str
    ticket: str
    granted_by: str
    granter: str
    expires_at: str
    marks: tuple[str, ...]
    about: str = ""
    renewal: int = 0
    source: str = "plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRevoked:
    """A waiver no longer counts. `grant` is the number of its record; `reason` says why it was taken back."""

    rule: str
    grant: int
    reason: str
