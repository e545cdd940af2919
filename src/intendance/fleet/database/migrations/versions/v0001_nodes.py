"""Nodes, beats, evidence, verdicts, and what the manager keeps of itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make them."""
    _enrolment_token()
    _evidence_attachment()
    _evidence_head()
    _evidence_record()
    _finding()
    _lease()
    _node()
    _observability_gap()
    _setting()
    _verdict()
    _verdict_interval()
    _beat_slot()
    _node_key()
    _node_state()


def _enrolment_token() -> None:
    op.create_table(
        "enrolment_token",
        sa.Column("token_sha256", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("key_fingerprint", sa.Text(), nullable=True),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("used_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_enrolment_token")),
    )
    op.create_index(op.f("ix_enrolment_token_node"), "enrolment_token", ["node"], unique=False)


def _evidence_attachment() -> None:
    op.create_table(
        "evidence_attachment",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_evidence_attachment")),
    )


def _evidence_head() -> None:
    op.create_table(
        "evidence_head",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_sha256", sa.Text(), server_default="", nullable=False),
        sa.Column("edge", sa.LargeBinary(), nullable=False),
        sa.Column("signed_size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", "incarnation", name=op.f("pk_evidence_head")),
    )


def _evidence_record() -> None:
    op.create_table(
        "evidence_record",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", "incarnation", "seq", name=op.f("pk_evidence_record")),
    )
    op.create_index(
        "ix_evidence_record_node_kind_asset_seq", "evidence_record", ["node", "kind", "asset", "seq"], unique=False
    )


def _finding() -> None:
    op.create_table(
        "finding",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("exhibit", sa.Text(), server_default="", nullable=False),
        sa.Column("found_us", sa.BigInteger(), nullable=False),
        sa.Column("settled_us", sa.BigInteger(), nullable=True),
        sa.Column("settled_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        sa.UniqueConstraint(
            "node", "incarnation", "kind", "subject", name=op.f("uq_finding_node_incarnation_kind_subject")
        ),
    )


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )


def _node() -> None:
    op.create_table(
        "node",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("token_sha256", sa.Text(), nullable=True),
        sa.Column("site", sa.Text(), server_default="", nullable=False),
        sa.Column("region", sa.Text(), server_default="", nullable=False),
        sa.Column("labels", sa.Text(), server_default="{}", nullable=False),
        sa.Column("software", sa.Text(), server_default="", nullable=False),
        sa.Column("enrolled_us", sa.BigInteger(), nullable=False),
        sa.Column("enrolled_by", sa.Text(), server_default="", nullable=False),
        sa.Column("decommissioned_us", sa.BigInteger(), nullable=True),
        sa.Column("decommissioned_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_node")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_node_token_sha256")),
    )


def _observability_gap() -> None:
    op.create_table(
        "observability_gap",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observability_gap")),
    )
    op.create_index(
        "uq_observability_gap_open",
        "observability_gap",
        ["cause"],
        unique=True,
        sqlite_where=sa.text("to_us IS NULL"),
        postgresql_where=sa.text("to_us IS NULL"),
    )


def _setting() -> None:
    op.create_table(
        "setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )


def _verdict() -> None:
    op.create_table(
        "verdict",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("attested_by", sa.Text(), nullable=False),
        sa.Column("judged_us", sa.BigInteger(), nullable=False),
        sa.Column("next_change_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("node", "rule", "asset", name=op.f("pk_verdict")),
    )
    op.create_index("ix_verdict_next_change_us", "verdict", ["next_change_us"], unique=False)


def _verdict_interval() -> None:
    op.create_table(
        "verdict_interval",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node", "rule", "asset", "from_us", name=op.f("pk_verdict_interval")),
    )
    op.create_index("ix_verdict_interval_to_us", "verdict_interval", ["to_us"], unique=False)
    op.create_index(
        "uq_verdict_interval_open",
        "verdict_interval",
        ["node", "rule", "asset"],
        unique=True,
        sqlite_where=sa.text("to_us IS NULL"),
        postgresql_where=sa.text("to_us IS NULL"),
    )


def _beat_slot() -> None:
    op.create_table(
        "beat_slot",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("hour_us", sa.BigInteger(), nullable=False),
        sa.Column("heard", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("backfilled", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["node"], ["node.node"], name=op.f("fk_beat_slot_node")),
        sa.PrimaryKeyConstraint("node", "hour_us", name=op.f("pk_beat_slot")),
    )


def _node_key() -> None:
    op.create_table(
        "node_key",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("ledger_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("trusted_size", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["node.node"], name=op.f("fk_node_key_node")),
        sa.PrimaryKeyConstraint("node", "incarnation", name=op.f("pk_node_key")),
        sa.UniqueConstraint("origin", name=op.f("uq_node_key_origin")),
    )


def _node_state() -> None:
    op.create_table(
        "node_state",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_since_us", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_us", sa.BigInteger(), nullable=False),
        sa.Column("deadline_us", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.Text(), server_default="", nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("skew_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("streak", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("spooled", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("former_boots", sa.Text(), server_default="", nullable=False),
        sa.Column("software", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('up', 'late', 'missing', 'unobservable', 'silenced')", name=op.f("ck_node_state_state")
        ),
        sa.ForeignKeyConstraint(["node"], ["node.node"], name=op.f("fk_node_state_node")),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_node_state")),
    )
    op.create_index("ix_node_state_state_deadline_us", "node_state", ["state", "deadline_us"], unique=False)
