"""Where sets are kept. A store puts, gets and lists; it neither retries nor schedules, nor knows what a backup is.

Adding one: one file here, one line in `STORES`, one page in `docs/stores/`; `tests/contract/test_stores.py` runs on it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import IO, Protocol, cast, runtime_checkable

from intendance.model.errors import InternalError
from intendance.model.errors.prune import StoreNotPruned
from intendance.model.errors.store import StoreNotProbed
from intendance.model.evidence.inspection import StorePlace
from intendance.model.frozen import dataclass
from intendance.model.plan import Store as Declared
from intendance.stores.probing import Probed, Standing


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object in a store: `key` (relative, `/`-separated), size in bytes, and the *store's* time of its writing
    (UTC).

    What only some stores can say, and only of one object at a time (`head`, never `list`), does not count when two are
    compared: `sha256` is the one that was stored beside the bytes when they were written; `version` is the store's own
    name for these bytes; until `lock_until` it lets nobody erase them.
    """

    key: str
    size_bytes: int
    stored_at: datetime
    sha256: str | None = dataclasses.field(default=None, compare=False)
    version: str | None = dataclasses.field(default=None, compare=False)
    lock_until: datetime | None = dataclasses.field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a store is opened for. `spool` is a folder where *ciphertext* may wait on its way (None: `/var/tmp`);
    what is put stays locked for `keep_days`, where the plan asks the store for locks."""

    spool: Path | None = None
    keep_days: int = 0


class Store(Protocol):
    """A write-once place for objects. Two threads may use it at once.

    Keys are relative paths of `[A-Za-z0-9._@+-]` segments. Every method raises StoreUnreachable when the place cannot
    be
    reached or read, StoreFull when there is no room, StoreRefused when it denies the operation.
    """

    name: str

    def put(self, key: str, chunks: Iterable[bytes | memoryview]) -> StoredObject:
        """Store all chunks under `key`: all or nothing, durable on return. Raises ObjectExists when the key is taken.

        A chunk may be reused by the caller once the next one is asked for. When the iterable raises, nothing is stored.
        """

    def open(self, key: str) -> AbstractContextManager[IO[bytes]]:
        """The object's bytes as an unbuffered binary file. Raises ObjectMissing."""

    def head(self, key: str) -> StoredObject:
        """What the store says of one object. Raises ObjectMissing."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """All complete objects under the folder `prefix` (`""`: all), in key order; never half-written ones."""

    def free_bytes(self) -> int | None:
        """Room left for us in bytes, or None when the store cannot say."""


@runtime_checkable
class TellsRegion(Protocol):
    """A store that can be asked where it stands."""

    def regions(self) -> tuple[str, str, str]:
        """The host spoken to, the region that the place itself names, and the one that its answers name; empty where
        nobody says it. Raises StoreUnreachable."""


@runtime_checkable
class Lockable(Protocol):
    """A store whose locks can be made longer by whoever stores there, and shorter by nobody."""

    @property
    def locks(self) -> bool:
        """Whether the plan asks this store for locks; without, it has none to lengthen."""

    def lengthen_lock(self, key: str, until: datetime) -> datetime:
        """Let nobody erase what stands under `key` before `until` (UTC); does nothing where it is locked for longer.

        Returns until when it is locked, as the store says. Raises ObjectMissing, StoreRefused, StoreUnreachable.
        """


class Prunable(Protocol):
    """The right to delete in a store, opened with other credentials than those that store (`docs/retention.md`).

    Only pruning opens it. Every method raises as those of `Store` do.
    """

    name: str

    def now(self) -> datetime:
        """The store's own time (UTC): ages of what it holds are counted from it."""

    def everything(self, prefix: str) -> Iterator[StoredObject]:
        """All that lies under the folder `prefix`: every version of every object, and what puts that were cut short
        left."""

    def delete(self, stored: StoredObject) -> None:
        """Take away what `everything` named; gone for good on return. Does nothing when it is gone already.

        Raises StoreRefused for what is locked.
        """

    def tidy(self, prefix: str) -> None:
        """Take away the folder `prefix` itself where folders are something; does nothing while anything is in it."""


STORES: Mapping[str, str] = MappingProxyType(
    {
        "directory": "intendance.stores.directory",
        "s3": "intendance.stores.s3",
        "sftp": "intendance.stores.sftp",
    }
)

PRUNERS: Mapping[str, str] = MappingProxyType(
    {
        "directory": "intendance.stores.directory_pruning",
        "s3": "intendance.stores.s3.pruning",
        "sftp": "intendance.stores.sftp.pruning",
    }
)
"""Who deletes in a store of a kind; a kind without an entry is left to itself."""


def open_store(declared: Declared, use: Use | None = None) -> Store:
    """The adapter for a store of the plan; its module is imported only now."""
    return cast(Store, _adapter(declared).open_store(declared, use or Use()))


def place_of(store: Store, declared: Declared | None, node_region: str) -> StorePlace | None:
    """Where a store of the plan stands, as the plan and the store itself say; None for one of no plan.

    Raises the errors of stores.
    """
    if declared is None:
        return None
    endpoint, located, headed = store.regions() if isinstance(store, TellsRegion) else ("", "", "")
    return StorePlace(
        kind=declared.kind,
        endpoint=endpoint or getattr(declared, "host", ""),
        region_declared=getattr(declared, "region", None) or "",
        region_located=located,
        region_headed=headed,
        node_region=node_region,
    )


def open_prunable(declared: Declared) -> Prunable:
    """A store of the plan, opened to delete in it. Raises StoreNotPruned for a kind in which this version does not."""
    path = PRUNERS.get(declared.kind)
    if path is None:
        raise StoreNotPruned(store=declared.name, kind=declared.kind)
    return cast(Prunable, import_module(path).open_prunable(declared))


def adopt_store(declared: Declared) -> None:
    """Make ready a place that a plan names for the first time; called once, at adoption, never before a backup.

    Does nothing to a store that is ready. Raises StoreUnreachable, StoreRefused, StoreFull.
    """
    _adapter(declared).adopt_store(declared)


def probe_store(declared: Declared, prefix: str) -> Probed:
    """Try what the credentials of the plan allow in a store; what is written lies under `prefix`.

    Raises StoreNotProbed for a kind that has no probe, and the errors of stores.
    """
    probe = getattr(_adapter(declared), "probe_store", None)
    if probe is None:
        raise StoreNotProbed(store=declared.name, kind=declared.kind)
    return cast(Probed, probe(declared, prefix))


def look_at_store(declared: Declared) -> Standing:
    """Whether a store beyond a network answers, is ready, and what it says of itself; nothing is written there.

    Raises the errors of stores.
    """
    return cast(Standing, _adapter(declared).look_at_store(declared))


def _adapter(declared: Declared) -> ModuleType:
    path = STORES.get(declared.kind)
    if path is None:
        raise InternalError(detail=f"store kind {declared.kind!r}")
    return import_module(path)
