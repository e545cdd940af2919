"""How providers of text messages are asked, one function each: what is sent where, and what their answers mean. Pure.

Adding one: one function that writes the request, one line in `TEMPLATES`, the name in `model/alerting.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from hashlib import sha1
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from intendance.model.alerting import SmsChannel
from intendance.model.frozen import dataclass
from intendance.notifiers import Message
from intendance.notifiers.credentials import Credentials

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a provider. It holds secrets and is shown nowhere."""

    url: str
    body: bytes
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return "Request()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A provider's interface: where it is by default, how a request is written, where its answer names the message,
    and which refusals pass by waiting (beside 408, 425, 429 and 5xx)."""

    url: str
    write: Callable[[SmsChannel, str, Message, Credentials], Request]
    names: tuple[str, ...] = ()
    refused: str = ""
    passing: frozenset[int] = frozenset()


def _ovh(declared: SmsChannel, base: str, message: Message, credentials: Credentials) -> Request:
    """OVHcloud: each request is signed with its instant, so the machine's clock must be right."""
    key, secret, consumer, service = credentials.require(
        "application_key", "application_secret", "consumer_key", "service"
    )
    url = f"{base}/sms/{quote(service, safe='')}/jobs"
    content: dict[str, Any] = {
        "charset": "UTF-8",
        "coding": "7bit",
        "message": message.text,
        "noStopClause": True,
        "priority": "high",
        "receivers": [message.to],
        "tag": message.key[:20],
    }
    sender = declared.sender or credentials.get("sender")
    content |= {"sender": sender} if sender else {"senderForResponse": True}
    body = json.dumps(content, separators=(",", ":"), sort_keys=True)
    stamp = str(int(message.at.timestamp()))
    signed = "+".join((secret, consumer, "POST", url, body, stamp))
    headers = {
        "Content-Type": _JSON,
        "X-Ovh-Application": key,
        "X-Ovh-Consumer": consumer,
        "X-Ovh-Timestamp": stamp,
        "X-Ovh-Signature": "$1$" + sha1(signed.encode(), usedforsecurity=False).hexdigest(),  # theirs to choose
    }
    return Request(url=url, body=body.encode(), headers=headers)


def _twilio(declared: SmsChannel, base: str, message: Message, credentials: Credentials) -> Request:
    account, token = credentials.require("account_sid", "auth_token")
    sender = declared.sender or credentials.require("from")[0]
    service = "MessagingServiceSid" if sender.startswith("MG") else "From"
    fields = {"To": message.to, service: sender, "Body": message.text}
    headers = {"Content-Type": _FORM, "Authorization": f"Basic {_basic(account, token)}"}
    url = f"{base}/Accounts/{quote(account, safe='')}/Messages.json"
    return Request(url=url, body=urlencode(fields).encode(), headers=headers)


def _free_mobile(_declared: SmsChannel, base: str, message: Message, credentials: Credentials) -> Request:
    """Free Mobile sends to the account's own telephone, whoever the message is for."""
    user, key = credentials.require("user", "pass")
    body = json.dumps({"user": user, "pass": key, "msg": message.text})
    return Request(url=f"{base}/sendmsg", body=body.encode(), headers={"Content-Type": _JSON})


def _generic(declared: SmsChannel, base: str, message: Message, credentials: Credentials) -> Request:
    """Any gateway that takes a JSON object: its option names are in the credentials, under `to_field` and so on."""
    named = credentials.get
    content = {named("to_field") or "to": message.to, named("text_field") or "text": message.text}
    content[named("reference_field") or "reference"] = message.key
    sender = declared.sender or named("sender")
    if sender:
        content[named("sender_field") or "sender"] = sender
    headers = {"Content-Type": _JSON, "Idempotency-Key": message.key}
    token, user, password = named("token"), named("user"), named("password")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    elif user and password:
        headers["Authorization"] = f"Basic {_basic(user, password)}"
    return Request(url=base, body=json.dumps(content).encode(), headers=headers)


TEMPLATES: Mapping[str, Template] = MappingProxyType(
    {
        "ovh": Template(url="https://eu.api.ovh.com/1.0", write=_ovh, names=("ids",), refused="invalidReceivers"),
        "twilio": Template(url="https://api.twilio.com/2010-04-01", write=_twilio, names=("sid",)),
        # 402: too many in a short time.
        "free-mobile": Template(url="https://smsapi.free-mobile.fr", write=_free_mobile, passing=frozenset({402})),
        "generic": Template(url="", write=_generic, names=("id", "message_id", "messageId", "sid", "reference")),
    }
)


def provider_id(template: Template, answer: object) -> str:
    """The provider's own name for the message, where its answer has one."""
    if not isinstance(answer, Mapping):
        return ""
    for name in template.names:
        found = answer.get(name)
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, str | int) and str(found).isprintable():
            return str(found)[:80]
    return ""


def is_refused(template: Template, answer: object) -> bool:
    """Whether an answer that looks well says that nobody gets it."""
    return bool(template.refused and isinstance(answer, Mapping) and answer.get(template.refused))


def _basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()
