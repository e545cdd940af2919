"""How much each node filled on which day, and how many findings one stands for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both."""
    op.create_table(
        "evidence_amount",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("day_us", sa.BigInteger(), nullable=False),
        sa.Column("records_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attached_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("node", "day_us", name=op.f("pk_evidence_amount")),
    )
    op.add_column("finding", sa.Column("folded", sa.BigInteger(), server_default="0", nullable=False))
