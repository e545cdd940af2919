"""Many nodes judged at once, after an upgrade or a restored database: by processes of their own, which end with it.

Each takes a share of the nodes. The manager's own process goes on hearing beats: judging is all processor time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime

import msgspec

from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.verdicts import share
from intendance.fleet.verdicts.share import Share
from intendance.system import process

MANY = 100
"""So many due at once are worth processes of their own: each takes a fifth of a second to begin."""
AT_ONCE = 2000
"""No more are judged before the manager says again that it looked."""
_MOST_PROCESSES = 8


def judge_many(database: Database, program: str, names: Sequence[str], now: datetime) -> None:
    """Judge nodes in as many processes as there are processors. Raises ProgramMissing, ProgramFailed."""
    count = min(_MOST_PROCESSES, len(os.sched_getaffinity(0)))
    address = database.address
    shares = [
        Share(address=address, program=program, names=tuple(names[at::count]), now_us=to_us(now)) for at in range(count)
    ]
    children: list[process.Child] = []
    try:
        for each in shares:
            child = process.start([sys.executable, "-m", share.__name__], stdin=subprocess.PIPE)
            children.append(child)
            _tell(child, each)
        for child in children:
            child.raise_for(child.wait())
    finally:
        for child in children:
            child.kill()


def _tell(child: process.Child, told: Share) -> None:
    content = memoryview(msgspec.json.encode(told))
    try:
        while content:
            content = content[child.stdin.write(content) or 0 :]
        child.stdin.close()
    except BrokenPipeError:
        child.raise_for(child.wait() or 1)
