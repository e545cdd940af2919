"""Stores alone, for a machine that has no plan in force: a file with the plan's section `stores`, or a copy of a plan.

Of a plan, nothing else is read, so that neither its keys nor its secrets have to be here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from intendance.model.errors.drill import StoresUnreadable
from intendance.model.frozen import dataclass
from intendance.model.plan import Store
from intendance.plan import shape, source
from intendance.plan.compiled import stores_of
from intendance.plan.load import published_schema
from intendance.plan.problems import dotted


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The stores of a file by their names; `fleet` and `node` where it is a plan of one node, else None."""

    stores: Mapping[str, Store]
    fleet: str | None
    node: str | None


def read_stores(file: Path) -> Declared:
    """What a file declares. Relative files of credentials are those of its folder. Raises StoresUnreadable."""
    try:
        with file.open("rb") as opened:
            content = opened.read(source.MAX_BYTES + 1)
        if len(content) > source.MAX_BYTES:
            raise StoresUnreadable(file=file, detail="it is larger than 1 MiB, which no plan is")
        located, _ = source.read(content.decode("utf-8-sig"))
    except OSError as error:
        raise StoresUnreadable(file=file, detail=error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise StoresUnreadable(file=file, detail="it is not UTF-8 text") from None
    except source.Unreadable as unreadable:
        detail = f"line {unreadable.mark.line + 1}: {unreadable.message}"
        raise StoresUnreadable(file=file, detail=detail) from None
    data = located.data if isinstance(located.data, Mapping) else {}
    stores = data.get("stores")
    if not isinstance(stores, Mapping) or not stores:
        raise StoresUnreadable(file=file, detail="it declares no `stores`")
    for fault in shape.faults_of(published_schema(), "stores", stores):
        place = located.places.get(fault.path)
        where = dotted(fault.path) if place is None else f"line {place.value.line + 1}, {dotted(fault.path)}"
        raise StoresUnreadable(file=file, detail=f"{where}: {fault.message}")
    return Declared(stores=stores_of(stores, file.absolute().parent), fleet=_name(data, "fleet"), node=_node(data))


def _node(data: Mapping[str, object]) -> str | None:
    node = data.get("node")
    return _name(node, "id") if isinstance(node, Mapping) else None


def _name(data: Mapping[str, object], option: str) -> str | None:
    value = data.get(option)
    return value if isinstance(value, str) else None
