"""What `intendance run` says: names of activities and states, and a run's page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from intendance.cli.figures import Language, duration, local
from intendance.language.activities import activity_name
from intendance.language.spoken import told
from intendance.language.texts import Translator
from intendance.runs.rows import Run

if TYPE_CHECKING:
    from intendance.agent.service import Outcome

DOMAIN = "run_words"


def titles(_: Translator) -> tuple[str, ...]:
    """The columns of `run list`."""
    return (_("STARTED"), _("ASSET"), _("ACTIVITY"), _("STATE"), _("TOOK"), _("RUN"))


def kind(_: Translator, name: str) -> str:
    """`full`, `complète`: the kind of a backup, where the word backup does not stand before it."""
    known = {
        "logical": _("logical"),
        "physical": _("physical"),
        "full": _("full"),
        "differential": _("differential"),
    }
    return known.get(name, name)


def state(_: Translator, outcome: Outcome) -> str:
    """`running`, `en cours`; that its process is gone is said, for the journal does not know it yet."""
    known = {
        "queued": _("queued"),
        "running": _("running"),
        "succeeded": _("succeeded"),
        "failed": _("failed"),
        "cancelled": _("cancelled"),
        "interrupted": _("interrupted"),
    }
    said = known[outcome.run.state]
    return _("{state}, process gone").format(state=said) if outcome.worker_gone else said


def took(run: Run, language: Language) -> str:
    """How long its last attempt took."""
    if run.started_at is None or run.ended_at is None:
        return "—"
    return duration(max(0.0, (run.ended_at - run.started_at).total_seconds()), language)


def nothing(_: Translator) -> tuple[str, str]:
    """What `run list` says of an empty journal."""
    return _("Nothing has run yet."), "  → " + _("Make a first backup: `intendance backup run`.")


def gone(_: Translator) -> str:
    """What `run list` says below runs whose process is gone."""
    return _("A run whose process is gone is broken off; the agent or the next backup records it as such.")


def cancelled(_: Translator, outcome: Outcome) -> str:
    """What came of `run cancel`."""
    run, record = outcome.run, outcome.latest("run.ended")
    if record is None:
        return _("{run}: {state}.").format(run=run.id, state=state(_, outcome))
    return _("{run}: {state}; ledger record {seq}.").format(run=run.id, state=state(_, outcome), seq=record.seq)


def details(_: Translator, outcome: Outcome) -> Iterator[str]:
    """One run as a page."""
    run, zone = outcome.run, outcome.zone
    yield _("{run}: {state}").format(run=run.id, state=state(_, outcome))
    yield "  " + _("{activity} of {asset}, asked for by {actor}, attempt {attempt} of {allowed}").format(
        activity=activity_name(_.language, run.activity),
        asset=run.asset,
        actor=run.actor,
        attempt=run.attempt,
        allowed=max(run.attempt, run.attempts_allowed),
    )
    after = run.options.get("after")
    if after is not None:
        yield "  " + _("looks at what {run} stored").format(run=after)
    yield "  " + _("due {due}, queued {queued}").format(
        due=local(run.occurrence, zone), queued=local(run.queued_at, zone)
    )
    if run.started_at is not None and run.ended_at is not None:
        yield "  " + _("started {started}, ended {ended} after {took}").format(
            started=local(run.started_at, zone), ended=local(run.ended_at, zone), took=took(run, _.language)
        )
    elif run.started_at is not None:
        yield "  " + _("started {started}").format(started=local(run.started_at, zone))
    for step in outcome.steps:
        if step.seq is None:
            yield "  " + _("step {step}: committed by attempt {attempt}").format(step=step.name, attempt=step.attempt)
        else:
            yield "  " + _("step {step}: committed by attempt {attempt}, ledger record {seq}").format(
                step=step.name, attempt=step.attempt, seq=step.seq
            )
    for fact in outcome.evidence:
        yield "  " + _("evidence {kind}: ledger record {seq}").format(kind=fact.kind, seq=fact.seq)
    if run.message is not None:
        yield f"  {told(run.message, _.language)}"
        yield f"  → {told(run.next_step or '', _.language)}"
