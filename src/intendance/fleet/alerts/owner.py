"""Who has an alert in hand, and what is wrong with the manager itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who answers for an open alert, until when, and what they said."""

    person: str
    until: datetime | None = None
    said: str = ""


BLIND = "manager.blind"
UNWRITTEN = "manager.unwritten"
"""No alert of the database, which cannot be written: its number is 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An open alert about the manager itself."""

    number: int
    cause: str
    since: datetime
    params: Mapping[str, str | int]
    labels: Mapping[str, str]
