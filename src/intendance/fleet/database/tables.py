"""All tables of the manager. Times are integers, microseconds since 1970 in UTC (`*_us`); no end yet is NULL.

What must be unique is so here, not in code: several processes write. A change of a table comes with a migration
(`migrations/`); a test compares both on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from intendance.fleet.database.account_tables import account, api_token, recovery_code, session, tried_name
from intendance.fleet.database.act_tables import act
from intendance.fleet.database.alert_tables import alert, alert_event, delivery_event, escalation, outbox, silence
from intendance.fleet.database.columns import metadata
from intendance.fleet.database.node_tables import (
    beat_silence,
    beat_slot,
    enrolment_token,
    evidence_amount,
    evidence_attachment,
    evidence_head,
    evidence_record,
    finding,
    judged,
    lease,
    node,
    node_key,
    node_state,
    observability_gap,
    setting,
    verdict,
    verdict_interval,
    word,
)
from intendance.fleet.database.run_tables import run_attempt

__all__ = [
    "account",
    "act",
    "alert",
    "alert_event",
    "api_token",
    "beat_silence",
    "beat_slot",
    "delivery_event",
    "enrolment_token",
    "escalation",
    "evidence_amount",
    "evidence_attachment",
    "evidence_head",
    "evidence_record",
    "finding",
    "judged",
    "lease",
    "metadata",
    "node",
    "node_key",
    "node_state",
    "observability_gap",
    "outbox",
    "recovery_code",
    "run_attempt",
    "session",
    "setting",
    "silence",
    "tried_name",
    "verdict",
    "verdict_interval",
    "word",
]
