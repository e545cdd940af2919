"""What a plan will do: per asset what, when, where, kept how long, opened by whom. The clock is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice

from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, Plan, Recipient, Schedule
from intendance.runs.decide import occurrences

# cronsim itself looks 50 years ahead; a leap day on a given weekday needs up to 40.
_HORIZON = timedelta(days=50 * 366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One activity of an asset. `cron` None: by hand only; `upcoming` are its next occurrences, UTC."""

    name: str
    cron: str | None
    catch_up: str | None
    upcoming: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPreview:
    """What will happen to one asset; without a backup, `activities` is empty and `retention_days` 0."""

    asset: Asset
    activities: tuple[Activity, ...]
    stores: tuple[tuple[str, str], ...]
    retention_days: int
    recipients: tuple[Recipient, ...]

    def next_at(self) -> datetime | None:
        """When a backup of it next begins by itself."""
        starts = [at for activity in self.activities if activity.name != "inspect" for at in activity.upcoming[:1]]
        return min(starts, default=None)


def preview(plan: Plan, now: datetime, *, occurrences_shown: int = 3) -> tuple[AssetPreview, ...]:
    """Every asset of the plan with its next occurrences after `now`."""
    return tuple(_asset(plan, asset, now, occurrences_shown) for asset in plan.assets.values())


def _asset(plan: Plan, asset: Asset, now: datetime, shown: int) -> AssetPreview:
    backup = asset.backup
    if backup is None:
        return AssetPreview(asset=asset, activities=(), stores=(), retention_days=0, recipients=())
    zone = plan.organisation.timezone
    scheduled: dict[str, Schedule | None] = {f"backup.{kind}": schedule for kind, schedule in backup.kinds.items()}
    if backup.inspect is not None:
        scheduled["inspect"] = backup.inspect
    return AssetPreview(
        asset=asset,
        activities=tuple(_activity(name, schedule, zone, now, shown) for name, schedule in scheduled.items()),
        stores=tuple((name, plan.stores[name].place) for name in backup.stores),
        retention_days=backup.retention_days,
        recipients=plan.recipients,
    )


def _activity(name: str, schedule: Schedule | None, zone: str, now: datetime, shown: int) -> Activity:
    if schedule is None:
        return Activity(name=name, cron=None, catch_up=None, upcoming=())
    firings = occurrences(schedule.cron, zone, now, now + _HORIZON)
    return Activity(name=name, cron=schedule.cron, catch_up=schedule.catch_up, upcoming=tuple(islice(firings, shown)))
