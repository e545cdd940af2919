"""How people are told that something is wrong, as an adopted plan has it."""

from __future__ import annotations

from typing import Literal

from intendance.model.frozen import dataclass
from intendance.model.secret import SecretReference

Way = Literal["email", "sms"]
Urgency = Literal["critical", "warning"]
SmsTemplate = Literal["ovh", "twilio", "free-mobile", "generic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailChannel:
    """A mail server: `smtp://` with STARTTLS, or `smtps://`; `sender` is the address that mails come from."""

    smtp: str
    sender: str
    credentials: SecretReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsChannel:
    """A provider's interface on the web. `url`: where it is, if not where `template` knows it to be."""

    template: SmsTemplate
    credentials: SecretReference
    url: str | None = None
    sender: str | None = None
    kind: Literal["http"] = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertStep:
    """Who is told, by what, when nobody has answered for `after_seconds`; `to` is a contact or provider of the plan."""

    after_seconds: int
    to: str
    by: tuple[Way, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """How messages leave, and who gets them. `observer` is an address elsewhere that hears from the manager each
    minute and says so when it does not."""

    email: EmailChannel | None = None
    sms: SmsChannel | None = None
    critical: tuple[AlertStep, ...] = ()
    warning: tuple[AlertStep, ...] = ()
    observer: str | None = None

    def steps(self, urgency: Urgency) -> tuple[AlertStep, ...]:
        """The steps of an urgency; where the plan has none, those of the other: nothing is ever told to nobody."""
        chosen, other = (self.critical, self.warning) if urgency == "critical" else (self.warning, self.critical)
        return chosen or other


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time that comes back, in which people expect maintenance: `rrule` (RFC 5545) is read in the organisation's
    time zone and says when it begins."""

    name: str
    rrule: str
    lasts_seconds: int
