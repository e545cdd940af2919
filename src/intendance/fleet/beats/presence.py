"""How a node is heard, said in one way wherever it is shown: by its last beat alone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from intendance.fleet.beats.decide import LATE_US, MISSING_US


class Presence(StrEnum):
    """What the manager knows of a node's life. `unobservable`: the manager itself could not hear."""

    UP = "up"
    LATE = "late"
    MISSING = "missing"
    UNOBSERVABLE = "unobservable"
    NEVER = "never"


LATE_AFTER = timedelta(microseconds=LATE_US)
MISSING_AFTER = timedelta(microseconds=MISSING_US)
"""A node is late from the one on, missing from the other on, as the detector has it (MAINT_002: two minutes)."""


def presence(last_seen: datetime | None, deadline: datetime | None, now: datetime) -> Presence:
    """How a node is heard: nobody has to notice a silence for it to be shown.

    A `deadline` that is still to come after such a silence was put off, because the manager was blind meanwhile.
    """
    if last_seen is None:
        return Presence.NEVER
    silence = now - last_seen
    if silence >= MISSING_AFTER:
        return Presence.UNOBSERVABLE if deadline is not None and now < deadline else Presence.MISSING
    return Presence.LATE if silence >= LATE_AFTER else Presence.UP
