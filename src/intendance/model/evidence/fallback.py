"""Evidence that a node told people itself."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTold:
    """The node mailed a person of its plan itself, since no manager could.

    `causes` are rules (`MAINT_004/shop-db`), `backup/shop-db` for one that failed, `manager` for a manager that answers
    to nothing. `code` and `provider_id` are what the mail server answered; `message_id` is the same when the mail was
    sent twice. `manager_silent_since` is since when no manager answered; null where the node has none.
    """

    contact: str
    causes: tuple[str, ...]
    message_id: str
    code: str
    provider_id: str = ""
    manager_silent_since: str | None = None
