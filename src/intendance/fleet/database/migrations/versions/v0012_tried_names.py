"""The names without an account that somebody tried, counted as those with one are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make it."""
    op.create_table(
        "tried_name",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("name_sha256", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("locked_until_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tried_name")),
        sa.UniqueConstraint("name_sha256", name=op.f("uq_tried_name_name_sha256")),
    )
