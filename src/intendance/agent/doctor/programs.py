"""The programs that Intendance runs: whether they are there, their versions, and the package that brings each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from intendance.model.diagnosis import Condition, Finding, Purpose
from intendance.model.errors import IntendanceError
from intendance.model.errors.process import ProgramMissing
from intendance.model.plan import Plan
from intendance.system import process

# What every backup runs, and what only restores or some engines run. A program that is in none of these is a remark
# when it is missing.
ALWAYS: Mapping[str, Purpose] = MappingProxyType(
    {"gpg": "encryption", "gpg-agent": "encryption", "zstd": "backup", "setpriv": "everything", "ionice": "everything"}
)
OF_ENGINE: Mapping[str, str] = MappingProxyType(
    {"tar": "files", "mariadb": "mariadb", "mariadb-dump": "mariadb", "my_print_defaults": "mariadb"}
)
OF_KIND: Mapping[str, str] = MappingProxyType({"mariadb-backup": "physical", "mbstream": "physical"})
FOR_RESTORE: Mapping[str, str | None] = MappingProxyType(
    {"mariadbd": "mariadb", "mariadb-install-db": "mariadb", "gpgv": None}
)
_NO_VERSION = frozenset({"mariadb-install-db", "mbstream"})  # they take no --version
_VERSION = re.compile(r"(?:Distrib |from |version |Ver )?(\d+(?:\.\d+)+)")
_SECONDS = 60
"""Nobody who has to wait for a program on a busy machine is told to install it again."""


def examine(plan: Plan | None) -> Iterator[Finding]:
    """Each program that the plan could need; without a plan, all that any plan could need."""
    engines = None if plan is None else {asset.kind for asset in plan.assets.values()}
    kinds = _kinds(plan)
    for program, purpose in ALWAYS.items():
        yield _program(program, purpose, None, needed=True)
    for program, engine in OF_ENGINE.items():
        if engines is None or engine in engines:
            yield _program(program, "backup", engine, needed=engines is not None)
    for program, kind in OF_KIND.items():
        if program in process.PACKAGES and (engines is None or kind in kinds):
            yield _program(program, "backup", "mariadb", needed=kind in kinds)
    for program, for_engine in FOR_RESTORE.items():
        if engines is None or for_engine is None or for_engine in engines:
            yield _program(program, "restore", for_engine, needed=False)


def _kinds(plan: Plan | None) -> Collection[str]:
    if plan is None:
        return ()
    return {str(kind) for asset in plan.assets.values() if asset.backup is not None for kind in asset.backup.kinds}


def _program(program: str, purpose: Purpose, engine: str | None, *, needed: bool) -> Finding:
    package = process.PACKAGES.get(program, program)
    params: dict[str, str | int] = {"program": program, "package": package}
    mend: tuple[str, ...] = ()
    try:
        path = process.find(program)
        params |= {"path": path, "version": _version(program)}
        condition, code = Condition.OK, "program_present"
    except ProgramMissing:
        condition = Condition.MISSING if needed else Condition.REMARK
        code = "program_missing" if purpose != "restore" else "program_missing_for_restore"
        mend = (f"apt-get install {package}",)
    except IntendanceError as error:
        params |= {"detail": error.message}
        condition, code, mend = Condition.WRONG, "program_broken", (f"apt-get install --reinstall {package}",)
    return Finding(
        area="programs",
        subject=program,
        condition=condition,
        code=code,
        params=params,
        mend=mend,
        purpose=purpose,
        engine=engine,
    )


def _version(program: str) -> str:
    """What it says of itself; empty when it says nothing that looks like a version. Raises ProgramFailed."""
    if program in _NO_VERSION:
        return ""
    done = process.run([program, "--version"], deadline_seconds=_SECONDS)
    said = f"{done.stdout.decode(errors='replace')}\n{done.stderr}"
    preferred = re.search(r"(?:Distrib|from) (\d+(?:\.\d+)+)", said)  # the client's own number stands before it
    found = preferred or _VERSION.search(said)
    return found.group(1) if found else ""
