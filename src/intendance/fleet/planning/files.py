"""The compiled plans in a manager's state folder: that of the fleet, and one for each node of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256

from intendance.fleet.layout import ManagerLayout
from intendance.model.errors.fleet import FleetOfAnother
from intendance.model.plan import Plan
from intendance.plan.adopted import encode
from intendance.system.publish import publish


def expect_fleet(layout: ManagerLayout, fleet: str) -> None:
    """That a manager of no other fleet was ever started there: before anything of it is written over. Raises
    FleetOfAnother, OSError."""
    for file in (layout.settings, layout.plan):
        with suppress(FileNotFoundError, ValueError, AttributeError):
            kept = json.loads(file.read_bytes()).get("fleet")
            if kept and kept != fleet:
                raise FleetOfAnother(kept=kept, named=fleet)


def write(layout: ManagerLayout, plans: Mapping[str, Plan]) -> None:
    """Put plans in force, each by its node; the first is the one by which people are told, and comes last. Raises
    OSError."""
    layout.plans.mkdir(mode=0o700, parents=True, exist_ok=True)
    for node, plan in plans.items():
        publish(layout.plans / f"{node}.json", encode(plan), mode=0o600, replace=True)
    kept = {f"{node}.json" for node in plans}
    for file in layout.plans.glob("*.json"):
        if file.name not in kept:
            file.unlink(missing_ok=True)
    publish(layout.plan, encode(next(iter(plans.values()))), mode=0o600, replace=True)


def in_force(layout: ManagerLayout) -> bytes:
    """A line for each plan that lies there, as `sha256sum` writes them, by node. Raises OSError."""
    return _sheet({file.stem: file.read_bytes() for file in layout.plans.glob("*.json")})


def planned(plans: Mapping[str, Plan]) -> bytes:
    """The same of plans that are not written yet."""
    return _sheet({node: encode(plan) for node, plan in plans.items()})


def _sheet(compiled: Mapping[str, bytes]) -> bytes:
    lines = (f"{sha256(content).hexdigest()}  {node}.json\n" for node, content in sorted(compiled.items()))
    return "".join(lines).encode()
