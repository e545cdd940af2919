"""What the agent has a process of its own do for it, once, where what goes wrong is a sentence and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable

from intendance.model.errors import IntendanceError
from intendance.model.errors.state import refusal


def run(errand: Callable[[], object]) -> int:
    """Do it, and give the process's exit code; what nobody foresaw is raised."""
    try:
        errand()
    except (IntendanceError, OSError) as error:
        known = error if isinstance(error, IntendanceError) else refusal(error)
        if known is None:
            raise
        sys.stderr.write(f"{known.message}\n")
        return int(known.exit_code)
    return 0
