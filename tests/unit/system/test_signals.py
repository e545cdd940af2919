"""A section that no signal tears apart: what comes meanwhile comes right after, to whom it was for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from intendance.system.signals import held_back


class Told(Exception):
    """As a handler raises it."""


def _raises(number: int, _frame: FrameType | None) -> None:
    raise Told(signal.Signals(number).name)


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    former = {number: signal.signal(number, _raises) for number in (signal.SIGALRM, signal.SIGTERM)}
    former[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def test_a_signal_waits_for_the_end_of_the_section() -> None:
    done = []
    with pytest.raises(Told, match="SIGTERM"), held_back():  # noqa: PT012 -- all of it is the section
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
        done.append("whole")
    assert done == ["whole"]


def test_afterwards_everything_is_as_before() -> None:
    with held_back():
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGALRM) is _raises
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    with pytest.raises(Told, match="SIGALRM"):
        signal.raise_signal(signal.SIGALRM)


def test_what_fails_within_fails_and_holds_nothing_back() -> None:
    with pytest.raises(KeyError), held_back():
        raise KeyError
    with pytest.raises(Told):
        signal.raise_signal(signal.SIGALRM)


def test_one_may_stand_in_another() -> None:
    done = []
    with pytest.raises(Told), held_back():  # noqa: PT012 -- all of it is the section
        with held_back():
            signal.raise_signal(signal.SIGALRM)
        done.append("the outer one")
    assert done == ["the outer one"]


def test_in_another_thread_there_is_nothing_to_hold_back() -> None:
    seen = []

    def work() -> None:
        with held_back():
            seen.append(signal.getsignal(signal.SIGALRM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [_raises]
