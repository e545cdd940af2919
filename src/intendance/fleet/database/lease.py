"""Leases: who leads, for a few seconds at a time. The epoch counts holders, so that a late one can be told apart."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from intendance.fleet.database.connect import Database
from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import lease
from intendance.model.frozen import dataclass

LEADER = "leader"
TTL_US = 5_000_000
RENEW_US = 1_000_000
_FAR_US = 60_000_000
"""An end farther away than this was written by a clock that has been set back since."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a holder has in hand: whatever it writes as a leader is guarded by `holds` in the same transaction."""

    name: str
    holder: str
    epoch: int
    until_us: int


def take(database: Database, name: str, holder: str, now_us: int) -> Lease | None:
    """Take a lease that is free or over, or renew one's own; None while another holds it.

    Raises DatabaseUnreachable.
    """
    fresh = {"name": name, "holder": holder, "epoch": 1, "until_us": now_us + TTL_US}
    with database.begin() as connection:
        connection.execute(
            insert_into(connection, lease).values(**fresh | {"until_us": 0, "epoch": 0}).on_conflict_do_nothing()
        )
        row = connection.execute(select(lease).where(lease.c.name == name).with_for_update()).one()
        holds_still = now_us < row.until_us <= now_us + _FAR_US
        if row.holder != holder and holds_still:
            return None
        renewed = row.holder == holder and holds_still
        epoch = row.epoch if renewed else row.epoch + 1
        changed = {"holder": holder, "epoch": epoch, "until_us": now_us + TTL_US}
        connection.execute(update(lease).where(lease.c.name == name).values(**changed))
    return Lease(name, holder, epoch, now_us + TTL_US)


def release(database: Database, held: Lease) -> None:
    """Let go at once, so that nobody waits for the end. Raises DatabaseUnreachable."""
    ours = (lease.c.name == held.name) & (lease.c.holder == held.holder) & (lease.c.epoch == held.epoch)
    with database.begin() as connection:
        connection.execute(update(lease).where(ours).values(until_us=0))


def holds(connection: Connection, held: Lease, now_us: int) -> bool:
    """Whether a lease is still in hand, asked in the transaction that it guards: none can take it meanwhile."""
    row = connection.execute(select(lease).where(lease.c.name == held.name).with_for_update(read=True)).first()
    return row is not None and (row.holder, row.epoch) == (held.holder, held.epoch) and row.until_us > now_us
