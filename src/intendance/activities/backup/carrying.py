"""The plan and the ledger's head, put into the set: a lost node's own copy of them is nowhere else off site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from intendance.engines import Source
from intendance.ledger.book import Book
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.plan import Plan
from intendance.plan.adopted import source_path
from intendance.sets import rebuilding
from intendance.system import process
from intendance.system.openpgp import RecipientHome

_ENCRYPT_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """What a set carries for a rebuild, as details of its source, and why where it carries nothing."""

    details: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def added_to(self, source: Source) -> Source:
        return replace(source, details={**source.details, **self.details}, warnings=(*source.warnings, *self.warnings))


def carry(plan: Plan, book: Book, home: RecipientHome) -> Carrying:
    """The plan in force, encrypted as the set will be, with the ledger's head.

    Where the adopted file cannot be read any more, a warning says so: that costs no backup.
    """
    adopted: tuple[PlanAdopted, ...] = tuple(fact.data for fact in book.facts("plan.adopted", latest=1))
    head = book.seal()
    if not adopted or head is None:
        return Carrying()
    try:
        content = source_path(book.layout.state, adopted[0].source_sha256).read_bytes()
    except OSError:
        warning = "the set does not carry the plan, because the file that was adopted is not in the state folder"
        return Carrying(warnings=(warning,))
    packed = rebuilding.pack(content, plan.recipients)
    message = process.run(home.encrypt_argv(), input=packed, deadline_seconds=_ENCRYPT_SECONDS).stdout
    (genesis,) = book.facts("genesis", latest=1)
    carried = rebuilding.written(message, head.note.decode("utf-8"), genesis.data.former_keys)
    return Carrying(details={rebuilding.FIELD: carried})
