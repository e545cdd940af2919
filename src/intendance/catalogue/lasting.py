"""Findings that outlast the moment: what was found of an asset, told again later as it would be found again. Pure.

Nothing that a subject is judged from changes but by a new record about it, and by time. A check says by itself, through
the `now` that it is given, until when time changes nothing that it found (`moving`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from intendance.catalogue.finding import Finding
from intendance.catalogue.moving import Age, Elapsed, Now
from intendance.model.frozen import dataclass

LONGEST = timedelta(days=1)
"""Nothing is told again for longer: what nobody foresaw is found anew each day."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found under one rule, its ages open, and whether it may have begun before the evidence that was read."""

    finding: Finding
    may_be_older: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """What was found of one asset, by the ids of the rules. It is found again from `judged_at` to before `until`."""

    judged_at: datetime
    until: datetime
    found: Mapping[str, Found]

    def at(self, now: datetime) -> bool:
        """Whether it is what would be found at `now` from the same evidence."""
        return self.judged_at <= now < self.until


def lasts(finding: Finding) -> bool:
    """Whether nothing that it says moves with time but ages."""
    told = (finding.since, finding.next_change_at, *finding.params.values())
    return not any(isinstance(each, (Now, Elapsed)) for each in told)


def settled(finding: Finding, now: datetime) -> Finding:
    """The finding as it is told at `now`."""
    told: Mapping[str, object] = finding.params
    ages = {name: value.seconds(now) for name, value in told.items() if isinstance(value, Age)}
    return replace(finding, params={**finding.params, **ages}) if ages else finding
