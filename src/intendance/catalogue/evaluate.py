"""Judging: a rule, its subject, the facts and the time give a verdict. Pure, the same wherever it runs.

Time alone never heals: with the same facts, a verdict that is not `pass` never becomes it. `next_change_at` is never
late: until then the state stays what it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

from intendance.catalogue import checks, coverage
from intendance.catalogue.finding import Finding, after
from intendance.catalogue.lasting import LONGEST, Found, Lasting, lasts, settled
from intendance.catalogue.machine import IDENTITY, KINDS, OF_A_SERVER, Machine, Server, Servers, samples
from intendance.catalogue.moving import Watch
from intendance.catalogue.rule import Need, Rule, Rulebook
from intendance.catalogue.subject import LIFECYCLE, SKEW, Facts, Notes, Subject, arrange, in_order
from intendance.catalogue.waivers import Waiver, live, waivers
from intendance.model.evidence.inventory import InventoryTaken
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Citation, Excuse, Fact, Reason, State, Verdict

NEEDS: Sequence[Need] = (
    Need(kind="plan.adopted", take="latest"),
    Need(kind="inventory.taken", take="latest"),
    Need(kind="waiver.granted", take="window", days=490),
    Need(kind="waiver.revoked", take="window", days=490),
)
"""What judging reads besides the rules' own needs. 490 days: a waiver of 90 days that ended 400 days ago counts."""

Horizons = Mapping[tuple[str, str | None], datetime]
"""By kind and asset; None for kinds that are about no asset."""

_Horizons = Sequence[tuple[str, datetime, datetime]]
"""Those of one asset, or of none, by kind; and up to when what began may have begun before them."""

_SAMPLED = KINDS | OF_A_SERVER

LONGEST_PERIOD = timedelta(days=8)
"""The longest bound that chains evidence: a state that began with a fact so soon after the horizon may be older."""


def evaluate(
    rulebook: Rulebook,
    facts: Iterable[Fact[Any]],
    now: datetime,
    node: str,
    horizons: Horizons = MappingProxyType({}),
) -> tuple[Verdict, ...]:
    """Every rule of the catalogues of the plan in force, judged for each of its subjects.

    `node` is the judged node; `horizons` gives the instants before which facts of a kind about an asset were not looked
    for. Empty when no plan was adopted.
    """
    return _evaluate(rulebook, facts, now, node, horizons, MappingProxyType({}), keep=False).verdicts


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Verdicts, and what of them can be told again later, by asset: nothing where the clocks of records contradict
    their order."""

    verdicts: tuple[Verdict, ...]
    lasting: Mapping[str, Lasting]


def evaluate_again(
    rulebook: Rulebook,
    facts: Iterable[Fact[Any]],
    now: datetime,
    node: str,
    horizons: Horizons = MappingProxyType({}),
    known: Mapping[str, Lasting] = MappingProxyType({}),
) -> Evaluation:
    """As `evaluate`, where `known` is what was found before of some assets, from the same facts about them, and stands.

    Of these assets `facts` need hold only `asset.declared` and samples.
    """
    return _evaluate(rulebook, facts, now, node, horizons, known, keep=True)


def _evaluate(
    rulebook: Rulebook,
    facts: Iterable[Fact[Any]],
    now: datetime,
    node: str,
    horizons: Horizons,
    known: Mapping[str, Lasting],
    *,
    keep: bool,
) -> Evaluation:
    arranged = arrange(facts, now)
    subjects, undeclared = _subjects(arranged, node)
    plans = _own(arranged, node, "plan.adopted")
    if not plans:
        return Evaluation((), {})
    bench = _Bench(
        node=node,
        now=now,
        facts=arranged,
        plan=plans[-1],
        machine=Machine(
            node=node,
            plans=plans,
            rollups=_own(arranged, node, "sample.rollup"),
            excursions=_own(arranged, node, "sample.excursion"),
        ),
        servers=Servers(_own(arranged, node, "sample.rollup")),
        subjects=subjects,
        undeclared=undeclared,
        taken=next(reversed(_own(arranged, node, "inventory.taken")), None),
        waivers=waivers(_own(arranged, node, "waiver.granted"), _own(arranged, node, "waiver.revoked"), now),
        horizons=_by_asset(horizons),
        known=known,
        watches={subject.asset: Watch(now) for subject in subjects if keep and arranged.as_recorded},
        found={subject.asset: {} for subject in subjects if subject.asset not in known},
    )
    verdicts: list[Verdict] = []
    for rule in rulebook.rules.values():
        if rule.catalogue in plans[-1].data.catalogues:
            verdicts += _judge_rule(rule, bench)
    return Evaluation(tuple(verdicts), {asset: lasting for asset in bench.found if (lasting := bench.lasting(asset))})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """What every rule of a node is judged from, at one instant."""

    node: str
    now: datetime
    facts: Facts
    plan: Fact[PlanAdopted]
    machine: Machine
    servers: Servers
    subjects: Sequence[Subject]
    undeclared: Sequence[str]
    taken: Fact[InventoryTaken] | None
    waivers: Sequence[Waiver]
    horizons: Mapping[str | None, _Horizons]
    known: Mapping[str, Lasting]
    watches: Mapping[str, Watch]
    found: dict[str, dict[str, Found | None]]
    """What was found while judging, by asset and rule; None where it does not last."""

    def find(self, rule: Rule, subject: Subject) -> Found:
        """What is found under a rule of a subject, now or already before."""
        if samples(rule):
            server = self.servers.of(subject, _own(self.facts, self.node, "sample.database", subject.asset))
            return self.anew(rule, server)
        before = self.known.get(subject.asset)
        if before is not None:
            told = before.found[rule.id]
            return Found(settled(told.finding, self.now), told.may_be_older)
        watch = self.watches.get(subject.asset)
        moving = None if watch is None else _moving(rule, subject, self.facts, watch)
        finding = judge(rule, subject, self.facts, self.now) if moving is None else settled(moving, self.now)
        older = _may_be_older(finding, subject, self.facts, self.horizons)
        lasting = None if moving is None else Found(moving, older)
        self.found[subject.asset][rule.id] = lasting
        return Found(finding, older)

    def anew(self, rule: Rule, sampled: Machine | Server) -> Found:
        """What is found now under a rule that reads samples."""
        finding = judge(rule, sampled, self.facts, self.now)
        return Found(finding, _may_be_older(finding, sampled, self.facts, self.horizons))

    def lasting(self, asset: str) -> Lasting | None:
        """All that was found of an asset, if all of it lasts; None too where clocks contradict the order of records."""
        if asset not in self.watches:
            return None
        found = {rule: each for rule, each in self.found[asset].items() if each is not None}
        if len(found) < len(self.found[asset]):
            return None
        until = min(self.watches[asset].until or self.now + LONGEST, self.now + LONGEST)
        return Lasting(judged_at=self.now, until=until, found=found)


def _may_be_older(
    finding: Finding, subject: Subject | Machine | Server, facts: Facts, horizons: Mapping[str | None, _Horizons]
) -> bool:
    """Whether the state began with a fact so near the horizon of its kind that it may have begun before it."""
    since, sampled, first = finding.since, not isinstance(subject, Subject), subject.first_declared
    if since is None:
        return False
    for asset in {None, subject.asset}:
        for kind, horizon, until in horizons.get(asset, ()):
            near = since <= until and first < horizon and kind not in LIFECYCLE and (kind in _SAMPLED) is sampled
            if near and any(fact.at == since for fact in facts.of(kind, asset)):
                return True
    return False


def _by_asset(horizons: Horizons) -> Mapping[str | None, _Horizons]:
    found: dict[str | None, list[tuple[str, datetime, datetime]]] = {}
    for (kind, asset), horizon in horizons.items():
        found.setdefault(asset, []).append((kind, horizon, horizon + LONGEST_PERIOD))
    return found


def _judge_rule(rule: Rule, bench: _Bench) -> list[Verdict]:
    if not rule.performed:
        return [_verdict(rule, bench.node, None, Finding(State.UNKNOWN, "not_performed"))]
    if rule.applies_to == ("node",):
        found = bench.anew(rule, bench.machine)
        verdict = _verdict(rule, bench.node, None, found.finding, older=found.may_be_older)
        return [_excused(rule, bench, verdict, IDENTITY)]
    plan = bench.plan
    verdicts = []
    for each in bench.subjects:
        declared = each.declared.data
        if declared.engine in rule.applies_to:
            found = bench.find(rule, each)
            verdict = _verdict(rule, bench.node, each.asset, found.finding, older=found.may_be_older)
            verdicts.append(_excused(rule, bench, verdict, declared.identity))
    missing = Finding(State.UNKNOWN, "not_declared", since=plan.at, cites=(plan,))
    verdicts += [_verdict(rule, bench.node, name, missing) for name in bench.undeclared]
    verdicts += _uncovered(rule, bench)
    if verdicts:
        return verdicts
    return [_verdict(rule, bench.node, None, coverage.nothing_to_judge(rule, bench.taken, plan, bench.now))]


def _uncovered(rule: Rule, bench: _Bench) -> Iterator[Verdict]:
    """What stands on the node and no asset covers: one verdict for what breaks the rule, one for each thing waived."""
    declared = [subject.declared.data for subject in bench.subjects]
    broken: list[coverage.Uncovered] = []
    for thing in coverage.uncovered(rule, bench.taken, declared):
        verdict = _uncovered_verdict(rule, bench, [thing])
        excused = _excused(rule, bench, verdict, thing.identity)
        if excused.state is State.WAIVED:
            yield excused
        else:
            broken.append(thing)
    if broken:
        yield _uncovered_verdict(rule, bench, broken)


def _uncovered_verdict(rule: Rule, bench: _Bench, things: Sequence[coverage.Uncovered]) -> Verdict:
    assert bench.taken is not None  # noqa: S101 -- without an inventory nothing was found
    return _verdict(rule, bench.node, None, coverage.broken(things, bench.taken))


def _excused(rule: Rule, bench: _Bench, verdict: Verdict, identity: str) -> Verdict:
    """The verdict, waived when it is broken and a waiver counts; why it is broken stays its reason."""
    if verdict.state is not State.FAIL:
        return verdict
    waiver = live(bench.waivers, rule, identity, bench.now)
    if waiver is None:
        return verdict
    grant = waiver.grant
    excuse = Excuse(
        grant=Citation(node=grant.node, seq=grant.seq),
        granted_by=grant.data.granted_by,
        granter=grant.data.granter,
        reason=grant.data.reason,
        ticket=grant.data.ticket,
        began_at=waiver.began_at,
        ends_at=waiver.ends_at,
        renewal=grant.data.renewal,
        days=waiver.days,
    )
    changes = [at for at in (waiver.ends_at, verdict.next_change_at) if at is not None]
    since = max(waiver.began_at, verdict.since or waiver.began_at)
    return replace(
        verdict,
        state=State.WAIVED,
        since=since,
        since_at_least=verdict.since_at_least and since == verdict.since,
        cites=(*verdict.cites, excuse.grant),
        attested_by=Attestor.PERSON,
        next_change_at=min(changes),
        excuse=excuse,
    )


def judge(rule: Rule, subject: Subject | Machine | Server, facts: Facts, now: datetime) -> Finding:
    """One performed rule for one subject. An exception in its check is a finding too: `error`, never a pass."""
    try:
        finding = _checked(rule, subject, now)
    except Exception as error:  # noqa: BLE001 -- whatever a check did wrong, the answer is that nothing is known
        return Finding(State.ERROR, "check_failed", {"error": type(error).__name__})
    return _doubt_clock(finding, subject, facts, now)


def _checked(rule: Rule, subject: Subject | Machine | Server, now: datetime) -> Finding:
    check = checks.find(rule.check or "")
    finding = check(rule, subject, now)
    if finding.state is State.PASS and rule.independent:
        return _attested(finding, check(rule, subject.by_others(), now))
    return finding


def _moving(rule: Rule, subject: Subject, facts: Facts, watch: Watch) -> Finding | None:
    """The finding with its ages open, `watch` noting until when it stands; None where `now` is more to it than that."""
    now = cast(datetime, watch.now())
    try:
        finding = _doubt_clock(_checked(rule, subject, now), subject, facts, now)
    except Exception:  # noqa: BLE001 -- it is judged again with an instant that cannot move, and what fails there is told
        return None
    return finding if lasts(finding) else None


def _attested(by_all: Finding, by_others: Finding) -> Finding:
    """A pass stands if the evidence of others alone gives one too; else the node's word is all there is."""
    changes = [at for at in (by_all.next_change_at, by_others.next_change_at) if at is not None]
    soonest = min(changes, default=None)
    if by_others.state is State.PASS:
        return replace(by_others, next_change_at=soonest)
    return replace(by_all, state=State.UNKNOWN, code="self_attested", params={}, next_change_at=soonest)


def _doubt_clock(finding: Finding, subject: Subject | Machine | Server, facts: Facts, now: datetime) -> Finding:
    """Evidence from the future is not relied upon and not passed over: it may be of a fault."""
    ahead = [fact for fact in facts.ahead if fact.asset in (None, subject.asset)]
    declared = subject.first_declared
    instants = [fact.at for fact in ahead] + ([declared] if declared > now + SKEW else [])
    if not instants:
        return finding
    soonest = min([at - SKEW for at in instants] + ([finding.next_change_at] if finding.next_change_at else []))
    if finding.state not in (State.PASS, State.PENDING):
        return replace(finding, next_change_at=max(soonest, after(now)))
    return Finding(
        State.UNKNOWN,
        "clock_ahead",
        {"ahead_at": max(instants)},
        cites=tuple(ahead[:1]) or (subject.declared,),
        next_change_at=max(soonest, after(now)),
    )


def _subjects(facts: Facts, node: str) -> tuple[list[Subject], list[str]]:
    """The assets of the plan in force, and those among them that the ledger does not declare."""
    plans = _own(facts, node, "plan.adopted")
    subjects: list[Subject] = []
    undeclared: list[str] = []
    alike: dict[Hashable, Any] = {}
    for asset in plans[-1].data.assets if plans else ():
        declared = _own(facts, node, "asset.declared", asset)
        if not declared:
            undeclared.append(asset)
            continue
        subjects.append(
            Subject(
                node=node,
                asset=asset,
                plans=plans,
                declared=declared[-1],
                completed=_own(facts, node, "backup.completed", asset),
                failed=_own(facts, node, "backup.failed", asset),
                inspections=facts.of("inspection.completed", asset),
                inspections_failed=facts.of("inspection.failed", asset),
                proofs=_own(facts, node, "key.proven"),
                drills=_of_node(facts, node, "drill.completed", asset),
                drills_failed=_of_node(facts, node, "drill.failed", asset),
                prunings=tuple(
                    sorted((*facts.of("prune.begun", asset), *facts.of("prune.completed", asset)), key=in_order)
                ),
                words=_own(facts, node, "store.attested"),
                guided=_own(facts, node, "restore.guided", asset),
                notes=Notes(alike),
            )
        )
    return subjects, undeclared


def _own(facts: Facts, node: str, kind: str, asset: str | None = None) -> tuple[Fact[Any], ...]:
    """What stands in the judged node's own log: another host's plan or backups are not this node's."""
    return facts.own(node, kind, asset)


def _of_node(facts: Facts, node: str, kind: str, asset: str) -> tuple[Fact[Any], ...]:
    """What anybody's log says of this node's sets: whoever drills may have drilled those of others too."""
    return tuple(fact for fact in facts.of(kind, asset) if fact.data.node == node)


def _verdict(rule: Rule, node: str, asset: str | None, finding: Finding, *, older: bool = False) -> Verdict:
    return Verdict(
        rule=rule.id,
        asset=asset,
        node=node,
        state=finding.state,
        severity=rule.severity,
        since=finding.since,
        reason=Reason(code=finding.code, params=dict(finding.params)),
        cites=tuple(dict.fromkeys(Citation(node=fact.node, seq=fact.seq) for fact in finding.cites)),
        attested_by=finding.attested_by,
        next_change_at=finding.next_change_at,
        since_at_least=older,
    )
