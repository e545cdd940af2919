"""Questions to a restored database: one statement that only reads. Pure."""

from __future__ import annotations

import re

from intendance.plan.forms.misform import Misform
from intendance.plan.saying import say

_QUOTED = re.compile(r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`[^`]*`|--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)
_READS = re.compile(r"\s*\(*\s*(select|with|show|check\s+table|checksum\s+table)\b", re.IGNORECASE)
_WRITES = re.compile(r"(?i)\b(into\s+(?:outfile|dumpfile)|for\s+update|lock\s+in\s+share\s+mode|load_file\s*\()")


def sql(text: str) -> Misform | None:
    """One SQL statement that reads."""
    bare = _QUOTED.sub(" ", text)
    if not _READS.match(bare) or _WRITES.search(bare):
        said = say("a check only reads: it is one `SELECT`")
        return Misform("sql-writes", said, say("write `{example}`", example="SELECT COUNT(*) FROM database.table"))
    if ";" in bare.rstrip().rstrip(";"):
        return Misform("sql-several", say("a check is one statement"), say("write each as a check of its own"))
    return None
