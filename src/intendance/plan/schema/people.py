"""Whose servers these are, the machine, and the people who answer for it."""

from __future__ import annotations

from typing import Literal

from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import Email, Line, Phone, Slug, Timezone


class Organisation(Group):
    """Whose servers these are, and how to speak to its people."""

    name: Line = option("The organisation's name as it stands in reports.", example="ASBL Exemple")
    timezone: Timezone = option(
        "The time zone in which schedules are read and local times are shown.",
        example="Europe/Brussels",
        unit="name of the IANA data base",
    )
    language: Literal["fr", "en"] = option("The language of mails and reports.", example="fr")


class Node(Group):
    """The machine that this plan is for."""

    id: Slug = option("The node's name; it cannot change once a plan was adopted.", example="web-01")
    region: Line = optional("Where the machine stands, in the words of its hosting provider.", example="eu-west-3")
    site: Slug = optional("The place or building that nodes share.", example="bruxelles")
    labels: dict[Slug, Line] = optional("Free marks to find nodes by.", example={"role": "web"})


class Contact(Group):
    """A person of the organisation."""

    name: Line = option("The person's name or function.", example="Administrateur principal")
    email: Email = optional("Their address.", example="admin@asbl.example.org")
    phone: Phone = optional("Their telephone, in the international form.", example="+32 2 123 45 67")
