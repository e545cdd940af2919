"""What no sound node does, kept once: so many of a kind, and one that counts what comes beyond."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select, update

from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.tables import finding
from intendance.fleet.evidence import decide
from intendance.fleet.evidence.decide import Found


def keep(connection: Connection, name: str, incarnation: int, found: Found, exhibit: str, now_us: int) -> None:
    """Keep a finding, once, and once more where it was settled meanwhile: it goes on."""
    place = (finding.c.node == name) & (finding.c.incarnation == incarnation) & (finding.c.kind == found.kind)
    former = _former(connection, place, found.subject)
    if any(each.settled_us is None for each in former):
        return
    counted = 0
    unsettled = select(func.count()).where(place, finding.c.settled_us.is_(None))
    if connection.execute(unsettled).scalar_one() >= decide.MOST_OPEN:
        former = _former(connection, place, decide.FOLDED)
        counted = 1 + sum(each.folded for each in former if each.settled_us is None)
        found = decide.folded(counted, found)
        open_ids = [each.id for each in former if each.settled_us is None]
        if open_ids:
            values = {"detail": found.detail, "exhibit": exhibit, "folded": counted}
            connection.execute(update(finding).where(finding.c.id == open_ids[0]).values(**values))
            return
    if former:
        found = replace(found, subject=f"{found.subject}{decide.AGAIN}{len(former)}")
    values = {
        "node": name,
        "incarnation": incarnation,
        "kind": found.kind,
        "subject": found.subject,
        "detail": found.detail,
        "exhibit": exhibit,
        "found_us": now_us,
        "folded": counted,
    }
    connection.execute(insert_into(connection, finding).values(**values).on_conflict_do_nothing())


def _former(connection: Connection, place: Any, subject: str) -> list[Any]:
    """The same, found before."""
    again = finding.c.subject.startswith(subject + decide.AGAIN, autoescape=True)
    asked = select(finding.c.id, finding.c.settled_us, finding.c.folded)
    return list(connection.execute(asked.where(place, (finding.c.subject == subject) | again).order_by(finding.c.id)))
