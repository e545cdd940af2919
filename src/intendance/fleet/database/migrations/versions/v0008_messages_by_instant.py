"""The messages that tell of an alert are found by the instant at which they were made, at once."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make it."""
    op.create_index("ix_outbox_made_us", "outbox", ["made_us"], unique=False)
