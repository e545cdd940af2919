"""What is known of the witnesses: a setting for each."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from sqlalchemy import Connection, delete, select

from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import setting
from intendance.fleet.witnessing.decide import WitnessStanding

_PREFIX = "witness:"


def read_standings(connection: Connection) -> tuple[WitnessStanding, ...]:
    """What is known of each witness of the plan, by name."""
    asked = select(setting.c.value).where(setting.c.name.startswith(_PREFIX, autoescape=True)).order_by(setting.c.name)
    return tuple(msgspec.json.decode(text, type=WitnessStanding) for text in connection.execute(asked).scalars())


def write_standing(connection: Connection, standing: WitnessStanding) -> None:
    """Write what is known of one now."""
    made = insert_into(connection, setting).values(
        name=_PREFIX + standing.name, value=msgspec.json.encode(standing).decode()
    )
    connection.execute(made.on_conflict_do_update(index_elements=[setting.c.name], set_={"value": made.excluded.value}))


def forget_others(connection: Connection, names: Collection[str]) -> None:
    """Drop what is known of witnesses that the plan names no more."""
    gone = setting.c.name.startswith(_PREFIX, autoescape=True) & setting.c.name.not_in(
        [_PREFIX + name for name in names]
    )
    connection.execute(delete(setting).where(gone))
