"""Where backups are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from intendance.plan.schema.declaring import Group, Later, option
from intendance.plan.schema.forms import AbsolutePath


class DirectoryStore(Group):
    """A folder that takes backups: another disk, or a mounted share."""

    LATER = ("bucket", "region", "endpoint", "object_lock", "credentials", "host", "port", "user")
    kind: Annotated[Literal["directory"], Later(("s3", "sftp"))] = option(
        "What kind of store this is.", example="directory"
    )
    path: AbsolutePath = option(
        "The folder; adopting the plan makes and marks it when its parent stands.", example="/var/backups/intendance"
    )
