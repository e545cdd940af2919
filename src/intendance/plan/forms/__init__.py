"""The forms that a plan's texts take: each function says what is wrong with a value and what to write, or None."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from intendance.plan.forms.amounts import currency, percent
from intendance.plan.forms.calendar import cron, instant, recurrence, timezone
from intendance.plan.forms.lengths import days, deadline, duration, interval, latency, wait
from intendance.plan.forms.misform import Form, Misform, closest
from intendance.plan.forms.names import (
    as_slug,
    bucket,
    column,
    database,
    fingerprint,
    ledger_key,
    line,
    rule,
    slug,
    table,
    variable,
    witness_key,
)
from intendance.plan.forms.people import email, phone
from intendance.plan.forms.places import (
    absolute_path,
    exclusion,
    file_path,
    gateway_url,
    host,
    host_key,
    secure_url,
    smtp_url,
    url,
)
from intendance.plan.forms.sql import sql

__all__ = ["FORMS", "Form", "Misform", "as_slug", "closest", "cron", "days", "duration", "slug"]

FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "slug": slug,
        "line": line,
        "absolute-path": absolute_path,
        "file-path": file_path,
        "host": host,
        "host-key": host_key,
        "url": url,
        "secure-url": secure_url,
        "gateway-url": gateway_url,
        "smtp-url": smtp_url,
        "variable": variable,
        "email": email,
        "phone": phone,
        "fingerprint": fingerprint,
        "ledger-key": ledger_key,
        "witness-key": witness_key,
        "database": database,
        "table": table,
        "column": column,
        "bucket": bucket,
        "rule": rule,
        "sql": sql,
        "exclusion": exclusion,
        "days": days,
        "deadline": deadline,
        "interval": interval,
        "wait": wait,
        "latency": latency,
        "percent": percent,
        "currency": currency,
        "timezone": timezone,
        "cron": cron,
        "recurrence": recurrence,
        "instant": instant,
    }
)
