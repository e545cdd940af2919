"""How far each ledger's head was bound in the fleet log, by which of its records, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.add_column("evidence_head", sa.Column("bound_size", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("evidence_head", sa.Column("bound_seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("evidence_head", sa.Column("bound_us", sa.BigInteger(), nullable=True))
