"""The forms of texts: a pattern for editors, and the function of `plan/forms.py` that checks more."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from intendance.plan.schema.declaring import Form, Refers

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
Host = Annotated[str, StringConstraints(min_length=1, max_length=253), Form("host")]
HostKey = Annotated[str, StringConstraints(pattern=r"^(ssh-|ecdsa-)\S+ \S+$"), Form("host-key")]
LedgerKey = Annotated[
    str, StringConstraints(pattern=r"^[^\s+]+[+][0-9a-f]{8}[+][A-Za-z0-9+/=]{44}$"), Form("ledger-key")
]
WitnessKey = Annotated[
    str, StringConstraints(pattern=r"^[^\s+]+[+][0-9a-f]{8}[+][A-Za-z0-9+/=]{44}$"), Form("witness-key")
]
Url = Annotated[str, StringConstraints(pattern=r"^https?://"), Form("url")]
SecureUrl = Annotated[str, StringConstraints(pattern=r"^https://"), Form("secure-url")]
GatewayUrl = Annotated[str, StringConstraints(pattern=r"^https?://"), Form("gateway-url")]
SmtpUrl = Annotated[str, StringConstraints(pattern=r"^smtps?://"), Form("smtp-url")]
Bucket = Annotated[str, StringConstraints(min_length=3, max_length=63), Form("bucket")]
Table = Annotated[str, StringConstraints(pattern=r"^[^.]+[.][^.]+$"), Form("table")]
Column = Annotated[str, StringConstraints(min_length=1, max_length=64), Form("column")]
Sql = Annotated[str, StringConstraints(min_length=1), Form("sql")]
Percent = Annotated[str, StringConstraints(pattern=r"^[0-9.]+ ?%$"), Form("percent")]
Latency = Annotated[str, StringConstraints(pattern=r"^[0-9]+(ms|s|min)$"), Form("latency")]
Interval = Annotated[str, StringConstraints(pattern=r"^([0-9]+(d|h|min|s)?)+$"), Form("interval")]
Wait = Annotated[str, StringConstraints(pattern=r"^([0-9]+(d|h|min|s)?)+$"), Form("wait")]
Instant = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-"), Form("instant")]
Recurrence = Annotated[str, StringConstraints(pattern=r"FREQ="), Form("recurrence")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), Form("currency")]
Rule = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*_[0-9]{3}$"), Form("rule")]

ContactName = Annotated[Slug, Refers(("contacts",))]
StoreName = Annotated[Slug, Refers(("stores",))]
HostName = Annotated[Slug, Refers(("hosts",))]
AssetName = Annotated[Slug, Refers(("assets",))]
Reachable = Annotated[Slug, Refers(("contacts", "providers"))]
