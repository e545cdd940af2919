"""How far each node was judged; evidence found by what judging asks for, without reading records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it, and the indexes."""
    op.create_table(
        "judged",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("again_us", sa.BigInteger(), nullable=False),
        sa.Column("program", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_judged")),
    )
    op.create_index("ix_judged_again_us", "judged", ["again_us"], unique=False)
    op.create_index("ix_evidence_head_changed_us", "evidence_head", ["changed_us"], unique=False)
    op.drop_index("ix_evidence_record_node_kind_asset_seq", table_name="evidence_record")
    op.create_index(
        "ix_evidence_record_judged_by",
        "evidence_record",
        ["node", "incarnation", "kind", "asset", "seq", "ts"],
        unique=False,
    )
