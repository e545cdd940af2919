"""What a node does with each answer of a manager, of one that does not know it, and of somebody who is none."""

from __future__ import annotations

import json
import socket
from typing import Any, cast

import pytest

from intendance.agent import membership
from intendance.agent.heartbeat import PERIOD_NS, Spool, phase_of
from intendance.agent.manager_link import Link
from intendance.agent.membership import Membership
from intendance.agent.telling import Telling
from intendance.agent.uplink import Heart
from intendance.model.errors.fleet import ManagerRefused, ManagerUnreachable
from intendance.system.clock import SystemClock
from intendance.wire.messages import BeatAnswer, encode
from tests.support.certificates import Authority
from tests.support.clock import MovableClock
from tests.support.sms_gateway import Gateway, sms_gateway
from tests.support.state import Site, until

HEARD = (200, encode(BeatAnswer(server_time=0, next_in_ms=0, evidence_size=10**6)).decode())
AWAY = (404, "404 page not found\n")
"""A proxy in front of a manager that is away."""


def problem(status: int, code: str) -> tuple[int, str]:
    told = {"type": f"urn:intendance:error:{code}", "title": code, "status": status, "detail": "d", "next_step": "n"}
    return status, json.dumps(told)


STRANGER = problem(401, "not_enrolled")


def heart(site: Site, said: list[str], *managers: Gateway) -> Heart:
    """One whose minute has just begun, by a clock that stands still: it beats once for as long as a test lasts."""
    urls = tuple(each.url for each in managers)
    joined = Membership(fleet="testing", node="web-01", incarnation=1, bearer="x" * 43, urls=urls)
    clock = MovableClock(SystemClock().read().at, mono_ns=PERIOD_NS + phase_of("web-01"))
    return Heart(site.state, joined, clock, said.append)


def spooled(site: Site) -> int:
    return len(Spool(site.state / "agent" / "beats.spool"))


@pytest.mark.parametrize("answer", [AWAY, (403, "<h1>Forbidden</h1>"), (429, '{"message": "slow down"}'), (400, "")])
def test_who_is_no_manager_gives_no_answer_and_the_next_address_is_asked(answer: tuple[int, str]) -> None:
    with sms_gateway() as proxy, sms_gateway() as manager:
        proxy.answers, manager.answers = [answer], [HEARD]
        link = Link((proxy.url, manager.url))
        with pytest.raises(ManagerUnreachable, match=str(answer[0])):
            link.post("/api/v1/heartbeat", b"{}")
        assert link.post("/api/v1/heartbeat", b"{}").decode() == HEARD[1]
        link.close()


def test_a_manager_that_does_not_know_the_node_is_not_asked_again_where_there_is_another() -> None:
    with sms_gateway() as restored, sms_gateway() as other:
        restored.answers, other.answers = [STRANGER], [HEARD]
        link = Link((restored.url, other.url))
        with pytest.raises(ManagerRefused, match="d"):
            link.post("/api/v1/heartbeat", b"{}")
        assert link.post("/api/v1/heartbeat", b"{}").decode() == HEARD[1]
        link.close()


def test_a_refusal_of_what_was_said_stays_with_that_manager() -> None:
    with sms_gateway() as manager, sms_gateway() as other:
        manager.answers = [problem(409, "evidence_refused")]
        link = Link((manager.url, other.url))
        for _ in range(2):
            with pytest.raises(ManagerRefused):
                link.post("/api/v1/evidence", b"{}")
        assert (len(manager.asked), len(other.asked)) == (2, 0)
        link.close()


def test_a_connection_that_is_let_go_while_it_is_cut_is_no_fault() -> None:
    """The thread that uses it closes it between the look whether it is open and its end."""

    class LetGo:
        def __init__(self, line: socket.socket) -> None:
            self._seen: list[socket.socket | None] = [line]

        @property
        def sock(self) -> socket.socket | None:
            return self._seen.pop() if self._seen else None

    ours, theirs = socket.socketpair()
    with ours, theirs:
        link = Link(("http://127.0.0.1:1",))
        link._connection = cast(Any, LetGo(ours))
        link.cut()
        assert theirs.recv(1) == b""


def test_a_beat_that_a_proxy_refuses_is_heard_by_the_next_manager(site: Site) -> None:
    said: list[str] = []
    with sms_gateway() as proxy, sms_gateway() as manager:
        proxy.answers, manager.answers = [AWAY], [HEARD]
        beating = heart(site, said, proxy, manager)
        beating.start()
        until(lambda: bool(manager.asked) and beating._told == "", "the answer at the second address")
        beating.stop()
    assert [each.path for each in manager.asked] == ["/api/v1/heartbeat"]
    assert spooled(site) == 0


@pytest.mark.parametrize("answer", [STRANGER, problem(400, "message_malformed")])
def test_a_beat_that_a_manager_does_not_take_is_kept_for_later(site: Site, answer: tuple[int, str]) -> None:
    """So that the node knows that nobody hears it, and writes to people itself."""
    said: list[str] = []
    with sms_gateway() as manager:
        manager.answers = [answer]
        beating = heart(site, said, manager)
        beating.start()
        until(lambda: spooled(site) == 1, "the beat to be kept")
        beating.stop()
    assert said == ["The manager refused: d n"]
    assert len(manager.asked) == 1


def test_the_copy_of_a_machine_that_is_heard_keeps_nothing(site: Site) -> None:
    said: list[str] = []
    with sms_gateway() as manager:
        manager.answers = [problem(409, "beat_replayed")]
        beating = heart(site, said, manager)
        beating.start()
        until(lambda: bool(said), "the refusal")
        beating.stop()
    assert spooled(site) == 0


def test_a_manager_that_the_plan_names_since_is_told_without_joining_again(site: Site, authority: Authority) -> None:
    said: list[str] = []
    gone = "https://127.0.0.1:1"
    with sms_gateway(authority) as second:
        second.answers = [HEARD]
        joined = Membership(
            fleet="testing", node="web-01", incarnation=1, bearer="x" * 43, urls=(gone,), authority=authority.pem
        )
        membership.keep(site.state, joined)
        planned: list[str] = []
        telling = Telling(site.state, SystemClock(), said.append, lambda: tuple(planned))
        telling.tend()
        until(lambda: bool(said), "that nobody answers")
        planned.append(second.url)
        telling.tend()
        until(lambda: bool(second.asked), "the beat at the plan's address")
        telling.end()
    assert second.asked[0].headers["Authorization"] == "Bearer " + "x" * 43


def test_a_node_beside_its_manager_tells_nobody_elsewhere() -> None:
    beside = Membership(fleet="f", node="n", incarnation=1, bearer="x", urls=("http://127.0.0.1:8484",))
    assert membership.addresses(beside, ("https://fleet.example.org",)) == beside.urls
