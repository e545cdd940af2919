"""What a step of a guided restore leaves in the ledger. Pure."""

from __future__ import annotations

from intendance.agent.guide.case import Case, Item
from intendance.model.errors import IntendanceError
from intendance.model.evidence.guide import GuidedStep, GuideStep, RestoreGuided
from intendance.model.evidence.restore import Check

_CHECKED: frozenset[GuideStep] = frozenset({"test", "verify"})


def evidence(
    case: Case, asset: str, step: GuideStep, took_ms: int, now: str, error: IntendanceError | None = None
) -> RestoreGuided:
    """The record of a step for one of the assets, after those that have ended."""
    items = case.of(asset)
    first = items[0]
    safety = case.safety_of(asset)
    checks = tuple(check for item in items for check in _checks(item, step))
    chosen = step != "identify"
    touched = step in ("replace", "verify", "back")
    scope, what = _scope(items)
    ok = error is None and all(check.ok for check in checks)
    return RestoreGuided(
        guide=case.id,
        step=step,
        ok=ok,
        engine=first.engine,
        scope=scope,
        what=what,
        began_at=case.began_at,
        took_ms=took_ms,
        present=any(item.present for item in items),
        steps=(*case.steps.get(asset, ()), GuidedStep(step=step, ended_at=now, took_ms=took_ms, ok=ok)),
        set=first.set if chosen else "",
        store=first.store if chosen else "",
        kind=first.kind if chosen else "",
        reached=first.reached if chosen else "",
        safety=safety.set if safety and touched else "",
        unsafe=safety.unsafe if safety and touched else "",
        kept=tuple(str(item.found.get("kept") or item.found.get("folder")) for item in items) if touched else (),
        checks=checks,
        error=error.code if error else "",
        message=error.message if error else "",
        next_step=error.advice if error else "",
        site=case.site,
    )


def _scope(items: tuple[Item, ...]) -> tuple[str, str]:
    """What was lost, in a word, and by names that may be told."""
    target = items[0].target
    if target.paths:
        return "paths", str(len(target.paths))
    if target.table is not None:
        return "table", f"{target.database}.{target.table}"
    names = [item.target.database for item in items if item.target.database is not None]
    return ("database", ", ".join(names)) if names else ("all", "")


def _checks(item: Item, step: GuideStep) -> tuple[Check, ...]:
    if step not in _CHECKED:
        return ()
    return (item.tested if step == "test" else item.verified) or ()
