"""What is watched, and who is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import (
    Email,
    GatewayUrl,
    Interval,
    Latency,
    Line,
    Percent,
    Phone,
    Reachable,
    SecureUrl,
    Slug,
    SmtpUrl,
    Url,
    Wait,
    WitnessKey,
)
from intendance.plan.schema.keys import SecretReference

SHARE_UNIT = "a share (%)"
LATENCY_UNIT = "a length of time (ms, s, min)"


class SustainedShare(Group):
    """A share that must not be exceeded for longer than a while."""

    above: Percent = option("The share.", example="70%", unit=SHARE_UNIT)
    lasting: Interval = option("For how long.", example="5min", unit="a length of time (s, min, h)", alias="for")


class Thresholds(Group):
    """From where on the machine's figures are worth a word, earlier than where the rules have their bounds."""

    disk: Percent | SustainedShare = optional("How full a disk may be.", example="80%", unit=SHARE_UNIT)
    memory: Percent | SustainedShare = optional("How much of the memory may be used.", example="80%", unit=SHARE_UNIT)
    cpu: Percent | SustainedShare = optional(
        "How busy the processors may be.", example={"above": "70%", "for": "5min"}, unit=SHARE_UNIT
    )
    page: Latency = optional("How long a page may take.", example="2s", unit=LATENCY_UNIT, performed=False)
    api_p95: Latency = optional(
        "How long 95 of 100 answers of a programming interface may take.",
        example="500ms",
        unit=LATENCY_UNIT,
        performed=False,
    )
    connections: Annotated[int, Field(ge=1)] = optional(
        "How many connections to a database may be open.", example=100, unit="connections"
    )
    slow_query: Latency = optional("From where on a query is slow.", example="5s", unit=LATENCY_UNIT)


class Probe(Group):
    """An address that must answer."""

    name: Slug = option("A name for it.", example="accueil")
    url: Url = option("The address.", example="https://asbl.example.org/")
    every: Interval = option("How often it is asked.", example="60s", unit="a length of time (s, min, h)")
    expect: Annotated[int, Field(ge=100, le=599)] = option(
        "The answer that is right.", example=200, unit="HTTP status", default=200
    )
    slo: Percent = optional("The share of right answers that is promised.", example="99.9%", unit=SHARE_UNIT)


class EmailChannel(Group):
    """How e-mail leaves."""

    smtp: SmtpUrl = option(
        "The mail server: `smtp://` with STARTTLS, or `smtps://`.", example="smtp://mail.example.org:587"
    )
    sender: Email = option("The sender's address.", example="intendance@asbl.example.org", alias="from")
    credentials: SecretReference = optional(
        "User and password of the mail server.", example={"file": "/etc/intendance/smtp.ini"}
    )


class SmsChannel(Group):
    """How text messages leave."""

    kind: Literal["http"] = option("By a provider's interface on the web.", example="http")
    template: Literal["ovh", "twilio", "free-mobile", "generic"] = option(
        "Whose interface it is; `generic` is any gateway that takes a JSON object at `url`.", example="ovh"
    )
    url: GatewayUrl = optional(
        "Where the interface is, if not where the provider has it; a gateway on this machine may do without TLS.",
        example="https://sms.example.org/send",
    )
    sender: Line = optional("The sender that telephones show, where the provider allows it.", example="ASBL")
    credentials: SecretReference = option("What it asks for.", example={"file": "/etc/intendance/sms.ini"})


class AlertStep(Group):
    """Who is told when nobody has answered for a while."""

    after: Wait = option("How long nobody has answered.", example="10min", unit="a length of time (min, h, d)")
    to: Reachable = option("The contact or provider.", example="admin")
    by: Annotated[list[Literal["email", "sms"]], Field(min_length=1)] = option("By what.", example=["sms"])


class AlertPolicy(Group):
    """Who is told of what, step by step."""

    critical: Annotated[list[AlertStep], Field(min_length=1)] = optional(
        "Of what must be mended now.", example=[{"after": "0min", "to": "admin", "by": ["email", "sms"]}]
    )
    warning: Annotated[list[AlertStep], Field(min_length=1)] = optional(
        "Of what can wait until tomorrow.", example=[{"after": "0min", "to": "admin", "by": ["email"]}]
    )


class Alerts(Group):
    """How people are told, and who is."""

    email: EmailChannel = optional(
        "How e-mail leaves.", example={"smtp": "smtp://mail.example.org:587", "from": "intendance@asbl.example.org"}
    )
    sms: SmsChannel = optional(
        "How text messages leave.",
        example={"kind": "http", "template": "ovh", "credentials": {"file": "/etc/intendance/sms.ini"}},
    )
    observer: SecureUrl = optional(
        "An address elsewhere that is asked each minute while all is well with the manager, and tells you when it is"
        " asked no more: another manager, or a dead man's switch.",
        example="https://hc.example.org/ping/2f7c",
    )
    policy: AlertPolicy = option(
        "Who is told of what, step by step.",
        example={"critical": [{"after": "0min", "to": "admin", "by": ["email"]}]},
    )


class Witness(Group):
    """Somebody elsewhere who cosigns the fleet log."""

    url: Url = option(
        "Where it takes checkpoints; these are signed and no secret.", example="https://witness.example.net"
    )
    key: WitnessKey = option(
        "Its verifier key, as `intendance witness --show-key` prints it.",
        example="witness.example.net/w1+02970667+BFDYWOCYXsx/YEGKrwzFq1h/QsJXCohAlanozKzQ9lRc",
    )


class Manager(Group):
    """The machine that hears from every node of the fleet."""

    urls: Annotated[list[SecureUrl], Field(min_length=1)] = option(
        "Its addresses.", example=["https://fleet.example.org"]
    )
    heartbeat: Interval = option(
        "How often the node says that it lives.", example="60s", unit="a length of time (s, min, h)", default="60s"
    )
    witnesses: list[Witness] = optional(
        "Who cosigns the fleet log elsewhere, so that neither a rollback nor a rewriting of it stays unseen.",
        example=[
            {
                "url": "https://witness.example.net",
                "key": "witness.example.net/w1+02970667+BFDYWOCYXsx/YEGKrwzFq1h/QsJXCohAlanozKzQ9lRc",
            }
        ],
    )


class Provider(Group):
    """A firm that the organisation depends on."""

    name: Line = option("Its name.", example="Hébergeur")
    email: Email = optional("Its address.", example="provider@hosting.example")
    phone: Phone = optional("Its telephone, in the international form.", example="+32 2 987 65 43")
