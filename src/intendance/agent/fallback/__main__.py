"""`python -m intendance.agent.fallback STATE`: one look of a node whose manager does not answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from intendance.agent import errand
from intendance.agent.fallback.perform import look
from intendance.system.clock import SystemClock


def main(arguments: Sequence[str]) -> int:
    """Look once; what does not leave now waits in the outbox for the next look."""
    return errand.run(lambda: look(Path(arguments[0]), SystemClock()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
