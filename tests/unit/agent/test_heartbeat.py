"""When a node beats, and what it keeps of what nobody heard."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from intendance.agent.heartbeat import PERIOD_NS, RETRIES_NS, SPOOLED, Rhythm, Spool, next_try, phase_of
from intendance.wire.messages import SpooledBeat

INSTANTS = st.integers(min_value=0, max_value=10**18)
PHASES = st.integers(min_value=0, max_value=PERIOD_NS - 1)


@given(PHASES, INSTANTS)
def test_a_slot_began_less_than_a_minute_ago(phase: int, now: int) -> None:
    slot = Rhythm(phase).slot(now)
    assert 0 <= now - slot < PERIOD_NS
    assert slot % PERIOD_NS == phase


@given(PHASES, INSTANTS, st.integers(min_value=0, max_value=60_000))
def test_a_manager_moves_the_phase_and_never_the_minute(phase: int, now: int, next_in_ms: int) -> None:
    before = Rhythm(phase)
    after = before.moved(now, next_in_ms)
    following = after.slot(now) + PERIOD_NS
    assert following <= before.slot(now) + PERIOD_NS
    if after != before:
        assert following == now + next_in_ms * 1_000_000


def test_names_spread_over_the_minute() -> None:
    phases = [phase_of(f"web-{number}") for number in range(600)]
    assert phases[0] == phase_of("web-0")
    in_each_second = [sum(1 for phase in phases if phase // 10**9 == second) for second in range(60)]
    assert max(in_each_second) < 30
    assert min(in_each_second) > 0


@given(INSTANTS, st.lists(st.integers(min_value=0, max_value=6 * 10**9), max_size=5))
def test_tries_keep_to_their_times_and_end(slot: int, durations: list[int]) -> None:
    now, times = slot, []
    for tried, took in enumerate([*durations, *([0] * len(RETRIES_NS))]):
        at = next_try(slot, tried, now)
        if at is None:
            break
        assert at >= slot + RETRIES_NS[tried]
        times.append(at)
        now = at + took
    assert len(times) == len(RETRIES_NS)
    assert times == sorted(times)


def _beat(number: int, boot: str = "b") -> SpooledBeat:
    return SpooledBeat(boot=boot, seq=number, sent_at=number, mono_ns=number)


def test_a_spool_survives_its_process_and_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "beats.spool"
    spool = Spool(path)
    for number in range(5):
        spool.add(_beat(number))
        spool.add(_beat(number))  # the same slot again
    assert path.stat().st_mode & 0o777 == 0o600
    with path.open("a") as file:
        file.write('["b", 5, 5')
    again = Spool(path)
    assert again.oldest(3) == tuple(_beat(number) for number in range(3))
    again.told(again.oldest(3))
    assert Spool(path).oldest(10) == (_beat(3), _beat(4))
    again.told(again.oldest(10))
    assert not path.exists()


def test_a_spool_holds_a_day(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "beats.spool")
    for number in range(SPOOLED + 300):
        spool.add(_beat(number))
    assert len(spool) == len(Spool(tmp_path / "beats.spool")) == SPOOLED
    assert Spool(tmp_path / "beats.spool").oldest(1) == (_beat(300),)
