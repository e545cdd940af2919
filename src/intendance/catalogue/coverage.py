"""What the last inventory found on the node and the plan does not cover; and what it looked for and did not find. Pure.

A rule names in `inventory` what it must cover. A database is covered by the asset of its server, if that keeps the
database, or of its file: a copy among the files of a tree may catch it in the middle of a write. A web root is covered
when each of its trees lies within declared trees and is not left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from posixpath import relpath
from typing import Any

from intendance.catalogue.excluding import leaves_out
from intendance.catalogue.finding import Finding, after, seconds_held, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken, WebRootFound
from intendance.model.evidence.lifecycle import AssetDeclared
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact, Param, State

NAMED = 5
"""As many of the things found are named; the others are counted."""

Taken = Fact[InventoryTaken]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncovered:
    """Something found that no asset of the plan keeps: its identity, and how to name it to people."""

    identity: str
    name: str


def uncovered(rule: Rule, taken: Taken | None, declared: Iterable[AssetDeclared]) -> tuple[Uncovered, ...]:
    """What the inventory found, the rule must cover, and no asset does; each once, in the order found."""
    if taken is None:
        return ()
    assets = tuple(declared)
    found: list[Uncovered] = []
    if "databases" in rule.inventory:
        found += _databases(taken.data.databases, rule, assets)
    if "web_roots" in rule.inventory:
        found += _web_roots(taken.data.web_roots, assets)
    return tuple({each.identity: each for each in found}.values())


def broken(things: Sequence[Uncovered], taken: Taken) -> Finding:
    """The finding that things are there which the plan does not cover. An old inventory does not make them go away."""
    named = ", ".join(each.name for each in things[:NAMED])
    params: Mapping[str, Param] = {"things": named, "count": len(things), "seen_at": taken.at}
    return Finding(State.FAIL, "undeclared", params, taken.at, (taken,), Attestor.SELF)


def nothing_to_judge(rule: Rule, taken: Taken | None, plan: Fact[Any], now: datetime) -> Finding:
    """The finding on a rule without a subject: without concern only where a whole, fresh inventory found none."""
    if taken is None or not _looked_for(rule):
        return Finding(State.UNKNOWN, "no_subject", since=plan.at, cites=(plan,))
    bound = timedelta(seconds=rule.seconds("inventory.age_max"))
    params: dict[str, Param] = {"seen_at": taken.at}
    if now > taken.at + bound:
        age = {"age_s": seconds_lost(now - taken.at), "bound_s": int(bound.total_seconds())}
        return Finding(State.UNKNOWN, "inventory_old", params | age, taken.at + bound, (taken,))
    if taken.data.not_seen or taken.data.beyond:
        first = taken.data.not_seen[0].what if taken.data.not_seen else "…"
        params |= {"what": first, "count": len(taken.data.not_seen) + taken.data.beyond}
        return Finding(State.UNKNOWN, "inventory_partial", params, taken.at, (taken,))
    params["age_s"] = seconds_held(now - taken.at)
    until = after(taken.at + bound)
    return Finding(State.NOT_APPLICABLE, "none_found", params, taken.at, (taken,), Attestor.SELF, until)


def _looked_for(rule: Rule) -> bool:
    """Whether an inventory that finds nothing says that the rule has no subject here."""
    return bool(rule.inventory)


def _databases(found: Iterable[DatabaseFound], rule: Rule, assets: Sequence[AssetDeclared]) -> Iterator[Uncovered]:
    for each in found:
        if each.engine in rule.applies_to and not any(_keeps(asset, each) for asset in assets):
            place = each.identities[0] if each.identities else each.engine
            identity = f"{place}#{each.name}" if each.name else place
            name = f"{each.name} ({place})" if each.name else place
            yield Uncovered(identity=identity, name=name)


def _keeps(asset: AssetDeclared, found: DatabaseFound) -> bool:
    if asset.engine != found.engine or asset.identity not in found.identities:
        return False
    kept = databases_of(asset)
    return not kept or not found.name or found.name in kept


def databases_of(asset: AssetDeclared) -> tuple[str, ...]:
    """The databases that an asset keeps; empty: all of its server. Records of before say it in `subject` alone."""
    if asset.databases or asset.engine == "files" or asset.subject.startswith("all databases at "):
        return asset.databases
    return tuple(asset.subject.rpartition(" at ")[0].split(", ")) if " at " in asset.subject else ()


def _web_roots(found: Iterable[WebRootFound], assets: Sequence[AssetDeclared]) -> Iterator[Uncovered]:
    trees = [asset for asset in assets if asset.engine == "files"]
    for root in found:
        missing = [tree for tree in root.trees if not any(_holds(asset, tree) for asset in trees)]
        if missing:
            named = f"{root.path} ({root.application})" if root.application else root.path
            yield Uncovered(identity=f"files:{root.path}", name=named)


def _holds(asset: AssetDeclared, path: str) -> bool:
    """Whether a declared tree holds a path and does not leave it out."""
    inside = relpath(path, _path(asset.identity))
    return inside.split("/")[0] != ".." and (inside == "." or not leaves_out(asset.exclude, inside))


def _path(identity: str) -> str:
    return identity.partition(":")[2]
