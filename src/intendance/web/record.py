"""A record that a verdict rests on, as the node signed it."""

from __future__ import annotations

import json
from datetime import datetime

from intendance.fleet.verdicts.records import HeldRecord
from intendance.language import dates, sizes
from intendance.language.texts import Translator
from intendance.model.frozen import dataclass
from intendance.web.rule import Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    kind: str
    heading: str
    told: str
    content: str
    definitions: tuple[Definition, ...]
    command: tuple[str, ...]


def record_page(record: HeldRecord, zone: str, _: Translator) -> RecordPage:
    """The page of a record."""
    number = sizes.number(record.seq, _.language)
    moment = dates.moment(datetime.fromisoformat(record.at), zone, _.language, seconds=True)
    covered = _("The node's signed head covers it: it cannot be changed unseen.")
    alone = _("No head that the node signed covers it yet: it proves nothing so far.")
    return RecordPage(
        kind=record.kind,
        heading=_("Record {number} of {node}").format(number=number, node=record.node),
        told=f"{moment}. {covered if record.covered else alone}",
        content=json.dumps(json.loads(record.content), indent=2, ensure_ascii=False),
        definitions=(
            Definition(name=_("SHA-256"), text=record.digest),
            Definition(name=_("Ledger"), text=_("incarnation {number}").format(number=record.incarnation)),
        ),
        command=("intendance", "ledger", "show", str(record.seq)),
    )
