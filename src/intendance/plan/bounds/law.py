"""What the rules demand of a plan: its values, its schedules, its waivers. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from intendance.catalogue.rule import Rulebook
from intendance.plan.bounds import schedules, values, waivers
from intendance.plan.bounds.seen import Seen
from intendance.plan.forms import FORMS
from intendance.plan.problems import Fault
from intendance.plan.reading import value_at


def faults(data: Any, rulebook: Rulebook, now: datetime, seen: Seen) -> list[Fault]:
    """Everything in a plan that is looser than a rule of its catalogues allows."""
    followed = catalogues(data)
    found = [*values.faults(data, rulebook, followed), *waivers.faults(data, rulebook, now, seen)]
    zone = value_at(data, "organisation", "timezone")
    if isinstance(zone, str) and FORMS["timezone"](zone) is None:
        found += schedules.faults(data, rulebook, followed, zone, now, seen)
    return found


def warnings(data: Any, rulebook: Rulebook, now: datetime) -> list[Fault]:
    """What a valid plan leaves to people, so that a rule will break, and waivers that excuse nothing."""
    followed = catalogues(data)
    return [*schedules.by_hand(data, rulebook, followed), *waivers.warnings(data, rulebook, followed, now)]


def catalogues(data: Any) -> tuple[str, ...]:
    """The catalogues that a plan follows."""
    chosen = value_at(data, "catalogues")
    return tuple(name for name in chosen if isinstance(name, str)) if isinstance(chosen, list) else ()
