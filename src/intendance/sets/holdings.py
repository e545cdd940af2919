"""Which store holds which sets, as the evidence has it, and how far each store is behind. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from intendance.model.evidence.backup import BackupCompleted
from intendance.model.evidence.filled import StoreFilled
from intendance.model.evidence.inspection import InspectionCompleted
from intendance.model.evidence.prune import PruneBegun, PruneCompleted
from intendance.model.frozen import dataclass
from intendance.model.verdict import Fact

DIFFERENTIAL = "differential"
"""The kind that is worth nothing without the set that it builds on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A set that was made, as the newest word on it has it, and the stores that hold it whole as far as is known."""

    made: BackupCompleted
    stores: frozenset[str]

    @property
    def recovers_to(self) -> datetime:
        """The instant that it brings back."""
        return datetime.fromisoformat(self.made.recovers_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far one store is behind what was made of an asset.

    `newest_recovers_to` is of the newest set that it holds (None: it holds none) and `behind_seconds` how much older
    that is than the newest of all (None: nothing is there to compare). It `lacks` so many sets that another store holds
    and that are young enough to be kept, or kept for the law. `inspected_at`: when somebody last looked into it.
    """

    asset: str
    store: str
    newest_recovers_to: datetime | None
    behind_seconds: int | None
    lacks: int
    lacks_bytes: int
    inspected_at: datetime | None


def holdings(
    completed: Iterable[BackupCompleted],
    looks: Mapping[str, Fact[InspectionCompleted]],
    prunings: Iterable[PruneBegun | PruneCompleted] = (),
    fillings: Iterable[StoreFilled] = (),
) -> tuple[Held, ...]:
    """Every set that some store holds, the newest first.

    `completed` are the records, newest first; `looks` the last into each store: what one of them found damaged or
    missing does not lie there whole, whatever was recorded before.
    """
    newest_word: dict[str, BackupCompleted] = {}
    for made in completed:
        newest_word.setdefault(made.set, made)
    gone = {(each.store, pruned.set) for each in prunings for pruned in each.sets}
    gone |= {(store, seen.set) for store, look in looks.items() for seen in look.data.damaged}
    brought: dict[tuple[str, str], list[str]] = {}
    for filled in fillings:
        for each in filled.sets:
            brought.setdefault((each.set, each.manifest_sha256), []).append(filled.store)
    held = []
    for made in newest_word.values():
        stores = (*made.stores, *brought.get((made.set, made.manifest_sha256), ()))
        held.append(Held(made=made, stores=frozenset(store for store in stores if (store, made.set) not in gone)))
    return tuple(sorted((each for each in held if each.stores), key=_age, reverse=True))


def lags(
    asset: str,
    held: Sequence[Held],
    stores: Sequence[str],
    looks: Mapping[str, Fact[InspectionCompleted]],
    kept_since: datetime,
    legal: Collection[str] = (),
) -> tuple[Lag, ...]:
    """How far each of the asset's stores is behind the others, in the plan's order; `legal` as in `lacking`."""
    here = [each for each in held if not each.stores.isdisjoint(stores)]
    newest = max((each.recovers_to for each in here), default=None)
    found = []
    for store in stores:
        own = max((each.recovers_to for each in here if store in each.stores), default=None)
        lacks = lacking(here, store, stores, kept_since, legal)
        look = looks.get(store)
        found.append(
            Lag(
                asset=asset,
                store=store,
                newest_recovers_to=own,
                behind_seconds=None if newest is None or own is None else int((newest - own).total_seconds()),
                lacks=len(lacks),
                lacks_bytes=sum(each.made.stored_bytes for each in lacks),
                inspected_at=None if look is None else look.at,
            )
        )
    return tuple(found)


def lacking(
    held: Sequence[Held], store: str, stores: Sequence[str], kept_since: datetime, legal: Collection[str] = ()
) -> tuple[Held, ...]:
    """The sets that another of these stores holds, that this one lacks, and that are young enough to be kept or are
    `legal`; with them the newest older set that differentials among them may build on."""
    others = frozenset(stores) - {store}
    elsewhere = [each for each in held if store not in each.stores and not each.stores.isdisjoint(others)]
    young = [each for each in elsewhere if each.recovers_to >= kept_since]
    if any(each.made.kind == DIFFERENTIAL for each in young):
        bases = (each for each in held if each.recovers_to < kept_since and each.made.kind != DIFFERENTIAL)
        young += [each for each in (max(bases, key=_age, default=None),) if each in elsewhere]
    return (*young, *(each for each in elsewhere if each.made.set in legal and each not in young))


def _age(held: Held) -> tuple[datetime, int]:
    return (held.recovers_to, held.made.sequence)
