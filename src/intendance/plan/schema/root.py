"""The whole file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.assets import Asset
from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import Slug
from intendance.plan.schema.governing import Budget, DrillHost, Duties, Prune, Site, Waiver, Window
from intendance.plan.schema.keys import Keys
from intendance.plan.schema.people import Contact, Node, Organisation
from intendance.plan.schema.stores import Store
from intendance.plan.schema.watching import Alerts, Manager, Probe, Provider, Thresholds


class Plan(Group):
    """How one node must be maintained."""

    version: Literal[1] = option("The version of this file's format.", example=1)
    fleet: Slug = option(
        "The fleet that the node belongs to; it cannot change once a plan was adopted.", example="asbl-exemple"
    )
    organisation: Organisation = option(
        "Whose servers these are.",
        example={"name": "ASBL Exemple", "timezone": "Europe/Brussels", "language": "fr"},
    )
    catalogues: Annotated[list[Literal["maint", "asbl"]], Field(min_length=1)] = option(
        "The catalogues of rules that must hold; of two, the stricter bound.", example=["asbl"]
    )
    node: Node = option("The machine that this plan is for.", example={"id": "web-01"})
    keys: Keys = option("The keys that backups are encrypted to.", example={"backup_recipients": ["…", "…"]})
    stores: Annotated[dict[Slug, Store], Field(min_length=1)] = option(
        "Where backups are kept, each under a name.",
        example={"local": {"kind": "directory", "path": "/var/backups/intendance"}},
    )
    assets: Annotated[dict[Slug, Asset], Field(min_length=1)] = option(
        "What is maintained, each under a name.",
        example={"site-files": {"kind": "files", "path": "/var/www/crud-asbl-ong"}},
    )
    contacts: Annotated[dict[Slug, Contact], Field(min_length=1)] = option(
        "The people of the organisation, each under a short name.",
        example={"admin": {"name": "Administrateur principal", "email": "admin@asbl.example.org"}},
    )
    manager: Manager = optional(
        "The machine that hears from every node of the fleet.",
        example={"urls": ["https://fleet.example.org"], "heartbeat": "60s"},
        performed=False,
    )
    hosts: dict[Slug, DrillHost] = optional(
        "Machines that may try restores and prune stores, each under a name.",
        example={"laptop": {"held_by": "admin"}},
    )
    prune: Prune = optional(
        "Who deletes backups that no retention keeps any more; without it nothing is deleted.",
        example={"host": "laptop"},
    )
    thresholds: Thresholds = optional(
        "From where on the machine's figures are worth a word.",
        example={"disk": "80%", "memory": "80%", "cpu": {"above": "70%", "for": "5min"}},
    )
    probes: list[Probe] = optional(
        "Addresses that must answer.",
        example=[{"name": "accueil", "url": "https://asbl.example.org/", "every": "60s", "slo": "99.9%"}],
        performed=False,
    )
    alerts: Alerts = optional(
        "How people are told, and who is.",
        example={
            "email": {"smtp": "smtp://mail.example.org:587", "from": "intendance@asbl.example.org"},
            "policy": {"critical": [{"after": "0min", "to": "admin", "by": ["email"]}]},
        },
        performed=False,
    )
    providers: dict[Slug, Provider] = optional(
        "Firms that the organisation depends on, each under a short name.",
        example={"hosting": {"name": "Hébergeur", "phone": "+32 2 987 65 43"}},
        performed=False,
    )
    sites: dict[Slug, Site] = optional(
        "Assets that make one thing together, each under a name; `restore run NAME` restores them side by side.",
        example={"crud": {"assets": ["crud-db", "site-files"]}},
    )
    waivers: list[Waiver] = optional(
        "Rules that are known to be broken, for a reason, until a day.",
        example=[
            {
                "rule": "MAINT_004",
                "reason": "no Grafana yet",
                "ticket": "OPS-12",
                "granted_by": "lead",
                "expires": "2027-01-31T00:00:00+01:00",
            }
        ],
    )
    windows: list[Window] = optional(
        "Times in which people expect maintenance.",
        example=[{"name": "week-end", "rrule": "FREQ=WEEKLY;BYDAY=SA;BYHOUR=22;BYMINUTE=0", "lasts": "2h"}],
        performed=False,
    )
    budget: Budget = optional(
        "What a year of maintenance may cost.",
        example={"currency": "EUR", "year": 2026, "staff": 45000},
        performed=False,
    )
    duties: Duties = optional(
        "What people do themselves, and how often.",
        example={"access_review": "yearly", "security_audit": "quarterly"},
        performed=False,
    )
