"""The table of acts that are not in the fleet log yet."""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from intendance.fleet.database.columns import instant, metadata, numbered

act = Table(
    "act",
    metadata,
    numbered(),
    Column("key", Text, nullable=False, unique=True),  # by which the log knows it again
    instant("at_us"),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("data", Text, nullable=False),  # the evidence, canonical JSON
)
