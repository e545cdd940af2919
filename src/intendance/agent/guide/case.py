"""The memory of a guided restore: kept in the ledger's own database, so that a step and its evidence are one
transaction. It holds names of files, which no record does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from intendance.engines.replacing import Target
from intendance.ledger.book import Book
from intendance.model.evidence.guide import GuidedStep, RestoreGuided
from intendance.model.evidence.restore import Check
from intendance.model.frozen import dataclass
from intendance.system.sql import read_statements

State = Literal["open", "done", "back", "cancelled"]
_SQL = read_statements(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody asked for when the guide began. `to`: when it was last as it should be."""

    name: str
    database: str | None = None
    table: str | None = None
    paths: tuple[str, ...] = ()
    to: str | None = None
    point: str | None = None
    store: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that is replaced: a tree, a file, a database. `plan` is there from the moment on from which production
    may have been touched."""

    asset: str
    engine: str
    target: Target
    found: dict[str, Any]
    present: bool
    standing_bytes: int
    set: str
    store: str
    kind: str
    reached: str
    source_bytes: int
    details: dict[str, Any] = field(default_factory=dict)
    tested: tuple[Check, ...] | None = None
    plan: dict[str, Any] | None = None
    replaced: bool = False
    verified: tuple[Check, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """What was done so that an asset's original is not lost: the set that holds it, or why there is none."""

    asset: str
    set: str = ""
    store: str = ""
    unsafe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One guided restore: `<name>.guide.<time>`. `steps` are those that have ended, by asset."""

    id: str
    wanted: Wanted
    site: str | None
    began_at: str
    items: tuple[Item, ...]
    safety: tuple[Safety, ...] = ()
    state: State = "open"
    steps: dict[str, tuple[GuidedStep, ...]] = field(default_factory=dict)

    @property
    def stamp(self) -> str:
        """The part of the id that stands in names."""
        return self.id.rpartition(".")[2]

    @property
    def assets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(item.asset for item in self.items))

    @property
    def tested(self) -> bool:
        return all(item.tested is not None for item in self.items)

    @property
    def touched(self) -> bool:
        """Whether production may have been touched."""
        return any(item.plan is not None for item in self.items)

    @property
    def replaced(self) -> bool:
        return all(item.replaced for item in self.items)

    def of(self, asset: str) -> tuple[Item, ...]:
        """What is replaced of an asset."""
        return tuple(item for item in self.items if item.asset == asset)

    def safety_of(self, asset: str) -> Safety | None:
        return next((each for each in self.safety if each.asset == asset), None)

    def with_item(self, index: int, **changes: Any) -> Case:
        """The same with one item changed."""
        items = list(self.items)
        items[index] = replace(items[index], **changes)
        return replace(self, items=tuple(items))


class Cases:
    """The guided restores of one state folder."""

    def __init__(self, book: Book) -> None:
        self._book = book
        if book.refused is None:
            with book.transaction() as transaction:
                transaction.execute(_SQL["schema"])

    def latest(self, name: str) -> Case | None:
        """The newest of an asset or site."""
        row = self._book.connection.execute(_SQL["latest"], {"name": name}).fetchone()
        return None if row is None else msgspec.convert(json.loads(row[1]), Case)

    def safety_copies(self) -> frozenset[str]:
        """The sets that guides made of what was about to be replaced: nobody wants to go back to these unasked."""
        rows = self._book.connection.execute(_SQL["memos"])
        return frozenset(each["set"] for (memo,) in rows for each in json.loads(memo)["safety"] if each["set"])

    def is_taken(self, name: str) -> bool:
        """Whether there is one of that id."""
        return self._book.connection.execute(_SQL["taken"], {"id": name}).fetchone() is not None

    def write(self, case: Case, evidence: Sequence[tuple[str, RestoreGuided]], actor: str) -> tuple[int, ...]:
        """Keep it, together with the evidence of a step by asset; the numbers of the records."""
        memo = json.dumps(msgspec.to_builtins(case))
        with self._book.transaction() as transaction:
            row = {"id": case.id, "name": case.wanted.name, "state": case.state, "memo": memo}
            transaction.execute(_SQL["write"], row)
            written = tuple(
                transaction.append(each, actor=actor, asset=asset, run=case.id).seq for asset, each in evidence
            )
        self._book.seal()
        return written
