"""`python -m intendance.agent.ahead STATE`: judge the node now and keep what is found, so that no look waits for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from intendance.agent.judging import prepare_node
from intendance.model.errors import IntendanceError
from intendance.model.errors.state import refusal
from intendance.system.clock import SystemClock


def main(arguments: Sequence[str]) -> int:
    """Judge the node of a state folder. Nothing depends on it: `status` judges again what is not found."""
    try:
        prepare_node(Path(arguments[0]), SystemClock())
    except (IntendanceError, OSError) as error:
        known = error if isinstance(error, IntendanceError) else refusal(error)
        if known is None:
            raise
        sys.stderr.write(f"{known.message}\n")
        return int(known.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
