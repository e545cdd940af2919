"""The keys that backups are encrypted to, and where secrets are found."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from intendance.plan.schema.declaring import Group, Words, option, optional
from intendance.plan.schema.forms import ContactName, FilePath, Fingerprint, Line, Slug, Variable


class BackupRecipient(Group):
    """Somebody who can open every backup with an OpenPGP key; the plan names its public half."""

    name: Slug = option("A name for the key.", example="owner")
    file: FilePath = option(
        "The ASCII-armoured public key, from the root or from the plan's folder.", example="keys/owner.asc"
    )
    fingerprint: Fingerprint = option(
        "The key's full fingerprint, which the file must have.",
        example="6F4B 1E9A 20C7 5D38 A1B2 93E4 7C55 0D1F 8A6E B3C9",
        unit="40 hexadecimal digits",
    )
    held_by: ContactName = option("The contact who holds the private half.", example="admin")


class Keys(Group):
    """The keys that backups are encrypted to; private halves never live on the node."""

    backup_recipients: Annotated[list[BackupRecipient], Field(min_length=1)] = option(
        "Who can open the backups: two keys at least, held by different people (MAINT_011).",
        example=[
            {
                "name": "owner",
                "file": "keys/owner.asc",
                "fingerprint": "6F4B 1E9A 20C7 5D38 A1B2 93E4 7C55 0D1F 8A6E B3C9",
                "held_by": "admin",
            },
            {
                "name": "offline",
                "file": "keys/offline.asc",
                "fingerprint": "0C3D 77A1 5B2E 4F60 98D2 E1A7 36BC 5A90 4D8F 12E5",
                "held_by": "lead",
            },
        ],
    )


class SecretReference(Group):
    """Where a secret is found when it is needed; exactly one of the three. The secret itself never stands in a plan."""

    EXACTLY_ONE = ("file", "env", "command")
    SECRET = True
    file: FilePath = optional(
        "A file that holds it, from the root, from the plan's folder, or from the home (`~/`) of who runs Intendance."
        " Only its owner may read it.",
        example="/etc/intendance/mariadb.cnf",
    )
    env: Variable = optional("The name of an environment variable of the agent that holds it.", example="DB_PASSWORD")
    command: Annotated[list[Line], Field(min_length=1), Words()] = optional(
        "A program and its arguments that prints it.", example=["pass", "show", "mariadb/backup"]
    )
