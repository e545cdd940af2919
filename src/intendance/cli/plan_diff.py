"""What adopting a plan would do, drawn for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from intendance.agent.comparing import Comparison
from intendance.cli.plan_problems import declared
from intendance.language import dates
from intendance.language.sizes import number, size
from intendance.language.texts import Translator
from intendance.plan.change import Change
from intendance.plan.saying import plain


def lines(_: Translator, comparison: Comparison, file: str) -> Iterator[str]:
    """`plan diff` for people: what starts, what stops, what changes, what would be deleted, what must be confirmed."""
    if comparison.seq is None:
        yield _("No plan is in force here: all of {file} would begin.").format(file=file)
        yield from declared(_, comparison.plan.declared)
        for change in comparison.changes:
            yield f"  ! {change.said.write(_)}"
        yield from _next(_, comparison, file)
        return
    if comparison.same:
        yield _("{file} is in force: record {seq} of the ledger. Nothing would change.").format(
            file=file, seq=comparison.seq
        )
        return
    yield _("{file} beside the plan in force (record {seq} of the ledger):").format(file=file, seq=comparison.seq)
    if not comparison.changes:
        yield _("Only its wording is another; nothing of what is done would change.")
    for effect, title in (("starts", _("Starts:")), ("stops", _("Stops:")), ("changes", _("Changes:"))):
        found = [change for change in comparison.changes if change.effect == effect]
        if found:
            yield title
        for change in found:
            mark = "!" if change.severe else "-"
            yield f"  {mark} {change.said.write(_)}"
    yield from _deleted(_, comparison)
    yield from _next(_, comparison, file)


def _deleted(_: Translator, comparison: Comparison) -> Iterator[str]:
    zone = comparison.plan.organisation.timezone
    found = [each for each in comparison.outlived if each.points]
    if not found:
        yield _("Nothing would be deleted.")
        return
    yield _("No longer kept (this version deletes nothing by itself):")
    for each in found:
        told = _.plural(
            "{asset}: {n} recovery point from before {moment}, {size}",
            "{asset}: {n} recovery points from before {moment}, {size}",
            each.points,
        )
        yield "  ! " + told.format(
            asset=each.asset,
            n=number(each.points, _.language),
            moment=dates.moment(each.before, zone, _.language),
            size=size(each.stored_bytes, _.language),
        )


def _next(_: Translator, comparison: Comparison, file: str) -> Iterator[str]:
    confirm = "".join(f" --confirm {name}" for name in comparison.to_confirm)
    command = f"`intendance plan adopt {file}{confirm}`"
    if confirm:
        said = _("What is marked with ! takes protection away or cannot be undone. If that is meant: {command}")
    else:
        said = _("Put it in force: {command}")
    yield "  → " + said.format(command=command)


def change_json(change: Change) -> dict[str, Any]:
    """A change for machines: its code and parameters, its sentence in English."""
    return {
        "name": change.name,
        "code": change.code,
        "effect": change.effect,
        "severe": change.severe,
        "sentence": change.sentence,
        "params": plain(change.said.params),
    }


def answer(comparison: Comparison, file: str) -> dict[str, Any]:
    """`plan diff --json`."""
    return {
        "schema": "intendance.plan-diff/1",
        "file": file,
        "in_force": None if comparison.seq is None else {"node": comparison.plan.node.id, "seq": comparison.seq},
        "same": comparison.same,
        "changes": [change_json(change) for change in comparison.changes],
        "outlived": [
            {
                "asset": each.asset,
                "points": each.points,
                "stored_bytes": each.stored_bytes,
                "before": dates.iso(each.before),
            }
            for each in comparison.outlived
        ],
        "declared": list(comparison.plan.declared),
        "to_confirm": list(comparison.to_confirm),
    }
