"""Silences of nodes to the microsecond, as the beat that ended each showed it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "beat_silence",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["node"], ["node.node"], name=op.f("fk_beat_silence_node")),
        sa.PrimaryKeyConstraint("node", "from_us", name=op.f("pk_beat_silence")),
    )
    op.create_index("ix_beat_silence_to_us", "beat_silence", ["to_us"], unique=False)
