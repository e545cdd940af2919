"""Names of logs: `<fleet>/node/<node>/<incarnation>`, and `<fleet>/log` for what the manager itself records."""

from __future__ import annotations

import re

FLEET_LOG = "fleet.log"
"""Whose records the fleet log holds; no node may have a name with a dot in it."""
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}/node/([a-z0-9][a-z0-9-]{0,39})/[0-9A-Za-z-]{1,40}", re.ASCII)
_FLEET = re.compile(r"[a-z0-9][a-z0-9-]{0,39}/log", re.ASCII)


def of_node(fleet: str, node: str, incarnation: str) -> str:
    """The origin of a node's log."""
    return f"{fleet}/node/{node}/{incarnation}"


def of_fleet(fleet: str) -> str:
    """The origin of the fleet's own log."""
    return f"{fleet}/log"


def node_of(origin: str) -> str | None:
    """Whose records a log of this origin holds: a node's, `fleet.log`; None when it is no such origin."""
    found = _ORIGIN.fullmatch(origin)
    if found:
        return found.group(1)
    return FLEET_LOG if _FLEET.fullmatch(origin) else None
