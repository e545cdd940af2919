"""Taking the inventory: looking at everything, and recording it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from intendance.agent.inventory import mariadb, postgresql, running, served, sqlite, system
from intendance.agent.inventory.applications import Application
from intendance.agent.inventory.databases import together
from intendance.agent.inventory.machine import Machine
from intendance.ledger import canonical
from intendance.ledger.book import Book
from intendance.model.evidence.inventory import InventoryTaken
from intendance.model.frozen import dataclass
from intendance.model.record import Record

ACTOR = "schedule:inventory"
_MOST = 120
"""Members of each list of the evidence: together they stay under the 60 KiB of a record."""
_LEAST_NEEDED = ("listeners", "timers", "logs", "certificates", "not_seen", "web_roots", "databases")
_ROOM_BYTES = 56 * 1024
_LONGEST_TEXT = 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """What was found: the evidence, the list of packages that goes with it, and the applications of the web roots."""

    evidence: InventoryTaken
    packages: bytes
    applications: tuple[Application, ...]


def look(root: Path = Path("/"), *, leave_out: Sequence[str] = ()) -> Inventory:
    """Look at the whole machine; `leave_out` are folders of ours (state, stores), where nothing is looked for."""
    machine = Machine(root)
    sites = served.look(machine)
    trees = [tree for each in sites.roots for tree in each.trees]
    servers = mariadb.servers(machine, running.command_lines(machine)) + postgresql.servers(machine)
    files = sqlite.files(machine, trees, leave_out)
    databases = together(servers, files, sites.applications)
    certificates = system.certificates(machine, sites.certificates)
    listeners = running.listeners(machine)
    logs = system.logs(machine, sites.logs)
    timers = system.timers(machine)
    packages = system.packages(machine)
    content, digest = system.digest(packages)
    etc_files = system.files_under_etc(machine)
    not_seen = machine.not_seen
    lists = (databases, sites.roots, certificates, listeners, logs, timers, not_seen)
    evidence = _fitted(
        InventoryTaken(
            system=system.name(machine),
            databases=_first(databases),
            web_roots=_first(sites.roots),
            certificates=_first(certificates),
            listeners=_first(listeners),
            logs=_first(logs),
            timers=_first(timers),
            packages=len(packages),
            packages_sha256=digest,
            etc_files=etc_files,
            not_seen=_first(not_seen),
            beyond=sum(max(0, len(each) - _MOST) for each in lists),
        )
    )
    return Inventory(evidence=evidence, packages=content, applications=sites.applications)


def record(book: Book, inventory: Inventory, *, actor: str = ACTOR) -> Record:
    """Write the evidence into the ledger, with the list of packages attached."""
    attached = (book.attach(inventory.packages, "text/plain"),) if inventory.packages else ()
    return book.append(inventory.evidence, actor=actor, attachments=attached)


def _fitted(evidence: InventoryTaken) -> InventoryTaken:
    """The evidence in canonical text, with the ends of its lists left out until it fits in a record."""
    cleaned = msgspec.convert(_cleaned(msgspec.to_builtins(evidence)), InventoryTaken)
    while len(canonical.write(cleaned)) > _ROOM_BYTES:
        longest = next(name for name in _LEAST_NEEDED if getattr(cleaned, name))
        kept = getattr(cleaned, longest)[: len(getattr(cleaned, longest)) // 2]
        left_out = len(getattr(cleaned, longest)) - len(kept)
        cleaned = replace(cleaned, beyond=cleaned.beyond + left_out, **{longest: kept})
    return cleaned


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return canonical.clean(value[:_LONGEST_TEXT])
        case dict():
            return {name: _cleaned(each) for name, each in value.items()}
        case list() | tuple():
            return [_cleaned(each) for each in value]
        case _:
            return value


def _first(found: tuple[_T, ...]) -> tuple[_T, ...]:
    return found[:_MOST]
