"""What a node keeps of its manager: `agent/manager.json`, for its owner alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intendance.model.errors.fleet import NotJoined
from intendance.model.frozen import dataclass
from intendance.system.publish import publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A node's place in a fleet: whom it tells, by which secret, and which certificate authority it trusts (PEM; empty:
    those of the machine). A URL that begins with `http://` is of this very machine."""

    fleet: str
    node: str
    incarnation: int
    bearer: str
    urls: tuple[str, ...]
    authority: str = ""


def addresses(joined: Membership, planned: Sequence[str]) -> tuple[str, ...]:
    """Where the manager is looked for: where the node joined, then where its plan says that the fleet's is. A node
    whose manager is on its own machine looks nowhere else."""
    if any(url.startswith("http://") for url in joined.urls):
        return joined.urls
    return tuple(dict.fromkeys((*joined.urls, *planned)))


def path_of(state: Path) -> Path:
    """Where it is kept."""
    return state / "agent" / "manager.json"


def keep(state: Path, membership: Membership) -> None:
    """Keep it, durably, in place of what was there."""
    told = {
        "fleet": membership.fleet,
        "node": membership.node,
        "incarnation": membership.incarnation,
        "bearer": membership.bearer,
        "urls": list(membership.urls),
        "authority": membership.authority,
    }
    publish(path_of(state), json.dumps(told, indent=2).encode() + b"\n", mode=0o600, replace=True)


def read(state: Path) -> Membership:
    """What was kept. Raises NotJoined."""
    try:
        told: dict[str, Any] = json.loads(path_of(state).read_bytes())
        return Membership(**told | {"urls": tuple(told["urls"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        raise NotJoined(state=state) from None


def mark(state: Path) -> tuple[int, int] | None:
    """What changes when another membership is kept; None without one."""
    try:
        found = path_of(state).stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
