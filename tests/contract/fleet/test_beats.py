"""Beats, from the message to the row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from intendance.fleet.beats import decide, service
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import finding, node_state
from intendance.fleet.manager import Manager
from intendance.model.errors.fleet import BeatReplayed, DatabaseUnreachable, MessageMalformed
from intendance.wire.messages import Backfill, Beat, SpooledBeat, decode, encode
from tests.contract.fleet.conftest import MakeNode
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN


def _state(manager: Manager, node: str = "web-01"):  # type: ignore[no-untyped-def]
    with manager.database.read() as connection:
        return connection.execute(select(node_state).where(node_state.c.node == node)).one()


def test_a_beat_is_written_by_the_next_flush(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    clock.move(timedelta(seconds=30))
    answer = manager.ingest.hear(node.bearer, node.beat(seq=7))
    assert (answer.server_time, answer.next_in_ms, answer.evidence_size) == (to_us(clock.at), 0, 0)
    assert manager.ingest.flush() == 1
    row = _state(manager)
    assert (row.last_seen_us, row.deadline_us) == (to_us(clock.at), to_us(clock.at) + 120_000_000)
    assert (row.seq, row.boot, row.streak, row.state) == (7, "boot-a", 1, "up")
    assert manager.ingest.flush() == 0


def test_many_nodes_are_written_together(manager: Manager, member: MakeNode) -> None:
    nodes = [member(f"web-{number:02}") for number in range(5)]
    for node in nodes:
        manager.ingest.hear(node.bearer, node.beat())
    assert manager.ingest.flush() == 5
    assert [_state(manager, node.name).seq for node in nodes] == [1] * 5


@pytest.mark.parametrize("said", [{"boot": "a\0"}, {"software": "\0"}])
def test_what_no_database_can_keep_is_no_beat(manager: Manager, member: MakeNode, said: dict[str, Any]) -> None:
    sound, odd = member("web-01"), member("web-02")
    manager.ingest.hear(sound.bearer, sound.beat(seq=7))
    with pytest.raises(MessageMalformed):
        manager.ingest.hear(odd.bearer, decode(encode(replace(odd.beat(), **said)), Beat))
    assert manager.ingest.flush() == 1
    assert _state(manager).seq == 7


@pytest.mark.parametrize("said", ["", "a b", "\"'\\", "{1,2}", "\t\n", "é€𝄞", "null", "NULL"])
def test_what_a_node_says_is_kept_as_it_is(manager: Manager, member: MakeNode, said: str) -> None:
    node = member()
    manager.ingest.hear(node.bearer, replace(node.beat(), boot=said, software=said, spooled=2**62))
    manager.ingest.flush()
    row = _state(manager)
    assert (row.boot, row.software, row.spooled) == (said, said, 2**62)


def test_what_detection_says_is_left_alone(manager: Manager, member: MakeNode) -> None:
    node = member()
    with manager.database.begin() as connection:
        connection.execute(update(node_state).values(state="missing"))
    manager.ingest.hear(node.bearer, node.beat())
    manager.ingest.flush()
    assert _state(manager).state == "missing"


def test_a_streak_counts_beats_in_time(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    seen = []
    for seconds in (60, 60, 200, 60):
        clock.move(timedelta(seconds=seconds))
        manager.ingest.hear(node.bearer, node.beat())
        manager.ingest.flush()
        seen.append(_state(manager).streak)
    assert seen == [1, 2, 1, 2]


def test_replays_are_refused(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    manager.ingest.hear(node.bearer, node.beat(seq=5))
    manager.ingest.flush()
    clock.move(timedelta(seconds=60))
    manager.ingest.hear(node.bearer, node.beat(seq=5))  # the answer was lost: heard, and counted once
    assert manager.ingest.flush() == 0
    with pytest.raises(BeatReplayed):
        manager.ingest.hear(node.bearer, node.beat(seq=4))
    manager.ingest.hear(node.bearer, node.beat(seq=1, boot="boot-b"))
    with pytest.raises(BeatReplayed):
        manager.ingest.hear(node.bearer, node.beat(seq=6, boot="boot-a"))


def test_replays_are_refused_after_a_restart_too(manager: Manager, member: MakeNode) -> None:
    node = member()
    manager.ingest.hear(node.bearer, node.beat(seq=5))
    manager.ingest.hear(node.bearer, node.beat(seq=1, boot="boot-b"))
    manager.ingest.flush()
    again = Manager(manager.database, "asbl", manager.clock, lambda sentence: None)
    again.ingest.reload()
    for seq, boot in ((6, "boot-a"), (0, "boot-b")):
        with pytest.raises(BeatReplayed):
            again.ingest.hear(node.bearer, node.beat(seq=seq, boot=boot))


def test_a_later_replica_does_not_take_time_back(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    replica = Manager(manager.database, "asbl", manager.clock, lambda sentence: None)
    replica.ingest.reload()
    manager.ingest.hear(node.bearer, node.beat(seq=1))
    clock.move(timedelta(seconds=60))
    replica.ingest.hear(node.bearer, node.beat(seq=2))
    replica.ingest.flush()
    manager.ingest.flush()
    assert _state(manager).seq == 2


def test_the_minutes_of_an_hour_are_bits(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    for _ in range(3):
        manager.ingest.hear(node.bearer, node.beat())
        manager.ingest.flush()
        clock.move(timedelta(minutes=30))
    found = service.hours(manager.database, "web-01", BEGAN, clock.at)
    assert [hour.heard for hour in found.values()] == [1 | 1 << 30, 1]


def test_back_fill_labels_anew_and_resolves_nothing(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    node = member()
    manager.ingest.hear(node.bearer, node.beat())
    manager.ingest.flush()
    with manager.database.begin() as connection:
        connection.execute(update(node_state).values(state="missing"))
    before = _state(manager)
    away = []
    for minute in range(1, 6):
        clock.move(timedelta(minutes=1))
        now = clock.read()
        # its wall clock is two hours wrong; within a boot nobody cares
        away.append(SpooledBeat(boot=now.boot, seq=minute, sent_at=to_us(now.at) + 7_200_000_000, mono_ns=now.mono_ns))
    clock.move(timedelta(minutes=1))
    now = clock.read()
    told = Backfill(
        v=1, node="web-01", incarnation=1, boot=now.boot, sent_at=to_us(now.at) + 7_200_000_000, mono_ns=now.mono_ns,
        beats=tuple(away),
    )  # fmt: skip
    assert service.backfill(manager.database, clock, told) == 5
    assert service.backfill(manager.database, clock, told) == 0
    (hour,) = service.hours(manager.database, "web-01", BEGAN, clock.at).values()
    assert (hour.heard, hour.backfilled) == (1, 0b111110)
    assert _state(manager) == before


def test_back_fill_of_an_earlier_boot_and_of_long_ago(manager: Manager, member: MakeNode, clock: MovableClock) -> None:
    member()
    clock.move(timedelta(hours=2))
    now_us = to_us(clock.at)
    skew_us = 90_000_000
    beats = [
        SpooledBeat(boot="before", seq=1, sent_at=now_us - decide.HOUR_US + skew_us, mono_ns=1),
        SpooledBeat(boot="before", seq=2, sent_at=now_us - 26 * decide.HOUR_US + skew_us, mono_ns=2),
        SpooledBeat(boot="before", seq=3, sent_at=now_us + decide.HOUR_US + skew_us, mono_ns=3),
    ]
    told = Backfill(
        v=1, node="web-01", incarnation=1, boot="now", sent_at=now_us + skew_us, mono_ns=9, beats=tuple(beats)
    )
    assert service.backfill(manager.database, clock, told) == 1


def test_what_could_not_be_written_is_written_later(
    manager: Manager, member: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = member()
    manager.ingest.hear(node.bearer, node.beat())

    def broken(self: Database, *, durable: bool = True) -> None:
        raise DatabaseUnreachable(where="it", detail="gone")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "begin", broken)
        with pytest.raises(DatabaseUnreachable):
            manager.ingest.flush()
    assert manager.ingest.flush() == 1
    assert _state(manager).seq == 1


def test_a_head_in_a_beat_is_looked_at(manager: Manager, member: MakeNode) -> None:
    node = member()
    early = node.checkpoint
    node.record(2)
    live = manager.ingest.who(node.bearer)
    live.evidence_size = manager.evidence.receive(node.batch(0))
    manager.ingest.hear(node.bearer, node.beat())
    ((_, text, known),) = manager.ingest.heads()
    assert manager.evidence.look_at("web-01", 1, text, known) is None
    manager.ingest.hear(node.bearer, node.beat(checkpoint=early))
    ((_, text, known),) = manager.ingest.heads()
    for _ in range(2):
        found = manager.evidence.look_at("web-01", 1, text, known)
        assert found is not None
        assert found.kind == "rollback"
    with manager.database.read() as connection:
        (kept,) = connection.execute(select(finding)).all()
    assert (kept.kind, kept.exhibit) == ("rollback", early)
    assert manager.nodes.listed()[0].findings == 1
