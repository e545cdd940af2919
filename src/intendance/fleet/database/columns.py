"""What tables are made of: one set of names, and the few sorts of columns that recur."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Number = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only what it calls INTEGER


def numbered() -> Column[int]:
    """A key that counts up."""
    return Column("id", Number, primary_key=True, autoincrement=True)


def words(name: str) -> Column[str]:
    """Text that is there, if empty."""
    return Column(name, Text, nullable=False, server_default="")


def count(name: str) -> Column[int]:
    """A number that begins with 0."""
    return Column(name, BigInteger, nullable=False, server_default="0")


def instant(name: str, *, nullable: bool = False) -> Column[int]:
    """Microseconds since 1970 in UTC."""
    return Column(name, BigInteger, nullable=nullable)
