"""What a witness found about the fleet log, kept as one finding however often it says so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from intendance.fleet.database.connect import from_us, to_us
from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import finding
from intendance.fleet.witnessing.decide import Condition, WitnessStanding, repeated
from intendance.ledger.note import Checkpoint
from intendance.ledger.origin import FLEET_LOG

_INCARNATION = 1
_AGAIN = " again "
"""Before how often it was settled, as of findings about nodes (`evidence/decide.py`, above this room)."""


def keep(connection: Connection, standing: WitnessStanding, head: Checkpoint, now: datetime) -> None:
    """Keep that a witness has seen another history; said again before somebody settled it, it is counted, with the text
    that showed it first. Settled meanwhile, it is a finding once more."""
    kind = "rollback" if standing.condition is Condition.ROLLED_BACK else "fork"
    subject = f"witness {standing.name}"
    of_kind = (finding.c.node == FLEET_LOG) & (finding.c.incarnation == _INCARNATION) & (finding.c.kind == kind)
    # There may be rows from when each size of the log had one of its own, named after it.
    of_it = (finding.c.subject == subject) | finding.c.subject.startswith(f"{subject} ", autoescape=True)
    former = connection.execute(select(finding).where(of_kind & of_it).order_by(finding.c.id).with_for_update()).all()
    here = next((row for row in former if row.settled_us is None), None)
    if here is not None:
        count = here.folded + 1
        told = repeated(count + 1, from_us(here.found_us), now, standing.detail)
        values = {"folded": count, "detail": told}
        connection.execute(update(finding).where(finding.c.id == here.id).values(**values))
        return
    values = {
        "node": FLEET_LOG,
        "incarnation": _INCARNATION,
        "kind": kind,
        "subject": f"{subject}{_AGAIN}{len(former)}" if former else subject,
        "detail": standing.detail,
        "exhibit": head.note.decode(),
        "found_us": to_us(now),
    }
    # Two managers may be told the same at the same moment.
    connection.execute(insert_into(connection, finding).values(**values).on_conflict_do_nothing())
