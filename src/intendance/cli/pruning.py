"""What becomes of stored sets, line by line with its reason, and what a pruning did: for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from intendance.agent import pruning
from intendance.agent.pruning import Previewed, Pruned
from intendance.cli.figures import local
from intendance.cli.output import INTERRUPTED, Invocation, Output
from intendance.cli.watching import Onlooker
from intendance.language.sizes import number, size
from intendance.language.texts import Translator, translator
from intendance.model.errors import Exit
from intendance.model.errors.prune import PruneCancelled, PruneNotConfirmed
from intendance.system.clock import rfc3339

DOMAIN = "pruning"
_ACT_COLUMNS = 10


def show(invocation: Invocation, output: Output, plans: Sequence[Path], asset: str | None) -> None:
    """`backup prune --dry-run`."""
    found = pruning.preview(invocation.state, invocation.clock, plans=plans, asset=asset)
    if output.as_json:
        output.json(preview_json(found))
    else:
        _ = translator(invocation.language, DOMAIN)
        for line in preview_lines(_, found):
            typer.echo(line)
    failures = [error for each in found for error in each.failures]
    for error in failures:
        output.talk(f"error: {error.message}")
        output.talk(f"  → {error.advice}")
    if failures:
        raise typer.Exit(Exit.PARTIAL if any(each.stores for each in found) else Exit.FAILED)


def delete(
    invocation: Invocation, output: Output, plans: Sequence[Path], asset: str | None, confirm: str | None
) -> None:
    """`backup prune --confirm ASSET`."""
    chosen = asset or (confirm or "").partition(":")[0]
    if confirm is None or not chosen:
        raise PruneNotConfirmed(asset=asset or "ASSET")
    onlooker = Onlooker(output, invocation.language)
    try:
        done = pruning.run(
            invocation.state, invocation.clock, plans=plans, asset=chosen, confirmed=confirm, moved=onlooker.reading
        )
    except PruneCancelled as cancelled:
        onlooker.ended()
        output.report(cancelled)
        raise typer.Exit(INTERRUPTED) from None
    finally:
        onlooker.ended()
    if output.as_json:
        output.json(pruned_json(done))
        return
    for line in pruned_lines(translator(invocation.language, DOMAIN), done):
        typer.echo(line)


def preview_lines(_: Translator, found: Sequence[Previewed]) -> Iterator[str]:
    """Each store of each asset: a sentence, a line for each set, and what to type."""
    for index, each in enumerate(found):
        if index:
            yield ""
        for looked in each.stores:
            count = len(looked.sets.decisions)
            yield _.plural(
                "{asset} in {store}: {n} set, as of {when}.", "{asset} in {store}: {n} sets, as of {when}.", count
            ).format(
                asset=each.asset, store=looked.store, n=number(count, _.language), when=local(looked.now, each.zone)
            )
            for decision in looked.sets.decisions:
                yield from _set_lines(_, decision, each.zone)
            for attempt in looked.attempts:
                yield from _attempt_lines(_, attempt, each.zone)
        yield from _next(_, each)


def _set_lines(_: Translator, decision: Any, zone: str) -> Iterator[str]:
    act = _act(_, decision.act)
    yield f"  {act:{_ACT_COLUMNS}}{decision.stored.set}  {size(decision.stored.stored_bytes, _.language)}"
    for why in decision.why:
        yield f"  {'':{_ACT_COLUMNS}}{_why(_, why, zone)}"


def _attempt_lines(_: Translator, decision: Any, zone: str) -> Iterator[str]:
    act = _act(_, decision.act)
    yield f"  {act:{_ACT_COLUMNS}}{decision.attempt.set}  {size(decision.attempt.stored_bytes, _.language)}"
    yield f"  {'':{_ACT_COLUMNS}}{_attempt_why(_, decision.why, zone)}"


def _act(_: Translator, act: str) -> str:
    known = {
        "keep": _("kept"),
        "blocked": _("held"),
        "mark": _("to mark"),
        "wait": _("marked"),
        "delete": _("DELETE"),
    }
    return known[act]


def _why(_: Translator, why: Any, zone: str) -> str:
    sentences = {
        "points": _("every set is kept until {until}"),
        "floor": _("the first of its day: the rules keep it until {until}"),
        "daily": _("the first of its day: kept until {until}"),
        "weekly": _("the first of its week: kept until {until}"),
        "monthly": _("the first of its month: kept until {until}"),
        "legal": _("kept for the law until {until}"),
        "base": _("{set} builds on it"),
        "last_verified": _("one of the last two that were read again whole"),
        "few_verified": _("fewer than two sets were read again whole: all are kept"),
        "not_drilled": _("no newer set was drilled"),
        "held": _("in use: {detail}"),
        "untrusted": _("not what the node stored, for a person to look at: {detail}"),
        "locked": _("the store locks it until {until}"),
        "ceiling": _("due, beyond what one run deletes by itself"),
        "builds_on": _("due, but {set} builds on it and stays for now"),
        "mark": _("nothing keeps it: it will be marked, and may go a week later"),
        "marked": _("nothing keeps it: it may go from {until} on"),
        "expired": _("nothing keeps it, and {set}, which is newer, was drilled"),
    }
    until = "" if why.until is None else local(why.until, zone)
    return sentences[why.code].format(until=until, set=why.set, detail=why.detail)


def _attempt_why(_: Translator, why: Any, zone: str) -> str:
    sentences = {
        "begun": _("a deletion that was broken off: it is finished"),
        "recorded": _("a set of the ledger that lost its manifest, for a person to look at"),
        "held": _("an attempt that is at work"),
        "at_work": _("an attempt without a manifest that may be at work until {until}"),
        "mark": _("an attempt that never became a set: it will be marked, and may go a week later"),
        "marked": _("an attempt that never became a set: it may go from {until} on"),
        "incomplete": _("an attempt that never became a set"),
    }
    until = "" if why.until is None else local(why.until, zone)
    return sentences[why.code].format(until=until)


def _next(_: Translator, each: Previewed) -> Iterator[str]:
    now = sum(len(looked.sets.sets("delete")) for looked in each.stores)
    if each.refused is not None:
        yield f"  → {each.refused.message} {each.refused.advice}"
        return
    if not each.stores:
        return
    command = f"`intendance backup prune {each.asset} --confirm {each.asset}`"
    yield "  → " + _("Mark and delete as above: {command}").format(command=command)
    if each.due > now:
        command = f"`intendance backup prune {each.asset} --confirm {each.asset}:{each.due}`"
        yield "  → " + _("Delete all {n} that are due at once: {command}").format(n=each.due, command=command)


def preview_json(found: Sequence[Previewed]) -> dict[str, Any]:
    """`intendance.prune-plan/1`."""
    return {"schema": "intendance.prune-plan/1", "assets": [_asset_json(each) for each in found]}


def _asset_json(each: Previewed) -> dict[str, Any]:
    legal = each.retention.legal
    return {
        "asset": each.asset,
        "retention": {
            "points_days": each.retention.points_days,
            "floor_days": each.retention.floor_days,
            "daily_days": each.retention.daily_days,
            "weekly_days": each.retention.weekly_days,
            "monthly_days": each.retention.monthly_days,
            "legal": legal and {"select": legal.select, "kind": legal.kind, "keep_days": legal.keep_days},
        },
        "refused": None if each.refused is None else _error_json(each.refused),
        "due": each.due,
        "stores": [
            {
                "store": looked.store,
                "judged_at": rfc3339(looked.now),
                "ceiling": looked.sets.ceiling,
                "due": looked.sets.due,
                "sets": [_decision_json(decision) for decision in looked.sets.decisions],
                "attempts": [
                    {
                        "id": one.attempt.set,
                        "act": one.act,
                        "newest_at": rfc3339(one.attempt.newest_at),
                        "stored_bytes": one.attempt.stored_bytes,
                        "why": [_why_json(one.why)],
                    }
                    for one in looked.attempts
                ],
            }
            for looked in each.stores
        ],
        "failures": [_error_json(error) for error in each.failures],
    }


def _error_json(error: Any) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "next_step": error.advice}


def _decision_json(decision: Any) -> dict[str, Any]:
    stored = decision.stored
    return {
        "id": stored.set,
        "kind": stored.kind,
        "act": decision.act,
        "stored_at": rfc3339(stored.stored_at),
        "recovers_to": rfc3339(stored.recovers_to),
        "stored_bytes": stored.stored_bytes,
        "verified": stored.verified,
        "lock_until": _instant(stored.lock_until),
        "marked_at": _instant(decision.marked_at),
        "why": [_why_json(why) for why in decision.why],
    }


def _why_json(why: Any) -> dict[str, Any]:
    return {"code": why.code, "until": _instant(why.until), "set": why.set, "detail": why.detail or None}


def _instant(at: Any) -> str | None:
    return None if at is None else rfc3339(at)


def pruned_lines(_: Translator, done: Pruned) -> Iterator[str]:
    """What was marked and what was deleted, store by store."""
    for record in done.records:
        data = record.data
        if record.kind == "prune.marked":
            for each in data["sets"]:
                yield _("{store}: {set} is marked: from a week on it may go.").format(
                    store=data["store"], set=each["set"]
                )
            for name in data["lifted"]:
                yield _("{store}: {set} is kept again, and no longer marked.").format(store=data["store"], set=name)
        elif record.kind == "prune.completed":
            for each in data["sets"]:
                yield _("{store}: {set} is deleted, {size}.").format(
                    store=data["store"], set=each["set"], size=size(each["stored_bytes"], _.language)
                )
    for last in done.last:
        yield _.plural("{store}: {n} set is left.", "{store}: {n} sets are left.", last.kept).format(
            store=last.store, n=number(last.kept, _.language)
        )
    seq = done.records[-1].seq if done.records else 0
    yield _("Recorded up to record {seq} of the ledger of {node}.").format(seq=seq, node=done.node)


def pruned_json(done: Pruned) -> dict[str, Any]:
    """`intendance.pruned/1`: the data of every record that the pruning left."""
    return {
        "schema": "intendance.pruned/1",
        "asset": done.asset,
        "records": [
            {"kind": record.kind, "data": record.data, "evidence": {"node": done.node, "seq": record.seq}}
            for record in done.records
        ],
    }
