"""Recovery points and sets as answers: the contract's JSON, a table and a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

import typer

from intendance.agent.shelves import Lag, ListedPoint, Listing, ShownSet
from intendance.cli import run_words
from intendance.cli.figures import local, moment
from intendance.cli.output import Output
from intendance.language import durations
from intendance.language.activities import activity_name
from intendance.language.sizes import number, size
from intendance.language.spoken import told
from intendance.language.texts import Translator
from intendance.system.clock import rfc3339

DOMAINS = ("points", run_words.DOMAIN)
_LABEL_COLUMNS = 14
_FEWEST_COLUMNS = 12
"""For the names of stores, however narrow the terminal is."""


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
        "stores": [_lag_json(each) for each in listing.lags],
        "failures": [
            {"code": error.code, "message": error.message, "next_step": error.advice} for error in listing.failures
        ],
    }


def _lag_json(lag: Lag) -> dict[str, Any]:
    return {
        "asset": lag.asset,
        "store": lag.store,
        "newest_recovers_to": None if lag.newest_recovers_to is None else rfc3339(lag.newest_recovers_to),
        "behind_seconds": lag.behind_seconds,
        "lacks": lag.lacks,
        "lacks_bytes": lag.lacks_bytes,
        "inspected_at": None if lag.inspected_at is None else rfc3339(lag.inspected_at),
    }


def point_as_json(listed: ListedPoint) -> dict[str, Any]:
    """One point of `intendance.points/1`. `lock_until` is null: a listing asks no store for its locks."""
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
        "drilled_at": None if listed.drilled_at is None else rfc3339(listed.drilled_at),
    }


def draw(output: Output, _: Translator, listing: Listing) -> None:
    """The points as a table; what is faulty is said in words below it."""
    for line in table_lines(_, listing, output.columns()):
        typer.echo(line)
    for line in lag_lines(_, listing):
        typer.echo(line)
    for line in _remarks(_, listing):
        output.talk(line)


def table_lines(_: Translator, listing: Listing, columns: int | None) -> Iterator[str]:
    """One line for each point where that fits into `columns`; else its id above the rest, whole, since it is copied."""
    if not listing.points:
        return
    titles = (_("RECOVERS TO"), _("ASSET"), _("KIND"), _("STORED"), _("STORES"), _("INSPECTED"), _("SET"))
    rows = [titles, *(_cells(_, listed, listing.zone) for listed in listing.points)]
    whole = _aligned(rows)
    if columns is None or max(map(len, whole)) <= columns:
        yield from whole
        return
    # Without asset and kind, which the id says.
    fixed = _aligned([(recovers_to, stored, inspected) for recovers_to, _a, _k, stored, _s, inspected, _i in rows])
    begins = max(map(len, fixed)) + 4
    for row, line in zip(rows, fixed, strict=True):
        first, *more = wrap(row[4], max(columns - begins, _FEWEST_COLUMNS)) or [""]
        yield row[-1]
        yield f"  {line:{begins - 2}}{first}".rstrip()
        yield from (" " * begins + each for each in more)


def _cells(_: Translator, listed: ListedPoint, zone: str) -> tuple[str, ...]:
    point = listed.point
    seen = [at for at in listed.inspected_at.values() if at is not None]
    return (
        local(point.recovers_to, zone),
        point.asset,
        run_words.kind(_, point.kind),
        size(point.stored_bytes, _.language),
        ", ".join(point.stores) or _("none, faulty"),
        _("FAULTY") if point.doubt else local(max(seen), zone) if seen else _("not yet"),
        point.set,
    )


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as lines, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def lag_lines(_: Translator, listing: Listing) -> Iterator[str]:
    """How far each store is behind, for the assets that have several: one store is behind nothing."""
    several = {lag.asset for lag in listing.lags if any(o.asset == lag.asset and o != lag for o in listing.lags)}
    for lag in (each for each in listing.lags if each.asset in several):
        if lag.newest_recovers_to is None or lag.behind_seconds is None:
            said = (
                _("{asset}: {store} holds nothing yet") if lag.lacks else _("{asset}: nothing was made for {store} yet")
            )
        elif lag.behind_seconds:
            said = _("{asset}: {store} is {time} behind")
        else:
            said = _("{asset}: {store} has the newest set")
        more = _.plural("; {n} set is missing there, {size}", "; {n} sets are missing there, {size}", lag.lacks)
        more = more.format(n=number(lag.lacks, _.language), size=size(lag.lacks_bytes, _.language)) if lag.lacks else ""
        time = durations.write(lag.behind_seconds or 0, _.language, up=True)
        yield said.format(asset=lag.asset, store=lag.store, time=time) + more + "."


def _remarks(_: Translator, listing: Listing) -> Iterator[str]:
    for listed in listing.points:
        if listed.point.complaint:
            yield _("FAULT {set}: {fault}").format(set=listed.point.set, fault=told(listed.point.complaint, _.language))
    for name, fault in listing.unreadable.items():
        yield _("FAULT {set}: {fault}").format(set=name, fault=told(fault, _.language))
    for left in listing.remains:
        yield _.plural(
            "{asset}: {n} attempt without a manifest in {store}, {size}: never listed, not restorable.",
            "{asset}: {n} attempts without a manifest in {store}, {size}: never listed, not restorable.",
            left.attempts,
        ).format(asset=left.asset, n=left.attempts, store=left.store, size=size(left.stored_bytes, _.language))
    without = [asset for asset in listing.assets if all(listed.point.asset != asset for listed in listing.points)]
    if without and not listing.failures:
        yield _("No recovery point of {assets} yet.").format(assets=", ".join(without))
        yield "  → " + _("Make one: `intendance backup run {asset}`.").format(asset=without[0])


def set_as_json(shown: ShownSet) -> dict[str, Any]:
    """One set for machines: the point, and its manifest as it was signed."""
    import msgspec  # only here: drawing needs none of it

    return {
        "schema": "intendance.set-shown/1",
        "point": point_as_json(shown.listed),
        "manifest": msgspec.to_builtins(shown.manifest),
    }


def set_lines(_: Translator, shown: ShownSet) -> Iterator[str]:
    """One set as a page."""
    point, manifest = shown.listed.point, shown.manifest
    yield f"{point.set}" + (
        "  " + _("FAULT: {fault}").format(fault=told(point.complaint, _.language)) if point.complaint else ""
    )
    yield "  " + _("{activity} of {asset} ({engine} {version}) by {software}").format(
        activity=activity_name(_.language, f"backup.{point.kind}"),
        asset=point.asset,
        engine=point.engine,
        version=manifest.engine_version,
        software=manifest.software,
    )
    for label, text in _rows(_, shown):
        yield f"  {label:{_LABEL_COLUMNS}}{text}" if label else f"    {text}"
    for warning in manifest.warnings:
        yield "  " + _("note: {text}").format(text=told(warning, _.language))
    yield "  → " + _("Restore it: `intendance restore run {asset} --point {set} --into DEST`.").format(
        asset=point.asset, set=point.set
    )


def _rows(_: Translator, shown: ShownSet) -> Iterator[tuple[str, str]]:
    """What stands in the page's two columns; a stream stands below the size, without a label."""
    point, manifest, zone = shown.listed.point, shown.manifest, shown.zone
    if point.base is not None:
        yield _("builds on"), _("{base}, which a restore needs as well").format(base=point.base)
    yield _("recovers to"), moment(point.recovers_to, zone)
    yield (
        _("made"),
        _("{began} to {ended}").format(began=local(point.started_at, zone), ended=local(point.completed_at, zone)),
    )
    yield (
        _("size"),
        _.plural(
            "{source}, stored as {stored} in {n} part", "{source}, stored as {stored} in {n} parts", point.parts
        ).format(
            source=size(point.source_bytes, _.language),
            stored=size(point.stored_bytes, _.language),
            n=number(point.parts, _.language),
        ),
    )
    for stream in manifest.streams:
        count = len(stream.parts)
        yield (
            "",
            _.plural("{name}: {size} of {media} in {n} part", "{name}: {size} of {media} in {n} parts", count).format(
                name=stream.name,
                size=size(stream.source_bytes, _.language),
                media=stream.media,
                n=number(count, _.language),
            ),
        )
    path = f"{manifest.fleet}/{manifest.node}/{manifest.asset}/{manifest.set}"
    for store, at in shown.listed.inspected_at.items():
        if at is None:
            yield _("store"), _("{store}: {path} (not inspected yet)").format(store=store, path=path)
        else:
            when = local(at, zone)
            yield _("store"), _("{store}: {path} (inspected {when})").format(store=store, path=path, when=when)
    if shown.listed.drilled_at is not None:
        yield _("drilled"), moment(shown.listed.drilled_at, zone)
    for fingerprint in point.recipients:
        yield _("opens with"), fingerprint
    yield (
        _("manifest"),
        _("sha256 {hash}, number {n} of its chain").format(hash=point.manifest_sha256, n=manifest.sequence),
    )
