"""Restores that prove that backups can be used."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import Cron, Deadline, HostName, Line, Sql

CRON_UNIT = "minute, hour, day of the month, month, day of the week"


class Check(Group):
    """A question to the restored database, and the answer that it must give. It only reads."""

    EXACTLY_ONE = ("at_least", "at_most", "equals", "compare")
    name: Line = optional("What it is called in reports.", example="members")
    sql: Sql = option(
        "One SELECT that gives one value; `:point_time` is the recovery point's instant.",
        example="SELECT COUNT(*) FROM crud_asbl_ong.members",
    )
    at_least: int = optional("The value must be this or more.", example=1)
    at_most: int = optional("The value must be this or less.", example=24)
    equals: int = optional("The value must be this.", example=0)
    compare: Literal["source"] = optional(
        "The value must be the one that the original gave when the backup was made.", example="source"
    )
    deadline: Deadline = optional("How long the answer may take.", example="1min", unit="a length of time (min, h, d)")


class Drill(Group):
    """When and where a restore is tried."""

    host: HostName = option(
        "The host that tries it: it holds a key of its own, and is not the node that made the backup.", example="laptop"
    )
    schedule: Cron = optional(
        "When it is due, as a cron line in the organisation's time zone.", example="0 5 1 * *", unit=CRON_UNIT
    )


class MariadbDrill(Drill):
    """When and where a restore of a MariaDB server is tried, and what it must hold."""

    checks: Annotated[list[Check], Field(min_length=1)] = optional(
        "What must be true of the restored databases.",
        example=[{"sql": "SELECT COUNT(*) FROM crud_asbl_ong.members", "at_least": 1}],
    )


class FilesDrill(Drill):
    """When and where a restore of files is tried, and what it must hold."""

    holds: Annotated[list[Line], Field(min_length=1)] = optional(
        "Files that must be there and not be empty, by their paths in the tree.", example=["wp-config.php"]
    )
