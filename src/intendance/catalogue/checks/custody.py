"""Each key of the plan was proven by its holder, not too long ago (MAINT_011, ASBL_015). Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from intendance.catalogue.finding import Finding, Span, after, chain_start
from intendance.catalogue.rule import Rule
from intendance.catalogue.subject import Subject
from intendance.model.evidence.keys import KeyProven
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact, Param, State


@dataclass(frozen=True, slots=True)
class _Held:
    """A key of the plan in force: when any plan first named it, its last proof, by when the next is due, and since when
    proofs followed each other in time (None: not now)."""

    name: str
    first_seen_at: datetime
    proof: Fact[KeyProven] | None
    due_at: datetime
    since: datetime | None


def with_proofs(rule: Rule, subject: Subject, now: datetime, found: Finding) -> Finding:
    """What was found of the sets, together with what is known of the keys that open them: the worse of the two.

    A key never proven is pending from the first plan that names it until its bound is over, then presumed lost.
    """
    keys = _held(rule, subject, now)
    lost = [key for key in keys if now > key.due_at]
    if found.state in (State.FAIL, State.ERROR):
        return found
    if lost:
        return _lost(rule, subject, lost)
    changes = [after(min(key.due_at for key in keys))]
    changes += [found.next_change_at] if found.next_change_at is not None else []
    open_ones = [key for key in keys if key.proof is None]
    if found.state is State.PASS and open_ones:
        return Finding(
            State.PENDING,
            "keys_open",
            {"names": _names(open_ones), "due_at": min(key.due_at for key in open_ones)},
            since=max(subject.first_declared, min(key.first_seen_at for key in open_ones)),
            cites=(subject.plan,),
            attested_by=Attestor.SELF,
            next_change_at=min(changes),
        )
    if found.state is not State.PASS:
        return replace(found, next_change_at=min(changes))
    since = [key.since for key in keys if key.since is not None] + ([found.since] if found.since else [])
    proofs = tuple(key.proof for key in keys if key.proof is not None)
    return replace(found, since=max(since), cites=(*found.cites, *proofs), next_change_at=min(changes))


def _held(rule: Rule, subject: Subject, now: datetime) -> list[_Held]:
    bound = timedelta(seconds=rule.seconds("recipients.proof_age_max"))
    keys = []
    for recipient in {each.fingerprint: each for each in subject.plan.data.recipients}.values():
        first = min(plan.at for plan in subject.plans if _names_key(plan, recipient.fingerprint))
        proofs = [fact for fact in subject.proofs if fact.data.fingerprint == recipient.fingerprint]
        last = proofs[-1] if proofs else None
        keys.append(
            _Held(
                name=recipient.name,
                first_seen_at=first,
                proof=last,
                due_at=(first if last is None else last.at) + bound,
                since=chain_start([Span(fact.at, fact.at + bound) for fact in proofs], now),
            )
        )
    return keys


def _names_key(plan: Fact[PlanAdopted], fingerprint: str) -> bool:
    return any(each.fingerprint == fingerprint for each in plan.data.recipients)


def _lost(rule: Rule, subject: Subject, lost: list[_Held]) -> Finding:
    params: dict[str, Param] = {"names": _names(lost), "bound_s": rule.seconds("recipients.proof_age_max")}
    proofs = tuple(key.proof for key in lost if key.proof is not None)
    return Finding(
        State.FAIL,
        "keys_lost",
        params,
        since=min(key.due_at for key in lost),
        cites=(subject.plan, *proofs),
        attested_by=Attestor.SELF,
    )


def _names(keys: list[_Held]) -> str:
    return ", ".join(sorted(key.name for key in keys))
