"""One row for each attempt at a run; those that ended in the last thirty days are taken from the records here."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ENDS = (
    "backup.completed",
    "backup.failed",
    "drill.completed",
    "drill.failed",
    "inspection.completed",
    "inspection.failed",
    "prune.completed",
    "restore.completed",
    "restore.failed",
    "run.ended",
    "site.failed",
    "site.restored",
)
_DAYS = 30
_LONGEST, _ATTEMPTS = 200, 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def upgrade() -> None:
    """Make the table and its indexes, and fill it."""
    table = op.create_table(
        "run_attempt",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("boot", sa.Text(), server_default="", nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=True),
        sa.Column("began_seq", sa.BigInteger(), nullable=True),
        sa.Column("deadline_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_seq", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", "incarnation", "run", "attempt", name=op.f("pk_run_attempt")),
    )
    is_open = sa.text("ended_us IS NULL")
    op.create_index("ix_run_attempt_open", "run_attempt", ["node", "began_us"], unique=False, sqlite_where=is_open,
                    postgresql_where=is_open)  # fmt: skip
    op.create_index("ix_run_attempt_ended_us", "run_attempt", ["ended_us", "outcome"], unique=False)
    op.create_index(
        "ix_run_attempt_node_asset",
        "run_attempt",
        ["node", "incarnation", "asset", "activity", "ended_us"],
        unique=False,
    )
    op.create_index("ix_run_attempt_changed_us", "run_attempt", ["changed_us"], unique=False)
    found = _ended(op.get_bind())
    if found:
        op.bulk_insert(table, list(found.values()))


def _ended(connection: sa.Connection) -> dict[tuple[str, int, str], dict[str, Any]]:
    """What the records of the last days before the newest one tell; the last word on a run counts."""
    newest = connection.execute(sa.text("SELECT max(changed_us) FROM evidence_head")).scalar() or 0
    since = (_EPOCH + timedelta(microseconds=newest) - timedelta(days=_DAYS)).strftime("%Y-%m-%dT%H:%M:%S")
    kinds = ", ".join(f"'{kind}'" for kind in _ENDS)
    rows = connection.execute(
        sa.text(
            "SELECT node, incarnation, seq, kind, content FROM evidence_record "  # noqa: S608 -- fixed words only
            f"WHERE kind IN ({kinds}) AND ts >= :since ORDER BY node, incarnation, seq"
        ),
        {"since": since},
    )
    found: dict[tuple[str, int, str], dict[str, Any]] = {}
    for row in rows:
        try:
            told = _row(row, json.loads(bytes(row.content)))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            continue  # a node may say anything: what cannot be read here keeps no manager from starting
        if told is not None:
            found[row.node, row.incarnation, told["run"]] = told
    return found


def _row(row: Any, record: dict[str, Any]) -> dict[str, Any] | None:
    data, run = record["data"], record.get("run")
    if not run or len(run) > _LONGEST:
        return None
    named = run.split(".")
    word = named[1] if len(named) > 1 else ""
    own = row.kind == "run.ended"
    attempt = data["attempt"] if own and "attempt" in data else 1
    if not isinstance(attempt, int) or not 0 < attempt <= _ATTEMPTS:
        return None
    done = row.kind.endswith((".completed", ".restored"))
    ended_us = (datetime.fromisoformat(record["ts"]) - _EPOCH) // timedelta(microseconds=1)
    texts = {
        "run": run,
        "asset": record.get("asset") or named[0],
        "activity": word.replace("-", ".", 1) if word.startswith("backup-") else word,
        "actor": record.get("actor", ""),
        "outcome": data["outcome"] if own else "succeeded" if done else "failed",
        "message": data.get("message", "").replace("\0", ""),
    }
    if any("\0" in text for text in texts.values()):
        return None
    return texts | {
        "node": row.node,
        "incarnation": row.incarnation,
        "attempt": attempt,
        "ended_us": ended_us,
        "ended_seq": row.seq,
        "changed_us": ended_us,
    }
