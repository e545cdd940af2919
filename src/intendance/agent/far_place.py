"""A store that is no store of a plan in force: a folder, or one that a file declares."""

from __future__ import annotations

from pathlib import Path

from intendance.model.errors.drill import DrillSetsUnknown, DrillStoreUnnamed
from intendance.model.frozen import dataclass
from intendance.model.plan import DirectoryStore
from intendance.stores import Store, open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A store, its kind, and whose sets are meant where its file says so."""

    store: Store
    kind: str
    fleet: str | None = None
    node: str | None = None


def place_at(written: str, name: str | None) -> Place:
    """The store at an address; `name`: of several that a file declares. Raises DrillSetsUnknown, DrillStoreUnnamed,
    StoresUnreadable."""
    address = Path(written).expanduser().absolute()
    if address.is_dir():
        if name is not None:
            detail = "it is a folder, and `--store` names one of the stores of a file"
            raise DrillSetsUnknown(wanted="backups", store=written, detail=detail)
        declared = DirectoryStore(name=address.name or "store", path=str(address))
        return Place(store=open_store(declared), kind=declared.kind)
    if not address.is_file():
        detail = "there is no such folder, and no such file that declares stores"
        raise DrillSetsUnknown(wanted="backups", store=written, detail=detail)
    from intendance.plan.stores_file import read_stores  # a folder needs none of it

    found = read_stores(address)
    stores = found.stores
    chosen = stores.get(name) if name else next(iter(stores.values())) if len(stores) == 1 else None
    if chosen is None:
        raise DrillStoreUnnamed(file=written, known=", ".join(stores))
    return Place(store=open_store(chosen), kind=chosen.kind, fleet=found.fleet, node=found.node)
