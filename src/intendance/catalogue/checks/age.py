"""How old the newest set is (MAINT_010, ASBL_010, ASBL_011). Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from intendance.catalogue.checks.copies import Copy, copies
from intendance.catalogue.checks.retained import judge_retention
from intendance.catalogue.finding import Finding, Span, after, chain_start, seconds_held, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Subject, attestor, instants
from intendance.model.evidence.backup import BackupCompleted
from intendance.model.verdict import Attestor, Fact, Param, State


def inspected(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """The newest set that an inspection found whole is young enough; the plan schedules backups."""
    return _scheduled(subject) or _age(rule, subject, now, inspected_only=True)


def kept(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """The newest set that no inspection contradicts is young enough, and young sets are still there."""
    unscheduled = _scheduled(subject)
    if unscheduled:
        return unscheduled
    age = _age(rule, subject, now, inspected_only=False)
    if age.state is State.FAIL:
        return age
    retention = judge_retention(rule, subject)
    if retention.state is State.FAIL:
        return retention
    if retention.since is None or age.since is None or age.state is not State.PASS:
        return age
    return replace(age, since=max(age.since, retention.since))


def _scheduled(subject: Subject) -> Finding | None:
    declared = subject.declared
    if any(each.activity.startswith("backup.") and each.cron for each in declared.data.schedules):
        return None
    return Finding(State.FAIL, "not_scheduled", since=declared.at, cites=(declared,), attested_by=Attestor.SELF)


def _age(rule: Rule, subject: Subject, now: datetime, *, inspected_only: bool) -> Finding:
    bound = timedelta(seconds=rule.seconds("backup.age_max"))
    found = subject.once(copies, inspected_only=inspected_only)
    standing = [copy for copy in found if copy.closed is None]
    spans = [Span(copy.since, copy.end(bound)) for copy in found]
    start = chain_start(spans, now)
    newest = max(standing, key=_newest_first, default=None)
    if newest is not None and newest.recovers_to + bound >= now and start is not None:
        return Finding(
            State.PASS,
            "fresh",
            {"age_s": seconds_held(now - newest.recovers_to), "bound_s": rule.seconds("backup.age_max")},
            since=start,
            cites=(newest.seen,),
            attested_by=Attestor.SELF if newest.seen.kind != "inspection.completed" else _who(subject, newest),
            next_change_at=after(newest.recovers_to + bound),
        )
    return _not_fresh(rule, subject, now, found, bound)


def _not_fresh(rule: Rule, subject: Subject, now: datetime, found: list[Copy], bound: timedelta) -> Finding:
    due = subject.first_declared + bound
    unseen = _newest_unseen(subject, found)
    ended = [copy.end(bound) for copy in found]
    if not found and now <= due:
        return _pending(subject, due, unseen)
    stopped = max([due, *ended]) if not found else max(ended)
    if unseen is not None:
        made, recovers_to = unseen
        if recovers_to + bound >= now:
            return Finding(
                State.UNKNOWN,
                "not_inspected",
                {"made_at": datetime.fromisoformat(made.data.completed_at)},
                since=min(stopped, now),
                cites=(made,),
                next_change_at=after(recovers_to + bound),
            )
        stopped = max(stopped, recovers_to + bound)
    return _failed(rule, subject, now, found, stopped, unseen)


def _pending(subject: Subject, due: datetime, unseen: tuple[Fact[BackupCompleted], datetime] | None) -> Finding:
    cites: tuple[Fact[Any], ...] = (subject.declared,)
    params: dict[str, Param] = {"due_at": due}
    code = "first_due"
    if unseen is not None:
        code, params = "first_uninspected", {"made_at": datetime.fromisoformat(unseen[0].data.completed_at)}
        cites = (unseen[0],)
    elif subject.failed:
        code, params = "first_failed", {"due_at": due, "message": subject.failed[-1].data.message}
        cites = (subject.failed[-1],)
    return Finding(
        State.PENDING,
        code,
        params,
        since=subject.first_declared,
        cites=cites,
        attested_by=Attestor.SELF,
        next_change_at=after(due),
    )


def _failed(
    rule: Rule,
    subject: Subject,
    now: datetime,
    found: list[Copy],
    stopped: datetime,
    unseen: tuple[Fact[BackupCompleted], datetime] | None,
) -> Finding:
    known = [(copy.recovers_to, copy) for copy in found]
    newest = max(known, key=lambda each: _newest_first(each[1]), default=None)
    code, params, cites = _why(rule, subject, now, newest[1] if newest else None, unseen)
    failure = subject.failed[-1] if subject.failed else None
    since_last_set = newest[0] if newest else subject.first_declared
    if code in ("too_old", "never") and failure is not None and failure.at > since_last_set:
        code = f"{code}_failed"
        params |= {"failed_at": datetime.fromisoformat(failure.data.started_at), "message": failure.data.message}
        cites = (*cites, failure)
    who = _who(subject, newest[1]) if newest and newest[1].seen.kind == "inspection.completed" else Attestor.SELF
    return Finding(State.FAIL, code, params, since=min(stopped, now), cites=cites, attested_by=who)


def _why(
    rule: Rule,
    subject: Subject,
    now: datetime,
    newest: Copy | None,
    unseen: tuple[Fact[BackupCompleted], datetime] | None,
) -> tuple[str, dict[str, Param], tuple[Fact[Any], ...]]:
    bound_s = rule.seconds("backup.age_max")
    if newest is not None and newest.closed is not None and (unseen is None or unseen[1] <= newest.recovers_to):
        closed = newest.closed
        common: dict[str, Param] = {"recovers_at": newest.recovers_to, "store": newest.store}
        if closed.fault:
            return "damaged", common | {"fault": closed.fault}, (closed.seen,)
        if closed.pruned:
            return "pruned", common | {"pruned_at": closed.seen.at}, (closed.seen,)
        return "gone", common | {"seen_at": closed.seen.at}, (closed.seen,)
    dated = [(newest.recovers_to, newest.seen)] if newest else []
    if unseen is not None:
        dated.append((unseen[1], unseen[0]))
    if not dated:
        due = subject.first_declared + timedelta(seconds=bound_s)
        return "never", {"due_at": due}, (subject.declared,)
    recovers_to, seen = max(dated, key=lambda each: each[0])
    return "too_old", {"age_s": seconds_lost(now - recovers_to), "bound_s": bound_s}, (seen,)


def _newest_unseen(subject: Subject, found: list[Copy]) -> tuple[Fact[BackupCompleted], datetime] | None:
    """The newest completed set that no inspection has said anything about."""
    known = {copy.set for copy in found}
    recovers_at = subject.once(instants)
    dated = [(fact, recovers_at[fact.seq]) for fact in subject.completed if fact.data.set not in known]
    unseen = [(fact, at) for fact, at in dated if at is not None]
    return max(unseen, key=lambda each: (each[1], each[0].seq), default=None)


def _who(subject: Subject, copy: Copy) -> Attestor:
    return attestor(subject.node, copy.seen)


def _newest_first(copy: Copy) -> tuple[datetime, str, str]:
    return (copy.recovers_to, copy.set, copy.store)
