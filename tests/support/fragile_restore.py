"""A restore, killed with SIGKILL at the n-th boundary: before and after each effect and each journal write.

`python -m tests.support.fragile_restore N STATE NAME INTO`; with N = 0 it lives and prints how many boundaries there
were.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from intendance.agent.restoring import Asked, run_restore
from intendance.agent.sites import SiteAsked, is_site, run_site
from intendance.engines.files.write import WriteSession
from intendance.engines.mariadb.client import Client
from intendance.engines.mariadb.load import DatabaseRestore, FolderRestore
from intendance.engines.mariadb.physical_restore import PhysicalRestore
from intendance.engines.new_folder import NewFolder
from intendance.engines.sqlite import write as sqlite_write
from intendance.runs.journal import Journal
from intendance.sets import unpipe
from intendance.system import publish
from intendance.system.clock import SystemClock

_passed = 0
_fatal = int(sys.argv[1])


def boundary() -> None:
    global _passed  # noqa: PLW0603 -- one process, one count
    _passed += 1
    if _passed == _fatal:
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, *, before: bool = True, first: bool = False) -> None:
    """Boundaries before and after every call; or only after it, or only after the first one."""
    real: Callable[..., Any] = getattr(owner, name)
    calls = 0

    @functools.wraps(real)
    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if before:
            boundary()
        answer = real(*args, **kwargs)
        if not first or calls == 1:
            boundary()
        return answer

    setattr(owner, name, counted)


around(NewFolder, "create")
around(Client, "query", before=False)
around(unpipe._Unpacking, "_splice", before=False, first=True)
for session in (WriteSession, DatabaseRestore, FolderRestore, PhysicalRestore, sqlite_write.WriteSession):
    around(session, "check")
around(publish, "_rename_without_replacing")
around(publish, "sync_directory")
around(sqlite_write, "publish_name")
around(Journal, "commit_step")
around(Journal, "succeed")

if __name__ == "__main__":
    state, asset, into = sys.argv[2:]
    if is_site(Path(state), asset):
        run_site(
            Path(state),
            SystemClock(),
            SiteAsked(site=asset, into=into),
            planned_as=lambda planned: None,
            begun=lambda planned: None,
            moved=lambda reading: None,
        )
    else:
        run_restore(
            Path(state),
            SystemClock(),
            Asked(asset=asset, into=into),
            planned_as=lambda planned: None,
            moved=lambda reading: None,
        )
    sys.stdout.write(str(_passed))
