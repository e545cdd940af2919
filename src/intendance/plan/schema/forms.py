"""The forms of texts: a pattern for editors, and the function of `plan/forms.py` that checks more."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from intendance.plan.schema.declaring import Form

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"), Form("slug")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200), Form("line")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/"), Form("absolute-path")]
FilePath = Annotated[str, StringConstraints(min_length=1), Form("file-path")]
Days = Annotated[str, StringConstraints(pattern=r"^([0-9]+[ywdh])+$"), Form("days")]
Deadline = Annotated[str, StringConstraints(pattern=r"^([0-9]+(d|h|min|s)?)+$"), Form("deadline")]
Cron = Annotated[str, StringConstraints(pattern=r"^\s*\S+(\s+\S+){4}\s*$"), Form("cron")]
Timezone = Annotated[str, StringConstraints(min_length=1), Form("timezone")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^(0x)?[0-9A-Fa-f\s]{40,80}$"), Form("fingerprint")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), Form("variable")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$"), Form("email")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+"), Form("phone")]
Database = Annotated[str, StringConstraints(min_length=1, max_length=64), Form("database")]
Exclusion = Annotated[str, StringConstraints(min_length=1), Form("exclusion")]
