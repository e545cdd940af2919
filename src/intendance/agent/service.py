"""What people ask of a node: back up, inspect, look at runs, cancel one. Each use case is one function."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

from intendance.agent import bell, children, follow
from intendance.agent.compose import Node, deadline_seconds, open_node, person
from intendance.agent.follow import Watcher
from intendance.model.errors.runs import AssetUnknown, KindNotPlanned, NotBackedUp, RunOver, RunUnknown
from intendance.model.evidence import KINDS
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, BackupPlan
from intendance.model.verdict import Fact
from intendance.plan import adopted
from intendance.runs.decide import STEP_BACK
from intendance.runs.rows import Run, Step, Submission
from intendance.system import alive, lock
from intendance.system.clock import Clock, monotonic_seconds, wait

_CANCEL_PATIENCE_SECONDS = 12.0
_EVIDENCE_OF: Mapping[str, tuple[str, ...]] = {
    "backup": ("backup.completed", "backup.failed", "run.ended"),
    "drill": ("drill.completed", "drill.failed", "run.ended"),
    "inspect": ("inspection.completed", "inspection.failed", "run.ended"),
    "prune": ("prune.marked", "prune.begun", "prune.completed", "run.ended"),
    "restore": ("restore.completed", "restore.failed", "run.ended"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run and the evidence it left so far, in the order of the ledger."""

    run: Run
    evidence: tuple[Fact[Any], ...]
    steps: tuple[Step, ...]
    zone: str
    worker_gone: bool = False
    """Whether it is `running` by the journal alone: its process has ended and nobody has concluded it yet."""

    def latest(self, kind: str) -> Fact[Any] | None:
        """Its newest evidence of a kind."""
        return next((fact for fact in reversed(self.evidence) if fact.kind == kind), None)


def back_up(
    state: Path,
    clock: Clock,
    *,
    asset: str | None,
    kind: str | None,
    watcher: Watcher,
    inspected: bool = True,
    ready: children.Standby | None = None,
) -> tuple[Outcome, ...]:
    """Back up one asset, or all that the plan backs up; each kind that is planned, or one. Then, unless `inspected` is
    false, look at what was stored. `ready` is a worker for the first of it.

    Raises AssetUnknown, NotBackedUp, KindNotPlanned, AgentSilent, Detached; a backup that failed is in its outcome.
    """
    with open_node(state, clock) as node:
        submissions = [
            _asked_for(node, each.name, f"backup.{one}", **({} if inspected else {"inspect": False}))
            for each, backup in _backed_up(node, asset)
            for one in _kinds(each.name, backup, kind)
        ]
        return _performed(node, submissions, watcher, ready)


def inspect(state: Path, clock: Clock, *, asset: str | None, deep: bool, watcher: Watcher) -> tuple[Outcome, ...]:
    """Inspect what the stores hold of one asset, or of all; `deep` re-reads every byte. Raises as `back_up`."""
    with open_node(state, clock) as node:
        submissions = [_asked_for(node, each.name, "inspect", deep=deep) for each, _ in _backed_up(node, asset)]
        return _performed(node, submissions, watcher)


def list_runs(state: Path, clock: Clock, *, asset: str | None, limit: int) -> tuple[Outcome, ...]:
    """The latest runs, newest first. Raises AssetUnknown for an asset that neither plan nor journal knows."""
    with open_node(state, clock) as node:
        runs = node.journal.recent(asset=asset, limit=limit)
        if asset is not None and not runs:
            find_asset(node, asset)
        return tuple(outcome_of(node, run) for run in runs)


def show_run(state: Path, clock: Clock, name: str) -> Outcome:
    """One run with its steps and evidence. Raises RunUnknown."""
    with open_node(state, clock) as node:
        return outcome_of(node, _find_run(node, name))


def cancel(state: Path, clock: Clock, name: str) -> Outcome:
    """End a run and every process of it; returns it as it ended. Raises RunUnknown, RunOver."""
    with open_node(state, clock) as node:
        run = _find_run(node, name)
        if run.state not in {"queued", "running"}:
            raise RunOver(run=run.id, state=run.state)
        if bell.ask(node.layout.socket, {"do": "cancel", "run": run.id}) is None:
            children.ask_to_end(node, run.id)
        _wait_until_over(node, run.id)
        return outcome_of(node, node.journal.get(run.id))


def differs_from_adopted(state: Path, clock: Clock, plan_file: Path) -> bool:
    """Whether a plan file is another one than the adopted plan was read from."""
    try:
        content = plan_file.read_bytes()
    except OSError:
        return False
    with open_node(state, clock) as node:
        return sha256(content).hexdigest() != node.adoption().data.source_sha256


def outcome_of(node: Node, run: Run) -> Outcome:
    """A run with what the ledger holds of it."""
    steps = node.journal.steps_of(run.id)
    ours = {step.seq for step in steps}
    kinds = [kind for kind in _EVIDENCE_OF.get(run.activity.partition(".")[0], ()) if kind in KINDS]
    facts = [
        fact
        for kind in kinds
        for fact in node.book.facts(kind, asset=run.asset, since=run.queued_at - STEP_BACK)
        if fact.seq in ours or (kind == "run.ended" and node.book.record(fact.seq).run == run.id)
    ]
    return Outcome(
        run=run,
        evidence=tuple(sorted(facts, key=lambda fact: fact.seq)),
        steps=steps,
        zone=node.plan.organisation.timezone,
        worker_gone=_worker_gone(node, run),
    )


def _worker_gone(node: Node, run: Run) -> bool:
    """Whether nobody performs it any more and nobody wrote that down: who has just ended it is gone too."""
    if run.state != "running" or run.worker is None or alive.is_alive(run.worker, node.clock.read().boot):
        return False
    return node.journal.get(run.id) == run


def find_asset(node: Node, name: str) -> Asset:
    """An asset of the adopted plan. Raises AssetUnknown with the nearest name."""
    found = node.plan.assets.get(name)
    if found is None:
        known = ", ".join(node.plan.assets) or "none"
        raise AssetUnknown(asset=name, suggestion=did_you_mean(name, node.plan.assets), known=known)
    return found


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean `shop-db`?` to end a sentence with, or its full stop."""
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean `{near[0]}`?" if near else "."


def _find_run(node: Node, name: str) -> Run:
    try:
        return node.journal.get(name)
    except RunUnknown:
        known = [run.id for run in node.journal.recent(limit=200)]
        raise RunUnknown(run=name, suggestion=did_you_mean(name, known)) from None


def _backed_up(node: Node, asset: str | None) -> list[tuple[Asset, BackupPlan]]:
    chosen = list(node.plan.assets.values()) if asset is None else [find_asset(node, asset)]
    found = [(each, each.backup) for each in chosen if each.backup is not None]
    if not found:
        raise NotBackedUp(asset=asset or "any asset")
    return found


def _kinds(asset: str, backup: BackupPlan, kind: str | None) -> Sequence[str]:
    planned = [str(each) for each in backup.kinds]
    if kind is None:
        return planned
    if kind not in planned:
        raise KindNotPlanned(asset=asset, kind=kind, known=", ".join(planned))
    return [kind]


def _asked_for(node: Node, asset: str, activity: str, **options: Any) -> Submission:
    """A run that somebody at a terminal asks for: named by the second."""
    return Submission(
        asset=asset,
        activity=activity,
        occurrence=node.clock.read().at.replace(microsecond=0),
        actor=person(),
        options=options,
        deadline_seconds=deadline_seconds(node.plan, asset, activity),
    )


def _performed(
    node: Node, submissions: Sequence[Submission], watcher: Watcher, ready: children.Standby | None = None
) -> tuple[Outcome, ...]:
    return tuple(outcome_of(node, run) for run in follow.perform(node, submissions, watcher, ready))


def _wait_until_over(node: Node, name: str) -> None:
    """Until the run has ended; a worker that does not obey is ended with all its processes."""
    patience = monotonic_seconds() + _CANCEL_PATIENCE_SECONDS
    while node.journal.get(name).state in {"queued", "running"} and monotonic_seconds() < patience:
        run = node.journal.get(name)
        boot = node.clock.read().boot
        gone = run.worker is not None and not alive.is_alive(run.worker, boot)
        if gone and not lock.is_held(node.layout.lock):
            break
        wait(0.1)
    run = node.journal.get(name)
    if run.state == "running":
        if run.worker is not None:
            alive.send(run.worker, node.clock.read().boot, signal.SIGKILL)
            alive.end_session(run.worker.pid)
        children.conclude(node, run)


def node_name(state: Path) -> str:
    """The name of this state folder's node. Raises NoState, PlanAltered, StateUnusable."""
    return adopted.read(state).node.id


def require_adopted(state: Path) -> None:
    """That there is a plan to perform. Raises NoState, PlanAltered, StateUnusable."""
    adopted.read(state)
