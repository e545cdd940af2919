"""What every notifier must do, whatever its other side does: the same suite for each.

A new notifier joins by one line in `WAYS`.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest

from intendance.model.alerting import EmailChannel, SmsChannel
from intendance.model.secret import SecretReference
from intendance.notifiers import NOTIFIERS, Message, Notifier
from intendance.notifiers.sms import SmsNotifier
from intendance.notifiers.smtp import SmtpNotifier
from intendance.system.clock import monotonic_seconds
from tests.support.certificates import Authority
from tests.support.mail import Behaviour, drip, mail_server, raw_server, silent, trusting
from tests.support.ports import nobody
from tests.support.sms_gateway import sms_gateway

Turn = Literal["accepts", "later", "never", "elsewhere"]
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PATIENT, HURRIED = 120.0, 0.6
SECRET = "s3cr3t-of-the-provider"


@dataclass
class Place:
    """A notifier, and how often its other side was asked."""

    notifier: Notifier
    taken: Callable[[], list[str]]


def message(key: str = "k" * 40, to: str = "admin@asbl.example.org") -> Message:
    return Message(key=key, to=to, subject="Le nœud ne répond plus", text="web-01 se tait depuis 2 min — été", at=NOON)


@contextmanager
def email(turn: Turn, _: Path) -> Iterator[Place]:
    said = {
        "accepts": "250 2.0.0 Ok: queued as 4F1A2B3C",
        "later": "451 4.7.1 Try again later",
        "never": "554 5.7.1 Not here",
        "elsewhere": "551 User not local; please try <other@example.org>",
    }[turn]
    with mail_server(Behaviour(replies=[said])) as server:
        declared = EmailChannel(smtp=server.url, sender="intendance@asbl.example.org")
        yield Place(SmtpNotifier(declared), server.ids)


@contextmanager
def sms(turn: Turn, folder: Path) -> Iterator[Place]:
    answer = {"accepts": (201, '{"id": "m-7"}'), "later": (503, "busy"), "never": (400, f"no {SECRET}"),
              "elsewhere": (302, "")}[turn]  # fmt: skip
    with sms_gateway() as gateway:
        gateway.answers = [answer]
        yield Place(
            SmsNotifier(generic(gateway.url, folder)), lambda: [asked.json()["reference"] for asked in gateway.asked]
        )


def generic(url: str, folder: Path) -> SmsChannel:
    file = folder / "sms.ini"
    file.write_text(f"token = {SECRET}\n")
    file.chmod(0o600)
    return SmsChannel(template="generic", url=url, credentials=SecretReference(file=str(file)))


def at_port(way: str, port: int, folder: Path) -> Notifier:
    if way == "email":
        return SmtpNotifier(EmailChannel(smtp=f"smtp://127.0.0.1:{port}", sender="intendance@asbl.example.org"))
    return SmsNotifier(generic(f"http://127.0.0.1:{port}", folder))


WAYS: dict[str, Callable[[Turn, Path], AbstractContextManager[Place]]] = {"email": email, "sms": sms}


HOSTILE = "web\r\nBcc: thief@example.net\r\n\r\n<b>\x1b]0;owned\x07\x9b2J\u202efdp.exe"
"""What a node may be called by who took it: a second header, a title of the terminal, a line turned round."""


def test_a_hostile_name_adds_no_header_to_a_mail_and_steers_nothing() -> None:
    told = Message(key="k" * 40, to="admin@asbl.example.org", subject=HOSTILE, text=f"{HOSTILE}\n.\nend", at=NOON)
    with mail_server() as server:
        declared = EmailChannel(smtp=server.url, sender="intendance@asbl.example.org")
        assert SmtpNotifier(declared).deliver(told, PATIENT).outcome == "accepted"
        mail = server.taken[0]
    assert mail["Bcc"] is None
    assert mail.get_all("To") == ["admin@asbl.example.org"]
    assert [str(value) for value in mail.get_all("Subject", [])] == [
        "web Bcc: thief@example.net <b>\\x1b]0;owned\\x07\\x9b2J\\u202efdp.exe"
    ]
    body = mail.get_content()
    assert "\\x1b]0;owned" in body
    assert body.rstrip().endswith("end")
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(body)


def test_a_hostile_name_steers_no_telephone(tmp_path: Path) -> None:
    told = Message(key="k" * 40, to="+32 470 12 34 56", subject="", text=HOSTILE, at=NOON)
    with sms_gateway() as gateway:
        gateway.answers = [(201, '{"id": "m-7"}')]
        assert SmsNotifier(generic(gateway.url, tmp_path)).deliver(told, PATIENT).outcome == "accepted"
        asked = gateway.asked[0]
    assert "Bcc" not in asked.headers
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(asked.json()["text"])


def test_every_way_is_in_the_suite() -> None:
    assert set(WAYS) == set(NOTIFIERS)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def to(way: str) -> str:
    return "admin@asbl.example.org" if way == "email" else "+32 2 123 45 67"


def test_a_message_is_handed_over_and_its_name_there_is_kept(way: str, tmp_path: Path) -> None:
    with WAYS[way]("accepts", tmp_path) as place:
        delivery = place.notifier.deliver(message(to=to(way)), PATIENT)
        assert delivery.accepted, delivery
        assert (delivery.code, delivery.provider_id) == {"email": ("250", "4F1A2B3C"), "sms": ("201", "m-7")}[way]
        assert place.notifier.way == way


def test_the_same_key_travels_with_every_try(way: str, tmp_path: Path) -> None:
    with WAYS[way]("accepts", tmp_path) as place:
        for key in ("a" * 40, "a" * 40, "b" * 40):
            assert place.notifier.deliver(message(key, to(way)), PATIENT).accepted
        keys = [re.sub(r"[<>]|@.*", "", each) for each in place.taken()]
        assert keys == ["a" * 40, "a" * 40, "b" * 40]


@pytest.mark.parametrize(
    ("turn", "outcome"), [("later", "transient"), ("never", "permanent"), ("elsewhere", "permanent")]
)
def test_a_refusal_says_whether_it_lasts(way: str, turn: Turn, outcome: str, tmp_path: Path) -> None:
    with WAYS[way](turn, tmp_path) as place:
        delivery = place.notifier.deliver(message(to=to(way)), PATIENT)
        assert delivery.outcome == outcome, delivery
        assert re.fullmatch(r"\d{3}", delivery.code)
        assert not delivery.accepted
        assert SECRET not in repr(delivery)


def test_nobody_there_may_be_there_later(way: str, tmp_path: Path) -> None:
    with nobody() as port:
        delivery = at_port(way, port, tmp_path).deliver(message(to=to(way)), PATIENT)
    assert (delivery.outcome, delivery.code) == ("transient", "connection")


@pytest.mark.parametrize("talk", [silent, drip], ids=["silent", "drip"])
def test_a_server_that_never_ends_its_answer_is_left_at_the_deadline(
    way: str, talk: Callable[[socket.socket, threading.Event], None], tmp_path: Path
) -> None:
    with raw_server(talk) as port:
        before = monotonic_seconds()
        delivery = at_port(way, port, tmp_path).deliver(message(to=to(way)), HURRIED)
        assert (delivery.outcome, delivery.code) == ("transient", "timeout")
        assert monotonic_seconds() - before >= HURRIED * 0.9


def test_a_line_that_breaks_is_tried_again(way: str, tmp_path: Path) -> None:
    with raw_server(lambda connection, _: connection.shutdown(socket.SHUT_RDWR)) as port:
        delivery = at_port(way, port, tmp_path).deliver(message(to=to(way)), PATIENT)
    assert (delivery.outcome, delivery.code) == ("transient", "connection")


def test_credentials_that_cannot_be_read_are_said_and_never_shown(way: str, tmp_path: Path) -> None:
    open_to_all = tmp_path / "open.ini"
    open_to_all.write_text(f"token = {SECRET}\n")
    open_to_all.chmod(0o644)
    reference = SecretReference(file=str(open_to_all))
    notifier: Notifier = (
        SmtpNotifier(EmailChannel(smtp="smtp://127.0.0.1:9", sender="i@example.org", credentials=reference))
        if way == "email"
        else SmsNotifier(SmsChannel(template="generic", url="http://127.0.0.1:9", credentials=reference))
    )
    delivery = notifier.deliver(message(to=to(way)), PATIENT)
    assert (delivery.outcome, delivery.code) == ("transient", "credentials")
    assert "open to others" in delivery.detail
    assert SECRET not in repr(delivery)


def test_two_threads_may_send_at_once(way: str, tmp_path: Path) -> None:
    with WAYS[way]("accepts", tmp_path) as place:
        keys = [f"{number:040}" for number in range(8)]
        done: list[bool] = []
        threads = [
            threading.Thread(
                target=lambda key=key: done.append(place.notifier.deliver(message(key, to(way)), PATIENT).accepted)
            )
            for key in keys
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done == [True] * 8
        assert len(place.taken()) == 8


def test_an_unknown_authority_is_not_trusted_and_a_known_one_is(way: str, authority: Authority, tmp_path: Path) -> None:
    with mail_server(Behaviour(starttls=True, wants_tls=True), authority) as server, sms_gateway(authority) as gateway:
        declared = EmailChannel(
            smtp=f"smtp://127.0.0.1:{server.port}", sender="i@example.org", credentials=secret(tmp_path)
        )
        made: Callable[..., Notifier] = (
            (lambda *context: SmtpNotifier(declared, *context))
            if way == "email"
            else (lambda *context: SmsNotifier(generic(gateway.url, tmp_path), *context))
        )
        server.behaviour.wants_login = False
        stranger = made().deliver(message(to=to(way)), PATIENT)
        assert (stranger.outcome, stranger.code) == ("transient", "tls"), stranger
        assert server.taken == []
        assert gateway.asked == []


def secret(folder: Path) -> SecretReference:
    file = folder / "smtp.ini"
    file.write_text("[smtp]\nuser = intendance\npassword = correct horse battery\n")
    file.chmod(0o600)
    return SecretReference(file=str(file))


def test_what_was_told_arrives_as_it_was_written(tmp_path: Path, authority: Authority) -> None:
    login = Behaviour(starttls=True, wants_tls=True, wants_login=True)
    with mail_server(login, authority) as server:
        declared = EmailChannel(smtp=server.url, sender="intendance@asbl.example.org", credentials=secret(tmp_path))
        delivery = SmtpNotifier(declared, trusting(authority)).deliver(message(), PATIENT)
        assert delivery.accepted, delivery
        (mail,) = server.taken
        assert mail["Subject"] == "Le nœud ne répond plus"
        assert mail.get_content().strip() == "web-01 se tait depuis 2 min — été"
        assert mail["Message-ID"] == f"<{'k' * 40}@asbl.example.org>"
        assert mail["Auto-Submitted"] == "auto-generated"
        wrong = tmp_path / "wrong.ini"
        wrong.write_text("user = intendance\npassword = another\n")
        wrong.chmod(0o600)
        badly = EmailChannel(smtp=server.url, sender="i@example.org", credentials=SecretReference(file=str(wrong)))
        refused = SmtpNotifier(badly, trusting(authority)).deliver(message(), PATIENT)
        assert (refused.outcome, refused.code) == ("permanent", "535")
        assert "another" not in repr(refused)


def test_a_drop_in_the_middle_of_the_mail_is_tried_again() -> None:
    with mail_server(Behaviour(drops_in_data=True)) as server:
        declared = EmailChannel(smtp=server.url, sender="i@example.org")
        delivery = SmtpNotifier(declared).deliver(message(), PATIENT)
        assert (delivery.outcome, delivery.code) == ("transient", "connection")


def test_a_server_that_hangs_in_the_middle_of_the_mail_is_left() -> None:
    with mail_server(Behaviour(hangs_in_data=True)) as server:
        tried = 0
        for seconds in (1.0, 10.0, 100.0):  # a slow machine does not come so far within the first
            delivery = SmtpNotifier(EmailChannel(smtp=server.url, sender="i@example.org")).deliver(message(), seconds)
            assert (delivery.outcome, delivery.code) == ("transient", "timeout")
            tried += 1
            if server.tries:
                break
        assert 1 <= server.tries <= tried  # the server may come to a mail after it was left


@pytest.mark.parametrize(("said", "outcome"), [("450 4.2.2 full", "transient"), ("550 5.1.1 nobody", "permanent")])
def test_a_recipient_may_be_refused(said: str, outcome: str) -> None:
    with mail_server(Behaviour(to_recipient=said)) as server:
        delivery = SmtpNotifier(EmailChannel(smtp=server.url, sender="i@example.org")).deliver(message(), PATIENT)
        assert (delivery.outcome, delivery.code) == (outcome, said[:3])
        assert server.taken == []


def test_a_server_elsewhere_without_tls_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intendance.notifiers.smtp.is_loopback", lambda _: False)
    with mail_server() as server:
        delivery = SmtpNotifier(EmailChannel(smtp=server.url, sender="i@example.org")).deliver(message(), PATIENT)
        assert (delivery.outcome, delivery.code) == ("transient", "tls")
        assert server.taken == []


def test_a_new_line_in_a_subject_is_no_new_header() -> None:
    with mail_server() as server:
        told = Message(key="k", to="a@example.org", subject="one\r\nBcc: other@example.org", text="x", at=NOON)
        assert SmtpNotifier(EmailChannel(smtp=server.url, sender="i@example.org")).deliver(told, PATIENT).accepted
        assert server.taken[0]["Bcc"] is None


def test_tls_reaches_the_gateway(authority: Authority, tmp_path: Path) -> None:
    with sms_gateway(authority) as gateway:
        notifier = SmsNotifier(generic(gateway.url, tmp_path), trusting(authority))
        assert notifier.deliver(message(to="+32 2 123"), PATIENT).accepted
        asked = gateway.asked[0]
        assert asked.headers["Authorization"] == f"Bearer {SECRET}"
        assert asked.json() == {"to": "+322123", "text": "web-01 se tait depuis 2 min - été", "reference": "k" * 40}
