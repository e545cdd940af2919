"""What a ledger knows of drills, and which of those that its plan asks for it knows nothing of."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from intendance.agent.compose import drills_here
from intendance.agent.opening import open_book
from intendance.ledger.book import Book
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.model.verdict import Fact
from intendance.plan import adopted
from intendance.runs.decide import LOOK_BACK, occurrences
from intendance.system.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDrill:
    """A drill that the plan asks of a host, and that this ledger knows nothing of; `here`: the agent does it."""

    asset: str
    host: str
    since: datetime
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drills:
    """What this ledger says of drills, newest first, and which are due by its plan; `zone` as in `Drilled`."""

    node: str
    zone: str
    facts: tuple[Fact[Any], ...]
    due: tuple[DueDrill, ...] = ()


def drills(state: Path, clock: Clock, asset: str | None) -> Drills:
    """The drills that the ledger of this state folder holds. Raises NoState."""
    with open_book(state, clock) as book:
        found = [*book.facts("drill.completed", asset=asset), *book.facts("drill.failed", asset=asset)]
        plans = book.facts("plan.adopted", latest=1)
        zone = plans[0].data.timezone if plans else "UTC"
        facts = tuple(sorted(found, key=lambda fact: -fact.seq))
        due = _due(book, adopted.read(state), plans[0].at, asset, clock.read().at) if plans else ()
        return Drills(node=book.node, zone=zone, facts=facts, due=due)


def _due(book: Book, plan: Plan, adopted_at: datetime, asset: str | None, now: datetime) -> tuple[DueDrill, ...]:
    found = []
    for each in plan.assets.values():
        if asset not in (None, each.name) or each.drill is None or each.drill.schedule is None:
            continue
        done = max((fact.at for fact in book.facts("drill.completed", asset=each.name, latest=1)), default=adopted_at)
        missed = occurrences(each.drill.schedule.cron, plan.organisation.timezone, max(done, now - LOOK_BACK), now)
        since = next(missed, None)
        if since is not None:
            here = drills_here(plan, each)
            found.append(DueDrill(asset=each.name, host=each.drill.host, since=since, here=here))
    return tuple(found)
