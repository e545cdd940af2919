"""Which set a drill takes, whether the store still tells the truth, and whether what came back is right. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from intendance.model.errors.drill import DrillRolledBack
from intendance.model.errors.sets import PointFaulty
from intendance.model.evidence.drill import DrillCompleted, Unusable
from intendance.model.evidence.restore import Check
from intendance.model.frozen import dataclass
from intendance.sets.assertions import Question
from intendance.sets.points import RecoveryPoint, SetInStore, choose, named, passed_over


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A set that was in a store before. `ledger` is the one that numbers it; empty in records that did not say so."""

    set: str
    manifest_sha256: str
    ledger: str = ""


CHECKS_KEPT = 60
"""Of a leg, in evidence: what failed first."""


def select(
    asset: str,
    candidates: Sequence[RecoveryPoint],
    unreadable: Mapping[str, str],
    history: Sequence[DrillCompleted],
    point: str | None,
) -> tuple[RecoveryPoint, tuple[Unusable, ...]]:
    """The point of that id; else, of the kinds made, the newest of the one that was drilled longest ago.

    With it, the newer sets of its kind that nobody can use: what would be lost is counted from the older one, and they
    are said. `history` is newest first. Raises PointFaulty, PointUnknown, NoPointReachable.
    """
    if point is not None:
        if point in unreadable and all(each.set != point for each in candidates):
            raise PointFaulty(asset=asset, point=point, fault=unreadable[point].rstrip("."))
        return named(candidates, asset, point), ()
    newest = choose(candidates, asset, None)
    kinds = {each.kind for each in candidates if not each.complaint}
    drilled = [each.kind for each in history]
    waited = {kind: drilled.index(kind) if kind in drilled else len(drilled) for kind in kinds}
    kind = max(sorted(kinds), key=lambda each: (waited[each], each == newest.kind))
    chosen = choose([each for each in candidates if each.kind == kind], asset, None)
    alike = [each for each in candidates if each.kind == kind]
    strange = {name: fault for name, fault in unreadable.items() if _kind_in(name) in (kind, None)}
    over = passed_over(alike, strange, chosen, None)
    return chosen, tuple(Unusable(set=each.set, fault=each.reason) for each in over)


def expect_no_rollback(
    asset: str, store: str, sets: Sequence[SetInStore], unreadable: Collection[str], seen: Mapping[int, Known]
) -> None:
    """That the store holds no less than it did: `seen` are the sets that were there, by their numbers.

    Each ledger of a node numbers its sets from 0. Raises DrillRolledBack when the newest set of a ledger is older than
    one that was seen and does not lie there unreadable, or two sets of it have one number.
    """
    numbers: dict[tuple[str, int], str] = {}
    for each in sets:
        ledger, number, digest = each.manifest.ledger, each.manifest.sequence, each.manifest_sha256
        known = seen.get(number)
        wanted = digest if known is None or known.ledger not in ("", ledger) else known.manifest_sha256
        if numbers.setdefault((ledger, number), wanted) != digest:
            detail = f"set number {number}, {each.manifest.set}, is not the one that was there"
            raise DrillRolledBack(asset=asset, store=store, detail=detail)
    last = seen[max(seen)] if seen else None
    newest = max((each for ledger, each in numbers if last is None or last.ledger in ("", ledger)), default=-1)
    if last is not None and newest < max(seen) and last.set not in unreadable:
        detail = f"number {max(seen)} was its newest set, and number {newest} is now"
        raise DrillRolledBack(asset=asset, store=store, detail=detail)


def judged(question: Question, found: str | None) -> Check:
    """Whether an answer is what it must be. What is found is shown, for it is one value that the plan asked for."""
    check = question.check
    name = check.name or check.sql
    if check.compare is not None:
        return Check(name=name, ok=_as_source(question, found), found=f"{_said(found)}; {_source_said(question)}")
    wanted = {"at least": check.at_least, "at most": check.at_most, "exactly": check.equals}
    (how, bound), *_ = [(how, bound) for how, bound in wanted.items() if bound is not None]
    number = _number(found)
    ok = number is not None and {
        "at least": number >= bound, "at most": number <= bound, "exactly": number == bound
    }[how]  # fmt: skip
    return Check(name=name, ok=ok, found=f"{_said(found)}; {how} {bound} is asked for")


def compared(restored: Mapping[str, str], by_hand: Mapping[str, str]) -> Check:
    """That both legs brought the same back."""
    differing = sorted(name for name in restored.keys() | by_hand.keys() if restored.get(name) != by_hand.get(name))
    said = f"differing: {', '.join(differing[:8])}" if differing else f"{len(restored)} compared, all the same"
    return Check(name="both legs", ok=not differing, found=said)


def kept(checks: Sequence[Check]) -> tuple[Check, ...]:
    """As many checks as evidence holds, those that failed first."""
    shown = [*(each for each in checks if not each.ok), *(each for each in checks if each.ok)][:CHECKS_KEPT]
    return tuple(Check(name=each.name[:200], ok=each.ok, found=each.found[:400]) for each in shown)


def rpo_seconds(now: datetime, recovers_to: datetime) -> int:
    """What would be lost, in whole seconds, rounded up; never below 0."""
    return max(0, -int(-(now - recovers_to).total_seconds() // 1))


def _as_source(question: Question, found: str | None) -> bool:
    """Within what the original answered while it was read: it may have gone on living."""
    if question.before is None or question.after is None or found is None:
        return False
    if found in (question.before, question.after):
        return True
    numbers = [_number(each) for each in (question.before, found, question.after)]
    if None in numbers:
        return False
    before, here, after = (each for each in numbers if each is not None)
    return min(before, after) <= here <= max(before, after)


def _source_said(question: Question) -> str:
    if question.before is None or question.after is None:
        return "the original gave no answer when it was backed up"
    if question.before == question.after:
        return f"the original gave {question.before}"
    return f"the original gave {question.before} before it was read and {question.after} after"


def _number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        return None


def _said(found: str | None) -> str:
    return "nothing" if found is None else found[:100]


def _kind_in(set_id: str) -> str | None:
    """The kind in a set's name: `shop.backup-full.20261122T020000Z.1`."""
    parts = set_id.split(".")
    return parts[1].removeprefix("backup-") if len(parts) > 1 else None
