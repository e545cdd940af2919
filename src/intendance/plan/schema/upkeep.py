"""What keeps a database fast and small."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from intendance.plan.schema.backups import Schedule
from intendance.plan.schema.declaring import Group, option, optional
from intendance.plan.schema.forms import Column, Days, Table


class Analysis(Schedule):
    """When the server counts again what its tables hold, which its plans of queries rest on."""


class Purge(Schedule):
    """Old rows that are erased."""

    table: Table = option("The table, with its database.", example="crud_asbl_ong.audit_logs")
    column: Column = option("The column that says how old a row is.", example="created_at")
    older_than: Days = option(
        "Rows older than this are erased.", example="1y", unit="a length of time in whole days (d, w, y)"
    )


class MariadbUpkeep(Group):
    """What keeps a MariaDB server fast and small."""

    analyze: Analysis = optional("`ANALYZE TABLE` on every table.", example={"schedule": "30 3 * * SUN"})
    purge: Annotated[list[Purge], Field(min_length=1)] = optional(
        "Old rows that are erased, table by table.",
        example=[
            {
                "table": "crud_asbl_ong.audit_logs",
                "column": "created_at",
                "older_than": "1y",
                "schedule": "0 4 * * *",
            }
        ],
    )
