"""The plan's questions to a database: the same text for the original and for what a drill restored. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from intendance.model.errors.drill import QuestionRefused

# A text constant, a quoted name or a comment is passed over as it stands.
_TOKENS = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|--[^\n]*|#[^\n]*|/\*.*?\*/|:point_time\b", re.DOTALL
)

_SESSION = "SET SESSION sql_mode='', time_zone='+00:00';"
_TRANSACTION = "START TRANSACTION READ ONLY;"


def script(sql: str, point_time: str, deadline_seconds: int) -> str:
    """What is sent: the question with its instant in UTC, in a transaction that can only read, cut off in time."""
    at = datetime.fromisoformat(point_time).astimezone(UTC)
    instant = f"'{at:%Y-%m-%d %H:%M:%S}'"
    asked = _TOKENS.sub(lambda found: instant if found[0] == ":point_time" else found[0], sql).rstrip().rstrip(";")
    return "\n".join((_SESSION, f"SET max_statement_time={deadline_seconds};", _TRANSACTION, asked, ";", ""))


def answer(rows: Sequence[tuple[str, ...]], sql: str) -> str | None:
    """The one value; None for NULL, as the client prints it. Raises QuestionRefused for anything but one value."""
    if len(rows) != 1 or len(rows[0]) != 1:
        raise QuestionRefused(sql=sql, detail=f"it gave {len(rows)} rows instead of one value")
    return None if rows[0][0] == "NULL" else rows[0][0]
