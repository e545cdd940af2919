"""The table of runs: what records of nodes tell of them, so that nobody reads a year of records to know what runs."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from intendance.fleet.database.columns import instant, metadata, words

run_attempt = Table(
    "run_attempt",
    metadata,
    Column("node", Text, primary_key=True),
    Column("incarnation", Integer, primary_key=True),
    Column("run", Text, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("activity", Text, nullable=False),
    words("actor"),
    words("boot"),
    instant("began_us", nullable=True),  # NULL: of a node that does not record beginnings
    Column("began_seq", BigInteger),
    instant("deadline_us", nullable=True),
    instant("ended_us", nullable=True),
    Column("ended_seq", BigInteger),
    words("outcome"),
    words("message"),
    instant("changed_us"),
    Index("ix_run_attempt_open", "node", "began_us", sqlite_where=text("ended_us IS NULL"),
          postgresql_where=text("ended_us IS NULL")),
    Index("ix_run_attempt_ended_us", "ended_us", "outcome"),
    Index("ix_run_attempt_node_asset", "node", "incarnation", "asset", "activity", "ended_us"),
    Index("ix_run_attempt_changed_us", "changed_us"),
)  # fmt: skip
