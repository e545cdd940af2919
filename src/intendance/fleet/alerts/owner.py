"""Who has an alert in hand. Pure."""

from __future__ import annotations

from datetime import datetime

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who answers for an open alert, until when, and what they said."""

    person: str
    until: datetime | None = None
    said: str = ""
