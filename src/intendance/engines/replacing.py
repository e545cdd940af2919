"""Putting what was restored beside in the place of the original: the one act that writes over production.

An engine that can has a `replace.py` with `open_replacement`. What was tested is what goes into production: nothing is
loaded a second time, so that the moment of danger is short, and whatever stood there is kept whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol, cast

from intendance.model.errors.guide import GuideImpossible
from intendance.model.evidence.restore import Check
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What of an asset is to be replaced: all of it where nothing is named; a database, one table of it; or what
    matches `paths`, patterns of a tree."""

    database: str | None = None
    table: str | None = None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What stands in production now: `present` where there is anything that a replacement would put aside. `bytes` are
    its size as far as that is known without reading it."""

    present: bool
    bytes: int


class Replacement(Protocol):
    """One replacement, by names that a second start finds again.

    `into` is the destination of the test restore, as `Engine.restore` takes it; `kept` says where what is replaced will
    be kept. `prepare` makes room for the test restore and refuses what cannot be done in the end: rights, disk space,
    foreign places. `plan` is asked for once the test restore stands: all that `forward` and `back` need, as canonical
    values; it is written down before anything is done. Both may be called again after a kill at any instant and then
    finish what was begun. `tidy` takes the rest of the test restore away, `discard` all that this replacement made
    while production has not been touched. `kept_commands` are what a person types to remove what is kept.
    """

    into: str
    kept: str

    def standing(self) -> Standing: ...
    def prepare(self, source_bytes: int) -> None: ...
    def plan(self) -> dict[str, Any]: ...
    def forward(self, plan: Mapping[str, Any]) -> None: ...
    def check(self, plan: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[Check, ...]: ...
    def back(self, plan: Mapping[str, Any]) -> None: ...
    def tidy(self) -> None: ...
    def discard(self) -> None: ...
    def removal(self) -> str: ...
    def close(self) -> None: ...


REPLACEMENTS: Mapping[str, str] = MappingProxyType(
    {
        "files": "intendance.engines.files.replace",
        "mariadb": "intendance.engines.mariadb.replace",
        "sqlite": "intendance.engines.sqlite.replace",
    }
)


def open_replacement(asset: Asset, target: Target, case: str, found: Mapping[str, Any]) -> Replacement:
    """A replacement of an asset; `found` is what `where` gave when the case began. Raises GuideImpossible and what the
    engine refuses."""
    return cast(Replacement, _module(asset).open_replacement(asset, target, case, found))


def where(asset: Asset, target: Target, case: str) -> dict[str, Any]:
    """Where the test restore will be, decided once: what stands in production may look otherwise afterwards."""
    return cast("Callable[..., dict[str, Any]]", _module(asset).where)(asset, target, case)


def _module(asset: Asset) -> Any:
    path = REPLACEMENTS.get(asset.kind)
    if path is None:
        raise GuideImpossible(asset=asset.name, detail=f"this version replaces nothing of the kind {asset.kind}")
    return import_module(path)
