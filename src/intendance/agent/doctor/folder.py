"""The state folder and the agent that works in it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from intendance.agent import bell
from intendance.agent.compose import lines_of
from intendance.agent.layout import StateLayout
from intendance.ledger import layout as ledger_layout
from intendance.ledger.source import Unreadable, open_source
from intendance.ledger.verify import verify
from intendance.model.diagnosis import Area, Condition, Finding
from intendance.model.errors import IntendanceError
from intendance.model.errors.state import NoState
from intendance.model.plan import Plan

LOW_BYTES = 1 << 30
FULL_BYTES = 100 << 20
UNIT = Path("/etc/systemd/system/intendance-agent.service"), Path("/usr/lib/systemd/system/intendance-agent.service")


def examine(state: Path, plan: Plan | None, now: datetime, *, in_force: bool) -> Iterator[Finding]:
    """The folder, its ledger, and the agent; where no plan was ever adopted, only whether there is room for one."""
    try:
        begun = (state / "agent" / "state.db").exists()
    except OSError as error:
        yield _closed(state, error)
        return
    yield from _room(state)
    if not begun:
        yield _finding("state", Condition.REMARK, "state_none", {"path": str(state)})
        return
    private = _private(state)
    yield private
    if private.condition is Condition.OK:
        yield _ledger(state, now)
    if plan is not None and in_force and lines_of(plan):
        yield _agent(state)


def _closed(state: Path, error: OSError) -> Finding:
    detail = (error.strerror or str(error)).lower()
    return _finding("state", Condition.WRONG, "state_closed", {"path": str(state), "detail": detail})


def _room(state: Path) -> Iterator[Finding]:
    place = next((each for each in (state, *state.parents) if each.exists()), Path("/"))
    room = os.statvfs(place)
    free = room.f_bavail * room.f_frsize
    params: dict[str, str | int] = {"path": str(state), "free_bytes": free}
    if free < FULL_BYTES:
        yield _finding("room", Condition.WRONG, "state_full", params)
    elif free < LOW_BYTES:
        yield _finding("room", Condition.REMARK, "state_low", params)
    else:
        yield _finding("room", Condition.OK, "state_room", params)


def _private(state: Path) -> Finding:
    """Whether the agent's folder, with the keys of the node, is its owner's alone."""
    folder = state / "agent"
    try:
        seen = folder.stat()
        usable = os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True)
    except OSError as error:
        return _closed(state, error)
    params: dict[str, str | int] = {"path": str(folder), "mode": f"{stat.S_IMODE(seen.st_mode):04o}"}
    if not usable:
        return _finding("state", Condition.WRONG, "state_not_ours", params | {"uid": os.geteuid()})
    if seen.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        mend = f"chmod 700 {shlex.quote(str(folder))}"
        return _finding("state", Condition.WRONG, "state_open", params, mend=(mend,))
    return _finding("state", Condition.OK, "state_private", params)


def _ledger(state: Path, now: datetime) -> Finding:
    """Whether the ledger opens, its newest record is whole, and how old the signature over it is."""
    try:
        with open_source(state) as source:
            last = source.size() - 1
            report = verify(source, first=last, last=last)
        signed_at = datetime.fromtimestamp(ledger_layout.Layout(state).checkpoint.stat().st_mtime, UTC)
    except NoState:
        return _finding("ledger", Condition.REMARK, "state_none", {"path": str(state)})
    except (Unreadable, OSError, IntendanceError) as error:
        return _finding("ledger", Condition.WRONG, "ledger_closed", {"detail": str(error)}, mend=_VERIFY)
    params: dict[str, str | int] = {
        "records": report.size,
        "unsigned": report.size - (report.signed_size or 0),
        "age_s": max(0, int((now - signed_at).total_seconds())),
    }
    if report.worst is not None:
        told = "; ".join(f"{each.where}: {each.detail}" for each in report.findings[:1])
        return _finding("ledger", Condition.WRONG, "ledger_faulty", params | {"detail": told}, mend=_VERIFY)
    if params["unsigned"]:
        return _finding("ledger", Condition.REMARK, "ledger_unsigned", params, mend=("intendance ledger checkpoint",))
    return _finding("ledger", Condition.OK, "ledger_sealed", params)


_VERIFY = ("intendance ledger verify",)


def _agent(state: Path) -> Finding:
    answer = bell.ask(StateLayout(state).socket, {"do": "ping"})
    if answer is not None:
        params: dict[str, str | int] = {"version": str(answer.get("version")), "pid": int(answer.get("pid") or 0)}
        return _finding("agent", Condition.OK, "agent_running", params, area="agent")
    installed = any(unit.exists() for unit in UNIT)
    mend = "systemctl enable --now intendance-agent" if installed else "intendance agent"
    return _finding("agent", Condition.MISSING, "agent_silent", {}, mend=(mend,), area="agent")


def _finding(
    subject: str,
    condition: Condition,
    code: str,
    params: dict[str, str | int],
    *,
    mend: tuple[str, ...] = (),
    area: Area = "state",
) -> Finding:
    return Finding(
        area=area, subject=subject, condition=condition, code=code, params=params, mend=mend, purpose="everything"
    )
