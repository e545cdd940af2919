"""Where each page is."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from intendance.ledger import origin

WALL = "/"
RULES = "/rules"
LEDGER = "/ledger"
NODES = "/nodes"
RUNS = "/runs"
ALERTS = "/alerts"
ACCOUNT = "/account"
HEALTH = "/healthz"


def nodes(site_name: str = "", chosen: str = "", part: int = 1) -> str:
    """The nodes of the fleet or of a site; with `chosen`, those in `trouble` or those that are `well`."""
    return _asked(NODES, {"site": site_name, "show": chosen}, part)


def node(name: str, part: int = 1) -> str:
    """The page of a node."""
    return _asked(f"{NODES}/{quote(name, safe='')}", {}, part)


def plan(node_name: str, part: int = 1) -> str:
    """The page of the plan of a node."""
    return _asked(f"{node(node_name)}/plan", {}, part)


def asset(node_name: str, name: str) -> str:
    """The page of an asset of a node."""
    return f"{node(node_name)}/assets/{quote(name, safe='')}"


def of(node_name: str, asset_name: str | None) -> str:
    """The page of what a verdict is about: an asset, or a node itself."""
    return asset(node_name, asset_name) if asset_name else node(node_name)


def site(name: str) -> str:
    """The nodes of a site."""
    return nodes(name)


def runs(node_name: str = "", asset_name: str = "", before: str = "") -> str:
    """The runs of the fleet, of a node, or of an asset of it; with `before`, those that ended before that instant."""
    asked = {"node": node_name, "asset": asset_name, "before": before}
    told = urlencode({name: value for name, value in asked.items() if value})
    return f"{RUNS}?{told}" if told else RUNS


def run(node_name: str, name: str) -> str:
    """The page of a run of a node."""
    return f"{RUNS}/{quote(node_name, safe='')}/{quote(name, safe='')}"


def rule(name: str, chosen: str = "", part: int = 1) -> str:
    """The page of a rule; with `chosen`, where it `holds`."""
    return _asked(f"{RULES}/{quote(name, safe='')}", {"show": chosen}, part)


def ledgers(chosen: str = "", part: int = 1) -> str:
    """The ledgers of the fleet; with `chosen`, those that are `well`."""
    return _asked(LEDGER, {"show": chosen}, part)


def ledger(node_name: str, before: int | None = None) -> str:
    """The ledger of a node; with `before`, its records before that one."""
    return f"{LEDGER}/{quote(node_name, safe='')}" + ("" if before is None else f"?before={before}")


FLEET_LOG = f"{LEDGER}/.log"
"""No node has such a name."""


def fleet_record(seq: int) -> str:
    """The page of a record of the fleet log."""
    return f"{FLEET_LOG}/{seq}"


def record(node_name: str, seq: int) -> str:
    """The page of a record of a node's ledger, or of the fleet log by the name that citations have for it."""
    if node_name == origin.FLEET_LOG:
        return fleet_record(seq)
    return f"{LEDGER}/{quote(node_name, safe='')}/{seq}"


def alerts(kind: str = "", part: int = 1) -> str:
    """All alerts; with `kind`, a part of those that stand so."""
    return _asked(ALERTS, {"show": kind}, part)


def alerts_as_data(kind: str, part: int) -> str:
    """The same part for programs."""
    return _asked(f"{ALERTS}.json", {"show": kind}, part)


def alert(number: int) -> str:
    """The page of an alert."""
    return f"{ALERTS}/{number}"


def _asked(path: str, named: Mapping[str, str], part: int) -> str:
    told = {name: value for name, value in named.items() if value} | ({"part": str(part)} if part > 1 else {})
    return f"{path}?{urlencode(told)}" if told else path


TRY = f"{ALERTS}/test"
"""Where a message to everybody is asked for."""


def trial(number: int) -> str:
    """What became of a trial of the ways, which one of its messages names."""
    return f"{TRY}/{number}"


def answer(path: str) -> str:
    """Where programs are told the same as a page."""
    return f"/api/v1{path}"
