"""What was lost is put back in time, by all five steps (ASBL_017). Pure.

The latest record of a guided restore carries the steps before it, so that it alone tells; it is never too old to count:
a loss that took too long is made good by the next one, not by waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from intendance.catalogue.finding import Finding, after, seconds_lost
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Subject
from intendance.model.evidence.guide import RestoreGuided
from intendance.model.verdict import Attestor, Fact, Param, State

STEPS = ("identify", "choose", "test", "replace", "verify")


def in_time(rule: Rule, subject: Subject, now: datetime) -> Finding:
    """The latest guided restore of the asset ended within the bound, with every step."""
    if not subject.guided:
        return Finding(State.NOT_APPLICABLE, "no_loss", {}, subject.declared.at, (subject.declared,))
    latest = subject.guided[-1]
    guided = latest.data
    if guided.ok and guided.step in ("back", "cancelled"):
        return Finding(State.NOT_APPLICABLE, "withdrawn", {"ended_at": latest.at}, latest.at, (latest,))
    if guided.step != "verify":
        return _open(rule, latest, now)
    return _ended(rule, latest)


def _open(rule: Rule, latest: Fact[RestoreGuided], now: datetime) -> Finding:
    """One that was begun and not ended."""
    began = _began(latest)
    due = began + timedelta(seconds=rule.seconds("restore.duration_max"))
    params: dict[str, Param] = {"began_at": began, "bound_s": rule.seconds("restore.duration_max")}
    if now <= due:
        return Finding(State.PENDING, "under_way", params, began, (latest,), None, after(due))
    return Finding(State.FAIL, "not_ended", params, after(due), (latest,), Attestor.SELF)


def _ended(rule: Rule, latest: Fact[RestoreGuided]) -> Finding:
    guided = latest.data
    took = latest.at - _began(latest)
    params: dict[str, Param] = {"took_s": seconds_lost(took), "bound_s": rule.seconds("restore.duration_max")}
    done = {each.step for each in guided.steps if each.ok}
    if not guided.ok:
        state, code = State.FAIL, "not_verified"
    elif any(step not in done for step in STEPS):
        state, code = State.FAIL, "step_missing"
    elif took > timedelta(seconds=rule.seconds("restore.duration_max")):
        state, code = State.FAIL, "too_long"
    else:
        state, code = State.PASS, "in_time"
    return Finding(state, code, params, latest.at, (latest,), Attestor.SELF)


def _began(latest: Fact[RestoreGuided]) -> datetime:
    """When it began, and never after its own record: that clock was wrong."""
    return min(datetime.fromisoformat(latest.data.began_at), latest.at)
