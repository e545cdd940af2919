"""The whole file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.assets import Asset
from intendance.plan.schema.declaring import Group, option
from intendance.plan.schema.forms import Slug
from intendance.plan.schema.keys import Keys
from intendance.plan.schema.people import Contact, Node, Organisation
from intendance.plan.schema.stores import DirectoryStore


class Plan(Group):
    """How one node must be maintained."""

    LATER = (
        "manager",
        "hosts",
        "thresholds",
        "probes",
        "alerts",
        "providers",
        "sites",
        "waivers",
        "windows",
        "budget",
        "duties",
    )
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
    stores: Annotated[dict[Slug, DirectoryStore], Field(min_length=1)] = option(
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
