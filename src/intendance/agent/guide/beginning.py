"""The first two steps: what is lost, and the last consistent set of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from intendance.activities.restore import perform as restore
from intendance.agent import restoring
from intendance.agent.compose import Node
from intendance.agent.guide.case import Case, Cases, Item, Wanted
from intendance.agent.moments import read_moment
from intendance.agent.service import did_you_mean
from intendance.agent.wanted import planned
from intendance.engines.replacing import Target, open_replacement, where
from intendance.model.errors import UsageError
from intendance.model.errors.guide import GuideFindsNothing, GuideImpossible
from intendance.model.errors.runs import SiteUnknown
from intendance.model.plan import Asset
from intendance.sets.manifest import Manifest
from intendance.sets.points import choose
from intendance.sets.sites import choose_together
from intendance.system.clock import rfc3339

_Job = tuple[restore.RestoreJob, restore.RestoreContext]
STAMP = "%Y%m%dT%H%M%SZ"
_ANY = {"mariadb": "any", "files": "/any", "sqlite": "/any"}
"""A destination of the right form, for asking which points there are: a name is a database on the living server."""


def begin(node: Node, wanted: Wanted, cases: Cases) -> Case:
    """What would be replaced by which sets; nothing is made yet. `cases` are the guides before, whose safety copies
    are not chosen unless one is named.

    Raises SiteUnknown, NotBackedUp, UsageError, GuideImpossible, GuideFindsNothing, NoPointReachable, the errors of
    times and stores, and what engines say of production.
    """
    assets = _assets(node, wanted)
    _expect_sense(wanted, assets)
    now = named_at = node.clock.read().at
    while cases.is_taken(f"{wanted.name}.guide.{named_at:{STAMP}}"):
        named_at += timedelta(seconds=1)
    stamp = f"{named_at:{STAMP}}"
    items = [
        item
        for asset, prepared in _chosen(node, wanted, assets, cases.safety_copies())
        for item in _items(asset, prepared, wanted, stamp)
    ]
    return Case(
        id=f"{wanted.name}.guide.{stamp}",
        wanted=wanted,
        site=wanted.name if wanted.name not in node.plan.assets else None,
        began_at=rfc3339(now),
        items=tuple(items),
    )


def _assets(node: Node, wanted: Wanted) -> list[Asset]:
    plan = node.plan
    if wanted.name in plan.assets:
        return [planned(node, wanted.name)]
    if wanted.name not in plan.sites:
        known = [*plan.assets, *plan.sites]
        raise SiteUnknown(name=wanted.name, suggestion=did_you_mean(wanted.name, known), known=", ".join(known))
    return [planned(node, name) for name in plan.sites[wanted.name].assets]


def _expect_sense(wanted: Wanted, assets: Sequence[Asset]) -> None:
    """That what was typed fits together, and what is named can hold it. Raises UsageError."""
    kinds = {asset.kind for asset in assets}
    if wanted.to is not None and wanted.point is not None:
        raise UsageError(message="`--to` and `--point` say the same in two ways: write one of them.")
    part = wanted.database or wanted.table or wanted.paths or wanted.point
    if len(assets) > 1 and part:
        raise UsageError(message=f"`{wanted.name}` is a site: name the asset of which only a part is lost.")
    if (wanted.database or wanted.table) and kinds != {"mariadb"}:
        raise UsageError(message=f"`--database` and `--table` go with a MariaDB server, and {wanted.name} is none.")
    if wanted.paths and kinds != {"files"}:
        raise UsageError(message=f"`--path` goes with a tree of files, and {wanted.name} is none.")


def _chosen(
    node: Node, wanted: Wanted, assets: Sequence[Asset], harmed: Collection[str]
) -> Iterator[tuple[Asset, restore.Prepared]]:
    """Of each asset the set to put back, none of the `harmed`; those of a site lie as close together as they can."""
    zone = node.plan.organisation.timezone
    target = None if wanted.to is None else read_moment(wanted.to, zone)
    jobs = [
        restoring.put_together(
            node,
            restoring.Asked(
                asset=asset.name,
                into=_ANY[asset.kind],
                to=wanted.to,
                point=wanted.point,
                store=wanted.store,
                guided=True,
            ),
        )
        for asset in assets
    ]
    candidates = {
        job.wish.asset: [point for point in restore.candidates(job, using) if point.set not in harmed]
        for job, using in jobs
    }
    if wanted.point is None:
        chosen = (
            choose_together(candidates, target, zone).points
            if len(jobs) > 1
            else (choose(candidates[assets[0].name], assets[0].name, target, zone),)
        )
        jobs = [
            (replace(job, wish=replace(job.wish, point=point.set, together=True)), using)
            for (job, using), point in zip(jobs, chosen, strict=True)
        ]
    for asset, (job, using) in zip(assets, jobs, strict=True):
        yield asset, restore.prepare(job, using)


def _items(asset: Asset, prepared: restore.Prepared, wanted: Wanted, stamp: str) -> Iterator[Item]:
    manifest = prepared.manifest
    if manifest.kind == "physical":
        raise GuideImpossible(
            asset=asset.name, detail="the stores hold only physical sets of it, which are whole servers"
        )
    for target, details, size in _targets(asset, manifest, wanted):
        found = where(asset, target, stamp)
        replacement = open_replacement(asset, target, stamp, found)
        try:
            standing = replacement.standing()
        finally:
            replacement.close()
        yield Item(
            asset=asset.name,
            engine=asset.kind,
            target=target,
            found=found,
            present=standing.present,
            standing_bytes=standing.bytes,
            set=prepared.plan.set,
            store=prepared.plan.store,
            kind=prepared.plan.kind,
            reached=rfc3339(prepared.plan.reached),
            source_bytes=size or prepared.plan.source_bytes,
            details=details,
        )


def _targets(asset: Asset, manifest: Manifest, wanted: Wanted) -> list[tuple[Target, dict[str, object], int]]:
    if asset.kind == "files":
        return [(Target(paths=wanted.paths), {}, 0)]
    if asset.kind == "sqlite":
        return [(Target(), dict(manifest.streams[0].details), 0)]
    held = {str(each.details["database"]): each for each in manifest.streams if "database" in each.details}
    names = list(held) if wanted.database is None else [wanted.database]
    if wanted.table is not None and len(names) > 1:
        raise UsageError(message=f"The set holds several databases ({', '.join(held)}): say which with `--database`.")
    if any(name not in held for name in names):
        raise GuideFindsNothing(wanted=f"the database {names[0]} (it holds: {', '.join(held)})")
    return [
        (Target(database=name, table=wanted.table), dict(held[name].details), held[name].source_bytes) for name in names
    ]
