"""What a plan locks for years in a store where nobody can shorten a lock, told once before it begins. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, LegalRetention, Plan, S3Store
from intendance.plan.change import Change
from intendance.plan.saying import Said, Size, say

_PERIOD_DAYS = {"yearly": 365, "monthly": 28}


@dataclass(frozen=True, slots=True, kw_only=True)
class Locking:
    """Legal copies of an asset that a bucket keeps from everybody: `place` is the bucket."""

    legal: LegalRetention
    place: str


def lock_changes(
    former: Plan | None, new: Plan, before: Mapping[str, str], after: Mapping[str, str], last_bytes: Mapping[str, int]
) -> Iterator[Change]:
    """Each asset and store of which legal copies will be locked as they were not before; severe, for no later plan
    takes it back.

    `before` and `after` map the assets' names to what they are on the machine; `last_bytes` has what the newest set of
    an asset's legal kind takes, where there is one.
    """
    by_identity = {identity: name for name, identity in before.items()}
    for name, asset in new.assets.items():
        earlier = former.assets.get(by_identity.get(after.get(name, ""), "")) if former is not None else None
        known = _locking(former, earlier) if former is not None and earlier is not None else {}
        for store, locking in _locking(new, asset).items():
            if not any(_covers(each, locking) for each in known.values()):
                said = _said(name, store, locking.legal, last_bytes.get(name))
                yield Change(name=name, code="locked-for-good", said=said, severe=True, effect="starts")


def _locking(plan: Plan, asset: Asset) -> Mapping[str, Locking]:
    backup = asset.backup
    if backup is None or backup.legal is None:
        return {}
    stores = {name: plan.stores.get(name) for name in backup.stores}
    return {
        name: Locking(legal=backup.legal, place=store.place)
        for name, store in stores.items()
        if isinstance(store, S3Store) and store.object_lock == "compliance"
    }


def _covers(known: Locking, wanted: Locking) -> bool:
    """Whether what was locked before is locked for as long, of as many sets, in the same bucket."""
    same = (known.place, known.legal.select, known.legal.kind) == (
        wanted.place,
        wanted.legal.select,
        wanted.legal.kind,
    )
    return same and known.legal.keep_days >= wanted.legal.keep_days


def _said(name: str, store: str, legal: LegalRetention, last_bytes: int | None) -> Said:
    which = say("the first {kind} set of each year", kind=legal.kind)
    if legal.select == "monthly":
        which = say("the first {kind} set of each month", kind=legal.kind)
    count = -(-legal.keep_days // _PERIOD_DAYS[legal.select])
    if last_bytes is None:
        return say(
            "{which} of {name} stays locked in {store} for {days} days, which nobody can shorten: in time {count} sets",
            which=which, name=name, store=store, days=legal.keep_days, count=count,
        )  # fmt: skip
    return say(
        "{which} of {name} stays locked in {store} for {days} days, which nobody can shorten: in time {count} sets, "
        "{size} if all are as large as the last",
        which=which, name=name, store=store, days=legal.keep_days, count=count, size=Size(count * last_bytes),
    )  # fmt: skip
