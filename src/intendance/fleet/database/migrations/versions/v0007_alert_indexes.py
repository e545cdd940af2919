"""An alert is found by its key, and those under one by their parent, at once."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_index("ix_alert_key", "alert", ["key"], unique=False)
    op.create_index("ix_alert_parent", "alert", ["parent"], unique=False)
