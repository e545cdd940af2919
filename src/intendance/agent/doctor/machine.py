"""The machine itself: its Python, and whether its clock is kept right."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from intendance.model.diagnosis import Condition, Finding
from intendance.system import clock_sync

OLDEST_PYTHON = (3, 11)


def examine() -> Iterator[Finding]:
    """Python and the clock."""
    version = ".".join(map(str, sys.version_info[:3]))
    fit = sys.version_info[:2] >= OLDEST_PYTHON
    yield Finding(
        area="machine",
        subject="python",
        condition=Condition.OK if fit else Condition.WRONG,
        code="python_fit" if fit else "python_old",
        params={"version": version},
        mend=() if fit else ("apt-get install python3",),
        purpose="everything",
    )
    kept = clock_sync.is_synchronised()
    code = "clock_unknown" if kept is None else "clock_kept" if kept else "clock_free"
    yield Finding(
        area="machine",
        subject="clock",
        condition=Condition.OK if kept else Condition.REMARK,
        code=code,
        mend=("apt-get install systemd-timesyncd", "timedatectl set-ntp true") if kept is False else (),
        purpose="everything",
    )
