"""What is maintained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.backups import CRON_EXAMPLE, RETENTION_EXAMPLE, FilesBackup, MariadbBackup, SqliteBackup
from intendance.plan.schema.declaring import Group, Later, option, optional
from intendance.plan.schema.drills import Drill, FilesDrill, MariadbDrill
from intendance.plan.schema.forms import AbsolutePath, Database, Exclusion, Line
from intendance.plan.schema.keys import SecretReference
from intendance.plan.schema.upkeep import MariadbUpkeep


class MariadbConnection(Group):
    """How to reach the server: by its socket, or by host and port."""

    EXACTLY_ONE = ("socket", "host")
    socket: AbsolutePath = optional("The server's Unix socket.", example="/run/mysqld/mysqld.sock")
    host: Line = optional("The server's name or address.", example="db.example.org")
    port: Annotated[int, Field(ge=1, le=65535)] = optional(
        "The server's port, with `host`; 3306 if left out.", example=3306, unit="TCP port"
    )
    credentials: SecretReference = optional(
        "User and password as a MariaDB option file (`[client]`, `user=`, `password=`); without it, the agent's own"
        " user logs in by the socket.",
        example={"file": "/etc/intendance/mariadb.cnf"},
    )


class MariadbAsset(Group):
    """A MariaDB server; its databases are under it."""

    kind: Literal["mariadb"] = option("What kind of asset this is.", example="mariadb")
    databases: Annotated[list[Database], Field(min_length=1)] = optional(
        "The databases to keep; left out, all of them but the server's own.", example=["crud_asbl_ong"]
    )
    connect: MariadbConnection = option("How to reach the server.", example={"socket": "/run/mysqld/mysqld.sock"})
    non_transactional: Literal["lock", "refuse"] = option(
        "Tables without transactions (MyISAM, Aria): lock them while they are dumped, or refuse the backup.",
        example="lock",
        default="lock",
    )
    backup: MariadbBackup = optional(
        "How it is backed up; without it nothing is kept, and the rules say so.",
        example={"logical": {"schedule": CRON_EXAMPLE}, "stores": ["local"], "retention": RETENTION_EXAMPLE},
    )
    drill: MariadbDrill = optional(
        "Restores that prove that its backups can be used.", example={"host": "laptop", "schedule": "0 5 1 * *"}
    )
    upkeep: MariadbUpkeep = optional(
        "What keeps it fast and small.", example={"analyze": {"schedule": "30 3 * * SUN"}}, performed=False
    )


class FilesAsset(Group):
    """A tree of files on one file system."""

    kind: Literal["files"] = option("What kind of asset this is.", example="files")
    path: AbsolutePath = option("The tree's folder.", example="/var/www/crud-asbl-ong")
    exclude: list[Exclusion] = optional(
        "Patterns of what to leave out, as GNU tar reads them: they match at any depth, and `*` matches `/` too;"
        " `plan show` prints what they exclude.",
        example=["cache/*", "logs/*", "*.log"],
    )
    backup: FilesBackup = optional(
        "How it is backed up; without it nothing is kept, and the rules say so.",
        example={"full": {"schedule": "0 3 * * SUN"}, "stores": ["local"], "retention": RETENTION_EXAMPLE},
    )
    drill: FilesDrill = optional(
        "Restores that prove that its backups can be used.", example={"host": "laptop", "schedule": "0 5 1 * *"}
    )


class SqliteAsset(Group):
    """A SQLite database: one file. A tree of files that holds it leaves it to this asset when it is backed up here."""

    LATER = ("upkeep",)
    kind: Literal["sqlite"] = option("What kind of asset this is.", example="sqlite")
    path: AbsolutePath = option("The database's file.", example="/var/lib/members/members.sqlite")
    backup: SqliteBackup = optional(
        "How it is backed up; without it nothing is kept, and the rules say so.",
        example={"full": {"schedule": "15 * * * *"}, "stores": ["local"], "retention": RETENTION_EXAMPLE},
    )
    drill: Drill = optional(
        "Restores that prove that its backups can be used.", example={"host": "laptop", "schedule": "0 5 1 * *"}
    )


Asset = Annotated[
    MariadbAsset | FilesAsset | SqliteAsset,
    Field(discriminator="kind"),
    Later(("postgresql", "certificate", "secret", "image", "logs", "service")),
]
