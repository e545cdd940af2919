"""Processor, memory and disk keep room, by the agent's own samples (ASBL_031). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from intendance.catalogue.finding import Finding, Span, after, chain_start, seconds_held, seconds_lost
from intendance.catalogue.machine import Machine
from intendance.catalogue.rule import Rule
from intendance.model.evidence.sample import SampleExcursion, SampleRollup, StillAbove
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact, Param, State

QUANTITIES = ("disk", "memory", "cpu")
"""The gravest first."""


@dataclass(frozen=True, slots=True)
class _Open:
    """A figure that is above its bound, and the fact that last said so."""

    told: SampleExcursion | StillAbove
    fact: Fact[Any]


def kept(rule: Rule, machine: Machine, now: datetime) -> Finding:
    """No figure is above its bound: what the last roll-up left open, and what began and ended since."""
    newest = machine.rollups[-1] if machine.rollups else None
    found = sorted(_open(rule, machine, newest), key=lambda each: QUANTITIES.index(each.told.quantity))
    if found:
        return _broken(rule, found)
    if newest is None:
        return never(rule, machine, now)
    old = outdated(rule, newest, now)
    if old is not None:
        return old
    until = after(newest.at + _age(rule))
    if not _measured(rule, newest.data):
        return Finding(State.UNKNOWN, "not_measured", {"seen_at": newest.at}, newest.at, (newest,), None, until)
    if newest.data.silent:
        params: dict[str, Param] = {"place": newest.data.silent[0], "seen_at": newest.at}
        return Finding(State.UNKNOWN, "silent", params, newest.at, (newest,), None, until)
    return Finding(
        State.PASS,
        "room",
        {
            "cpu": _percent(max(newest.data.cpu_permille)),
            "memory": _percent(max(newest.data.memory_permille)),
            "disk": _percent(max((each.used_permille for each in newest.data.file_systems), default=0)),
            "age_s": seconds_held(now - newest.at),
        },
        since=_since(rule, machine, now),
        cites=(newest,),
        attested_by=Attestor.SELF,
        next_change_at=until,
    )


def never(rule: Rule, machine: Machine, now: datetime) -> Finding:
    """The finding on a node without a roll-up: the first one takes an hour."""
    due = machine.first_declared + _age(rule)
    if now <= due:
        return Finding(
            State.PENDING,
            "first_due",
            {"due_at": due},
            machine.first_declared,
            (machine.declared,),
            Attestor.SELF,
            after(due),
        )
    return Finding(State.UNKNOWN, "never_sampled", {"due_at": due}, due, (machine.declared,))


def outdated(rule: Rule, newest: Fact[SampleRollup], now: datetime) -> Finding | None:
    """The finding on a roll-up that is too old to say how things are."""
    bound = _age(rule)
    if now <= newest.at + bound:
        return None
    params = {"age_s": seconds_lost(now - newest.at), "bound_s": int(bound.total_seconds())}
    return Finding(State.UNKNOWN, "samples_old", params, newest.at + bound, (newest,))


def _age(rule: Rule) -> timedelta:
    return timedelta(seconds=rule.seconds("sample.age_max"))


def _open(rule: Rule, machine: Machine, newest: Fact[SampleRollup] | None) -> Iterator[_Open]:
    found: dict[tuple[str, str], _Open] = {}
    for above in newest.data.above if newest is not None else ():
        if newest is not None and _is_bound(rule, above):
            found[above.quantity, above.place] = _Open(above, newest)
    for fact in machine.excursions:
        if not _is_bound(rule, fact.data) or (newest is not None and fact.seq < newest.seq):
            continue
        if fact.data.state == "began":
            found[fact.data.quantity, fact.data.place] = _Open(fact.data, fact)
        else:
            found.pop((fact.data.quantity, fact.data.place), None)
    yield from found.values()


def _is_bound(rule: Rule, told: SampleExcursion | StillAbove) -> bool:
    """Whether it is about a figure of the rule, at the rule's own bound: the plan may have stricter ones besides."""
    return told.quantity in QUANTITIES and told.limit_permille == rule.permille(f"{told.quantity}.used_max")


def _measured(rule: Rule, rollup: SampleRollup) -> bool:
    followed = {(each.quantity, each.limit_permille) for each in rollup.limits}
    return followed >= {(quantity, rule.permille(f"{quantity}.used_max")) for quantity in QUANTITIES}


def _broken(rule: Rule, found: list[_Open]) -> Finding:
    worst = found[0].told
    return Finding(
        State.FAIL,
        f"{worst.quantity}_above",
        {
            "peak": _percent(worst.peak_permille),
            "bound": rule.permille(f"{worst.quantity}.used_max") // 10,
            "place": worst.place,
            "began_at": datetime.fromisoformat(worst.began_at),
        },
        since=min(min(datetime.fromisoformat(each.told.began_at), each.fact.at) for each in found),
        cites=tuple(each.fact for each in found),
        attested_by=Attestor.SELF,
    )


def _since(rule: Rule, machine: Machine, now: datetime) -> datetime | None:
    """Since when roll-ups followed each other, and nothing was above."""
    bound = _age(rule)
    start = chain_start([Span(fact.at, fact.at + bound) for fact in machine.rollups], now)
    last = [fact.at for fact in machine.excursions if _is_bound(rule, fact.data)]
    last += [fact.at for fact in machine.rollups if any(_is_bound(rule, each) for each in fact.data.above)]
    return start if start is None else max([start, *last])


def _percent(permille: int) -> int:
    """Rounded up: what is just above its bound never looks kept."""
    return -(-permille // 10)
