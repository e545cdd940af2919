"""Names of logs: `<fleet>/node/<node>/<incarnation>`."""

from __future__ import annotations

import re

_ORIGIN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}/node/([a-z0-9][a-z0-9-]{0,39})/[0-9A-Za-z-]{1,40}", re.ASCII)


def node_of(origin: str) -> str | None:
    """The node whose log has this origin, or None when it is not the origin of a node's log."""
    found = _ORIGIN.fullmatch(origin)
    return found.group(1) if found else None
