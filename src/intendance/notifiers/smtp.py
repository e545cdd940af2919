"""Mail, by the standard library's SMTP client in the caller's thread (decision 31).

What the server answers is kept: its code, and the id under which it queued the mail. TLS with a checked certificate is
demanded of every server but this machine's own.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from urllib.parse import urlsplit

from intendance.model.alerting import EmailChannel, Way
from intendance.notifiers import Delivery, Message
from intendance.notifiers.credentials import Credentials, read_credentials
from intendance.notifiers.line import Line, is_loopback, trusted
from intendance.system.secret import SecretUnusable
from intendance.system.shown import visible

_QUEUED = re.compile(r"(?i)\b(?:queued(?: mail)?(?: for delivery)?(?: as)?|id)[ =:]+<?([A-Za-z0-9][A-Za-z0-9._-]{3,})")
_LONGEST_SIGNS = 300
_PORTS = {"smtp": 587, "smtps": 465}
_REPLY_DATA = 250


class NoTls(smtplib.SMTPException):
    """The server offers no TLS, and what is told is not for everybody on the way."""


class _Client(smtplib.SMTP):
    """The standard client over a line with a deadline."""

    def __init__(self, line: Line, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._line = line
        self._first = context
        super().__init__(host, port, local_hostname=socket.gethostname(), timeout=line.remaining_seconds())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 -- the line has its own
        return self._line.dial(host, port, self._first)


class SmtpNotifier:
    """One mail server of a plan. `context` gives the TLS that is trusted."""

    way: Way = "email"

    def __init__(self, declared: EmailChannel, context: Callable[[], ssl.SSLContext] = trusted) -> None:
        place = urlsplit(declared.smtp)
        self._scheme, self._host = place.scheme, place.hostname or "localhost"
        self._port = place.port or _PORTS[place.scheme]
        self._declared = declared
        self._context = context

    def deliver(self, message: Message, deadline_seconds: float) -> Delivery:
        """Hand a mail to the server. A 4xx, a broken or silent line may succeed later; a 5xx will not."""
        try:
            credentials = read_credentials(self._declared.credentials)
        except SecretUnusable as unusable:
            return Delivery(outcome="transient", code="credentials", detail=unusable.detail)
        with Line(deadline_seconds) as line:
            try:
                code, reply = self._sent(line, message, credentials)
            except (OSError, smtplib.SMTPException, UnicodeError, ValueError) as failure:
                return _failed(failure, credentials, overdue=line.overdue)
        said = credentials.hide(_text(reply))[:_LONGEST_SIGNS]
        return Delivery(outcome="accepted", code=str(code), provider_id=_queue_id(said), detail=said)

    def _sent(self, line: Line, message: Message, credentials: Credentials) -> tuple[int, bytes]:
        context = self._context() if self._scheme == "smtps" else None
        client = _Client(line, self._host, self._port, context)
        try:
            client.ehlo_or_helo_if_needed()
            secure = self._scheme == "smtps" or self._secured(client)
            self._log_in(client, credentials, secure=secure)
            return self._handed_over(client, message)
        finally:
            client.close()  # QUIT would wait for an answer that changes nothing

    def _secured(self, client: smtplib.SMTP) -> bool:
        if client.has_extn("starttls") and not (is_loopback(self._host) and self._declared.credentials is None):
            code, reply = client.starttls(context=self._context())
            if code != 220:
                raise smtplib.SMTPResponseException(code, reply)
            client.ehlo_or_helo_if_needed()
            return True
        if not is_loopback(self._host):
            raise NoTls
        return False

    def _log_in(self, client: smtplib.SMTP, credentials: Credentials, *, secure: bool) -> None:
        if self._declared.credentials is None:
            return
        user, password = credentials.require("user", "password")
        if not secure and not is_loopback(self._host):
            raise NoTls
        client.login(user, password)

    def _handed_over(self, client: smtplib.SMTP, message: Message) -> tuple[int, bytes]:
        plain = message.to.isascii() and self._declared.sender.isascii()
        options = [] if plain else ["SMTPUTF8"]
        if not plain and not client.has_extn("smtputf8"):
            raise smtplib.SMTPNotSupportedError("the server takes no addresses with letters beyond ASCII")
        mail = written(message, self._declared.sender, plain=plain)
        for code, reply in (client.mail(self._declared.sender, options), client.rcpt(message.to)):
            if not 200 <= code < 300:
                raise smtplib.SMTPResponseException(code, reply)
        code, reply = client.data(mail)
        if code != _REPLY_DATA:
            raise smtplib.SMTPResponseException(code, reply)
        return code, reply


def open_notifier(declared: EmailChannel) -> SmtpNotifier:
    """The mail server of a plan."""
    return SmtpNotifier(declared)


def written(message: Message, sender: str, *, plain: bool = True) -> bytes:
    """The mail as it travels: its Message-ID is the message's key, so that a second copy is known as one."""
    mail = EmailMessage(policy=SMTP if plain else SMTPUTF8)
    domain = sender.rpartition("@")[2]
    mail["From"] = Address("Intendance", addr_spec=sender)
    mail["To"] = Address(addr_spec=message.to)
    mail["Subject"] = visible(" ".join(message.subject.split()))
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.key}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(visible(message.text), charset="utf-8", cte="quoted-printable")
    return mail.as_bytes()


def _failed(failure: Exception, credentials: Credentials, *, overdue: bool) -> Delivery:
    if overdue or isinstance(failure, TimeoutError):
        return Delivery(outcome="transient", code="timeout", detail="the server did not answer in time")
    if isinstance(failure, smtplib.SMTPResponseException):
        said = credentials.hide(_text(failure.smtp_error))[:_LONGEST_SIGNS]
        # Out of range codes come from servers that talk nonsense: they may come to their senses.
        lasting = 500 <= failure.smtp_code < 600
        return Delivery(outcome="permanent" if lasting else "transient", code=str(failure.smtp_code), detail=said)
    if isinstance(failure, smtplib.SMTPNotSupportedError | UnicodeError | ValueError) and not isinstance(
        failure, ssl.SSLError
    ):
        return Delivery(outcome="permanent", code="address", detail=credentials.hide(str(failure))[:_LONGEST_SIGNS])
    if isinstance(failure, NoTls):
        return Delivery(outcome="transient", code="tls", detail="the server offers no TLS")
    if isinstance(failure, ssl.SSLError):
        return Delivery(outcome="transient", code="tls", detail=failure.reason or type(failure).__name__)
    detail = failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure)
    return Delivery(outcome="transient", code="connection", detail=credentials.hide(detail)[:_LONGEST_SIGNS])


def _queue_id(said: str) -> str:
    found = _QUEUED.search(said)
    return found[1] if found else ""


def _text(reply: bytes | str) -> str:
    text = reply.decode("utf-8", errors="replace") if isinstance(reply, bytes) else reply
    return " ".join(text.split())
