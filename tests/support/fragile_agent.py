"""The agent, killed with SIGKILL before or after the first of its effects of a name.

`python -m tests.support.fragile_agent "after claim" STATE`
"""

from __future__ import annotations

import sys
from typing import Any

from intendance.agent import children, loop
from intendance.ledger.book import Book
from intendance.runs.journal import Journal
from tests.support.kill_by_name import around

EFFECTS: tuple[tuple[Any, str], ...] = (
    (children, "recover"),
    (Journal, "apply"),
    (Journal, "record_due"),
    (Journal, "claim"),
    (children, "start_worker"),
    (children, "settle"),
    (Journal, "prune"),
    (Book, "seal"),
)
BOUNDARIES = tuple(f"{when} {name}" for _, name in EFFECTS for when in ("before", "after"))


if __name__ == "__main__":
    for place, effect in EFFECTS:
        around(place, effect, sys.argv[1])
    sys.exit(loop.main(sys.argv[2:]))
