"""All findings of a machine for one plan, each with the rules that it serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from intendance.agent.doctor import folder, keys, machine, programs, stores, subject
from intendance.catalogue.load import load
from intendance.catalogue.rule import Rule, Rulebook
from intendance.engines.diagnosing import diagnose
from intendance.model.diagnosis import Condition, Diagnosis, Finding
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.system.clock import Clock

_UNFIT = (Condition.MISSING, Condition.WRONG)
_QUANTITIES = {
    "point_in_time": ("rpo.max",),
    "off_site": ("offsite.age_max",),
    "restore": ("restore.duration_max", "drill.age_max", "rto.max"),
}
_KINDS = {"backup": "backup.completed", "inspection": "inspection.completed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found, in the order in which it was looked at, and for which plan."""

    examined_at: datetime
    origin: subject.Origin
    file: Path | None
    node: str | None
    zone: str
    findings: tuple[Finding, ...]

    @property
    def unfit(self) -> tuple[Finding, ...]:
        """What the plan needs and is missing or wrong."""
        return tuple(each for each in self.findings if each.condition in _UNFIT)


def examine(state: Path, clock: Clock, *, plan_file: Path | None, places: Sequence[Path]) -> Examination:
    """Look at everything that a plan needs: that of `plan_file`, else the adopted one, else one of `places`, else what
    any plan would need. Raises nothing that a finding can say."""
    chosen = subject.choose(state, clock, plan_file, places)
    rulebook = load()
    return Examination(
        examined_at=clock.read().at,
        origin=chosen.origin,
        file=chosen.file,
        node=None if chosen.plan is None else chosen.plan.node.id,
        zone="UTC" if chosen.plan is None else chosen.plan.organisation.timezone,
        findings=tuple(
            replace(each, rules=rules_of(rulebook, chosen.plan, each)) for each in _findings(state, clock, chosen)
        ),
    )


def _findings(state: Path, clock: Clock, chosen: subject.Subject) -> Iterator[Finding]:
    now = clock.read().at
    in_force = chosen.origin == "adopted" or any(each.code == "plan_in_force" for each in chosen.findings)
    yield from chosen.findings
    yield from machine.examine()
    yield from programs.examine(chosen.plan)
    yield from folder.examine(state, chosen.plan, now, in_force=in_force)
    if chosen.plan is None:
        return
    yield from keys.examine(chosen.plan, now)
    yield from keys.custody(chosen.plan, state)
    diagnoses = [diagnose(asset) for asset in chosen.plan.assets.values()]
    yield from _of_assets(diagnoses)
    sources = [place for each in diagnoses for place in each.folders]
    yield from stores.examine(chosen.plan, sources, in_force=in_force)


def _of_assets(diagnoses: Iterable[Diagnosis]) -> Iterator[Finding]:
    for diagnosis in diagnoses:
        yield from diagnosis.findings


def rules_of(rulebook: Rulebook, plan: Plan | None, finding: Finding) -> tuple[str, ...]:
    """The ids of the rules that would break, or be unknown, without what the finding is about."""
    return tuple(
        rule.id
        for rule in rulebook.rules.values()
        if (plan is None or rule.catalogue in plan.catalogues)
        and (finding.engine is None or finding.engine in rule.applies_to)
        and _serves(rule, finding)
    )


def _serves(rule: Rule, finding: Finding) -> bool:
    quantities = _QUANTITIES.get(finding.purpose)
    if quantities is not None:
        return any(bound.quantity in quantities for bound in rule.bounds)
    if not rule.performed:
        return False
    if finding.purpose == "encryption":
        return (rule.check or "").startswith("encryption.") or any(need.kind == _KINDS["backup"] for need in rule.needs)
    kind = _KINDS.get(finding.purpose)
    return kind is None or any(need.kind == kind for need in rule.needs)
