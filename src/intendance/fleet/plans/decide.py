"""What a node's evidence says of the plan that it runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from intendance.model.evidence.lifecycle import AssetDropped, ConfirmedChange, RecipientEntry
from intendance.model.evidence.waiver import WaiverGranted, WaiverRevoked
from intendance.model.frozen import dataclass
from intendance.model.record import instant
from intendance.model.verdict import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """When a plan came into force, by whom, and by which record; `confirmed` is what it took away."""

    at: datetime
    actor: str
    seq: int
    confirmed: tuple[ConfirmedChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAsset:
    """An asset of the plan; `schedules` are activities with their cron lines, None where it is by hand."""

    name: str
    engine: str
    subject: str
    schedules: tuple[tuple[str, str | None], ...]
    stores: tuple[str, ...]
    retention_days: int
    databases: tuple[str, ...]
    exclude: tuple[str, ...]
    since: datetime
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftAsset:
    """An asset that the plan names no more."""

    name: str
    engine: str
    at: datetime
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived:
    """A waiver in force: a rule that may be broken for a while, on somebody's word."""

    rule: str
    about: str
    granter: str
    reason: str
    ticket: str
    ends_at: datetime
    renewal: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPlan:
    """The plan in force on a node. `adoptions` are this and the former ones, the newest first."""

    node: str
    adoptions: tuple[Adoption, ...]
    source_sha256: str
    plan_sha256: str
    catalogues: tuple[str, ...]
    timezone: str
    language: str
    recipients: tuple[RecipientEntry, ...]
    stores: tuple[str, ...]
    assets: tuple[PlannedAsset, ...]
    left: tuple[LeftAsset, ...]
    waivers: tuple[Waived, ...]


def left(dropped: Iterable[Fact[AssetDropped]], declared: Sequence[str]) -> tuple[LeftAsset, ...]:
    """The assets that were dropped and did not come back, each as it was dropped last; newest first."""
    found: dict[str, LeftAsset] = {}
    for fact in sorted(dropped, key=lambda each: each.seq):
        if fact.asset is not None and fact.asset not in declared:
            found[fact.asset] = LeftAsset(name=fact.asset, engine=fact.data.engine, at=fact.at, seq=fact.seq)
    return tuple(sorted(found.values(), key=lambda each: each.seq, reverse=True))


def in_force(
    granted: Iterable[Fact[WaiverGranted]], revoked: Iterable[Fact[WaiverRevoked]], now: datetime
) -> tuple[Waived, ...]:
    """The waivers that still count: the last for each rule and asset, not taken back and not over; the first to end
    first."""
    taken_back = {fact.data.grant for fact in revoked}
    last: dict[tuple[str, str], Fact[WaiverGranted]] = {}
    for fact in sorted(granted, key=lambda each: each.seq):
        last[fact.data.rule, fact.data.about] = fact
    found = [
        Waived(
            rule=fact.data.rule,
            about=fact.data.about,
            granter=fact.data.granter,
            reason=fact.data.reason,
            ticket=fact.data.ticket,
            ends_at=instant(fact.data.expires_at),
            renewal=fact.data.renewal,
            seq=fact.seq,
        )
        for fact in last.values()
        if fact.seq not in taken_back
    ]
    return tuple(sorted((each for each in found if each.ends_at > now), key=lambda each: (each.ends_at, each.seq)))
