"""`python -m intendance.agent.fallback STATE`: one look of a node whose manager does not answer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from intendance.agent.fallback.perform import look
from intendance.model.errors import IntendanceError
from intendance.model.errors.state import refusal
from intendance.system.clock import SystemClock


def main(arguments: Sequence[str]) -> int:
    """Look once; what does not leave now waits in the outbox for the next look."""
    try:
        look(Path(arguments[0]), SystemClock())
    except (IntendanceError, OSError) as error:
        known = error if isinstance(error, IntendanceError) else refusal(error)
        if known is None:
            raise
        sys.stderr.write(f"{known.message}\n")
        return int(known.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
