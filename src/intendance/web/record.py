"""A record that a verdict rests on, as the node signed it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from intendance.fleet.verdicts.records import HeldRecord
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.ledger.origin import FLEET_LOG
from intendance.model.frozen import dataclass
from intendance.web import addresses
from intendance.web.rule import Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Where one goes from a record: to its ledger, to the one before, to the one after."""

    name: str
    href: str
    rel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    kind: str
    heading: str
    told: str
    remark: str
    content: str
    definitions: tuple[Definition, ...]
    command: tuple[str, ...]
    links: tuple[Neighbour, ...]


def as_data(record: HeldRecord) -> dict[str, Any]:
    """A record for programs: its canonical text, by which its SHA-256 is found again, and what it says."""
    return {
        "node": record.node,
        "incarnation": record.incarnation,
        "seq": record.seq,
        "covered": record.covered,
        "sha256": record.digest,
        "canonical": record.content.decode(),
        "record": json.loads(record.content),
    }


def fleet_record_page(record: HeldRecord, zone: str, _: Translator, *, newest: bool) -> RecordPage:
    """The page of a record of the fleet log."""
    moment = dates.moment(datetime.fromisoformat(record.at), zone, _.language, seconds=True)
    number = sizes.number(record.seq, _.language)
    return RecordPage(
        kind=record.kind,
        heading=_("Record {number} of the fleet log").format(number=number),
        told=moment,
        remark=_("As the manager signed it."),
        content=json.dumps(json.loads(record.content), indent=2, ensure_ascii=False),
        definitions=(Definition(name=_("SHA-256"), text=record.digest),),
        command=("intendance", "ledger", "show", str(record.seq)),
        links=tuple(_links(FLEET_LOG, record.seq, _("Fleet log"), _, newest=newest)),
    )


def record_page(record: HeldRecord, zone: str, _: Translator, *, newest: bool) -> RecordPage:
    """The page of a record."""
    number = sizes.number(record.seq, _.language)
    moment = dates.moment(datetime.fromisoformat(record.at), zone, _.language, seconds=True)
    covered = _("The node's signed head covers it: it cannot be changed unseen.")
    alone = _("No head that the node signed covers it yet: it proves nothing so far.")
    ledger = _("Ledger of {node}").format(node=record.node)
    return RecordPage(
        kind=record.kind,
        heading=_("Record {number} of {node}").format(number=number, node=record.node),
        told=f"{moment}. {covered if record.covered else alone}",
        remark=_("As the node signed it."),
        content=json.dumps(json.loads(record.content), indent=2, ensure_ascii=False),
        definitions=(
            Definition(name=_("SHA-256"), text=record.digest),
            Definition(name=_("Ledger"), text=_("incarnation {number}").format(number=record.incarnation)),
        ),
        command=("intendance", "ledger", "show", str(record.seq)),
        links=tuple(_links(record.node, record.seq, ledger, _, newest=newest)),
    )


def _links(node: str, seq: int, ledger: str, _: Translator, *, newest: bool) -> Iterable[Neighbour]:
    yield Neighbour(name=ledger, href=addresses.FLEET_LOG if node == FLEET_LOG else addresses.ledger(node), rel="up")
    if seq > 0:
        yield Neighbour(name=_("The record before"), href=addresses.record(node, seq - 1), rel="prev")
    if not newest:
        yield Neighbour(name=_("The record after"), href=addresses.record(node, seq + 1), rel="next")
