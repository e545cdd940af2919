"""Why a finding was settled, and the record of the fleet log that says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both."""
    op.add_column("finding", sa.Column("settled_why", sa.Text(), server_default="", nullable=False))
    op.add_column("finding", sa.Column("settled_seq", sa.BigInteger(), nullable=True))
