"""A database server is not overloaded, by the agent's own samples (ASBL_032). Pure.

What was seen counts for as long as the rule says, measured back from the newest roll-up: only new evidence heals.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from intendance.catalogue.finding import Finding, Span, after, chain_start, seconds_held, seconds_lost
from intendance.catalogue.machine import Server
from intendance.catalogue.rule import Rule
from intendance.model.evidence.sample import DatabaseRolledUp, SampleRollup
from intendance.model.frozen import dataclass
from intendance.model.verdict import Attestor, Fact, State


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was too much: the reason, the figure, and the fact that shows it."""

    code: str
    figure: int
    fact: Fact[Any]


def calm(rule: Rule, server: Server, now: datetime) -> Finding:
    """Neither connections nor statements nor deadlocks were too many, too long or any at all."""
    newest = server.rollups[-1] if server.rollups else None
    found = [*_rolled_up(rule, server), *_told_since(rule, server, newest)]
    if found:
        return _broken(rule, found)
    if newest is None:
        return _never(rule, server, now)
    bound = timedelta(seconds=rule.seconds("sample.age_max"))
    if now > newest.at + bound:
        params = {"age_s": seconds_lost(now - newest.at), "bound_s": int(bound.total_seconds())}
        return Finding(State.UNKNOWN, "samples_old", params, newest.at + bound, (newest,))
    entry = server.entries[-1]
    code = _doubt(entry)
    if entry is None or code:
        return Finding(
            State.UNKNOWN, code, {"seen_at": newest.at}, newest.at, (newest,), None, after(newest.at + bound)
        )
    return Finding(
        State.PASS,
        "calm",
        {
            "connections": entry.connections_highest,
            "longest_s": entry.query_seconds_highest,
            "age_s": seconds_held(now - newest.at),
        },
        since=chain_start([Span(fact.at, fact.at + bound) for fact in _sound(server)], now),
        cites=(newest,),
        attested_by=Attestor.SELF,
        next_change_at=after(newest.at + bound),
    )


def _doubt(entry: DatabaseRolledUp | None) -> str:
    """Why a roll-up without anything amiss says nothing; empty when it says that all is well."""
    if entry is None:
        return "not_sampled"
    if entry.looks == 0:
        return "unanswered"
    if not entry.sees_queries:
        return "blind"
    return "" if entry.counts_deadlocks else "uncounted"


def _sound(server: Server) -> Iterator[Fact[SampleRollup]]:
    """The roll-ups since the last one that says nothing of this server."""
    start = 0
    for number, entry in enumerate(server.entries):
        if _doubt(entry):
            start = number + 1
    yield from server.rollups[start:]


def _rolled_up(rule: Rule, server: Server) -> Iterator[_Seen]:
    if not server.rollups:
        return
    begin = server.rollups[-1].at - timedelta(seconds=rule.seconds("database.calm_min"))
    for fact, entry in zip(server.rollups, server.entries, strict=True):
        if entry is None or fact.at < begin:
            continue
        if entry.connections_highest >= rule.count("database.connections_max"):
            yield _Seen("connections", entry.connections_highest, fact)
        if entry.query_seconds_highest > rule.seconds("database.query_max"):
            yield _Seen("slow_query", entry.query_seconds_highest, fact)
        if entry.deadlocks > rule.count("database.deadlocks_max"):
            yield _Seen("deadlock", entry.deadlocks, fact)


def _told_since(rule: Rule, server: Server, newest: Fact[SampleRollup] | None) -> Iterator[_Seen]:
    """What reached the rule's own bounds after the newest roll-up; the plan may have stricter ones besides."""
    for fact in server.strains:
        if newest is not None and fact.seq < newest.seq:
            continue
        if fact.data.quantity == "connections" and fact.data.limit == rule.count("database.connections_max"):
            yield _Seen("connections", fact.data.peak, fact)
        if fact.data.quantity == "query_ms" and fact.data.limit == rule.seconds("database.query_max") * 1000:
            yield _Seen("slow_query", -(-fact.data.peak // 1000), fact)


def _broken(rule: Rule, found: list[_Seen]) -> Finding:
    last = found[-1]
    params = {
        "connections": {"count": last.figure, "bound": rule.count("database.connections_max")},
        "slow_query": {"longest_s": last.figure, "bound_s": rule.seconds("database.query_max")},
        "deadlock": {"count": last.figure},
    }[last.code]
    return Finding(
        State.FAIL,
        last.code,
        params | {"seen_at": last.fact.at},
        since=min(each.fact.at for each in found),
        cites=tuple(each.fact for each in found),
        attested_by=Attestor.SELF,
    )


def _never(rule: Rule, server: Server, now: datetime) -> Finding:
    due = server.first_declared + timedelta(seconds=rule.seconds("sample.age_max"))
    if now <= due:
        return Finding(
            State.PENDING,
            "first_due",
            {"due_at": due},
            server.first_declared,
            (server.declared,),
            Attestor.SELF,
            after(due),
        )
    return Finding(State.UNKNOWN, "never_sampled", {"due_at": due}, due, (server.declared,))
