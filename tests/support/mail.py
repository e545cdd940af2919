"""Mail servers that do what real ones do at their worst: real SMTP by aiosmtpd, on a free port, ended with the test."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP as MAIL
from typing import Any, cast

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.certificates import Authority

USER, PASSWORD = "intendance", "correct horse battery"


@dataclass
class Behaviour:
    """What a server answers: `replies` to DATA one after the other, the last for ever; the rest says how it is bad."""

    replies: list[str] = field(default_factory=lambda: ["250 2.0.0 Ok: queued as 4F1A2B3C"])
    to_recipient: str = "250 OK"
    starttls: bool = False
    wants_tls: bool = False
    wants_login: bool = False
    drops_in_data: bool = False
    hangs_in_data: bool = False
    on_mail: Callable[[], None] = lambda: None


@dataclass
class MailServer:
    """A running server: where, how it behaves, and the mails that it took."""

    port: int
    behaviour: Behaviour
    taken: list[EmailMessage] = field(default_factory=list)
    tries: int = 0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.taken]


class _Handler:
    def __init__(self, server: MailServer) -> None:
        self.server = server

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        said = self.server.behaviour.to_recipient
        if said.startswith("2"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, smtp: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        behaviour = self.server.behaviour
        self.server.tries += 1
        if behaviour.hangs_in_data:
            await asyncio.sleep(3600)
        reply = behaviour.replies.pop(0) if len(behaviour.replies) > 1 else behaviour.replies[0]
        if reply.startswith("2"):
            content = cast(bytes, envelope.content)
            self.server.taken.append(message_from_bytes(content, policy=MAIL))
            behaviour.on_mail()
        if behaviour.drops_in_data:
            cast(Any, smtp).transport.abort()
        return reply


class _Server(SMTP):
    """aiosmtpd's protocol; a line that goes while it works is nothing to write about."""

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)


def _authenticator(_: SMTP, __: Session, ___: Envelope, mechanism: str, data: object) -> AuthResult:
    if not isinstance(data, LoginPassword):
        return AuthResult(success=False, handled=False)
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=right)


async def _end(running: asyncio.Server) -> None:
    running.close()
    while letting_in := [task for task in _others() if not _is_handling(task)]:
        await asyncio.wait(letting_in)  # a line that nobody holds yet would be closed by nobody
    handling = _others()
    for task in handling:
        task.cancel()
    await asyncio.gather(*handling, return_exceptions=True)


def _others() -> set[asyncio.Task[Any]]:
    """The tasks of this loop but the present one."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def _is_handling(task: asyncio.Task[Any]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "") == "SMTP._handle_client"


@contextmanager
def mail_server(behaviour: Behaviour | None = None, authority: Authority | None = None) -> Iterator[MailServer]:
    """A server for a while; with an `authority` it has a certificate for 127.0.0.1 and localhost."""
    behaviour = behaviour or Behaviour()
    listening = socket.create_server(("127.0.0.1", 0))
    server = MailServer(listening.getsockname()[1], behaviour)
    context = authority.server_context("127.0.0.1", "localhost") if authority else None
    loop = asyncio.new_event_loop()
    started, handler = threading.Event(), _Handler(server)

    def protocol() -> SMTP:
        return _Server(
            handler,
            tls_context=context if behaviour.starttls or behaviour.wants_tls else None,
            require_starttls=behaviour.wants_tls,
            auth_required=behaviour.wants_login,
            auth_require_tls=behaviour.wants_login and context is not None,
            authenticator=_authenticator if behaviour.wants_login else None,
            loop=loop,
            hostname="mail.test",
            enable_SMTPUTF8=False,
        )

    async def serve() -> asyncio.Server:
        return await loop.create_server(protocol, sock=listening)

    def work() -> None:
        asyncio.set_event_loop(loop)
        running = loop.run_until_complete(serve())
        started.set()
        loop.run_forever()
        loop.run_until_complete(_end(running))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(60)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


@contextmanager
def raw_server(talk: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """A server that says what `talk` writes, for what no honest library does; `talk` ends when the event is set."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection, ended)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        ended.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(30)


def drip(connection: socket.socket, ended: threading.Event) -> None:
    """A greeting of one letter every 50 ms, for ever: each letter would start a socket's own timeout anew."""
    connection.sendall(b"220-")
    while not ended.wait(0.05):
        connection.sendall(b"a")


def silent(connection: socket.socket, ended: threading.Event) -> None:
    """Takes the call and says nothing."""
    connection.settimeout(0.1)
    while not ended.is_set():
        try:
            if not connection.recv(1024):
                return
        except TimeoutError:
            continue


@pytest.fixture(scope="session")
def authority() -> Authority:
    """Who signs the certificates of servers in tests."""
    return Authority.create()


def trusting(authority: Authority) -> Callable[[], ssl.SSLContext]:
    """TLS that trusts this authority alone."""

    def context() -> ssl.SSLContext:
        made = ssl.create_default_context(cadata=authority.pem)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made

    return context
