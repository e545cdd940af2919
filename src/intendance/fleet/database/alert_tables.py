"""Tables of alerts and of what was sent because of them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from intendance.fleet.database.columns import Number, count, instant, metadata, numbered, words

alert = Table(
    "alert",
    metadata,
    numbered(),
    Column("key", Text, nullable=False),  # SHA-256 of cause, node and identity labels
    Column("cause", Text, nullable=False),  # a rule's id, or what detection found
    Column("node", Text, nullable=False),
    Column("labels", Text, nullable=False),  # JSON
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("suppressed", Text),  # why nobody is told
    Column("episode", Integer, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("params", Text, nullable=False),  # JSON: what the sentence about it needs
    Column("parent", Number, ForeignKey("alert.id")),
    instant("started_us"),
    instant("fired_us", nullable=True),
    instant("acked_us", nullable=True),
    words("acked_by"),
    instant("acked_until_us", nullable=True),
    instant("resolved_us", nullable=True),
    CheckConstraint("state IN ('pending', 'firing', 'acked', 'resolved')", name="state"),
    Index("uq_alert_open", "key", unique=True, sqlite_where=text("state <> 'resolved'"),
          postgresql_where=text("state <> 'resolved'")),
    Index("ix_alert_key", "key"),
    Index("ix_alert_parent", "parent"),
    Index("ix_alert_state_started_us", "state", "started_us"),
    Index("ix_alert_node_started_us", "node", "started_us"),
)  # fmt: skip

alert_event = Table(
    "alert_event",
    metadata,
    numbered(),
    Column("alert", Number, ForeignKey("alert.id"), nullable=False, index=True),
    instant("at_us"),
    Column("event", Text, nullable=False),
    words("actor"),
    Column("data", Text, nullable=False, server_default="{}"),
)

escalation = Table(
    "escalation",
    metadata,
    Column("alert", Number, ForeignKey("alert.id"), primary_key=True),
    Column("episode", Integer, primary_key=True),
    Column("step", Integer, primary_key=True),
    instant("next_us"),
    Column("state", Text, nullable=False),
    CheckConstraint("state IN ('waiting', 'done', 'dropped')", name="state"),
    Index("ix_escalation_state_next_us", "state", "next_us"),
)

silence = Table(
    "silence",
    metadata,
    numbered(),
    Column("matches", Text, nullable=False),  # JSON: labels and their values
    Column("reason", Text, nullable=False),
    words("made_by"),
    instant("made_us"),
    instant("from_us"),
    instant("to_us"),
    instant("ended_us", nullable=True),
)

outbox = Table(
    "outbox",
    metadata,
    numbered(),
    Column("idempotency_key", Text, nullable=False, unique=True),  # alert, step, contact, channel, episode
    Column("alert", Number, ForeignKey("alert.id"), index=True),
    Column("episode", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("contact", Text, nullable=False),
    Column("channel", Text, nullable=False),
    words("purpose"),  # what it tells: firing, resolved, summary, canary, test
    Column("content", Text, nullable=False),  # JSON: what the message is made from
    instant("made_us"),
    instant("next_us"),
    instant("expires_us"),
    count("tries"),
    Column("state", Text, nullable=False),
    words("lease_holder"),
    instant("lease_until_us", nullable=True),
    words("provider_id"),
    words("last_code"),
    words("last_detail"),
    instant("sent_us", nullable=True),
    CheckConstraint("state IN ('queued', 'sending', 'sent', 'delivered', 'failed', 'dead', 'dropped')", name="state"),
    Index("ix_outbox_state_next_us", "state", "next_us"),
    Index("ix_outbox_made_us", "made_us"),
    Index("ix_outbox_contact_channel_sent_us", "contact", "channel", "sent_us"),
)

delivery_event = Table(
    "delivery_event",
    metadata,
    numbered(),
    Column("outbox", Number, ForeignKey("outbox.id"), nullable=False, index=True),
    instant("at_us"),
    Column("result", Text, nullable=False),
    words("code"),
    words("detail"),
)
