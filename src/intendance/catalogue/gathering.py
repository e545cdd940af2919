"""Which facts judging reads of a ledger, wherever that ledger is kept. Pure: the source does the reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from intendance.catalogue import machine
from intendance.catalogue.evaluate import NEEDS
from intendance.catalogue.rule import Rulebook
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.verdict import Fact

OF_THE_NODE = machine.KINDS | {
    "plan.adopted",
    "inventory.taken",
    "key.proven",
    "store.attested",
    "waiver.granted",
    "waiver.revoked",
}
"""Kinds of evidence that are about no asset."""


class Source(Protocol):
    """A ledger's evidence, as the node keeps it itself or as the manager received it."""

    def facts(
        self,
        kind: str,
        *,
        asset: str | None = None,
        since: datetime | None = None,
        latest: int | None = None,
        lean: bool = False,
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind, newest first, at most `latest`; `lean`: with only those members that are judged."""

    def newest(self, kind: str, *, asset: str, latest: int) -> tuple[tuple[int, datetime], ...]:
        """Number and date of the latest records of a kind about an asset, newest first."""


class Others(Protocol):
    """What other machines' ledgers say of the same node, as far as they are believed."""

    def facts(
        self, kind: str, *, asset: str, since: datetime | None = None, latest: int | None = None
    ) -> tuple[Fact[Any], ...]:
        """The evidence of one kind about an asset, of each log at most `latest`."""


def gather(
    source: Source,
    rulebook: Rulebook,
    plan: PlanAdopted,
    assets: Iterable[str],
    now: datetime,
    others: Others | None = None,
) -> tuple[list[Fact[Any]], dict[tuple[str, str | None], datetime]]:
    """The facts that the rules need of the node and of some assets, and the instants before which not all were read.

    Of every asset there are its declaration and its samples. A window about an asset ends with the newest fact of its
    kind, so that the same is read until there is a newer one; the latest are read however old they are.
    """
    windows: dict[str, int | None] = {}
    latest: set[str] = set()
    for need in _needs(rulebook, plan):
        if need.take == "latest":
            latest.add(need.kind)
        elif need.take == "all" or need.days is None:
            windows[need.kind] = None
        elif windows.get(need.kind, 0) is not None:
            windows[need.kind] = max(windows.get(need.kind) or 0, need.days)
    latest -= windows.keys()
    facts = _of_node(source, windows, latest, now)
    for asset in plan.assets:
        facts += source.facts(_DECLARED, asset=asset, latest=1)
    of_machine = {kind: days for kind, days in windows.items() if kind in machine.KINDS and days is not None}
    horizons: dict[tuple[str, str | None], datetime] = {
        (kind, None): now - timedelta(days=days) for kind, days in of_machine.items()
    }
    wanted = set(assets)
    of_assets = (windows.keys() | latest) - OF_THE_NODE - {_DECLARED}
    for asset in plan.assets:
        for kind in of_assets if asset in wanted else of_assets & machine.OF_A_SERVER:
            days = windows.get(kind, 0)
            newest = source.newest(kind, asset=asset, latest=_count(kind, plan))
            since = None if days is None else _horizon(newest, days, now)
            if days and since is not None:
                horizons[kind, asset] = since
            facts += _about(source, kind, asset, since, newest, whole=kind in windows)
            if others is not None:
                count = None if windows.get(kind, 0) is None else _count(kind, plan)
                facts += _said_by(others, kind, asset, since, count)
    return facts, horizons


_DECLARED = "asset.declared"


def _of_node(source: Source, windows: dict[str, int | None], latest: set[str], now: datetime) -> list[Fact[Any]]:
    facts: list[Fact[Any]] = []
    for kind in OF_THE_NODE & (windows.keys() | latest):
        days = windows.get(kind)
        since = None if days is None else now - timedelta(days=days)
        found = source.facts(kind, since=since, latest=None if kind in windows else 1, lean=True)
        facts += found or source.facts(kind, latest=1, lean=True)
    return facts


def _needs(rulebook: Rulebook, plan: PlanAdopted) -> Iterable[Any]:
    yield from NEEDS
    for rule in rulebook.rules.values():
        if rule.performed and rule.catalogue in plan.catalogues:
            yield from rule.needs


_Newest = Sequence[tuple[int, datetime]]
"""Number and date of as many of the latest records of a kind about an asset as are read however old they are."""


def _horizon(newest: _Newest, days: int, now: datetime) -> datetime:
    """When a window of so many days began that ends with the newest record, or now if that is dated later."""
    return min([now, *(at for _, at in newest[:1])]) - timedelta(days=days)


def _about(
    source: Source, kind: str, asset: str, since: datetime | None, newest: _Newest, *, whole: bool
) -> Sequence[Fact[Any]]:
    """The latest, or a whole window and the latest where they lie before it."""
    if not newest:
        return ()
    if not whole:
        return source.facts(kind, asset=asset, latest=len(newest), lean=True)
    facts = list(source.facts(kind, asset=asset, since=since, lean=True))
    read = {fact.seq for fact in facts}
    if not all(seq in read for seq, _ in newest):
        facts += source.facts(kind, asset=asset, latest=len(newest), lean=True)
    return facts


def _said_by(others: Others, kind: str, asset: str, since: datetime | None, count: int | None) -> list[Fact[Any]]:
    """What other machines say of the same: the same window, and the latest however old they are (None: all)."""
    window = () if since is None else others.facts(kind, asset=asset, since=since)
    latest = others.facts(kind, asset=asset, latest=count)
    read = {(fact.node, fact.seq) for fact in window}
    return [*window, *(fact for fact in latest if (fact.node, fact.seq) not in read)]


def _count(kind: str, plan: PlanAdopted) -> int:
    """As many of the latest of a kind as an asset may have stores, since each is looked at by itself."""
    return 2 * max(1, len(plan.stores)) if kind.startswith("inspection.") else 1
