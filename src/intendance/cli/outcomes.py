"""Runs as answers: their JSON, and the lines that say what was done, where, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from intendance.agent.service import Outcome
from intendance.cli import run_words
from intendance.cli.figures import moment, parse
from intendance.cli.output import Output
from intendance.language.activities import activity_name
from intendance.language.sizes import number, size
from intendance.language.spoken import told
from intendance.language.texts import Translator
from intendance.model.errors import Exit
from intendance.system.clock import rfc3339

DOMAINS = ("outcomes", run_words.DOMAIN)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One run for machines."""
    run = outcome.run
    error = None if run.error is None else {"code": run.error, "message": run.message, "next_step": run.next_step}
    return {
        "id": run.id,
        "asset": run.asset,
        "activity": run.activity,
        "state": run.state,
        "worker_gone": outcome.worker_gone,
        "attempt": run.attempt,
        "attempts_allowed": run.attempts_allowed,
        "actor": run.actor,
        "occurrence": rfc3339(run.occurrence),
        "queued_at": rfc3339(run.queued_at),
        "started_at": _instant(run.started_at),
        "ended_at": _instant(run.ended_at),
        "error": error,
        "evidence": [{"node": fact.node, "seq": fact.seq, "kind": fact.kind} for fact in outcome.evidence],
        "steps": [
            {
                "name": step.name,
                "attempt": step.attempt,
                "committed_at": rfc3339(step.committed_at),
                "seq": step.seq,
            }
            for step in outcome.steps
        ],
    }


def answer(output: Output, _: Translator, outcomes: Sequence[Outcome]) -> int:
    """Print what came of the runs; the contract's exit code: 0, 1 when all failed, 3 when some did."""
    if output.as_json:
        output.json({"schema": "intendance.runs/1", "runs": [as_json(outcome) for outcome in outcomes]})
    else:
        for outcome in outcomes:
            tell(output, _, outcome)
    failed = [outcome for outcome in outcomes if outcome.run.state != "succeeded"]
    if not failed:
        return Exit.DONE
    something = len(failed) < len(outcomes) or any(_left_something(outcome) for outcome in failed)
    return Exit.PARTIAL if something else Exit.FAILED


def _left_something(outcome: Outcome) -> bool:
    """Whether a run that failed has done a part of its work: a set in some of its stores, some stores inspected."""
    return any(fact.kind in {"backup.completed", "inspection.completed"} for fact in outcome.evidence)


def tell(output: Output, _: Translator, outcome: Outcome) -> None:
    """One run's end for people: done on stdout, anything else on stderr."""
    run = outcome.run
    if run.state == "succeeded" or _left_something(outcome):
        for line in _lines(_, outcome):
            output.say(line)
    if run.state != "succeeded":
        sentences = {
            "failed": _("error: {asset}: {activity} failed."),
            "cancelled": _("error: {asset}: {activity} was cancelled."),
            "interrupted": _("error: {asset}: {activity} was interrupted."),
        }
        said = sentences.get(run.state, _("error: {asset}: {activity} is {state}.")).format(
            asset=run.asset, activity=activity_name(_.language, run.activity), state=run_words.state(_, outcome)
        )
        output.talk(f"{said} {told(run.message or '', _.language)}".rstrip())
        step = told(run.next_step or "", _.language)
        output.talk(f"  → {step or _('See it with `intendance run show {run}`.').format(run=run.id)}")


def _lines(_: Translator, outcome: Outcome) -> list[str]:
    run = outcome.run
    backup = outcome.latest("backup.completed")
    if backup is not None:
        return list(_backup_lines(_, outcome, backup.data, backup.seq))
    lines: list[str] = []
    for fact in outcome.evidence:
        if fact.kind == "inspection.completed":
            lines += inspection_lines(_, run.asset, fact.data, fact.seq, outcome.zone)
        elif fact.kind == "inspection.failed":
            said = _("{asset}: {message}").format(asset=run.asset, message=told(fact.data.message, _.language))
            lines += [said, f"  → {told(fact.data.next_step, _.language)}"]
    done = _("{asset}: {activity} done in {took}.").format(
        asset=run.asset, activity=activity_name(_.language, run.activity), took=run_words.took(run, _.language)
    )
    return lines or [done]


def _backup_lines(_: Translator, outcome: Outcome, data: Any, seq: int) -> Iterator[str]:
    run = outcome.run
    yield _.plural(
        "{asset}: {activity} done in {took}: {source} stored as {stored} in {n} part in {stores}.",
        "{asset}: {activity} done in {took}: {source} stored as {stored} in {n} parts in {stores}.",
        data.parts,
    ).format(
        asset=run.asset,
        activity=activity_name(_.language, f"backup.{data.kind}"),
        took=run_words.took(run, _.language),
        source=size(data.source_bytes, _.language),
        stored=size(data.stored_bytes, _.language),
        n=number(data.parts, _.language),
        stores=_(" and ").join(data.stores),
    )
    recovers = moment(parse(data.recovers_to), outcome.zone)
    yield "  " + _("set {set}, recovers to {moment}").format(set=data.set, moment=recovers)
    count = len(data.recipients)
    yield "  " + _.plural(
        "encrypted to {n} key; ledger record {seq}", "encrypted to {n} keys; ledger record {seq}", count
    ).format(n=count, seq=seq)
    for warning in data.warnings:
        yield "  " + _("note: {text}").format(text=told(warning, _.language))
    yield "  → " + _("See it come back: `intendance restore run {asset} --into DEST`.").format(asset=run.asset)


def inspection_lines(_: Translator, asset: str, data: Any, seq: int, zone: str) -> Iterator[str]:
    """What was seen of an asset in one store, for people."""
    yield _.plural(
        "{asset}: {store} holds {n} set, {stored}; {hashed} re-read and compared; ledger record {seq}.",
        "{asset}: {store} holds {n} sets, {stored}; {hashed} re-read and compared; ledger record {seq}.",
        data.sets,
    ).format(
        asset=asset,
        store=data.store,
        n=number(data.sets, _.language),
        stored=size(data.stored_bytes, _.language),
        hashed=size(data.hashed_bytes, _.language),
        seq=seq,
    )
    newest = next((seen for seen in data.newest if not seen.fault), None)
    if newest is not None:
        recovers = moment(parse(newest.recovers_to), zone)
        yield "  " + _("newest: {set}, recovers to {moment}").format(set=newest.set, moment=recovers)
    for seen in data.damaged:
        yield "  " + _("FAULT {set}: {fault}").format(set=seen.set, fault=told(seen.fault, _.language))
    if data.incomplete:
        yield "  " + _.plural(
            "{n} incomplete attempt of {size}, not listed", "{n} incomplete attempts of {size}, not listed",
            data.incomplete,
        ).format(n=number(data.incomplete, _.language), size=size(data.incomplete_bytes, _.language))  # fmt: skip
    if data.sets == 0:
        yield "  → " + _("Make the first one: `intendance backup run {asset}`.").format(asset=asset)
    elif data.damaged:
        yield "  → " + _(
            "Make a new one now: `intendance backup run {asset}`; keep the damaged ones and find out why."
        ).format(asset=asset)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
