"""`python -m intendance.agent.ahead STATE`: judge the node now and keep what is found, so that no look waits for it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from intendance.agent import errand
from intendance.agent.judging import prepare_node
from intendance.system.clock import SystemClock


def main(arguments: Sequence[str]) -> int:
    """Judge the node of a state folder. Nothing depends on it: `status` judges again what is not found."""
    return errand.run(lambda: prepare_node(Path(arguments[0]), SystemClock()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
