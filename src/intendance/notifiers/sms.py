"""Text messages, by a provider's interface on the web; `sms_templates.py` knows the providers."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
from collections.abc import Callable
from dataclasses import replace

from intendance.model.alerting import SmsChannel, Way
from intendance.notifiers import Delivery, Message, gsm7
from intendance.notifiers.credentials import Credentials, read_credentials
from intendance.notifiers.line import Line, trusted
from intendance.notifiers.sms_templates import TEMPLATES, Template, is_refused, provider_id
from intendance.notifiers.web import Answer, post
from intendance.system.secret import SecretUnusable

_LONGEST_SIGNS = 200
_PASSING = frozenset({408, 425, 429})
_SEPARATORS = re.compile(r"\(0\)|[\s.()/-]")
"""`+32 (0)470 …`: the nought is for those who call from within the country; nobody is reached with it from outside."""


class SmsNotifier:
    """One provider of a plan. `context` gives the TLS that is trusted."""

    way: Way = "sms"

    def __init__(self, declared: SmsChannel, context: Callable[[], ssl.SSLContext] = trusted) -> None:
        self._declared = declared
        self._template: Template = TEMPLATES[declared.template]
        self._context = context

    def deliver(self, message: Message, deadline_seconds: float) -> Delivery:
        """Hand a text message to the provider; it is written in the letters that make it short. A 5xx, a 429, a broken
        or silent line may succeed later; another refusal will not."""
        base = (self._declared.url or self._template.url).rstrip("/")
        told = replace(message, to=_SEPARATORS.sub("", message.to), text=gsm7.transliterate(message.text))
        try:
            credentials = read_credentials(self._declared.credentials)
            request = self._template.write(self._declared, base, told, credentials)
        except SecretUnusable as unusable:
            return Delivery(outcome="transient", code="credentials", detail=unusable.detail)
        with Line(deadline_seconds) as line:
            try:
                answer = post(line, request.url, request.body, request.headers, self._context)
            except (OSError, http.client.HTTPException, ValueError) as failure:
                return _failed(failure, credentials, overdue=line.overdue)
            if line.overdue:
                return _LATE
        return self._judged(answer, credentials)

    def _judged(self, answer: Answer, credentials: Credentials) -> Delivery:
        content: object = None
        with contextlib.suppress(ValueError):
            content = json.loads(answer.body)
        said = credentials.hide(" ".join(answer.body.decode("utf-8", errors="replace").split()))[:_LONGEST_SIGNS]
        code = str(answer.status)
        if 200 <= answer.status < 300:
            if is_refused(self._template, content):
                return Delivery(outcome="permanent", code="address", detail="the provider takes no such telephone")
            return Delivery(outcome="accepted", code=code, provider_id=provider_id(self._template, content))
        passing = answer.status in _PASSING | self._template.passing or answer.status >= 500 or answer.status < 200
        return Delivery(outcome="transient" if passing else "permanent", code=code, detail=said)


_LATE = Delivery(outcome="transient", code="timeout", detail="the provider did not answer in time")


def open_notifier(declared: SmsChannel) -> SmsNotifier:
    """The provider of a plan."""
    return SmsNotifier(declared)


def _failed(failure: Exception, credentials: Credentials, *, overdue: bool) -> Delivery:
    if overdue or isinstance(failure, TimeoutError):
        return _LATE
    if isinstance(failure, ssl.SSLError):
        return Delivery(outcome="transient", code="tls", detail=failure.reason or type(failure).__name__)
    detail = failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure)
    return Delivery(outcome="transient", code="connection", detail=credentials.hide(detail)[:_LONGEST_SIGNS])
