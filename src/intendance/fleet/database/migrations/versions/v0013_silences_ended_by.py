"""Who ended a silence before its time is known, as who made it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make its place; of those that are over nobody knows."""
    op.add_column("silence", sa.Column("ended_by", sa.Text(), server_default="", nullable=False))
