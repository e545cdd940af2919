"""Where each page is."""

from __future__ import annotations

from urllib.parse import quote

WALL = "/"
RULES = "/rules"
LEDGER = "/ledger"
NODES = "/nodes"
ALERTS = "/alerts"
ACCOUNT = "/account"


def node(name: str) -> str:
    """The page of a node."""
    return f"{NODES}/{quote(name, safe='')}"


def plan(node_name: str) -> str:
    """The page of the plan of a node."""
    return f"{node(node_name)}/plan"


def asset(node_name: str, name: str) -> str:
    """The page of an asset of a node."""
    return f"{node(node_name)}/assets/{quote(name, safe='')}"


def of(node_name: str, asset_name: str | None) -> str:
    """The page of what a verdict is about: an asset, or a node itself."""
    return asset(node_name, asset_name) if asset_name else node(node_name)


def site(name: str) -> str:
    """The nodes of a site."""
    return f"{NODES}?site={quote(name, safe='')}"


def rule(name: str) -> str:
    """The page of a rule."""
    return f"{RULES}/{quote(name, safe='')}"


def ledger(node_name: str, before: int | None = None) -> str:
    """The ledger of a node; with `before`, its records before that one."""
    return f"{LEDGER}/{quote(node_name, safe='')}" + ("" if before is None else f"?before={before}")


def record(node_name: str, seq: int) -> str:
    """The page of a record of a node's ledger."""
    return f"{LEDGER}/{quote(node_name, safe='')}/{seq}"


def alert(number: int) -> str:
    """The page of an alert."""
    return f"{ALERTS}/{number}"


def answer(path: str) -> str:
    """Where programs are told the same as a page."""
    return f"/api/v1{path}"
