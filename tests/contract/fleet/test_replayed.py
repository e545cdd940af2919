"""What was said before, by a former machine, in another's name or at another time, says nothing now."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from time import process_time

import pytest
from sqlalchemy import func, select

from intendance.fleet.beats import service
from intendance.fleet.database.connect import to_us
from intendance.fleet.database.tables import (
    alert,
    beat_slot,
    evidence_head,
    finding,
    metadata,
    node_key,
    node_state,
)
from intendance.fleet.manager import Manager
from intendance.model.errors.fleet import BeatReplayed, EvidenceRefused, NotEnrolled, SpeaksForAnother
from intendance.wire.messages import Backfill, EvidenceBatch, SpooledBeat
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.nodes import SimulatedNode

YEARS = timedelta(days=3653)


@pytest.fixture
def again(
    manager: Manager, member: MakeNode, stranger: MakeNode, clock: MovableClock
) -> tuple[SimulatedNode, SimulatedNode]:
    """A node's first machine, and the one that an administrator let in in its place."""
    former = member("web-01")
    former.record(3)
    manager.evidence.receive(former.batch(0))
    clock.move(timedelta(hours=1))
    rebuilt = stranger("web-01")
    token = manager.nodes.invite("web-01", by="test", pin="plain", key_fingerprint=rebuilt.fingerprint).token
    rebuilt.taken_in(manager.nodes.enrol(rebuilt.enrolment(token)))
    manager.ingest.reload()
    assert rebuilt.incarnation == 2
    return former, rebuilt


def _kinds(manager: Manager) -> set[tuple[str, int, str]]:
    with manager.database.read() as connection:
        rows = connection.execute(select(finding.c.node, finding.c.incarnation, finding.c.kind))
        return {(row.node, row.incarnation, row.kind) for row in rows}


def _told(manager: Manager, bearer: bytes, batch: EvidenceBatch) -> int:
    """As the route does it."""
    manager.ingest.speaking(bearer, batch.node, batch.incarnation)
    return manager.evidence.receive(batch)


def test_neither_machine_of_a_node_speaks_with_the_words_of_the_other(
    manager: Manager, again: tuple[SimulatedNode, SimulatedNode]
) -> None:
    former, rebuilt = again
    refused: list[tuple[bytes, SimulatedNode, type[Exception]]] = [
        (former.bearer, former, NotEnrolled),
        (former.bearer, rebuilt, NotEnrolled),
        (rebuilt.bearer, former, SpeaksForAnother),
    ]
    for bearer, said, error in refused:
        with pytest.raises(error):
            manager.ingest.hear(bearer, said.beat(seq=9))
        with pytest.raises(error):
            _told(manager, bearer, said.batch(0))
    assert manager.ingest.heard == 0
    assert _kinds(manager) == set()
    assert manager.ingest.hear(rebuilt.bearer, rebuilt.beat(seq=1)).evidence_size == 0
    assert _told(manager, rebuilt.bearer, rebuilt.batch(0)) == 1


def test_the_former_ledger_under_the_new_number_is_told_and_nothing_of_it_kept(
    manager: Manager, again: tuple[SimulatedNode, SimulatedNode]
) -> None:
    former, rebuilt = again
    with pytest.raises(EvidenceRefused):
        _told(manager, rebuilt.bearer, replace(former.batch(0), incarnation=2))
    mixed = replace(former.batch(0), incarnation=2, checkpoint=rebuilt.checkpoint)
    with pytest.raises(EvidenceRefused):
        _told(manager, rebuilt.bearer, mixed)
    manager.ingest.hear(rebuilt.bearer, replace(rebuilt.beat(), checkpoint=former.checkpoint))
    for live, text, known in manager.ingest.heads():
        manager.evidence.look_at(live.node, live.incarnation, text, known)
    assert _kinds(manager) == {("web-01", 2, "signature")}
    with manager.database.read() as connection:
        sizes = select(evidence_head.c.incarnation, evidence_head.c.size).order_by(evidence_head.c.incarnation)
        assert list(map(tuple, connection.execute(sizes))) == [(1, 4), (2, 0)]
        ended = connection.execute(select(node_key.c.trusted_size).where(node_key.c.incarnation == 1)).scalar_one()
    assert ended == 4
    assert _told(manager, rebuilt.bearer, rebuilt.batch(0)) == 1


def test_a_node_tells_nothing_of_another(manager: Manager, member: MakeNode) -> None:
    thief, other = member("web-01"), member("web-02")
    other.record(2)
    with pytest.raises(SpeaksForAnother):
        _told(manager, thief.bearer, other.batch(0))
    with pytest.raises(EvidenceRefused):
        _told(manager, thief.bearer, replace(other.batch(0), node="web-01"))
    with pytest.raises(EvidenceRefused):
        _told(manager, thief.bearer, replace(other.batch(0), node="web-01", checkpoint=thief.checkpoint))
    assert {each[0] for each in _kinds(manager)} == {"web-01"}
    assert _told(manager, other.bearer, other.batch(0)) == 3


def _minutes(manager: Manager, name: str) -> tuple[int, int]:
    """How many minutes it was heard, and how many it told of."""
    with manager.database.read() as connection:
        rows = connection.execute(select(beat_slot.c.heard, beat_slot.c.backfilled).where(beat_slot.c.node == name))
        found = [(row.heard.bit_count(), row.backfilled.bit_count()) for row in rows]
    return sum(each[0] for each in found), sum(each[1] for each in found)


@pytest.mark.parametrize("wrong", [YEARS, -YEARS], ids=["ahead", "behind"])
def test_a_clock_that_lies_by_years_moves_nothing_but_its_own_skew(
    manager: Manager, member: MakeNode, clock: MovableClock, wrong: timedelta
) -> None:
    node = member("web-01")
    for _ in range(3):
        lying = replace(node.beat(checkpoint=""), sent_at=to_us(clock.at + wrong), mono_ns=2**62)
        answer = manager.ingest.hear(node.bearer, lying)
        assert answer.server_time == to_us(clock.at)
        clock.move(timedelta(seconds=60))
    manager.ingest.flush()
    with manager.database.read() as connection:
        row = connection.execute(select(node_state)).one()
    assert row.last_seen_us == to_us(clock.at - timedelta(seconds=60))
    assert row.deadline_us == row.last_seen_us + 120_000_000
    assert row.skew_ms == wrong // timedelta(milliseconds=1)
    assert _minutes(manager, "web-01") == (3, 0)


@pytest.mark.parametrize("wrong", [YEARS, -YEARS], ids=["ahead", "behind"])
def test_what_a_lying_clock_tells_later_is_never_heard_and_never_beyond_a_day(
    manager: Manager, member: MakeNode, clock: MovableClock, wrong: timedelta
) -> None:
    member("web-01")
    now = clock.at + wrong
    moments: list[Callable[[int], datetime]] = [lambda each: now - timedelta(minutes=each), lambda each: now + YEARS]
    spooled = tuple(
        SpooledBeat(boot=boot, seq=each, sent_at=to_us(moment(each)), mono_ns=each)
        for each in range(1, 600)
        for boot, moment in (("other", moments[0]), ("this", moments[1]))
    )
    told = Backfill(v=1, node="web-01", incarnation=1, boot="this", sent_at=to_us(now), mono_ns=2**62, beats=spooled)
    for _ in range(2):  # said twice, it says no more
        service.backfill(manager.database, clock, told)
    heard, later = _minutes(manager, "web-01")
    assert heard == 0
    assert 0 < later <= 25 * 60
    with manager.database.read() as connection:
        hours = connection.execute(select(beat_slot.c.hour_us)).scalars().all()
        assert connection.execute(select(func.count()).select_from(alert)).scalar_one() == 0
    assert min(hours) >= to_us(clock.at - timedelta(hours=26))
    assert max(hours) <= to_us(clock.at)


def test_a_hundred_thousand_strangers_fill_nothing_and_delay_nobody(
    manager: Manager, member: MakeNode, clock: MovableClock
) -> None:
    """Measured in CPU time: a busy machine is none the slower."""
    node = member("web-01")

    def count() -> dict[str, int]:
        with manager.database.read() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    before, spent, honest = count(), 0.0, []
    for round_ in range(1000):
        began = process_time()
        for number in range(100):
            with contextlib.suppress(NotEnrolled):
                manager.ingest.who(b"stranger-%d-%d" % (round_, number))
        spent += process_time() - began
        clock.move(timedelta(seconds=60))
        began = process_time()
        manager.ingest.hear(node.bearer, node.beat(checkpoint=""))
        honest.append(process_time() - began)
    assert manager.ingest.heard == 1000
    assert manager.ingest.refused == 100_000
    assert count() == before
    assert spent / 100_000 < 0.001
    assert statistics.quantiles(honest, n=100)[98] < 0.05


def test_a_replay_across_a_restart_of_the_manager_is_refused(manager: Manager, member: MakeNode) -> None:
    node = member("web-01")
    early = node.beat(seq=1)
    for beat in (early, node.beat(seq=2), node.beat(seq=1, boot="boot b"), node.beat(seq=1, boot="boot-c")):
        manager.ingest.hear(node.bearer, beat)
    manager.ingest.flush()
    later = Manager(manager.database, "asbl", manager.clock, lambda sentence: None)
    later.ingest.reload()
    for replayed in (early, node.beat(seq=7, boot="boot b"), node.beat(seq=7, boot="boot-a")):
        with pytest.raises(BeatReplayed):
            later.ingest.hear(node.bearer, replayed)
