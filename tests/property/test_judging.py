"""Judging under any life: no evidence never passes, time alone never heals, `next_change_at` is never late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from intendance.catalogue.evaluate import evaluate
from intendance.catalogue.load import load
from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken
from intendance.model.evidence.waiver import WaiverRevoked
from intendance.model.verdict import Fact, State, Verdict
from tests.support.evidence import (
    CALM,
    KEY_A,
    KEY_B,
    Log,
    completed,
    declared,
    drill_failed,
    drilled,
    excursion,
    failed,
    inspection,
    inspection_failed,
    plan,
    rollup,
    seen,
    still_above,
    strained,
)
from tests.unit.catalogue.test_waivers import grant

EVERYTHING = load()
PERFORMED = {name: rule for name, rule in EVERYTHING.rules.items() if rule.performed}
WAIVED = ("ASBL_010", "ASBL_011", "ASBL_012", "MAINT_011", "MAINT_010", "ASBL_031", "ASBL_016")
FOUND = (DatabaseFound(engine="mariadb", identities=("mariadb:9",), name="forum"),)
RULEBOOK = replace(EVERYTHING, rules=PERFORMED)
BEGIN = datetime(2026, 3, 20, 7, 0, tzinfo=UTC)
"""Nine days before Brussels puts its clocks forward."""

MAKING = ("backup", "backup", "fail", "lose", "damage")
LOOKING = ("inspect", "inspect", "elsewhere", "unmounted")
SAMPLING = ("roll", "roll", "strain")
TRYING = ("drill", "undrilled")
GOVERNING = ("waive", "revoke", "inventory")
_steps = st.lists(
    st.tuples(
        st.sampled_from([*MAKING, *LOOKING, *TRYING, *GOVERNING, *SAMPLING]),
        st.integers(min_value=1, max_value=40 * 60),
        st.booleans(),
    ),
    max_size=24,
)


def _sample(log: Log, act: str, at: datetime, minutes: int, *, odd: bool) -> None:
    """Roll-ups, some of them with something amiss, and excursions that begin and end."""
    if act == "roll":
        above = [still_above("disk", at - timedelta(days=minutes), 850, "/srv")] if odd and minutes % 3 == 0 else []
        server = (CALM, replace(CALM, deadlocks=1), replace(CALM, sees_queries=False))[minutes % 3 if odd else 0]
        log.add(at, rollup(at, above=above, databases=[server], silent=("/mnt",) if minutes % 11 == 0 else ()))
    else:
        state = "ended" if odd else "began"
        log.add(at, excursion("disk", at, 850, state=state, place="/srv"))
        log.add(at, strained("query_ms", at, 5000, 7000, state), "shop-db")


def _try(log: Log, act: str, at: datetime, *, store_kind: str) -> None:
    """Drills by the node and by another, in their own logs."""
    by = "self" if log.node == "web-01" else log.node
    log.add(at, drilled(at, by=by, store_kind=store_kind) if act == "drill" else drill_failed(by=by), "shop-db")


def _govern(log: Log, act: str, at: datetime, minutes: int, *, odd: bool) -> None:
    """Waivers, their ends, what the inventory finds, samples, and drills."""
    if act in TRYING:
        _try(log, act, at, store_kind="s3" if minutes % 2 else "directory")
        return
    if act in SAMPLING:
        _sample(log, act, at, minutes, odd=odd)
        return
    granted = [fact for fact in log.facts if fact.kind == "waiver.granted"]
    if act == "waive":
        until = at + timedelta(minutes=minutes * 60)
        log.add(at, grant(until, WAIVED[minutes % len(WAIVED)], marks=("lead",) if odd else ("admin",)))
    elif act == "inventory":
        log.add(at, InventoryTaken(system="Debian", databases=FOUND if odd else (), web_roots=()))
    elif granted:
        log.add(at, WaiverRevoked(rule=granted[-1].data.rule, grant=granted[-1].seq, reason="done"))


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Fact[Any]], datetime]:
    """The facts about one asset, and the instant of the last: backups, losses, inspections by the node and another."""
    engine = draw(st.sampled_from(["mariadb", "files"]))
    stores = draw(st.sampled_from([("local",), ("local", "nas")]))
    log, other = Log(), Log("laptop")
    at = BEGIN
    log.add(at, plan("shop-db", stores=stores))
    log.add(
        at, declared(engine, first=at, stores=stores, retention_days=draw(st.sampled_from([90, 90, 30]))), "shop-db"
    )
    held: dict[datetime, str] = {}
    for act, minutes, odd in draw(_steps):
        at += timedelta(minutes=minutes)
        sets = [seen(each, fault=fault) for each, fault in held.items()]
        store = stores[-1] if odd else stores[0]
        if act in (*GOVERNING, *SAMPLING, *TRYING):
            _govern(other if odd and act in TRYING else log, act, at, minutes, odd=odd)
        match act:
            case "backup":
                keys = (KEY_A,) if odd and len(held) > 6 else (KEY_A, KEY_B)
                log.add(at, completed(at - timedelta(minutes=10), stores=stores, recipients=keys), "shop-db")
                held[at - timedelta(minutes=10)] = ""
            case "inspect":
                log.add(at, inspection(sets, store=store), "shop-db")
            case "elsewhere":
                other.add(at, inspection(sets, store=store, by="laptop"), "shop-db")
            case "fail":
                log.add(at, failed(at), "shop-db")
            case "unmounted":
                log.add(at, inspection_failed(store=store), "shop-db")
            case "lose" if held:
                held.pop(max(held) if odd else min(held))
            case "damage" if held:
                held[max(held)] = "it is shrunken"
    return log.facts + other.facts, at


def _judge(facts: Sequence[Fact[Any]], now: datetime) -> dict[tuple[str, str | None], Verdict]:
    found = evaluate(RULEBOOK, facts, now, "web-01")
    return {(v.rule, v.asset): v for v in found}


_waits = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=120))


@settings(max_examples=80)
@given(lives(), _waits, _waits)
def test_time_alone_never_heals(life: tuple[list[Fact[Any]], datetime], first: timedelta, then: timedelta) -> None:
    facts, last = life
    before = _judge(facts, last + first)
    after = _judge(facts, last + first + then)
    assert before.keys() == after.keys()
    healed = [k for k in after if after[k].state is State.PASS and before[k].state is not State.PASS]
    softened = [k for k in after if after[k].state is State.PENDING and before[k].state is not State.PENDING]
    assert healed == []
    assert softened == []


@settings(max_examples=80)
@given(lives(), _waits, st.floats(min_value=0, max_value=1))
def test_the_next_change_is_never_late(life: tuple[list[Fact[Any]], datetime], wait: timedelta, share: float) -> None:
    facts, last = life
    now = last + wait
    for key, verdict in _judge(facts, now).items():
        change = verdict.next_change_at
        assert change is None or change > now
        until = now + timedelta(days=200) if change is None else change - timedelta(microseconds=1)
        for later in (now + (until - now) * share, until):
            assert _judge(facts, later)[key].state is verdict.state, (key, verdict, later)


@settings(max_examples=80)
@given(lives(), _waits)
def test_a_waiver_changes_nothing_but_what_is_broken(life: tuple[list[Fact[Any]], datetime], wait: timedelta) -> None:
    facts, last = life
    without = _judge([fact for fact in facts if not fact.kind.startswith("waiver.")], last + wait)
    for key, verdict in _judge(facts, last + wait).items():
        if verdict.state is State.WAIVED:
            assert verdict.rule != "MAINT_011"
            assert verdict.excuse is not None
            assert verdict.excuse.ends_at > last + wait
            assert key not in without or without[key].state is State.FAIL
        else:
            assert key not in without or without[key].state is verdict.state


@settings(max_examples=80)
@given(lives(), _waits, st.randoms(use_true_random=False))
def test_the_order_of_facts_does_not_matter(
    life: tuple[list[Fact[Any]], datetime], wait: timedelta, shuffler: Any
) -> None:
    facts, last = life
    shuffled = [*facts, *facts[:3]]
    shuffler.shuffle(shuffled)
    assert _judge(shuffled, last + wait) == _judge(facts, last + wait)


@settings(max_examples=80)
@given(lives(), _waits)
def test_no_evidence_never_passes(life: tuple[list[Fact[Any]], datetime], wait: timedelta) -> None:
    facts, last = life
    declared_only = [f for f in facts if f.kind in ("plan.adopted", "asset.declared", "backup.failed")]
    states = {v.state for v in _judge(declared_only, last + wait).values()}
    assert State.PASS not in states
    evidence = ("backup.completed", "inspection", "inventory", "sample", "waiver", "drill.completed")
    nothing_else = [f for f in facts if not f.kind.startswith(evidence)]
    found = [v for v in _judge(nothing_else, last + wait).values() if v.rule != "ASBL_017"]  # nothing lost: nothing due
    assert {v.state for v in found} <= {State.FAIL, State.UNKNOWN, State.PENDING}


@settings(max_examples=80)
@given(lives(), _waits)
def test_a_pass_rests_on_records_and_began_before_now(life: tuple[list[Fact[Any]], datetime], wait: timedelta) -> None:
    facts, last = life
    known = {(f.node, f.seq) for f in facts}
    for verdict in _judge(facts, last + wait).values():
        assert {(c.node, c.seq) for c in verdict.cites} <= known
        assert verdict.since is None or verdict.since <= last + wait
        if verdict.state is State.PASS:
            assert verdict.cites
            assert verdict.since is not None


@settings(max_examples=80)
@given(lives(), _waits)
def test_the_present_state_did_not_hold_just_before_it_began(
    life: tuple[list[Fact[Any]], datetime], wait: timedelta
) -> None:
    """For passes: with what was known just before `since`, at that instant, the rule did not pass."""
    facts, last = life
    for key, verdict in _judge(facts, last + wait).items():
        if verdict.state is not State.PASS or verdict.since is None:
            continue
        before = verdict.since - timedelta(microseconds=1)
        known = [f for f in facts if f.at <= before]
        assert any(f.kind == "plan.adopted" for f in known)
        assert _judge(known, before)[key].state is not State.PASS, (key, verdict)


@settings(max_examples=80)
@given(lives(), st.integers(min_value=3, max_value=60 * 24 * 30))
def test_evidence_from_the_future_never_makes_a_pass(life: tuple[list[Fact[Any]], datetime], minutes: int) -> None:
    """Set back the judge's clock: whatever is dated after it makes no rule hold that did not hold without it."""
    facts, last = life
    now = last - timedelta(minutes=minutes)
    if now < BEGIN:
        return
    found = _judge(facts, now)
    ahead = [f for f in facts if f.at > now + timedelta(minutes=2)]
    for verdict in found.values():
        about = [f for f in ahead if f.asset in (None, verdict.asset)]
        if about:
            assert verdict.state is not State.PASS
