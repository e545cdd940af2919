"""How assets are backed up: when, where to, how long kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import Cron, Days, Deadline, Interval, StoreName

CRON_EXAMPLE = "0 2 * * *"
RETENTION_EXAMPLE = {"points": "90d"}


class Schedule(Group):
    """When an activity happens."""

    schedule: Cron = optional(
        "When it happens, as a cron line in the organisation's time zone; left out, it happens by hand only.",
        example=CRON_EXAMPLE,
        unit="minute, hour, day of the month, month, day of the week",
    )
    catch_up: Literal["once", "all", "none"] = option(
        "What happens to times that were missed while the machine was off: one run, all of them, or nothing.",
        example="once",
        default="once",
    )


class BackupSchedule(Schedule):
    """When a backup is made, and how long that may take."""

    deadline: Deadline = option(
        "How long a backup may take before it is stopped and recorded as timed out: 1min at least, 7d at most.",
        example="4h",
        unit="a length of time (min, h, d)",
        default="24h",
    )


class Inspection(Schedule):
    """When stored backups are looked at again: presence, age, signature, hashes."""


class LegalRetention(Group):
    """Recovery points that are kept longer than the others: one of each year, or of each month."""

    select: Literal["yearly", "monthly"] = option("Which points: the first of each year or month.", example="yearly")
    kind: Literal["logical", "physical", "full"] = option(
        "The kind of backup that is kept; a dump can be read long after its server is gone.", example="logical"
    )
    keep: Days = option("How long they are kept.", example="7y", unit="a length of time in whole days (d, w, y)")


class Stream(Group):
    """The server's binary log, shipped as it is written: a recovery to any moment."""

    ship_every: Interval = option(
        "How often what was written is shipped: what a disaster can lose at most.",
        example="60s",
        unit="a length of time (s, min, h)",
    )


class Retention(Group):
    """How long backups are kept."""

    points: Days = option(
        "How long every recovery point is kept. This or `daily` is 90d at least under maint; under asbl, 30d for"
        " databases and 28d for files.",
        example="90d",
        unit="a length of time in whole days (d, w, y)",
    )
    daily: Days = optional(
        "How long the first point of each day is kept; left out, no longer than the others.",
        example="90d",
        unit="a length of time in whole days (d, w, y)",
    )
    weekly: Days = optional(
        "How long the first point of each week is kept; left out, no longer than the others.",
        example="26w",
        unit="a length of time in whole days (d, w, y)",
    )
    monthly: Days = optional(
        "How long the first point of each month is kept; left out, no longer than the others.",
        example="2y",
        unit="a length of time in whole days (d, w, y)",
    )
    legal: LegalRetention = optional(
        "Recovery points that the law demands longer.",
        example={"select": "yearly", "kind": "logical", "keep": "7y"},
    )


class MariadbBackup(Group):
    """How a MariaDB server is backed up."""

    logical: BackupSchedule = option(
        "A dump of each database and of the accounts.", example={"schedule": CRON_EXAMPLE, "deadline": "4h"}
    )
    physical: BackupSchedule = optional("The server's files, for a fast restore.", example={"schedule": CRON_EXAMPLE})
    stream: Stream = optional(
        "The binary log, for a recovery to any moment.", example={"ship_every": "60s"}, performed=False
    )
    stores: Annotated[list[StoreName], Field(min_length=1)] = option(
        "The stores that get every backup.", example=["local"]
    )
    retention: Retention = option("How long backups are kept.", example=RETENTION_EXAMPLE)
    inspect: Inspection = optional("When stored backups are looked at again.", example={"schedule": "30 5 * * *"})


class FilesBackup(Group):
    """How a tree of files is backed up."""

    full: BackupSchedule = option("An archive of the whole tree.", example={"schedule": "0 3 * * SUN"})
    differential: BackupSchedule = optional("What changed since the full one.", example={"schedule": "0 3 * * 1-6"})
    stores: Annotated[list[StoreName], Field(min_length=1)] = option(
        "The stores that get every backup.", example=["local"]
    )
    retention: Retention = option("How long backups are kept.", example=RETENTION_EXAMPLE)
    inspect: Inspection = optional("When stored backups are looked at again.", example={"schedule": "30 5 * * *"})


class SqliteBackup(Group):
    """How a SQLite database is backed up."""

    full: BackupSchedule = option("A copy of the whole database.", example={"schedule": "15 * * * *"})
    stores: Annotated[list[StoreName], Field(min_length=1)] = option(
        "The stores that get every backup.", example=["local"]
    )
    retention: Retention = option("How long backups are kept.", example=RETENTION_EXAMPLE)
    inspect: Inspection = optional("When stored backups are looked at again.", example={"schedule": "30 5 * * *"})
