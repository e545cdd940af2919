"""Recovery points and sets as answers: the contract's JSON, a table and a page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from intendance.agent.shelves import ListedPoint, Listing, ShownSet
from intendance.cli.figures import local, moment
from intendance.cli.output import Output
from intendance.language.sizes import size
from intendance.system.clock import rfc3339


def as_json(listing: Listing) -> dict[str, Any]:
    """`intendance.points/1`."""
    return {
        "schema": "intendance.points/1",
        "points": [point_as_json(listed) for listed in listing.points],
        "unreadable": [{"id": name, "fault": fault} for name, fault in listing.unreadable.items()],
        "remains": [
            {"asset": each.asset, "store": each.store, "attempts": each.attempts, "stored_bytes": each.stored_bytes}
            for each in listing.remains
        ],
        "failures": [
            {"code": error.code, "message": error.message, "next_step": error.advice} for error in listing.failures
        ],
    }


def point_as_json(listed: ListedPoint) -> dict[str, Any]:
    """One point of `intendance.points/1`. A directory locks nothing and no drill exists yet: both are null."""
    point = listed.point
    return {
        "id": point.set,
        "asset": point.asset,
        "engine": point.engine,
        "kind": point.kind,
        "base": point.base,
        "started_at": rfc3339(point.started_at),
        "completed_at": rfc3339(point.completed_at),
        "recoverable_from": rfc3339(point.recovers_to),
        "recoverable_until": rfc3339(point.recovers_to),
        "stores": [
            {"name": store, "inspected_at": None if at is None else rfc3339(at), "lock_until": None}
            for store, at in listed.inspected_at.items()
        ],
        "stored_bytes": point.stored_bytes,
        "source_bytes": point.source_bytes,
        "parts": point.parts,
        "recipients": list(point.recipients),
        "manifest_sha256": point.manifest_sha256,
        "fault": point.fault or None,
        "found_faulty": point.doubt or None,
        "drilled_at": None,
    }


def draw(output: Output, listing: Listing) -> None:
    """The points as a table; what is faulty is said in words below it."""
    from rich.table import Table  # drawn only for people

    table = Table(box=None, pad_edge=False)
    for title in ("RECOVERS TO", "ASSET", "KIND", "STORED", "STORES", "INSPECTED", "SET"):
        table.add_column(title, no_wrap=title == "SET", overflow="fold", min_width=len(title))
    for listed in listing.points:
        point = listed.point
        seen = [at for at in listed.inspected_at.values() if at is not None]
        table.add_row(
            local(point.recovers_to, listing.zone),
            point.asset,
            point.kind,
            size(point.stored_bytes),
            ", ".join(point.stores) or "none, faulty",
            "FAULTY" if point.doubt else local(max(seen), listing.zone) if seen else "not yet",
            point.set,
        )
    if listing.points:
        output.console().print(table)
    for line in _remarks(listing):
        output.talk(line)


def _remarks(listing: Listing) -> Iterator[str]:
    for listed in listing.points:
        if listed.point.complaint:
            yield f"FAULT {listed.point.set}: {listed.point.complaint}"
    for name, fault in listing.unreadable.items():
        yield f"FAULT {name}: {fault}"
    for left in listing.remains:
        what = f"{left.attempts} attempt{'s' * (left.attempts != 1)} without a manifest"
        yield f"{left.asset}: {what} in {left.store}, {size(left.stored_bytes)}: never listed, not restorable."
    without = [asset for asset in listing.assets if all(listed.point.asset != asset for listed in listing.points)]
    if without and not listing.failures:
        yield f"No recovery point of {', '.join(without)} yet."
        yield f"  → Make one: `intendance backup run {without[0]}`."


def set_as_json(shown: ShownSet) -> dict[str, Any]:
    """One set for machines: the point, and its manifest as it was signed."""
    import msgspec  # only here: drawing needs none of it

    return {
        "schema": "intendance.set-shown/1",
        "point": point_as_json(shown.listed),
        "manifest": msgspec.to_builtins(shown.manifest),
    }


def set_lines(shown: ShownSet) -> Iterator[str]:
    """One set as a page."""
    point, manifest, zone = shown.listed.point, shown.manifest, shown.zone
    yield f"{point.set}" + (f"  FAULT: {point.complaint}" if point.complaint else "")
    yield f"  {point.kind} backup of {point.asset} ({point.engine} {manifest.engine_version}) by {manifest.software}"
    if point.base is not None:
        yield f"  builds on     {point.base}, which a restore needs as well"
    yield f"  recovers to   {moment(point.recovers_to, zone)}"
    yield f"  made          {local(point.started_at, zone)} to {local(point.completed_at, zone)}"
    yield f"  size          {size(point.source_bytes)}, stored as {size(point.stored_bytes)} in {_parts(point.parts)}"
    for stream in manifest.streams:
        yield f"    {stream.name}: {size(stream.source_bytes)} of {stream.media} in {_parts(len(stream.parts))}"
    for store, at in shown.listed.inspected_at.items():
        seen = "not inspected yet" if at is None else f"inspected {local(at, zone)}"
        yield f"  store         {store}: {manifest.fleet}/{manifest.node}/{manifest.asset}/{manifest.set} ({seen})"
    for fingerprint in point.recipients:
        yield f"  opens with    {fingerprint}"
    yield f"  manifest      sha256 {point.manifest_sha256}, number {manifest.sequence} of its chain"
    for warning in manifest.warnings:
        yield f"  note: {warning}"
    yield f"  → Restore it: `intendance restore run {point.asset} --point {point.set} --into DEST`."


def _parts(count: int) -> str:
    return f"{count} part{'s' * (count != 1)}"
