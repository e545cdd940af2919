"""What `backup run` and `backup inspect` do and answer. It imports no Typer: a plain `backup run` does without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from intendance.agent import service
from intendance.agent.follow import Detached, Watcher
from intendance.agent.service import Outcome
from intendance.cli import outcomes
from intendance.cli.output import INTERRUPTED, Invocation, Output
from intendance.cli.watching import Onlooker
from intendance.cli.words import BackupAsked
from intendance.language.texts import translator
from intendance.model.errors import IntendanceError

DOMAIN = "backing_up"


def back_up(invocation: Invocation, asked: BackupAsked) -> int:
    """Back up and say what came of it; the exit code. Raises the errors of `service.back_up`."""
    output = Output(as_json=asked.json)
    _note_other_plan(invocation, output)
    return _perform(
        invocation,
        output,
        lambda watcher: service.back_up(
            invocation.state,
            invocation.clock,
            asset=asked.asset,
            kind=asked.kind,
            watcher=watcher,
            inspected=asked.inspected,
            ready=invocation.ready,
        ),
    )


def inspect(invocation: Invocation, *, asset: str | None, deep: bool, as_json: bool) -> int:
    """Look into the stores and say what was found; the exit code. Raises the errors of `service.inspect`."""
    return _perform(
        invocation,
        Output(as_json=as_json),
        lambda watcher: service.inspect(invocation.state, invocation.clock, asset=asset, deep=deep, watcher=watcher),
    )


def _perform(invocation: Invocation, output: Output, work: Callable[[Watcher], tuple[Outcome, ...]]) -> int:
    """Raises the errors of the use case."""
    _ = translator(invocation.language, DOMAIN, *outcomes.DOMAINS)
    onlooker = Onlooker(output, invocation.language)
    try:
        found = work(onlooker)
    except Detached as left:
        onlooker.ended()
        output.talk(_("Left to the agent, which goes on with {runs}.").format(runs=", ".join(left.runs)))
        output.talk("  → " + _("See how far it is: `intendance run list`; end it: `intendance run cancel RUN`."))
        if output.as_json:
            output.json({"schema": "intendance.detached/1", "runs": list(left.runs)})
        return INTERRUPTED
    except KeyboardInterrupt:
        onlooker.ended()
        sentence = "Cancelled; nothing of what was under way is listed."
        output.interrupted(sentence, _("Cancelled; nothing of what was under way is listed."))
        return INTERRUPTED
    except IntendanceError:
        onlooker.ended()
        raise
    return outcomes.answer(output, _, found)


def _note_other_plan(invocation: Invocation, output: Output) -> None:
    """Say when the plan file at hand is not the one in force."""
    file = invocation.plan or next((place for place in plan_places() if place.is_file()), None)
    if file is not None and service.differs_from_adopted(invocation.state, invocation.clock, file):
        _ = translator(invocation.language, DOMAIN)
        output.talk(_("note: {file} differs from the adopted plan, which is what is performed.").format(file=file))
        output.talk("  → " + _("Put it in force with `intendance plan adopt {file}`.").format(file=file))


def plan_places() -> tuple[Path, ...]:
    """Where a plan file is looked for that no option names."""
    return (Path("intendance.yaml"), Path("/etc/intendance/intendance.yaml"))
