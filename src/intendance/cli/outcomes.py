"""Runs as answers: their JSON, and the lines that say what was done, where, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import typer

from intendance.agent.service import Outcome
from intendance.cli.figures import duration, moment, parse
from intendance.cli.output import Output
from intendance.cli.watching import described
from intendance.language.sizes import size
from intendance.model.errors import Exit
from intendance.runs.rows import Run
from intendance.system.clock import rfc3339


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


def answer(output: Output, outcomes: Sequence[Outcome]) -> None:
    """Print what came of the runs and leave with the contract's code: 0, 1 when all failed, 3 when some did."""
    if output.as_json:
        output.json({"schema": "intendance.runs/1", "runs": [as_json(outcome) for outcome in outcomes]})
    else:
        for outcome in outcomes:
            say(output, outcome)
    failed = [outcome for outcome in outcomes if outcome.run.state != "succeeded"]
    if failed:
        something = len(failed) < len(outcomes) or any(_left_something(outcome) for outcome in failed)
        raise typer.Exit(Exit.PARTIAL if something else Exit.FAILED)


def _left_something(outcome: Outcome) -> bool:
    """Whether a run that failed has done a part of its work: a set in some of its stores, some stores inspected."""
    return any(fact.kind in {"backup.completed", "inspection.completed"} for fact in outcome.evidence)


def say(output: Output, outcome: Outcome) -> None:
    """One run's end for people: done on stdout, anything else on stderr."""
    run = outcome.run
    if run.state == "succeeded" or _left_something(outcome):
        for line in _lines(outcome):
            typer.echo(line)
    if run.state != "succeeded":
        output.talk(f"error: {run.asset}: {described(run)} {_word(run)}. {run.message or ''}".rstrip())
        output.talk(f"  → {run.next_step or 'See it with `intendance run show ' + run.id + '`.'}")


def _lines(outcome: Outcome) -> list[str]:
    backup = outcome.latest("backup.completed")
    if backup is not None:
        return _backup_lines(outcome, backup.data, backup.seq)
    lines = []
    for fact in outcome.evidence:
        if fact.kind == "inspection.completed":
            lines += _inspection_lines(outcome.run, fact.data, fact.seq, outcome.zone)
        elif fact.kind == "inspection.failed":
            lines += [f"{outcome.run.asset}: {fact.data.message}", f"  → {fact.data.next_step}"]
    return lines or [f"{outcome.run.asset}: {described(outcome.run)} done in {took(outcome.run)}."]


def _backup_lines(outcome: Outcome, data: Any, seq: int) -> list[str]:
    run = outcome.run
    stores = " and ".join(data.stores)
    parts = f"{data.parts} part{'s' * (data.parts != 1)}"
    stored = f"{size(data.source_bytes)} stored as {size(data.stored_bytes)} in {parts} in {stores}"
    lines = [
        f"{run.asset}: {data.kind} backup done in {took(run)}: {stored}.",
        f"  set {data.set}, recovers to {moment(parse(data.recovers_to), outcome.zone)}",
        f"  encrypted to {len(data.recipients)} keys; ledger record {seq}",
    ]
    lines += [f"  note: {warning}" for warning in data.warnings]
    lines.append(f"  → See it come back: `intendance restore run {run.asset} --into DEST`.")
    return lines


def _inspection_lines(run: Run, data: Any, seq: int, zone: str) -> list[str]:
    words = f"{data.sets} set{'s' * (data.sets != 1)}, {size(data.stored_bytes)}"
    newest = next((seen for seen in data.newest if not seen.fault), None)
    lines = [
        f"{run.asset}: {data.store} holds {words}; {size(data.hashed_bytes)} re-read and compared; ledger record {seq}."
    ]
    if newest is not None:
        lines.append(f"  newest: {newest.set}, recovers to {moment(parse(newest.recovers_to), zone)}")
    lines += [f"  FAULT {seen.set}: {seen.fault}" for seen in data.damaged]
    if data.incomplete:
        attempts = f"{data.incomplete} incomplete attempt{'s' * (data.incomplete != 1)}"
        lines.append(f"  {attempts} of {size(data.incomplete_bytes)}, not listed")
    if data.sets == 0:
        lines.append(f"  → Make the first one: `intendance backup run {run.asset}`.")
    elif data.damaged:
        lines.append(
            f"  → Make a new one now: `intendance backup run {run.asset}`; keep the damaged ones and find out why."
        )
    return lines


def took(run: Run) -> str:
    """How long its last attempt took."""
    if run.started_at is None or run.ended_at is None:
        return "—"
    return duration(max(0.0, (run.ended_at - run.started_at).total_seconds()))


def _word(run: Run) -> str:
    words = {"failed": "failed", "cancelled": "was cancelled", "interrupted": "was interrupted"}
    return words.get(run.state, f"is {run.state}")


def _instant(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
