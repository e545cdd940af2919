"""Many nodes judged at once, after an upgrade or a restored database: by processes of their own, which end with it.

Each takes a share of the nodes. The manager's own process goes on hearing beats: judging is all processor time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from intendance.fleet.database.connect import Database, from_us, open_database, to_us
from intendance.fleet.verdicts.judge import Judge
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass
from intendance.system import process

MANY = 100
"""So many due at once are worth processes of their own: each takes half a second to begin."""
AT_ONCE = 2000
"""No more are judged before the manager says again that it looked."""
_MOST_PROCESSES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one process is told, on its standard input: an address may hold a password. `program` is the manager's mark:
    files that were replaced under it would otherwise be another's."""

    address: str
    program: str
    names: tuple[str, ...]
    now_us: int


def judge_many(database: Database, program: str, names: Sequence[str], now: datetime) -> None:
    """Judge nodes in as many processes as there are processors. Raises ProgramMissing, ProgramFailed."""
    count = min(_MOST_PROCESSES, len(os.sched_getaffinity(0)))
    address = database.engine.url.render_as_string(hide_password=False)
    shares = [
        Share(address=address, program=program, names=tuple(names[at::count]), now_us=to_us(now)) for at in range(count)
    ]
    children: list[process.Child] = []
    try:
        for share in shares:
            child = process.start([sys.executable, "-m", __name__], stdin=subprocess.PIPE)
            children.append(child)
            _tell(child, share)
        for child in children:
            child.raise_for(child.wait())
    finally:
        for child in children:
            child.kill()


def _tell(child: process.Child, share: Share) -> None:
    content = memoryview(msgspec.json.encode(share))
    try:
        while content:
            content = content[child.stdin.write(content) or 0 :]
        child.stdin.close()
    except BrokenPipeError:
        child.raise_for(child.wait() or 1)


def main(read: Callable[[], bytes], say: Callable[[str], object]) -> int:
    """Judge the share that is read; 1 when the database or a program failed, which is said."""
    share = msgspec.json.decode(read(), type=Share)
    try:
        with _open(share.address) as database:
            Judge(database, say, share.program).judge(share.names, from_us(share.now_us))
    except IntendanceError as error:
        say(error.message)
        return 1
    return 0


def _open(address: str) -> Database:
    """The database at an address as an engine writes it."""
    beginning, _, path = address.partition(":///")
    return open_database(Path(path) if beginning == "sqlite" else address)


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer.read, lambda sentence: sys.stderr.write(f"{sentence}\n")))
