"""What a plan will do, drawn for people and for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from intendance.agent.preview import Activity, AssetPreview, preview
from intendance.language.sizes import size
from intendance.model.errors import IntendanceError
from intendance.model.plan import Asset, FilesAsset, Plan, SqliteAsset

Talk = Callable[[str], None]

_LABEL = 18
_NAMES = {
    "backup.logical": "logical backup",
    "backup.physical": "physical backup",
    "backup.full": "full backup",
    "backup.differential": "differential backup",
    "inspect": "inspection",
}


def sentence(plan: Plan, now: datetime) -> str:
    """What the plan does, in one sentence for `plan check`."""
    zone = plan.organisation.timezone
    clauses = []
    for shown in preview(plan, now, occurrences_shown=1):
        if shown.activities:
            at = shown.next_at()
            clauses.append(f"{shown.asset.name} ({'by hand only' if at is None else 'next ' + _local(at, zone)})")
    unkept = [asset.name for asset in plan.assets.values() if asset.backup is None]
    keepers = _listed([recipient.name for recipient in plan.recipients])
    said = f"On {plan.node.id} it backs up {_listed(clauses)}, for {keepers} to open" if clauses else ""
    return (said or f"On {plan.node.id} it backs up nothing") + (f"; not {_listed(unkept)}." if unkept else ".")


def lines(plan: Plan, now: datetime, *, count: bool, talk: Talk) -> Iterator[str]:
    """`plan show` for people."""
    zone = plan.organisation.timezone
    catalogues = _listed(plan.catalogues)
    yield f"{plan.node.id} of fleet {plan.fleet} ({plan.organisation.name}); catalogue {catalogues}; times of {zone}."
    holders = [
        f"{recipient.name} {recipient.fingerprint}, held by {plan.contacts[recipient.held_by].name}"
        for recipient in plan.recipients
    ]
    for shown in preview(plan, now):
        yield ""
        yield f"{shown.asset.name}: {subject(shown.asset)}"
        if not shown.activities:
            yield _row("not backed up", "declared only; the rules on backups are broken for it")
        for activity in shown.activities:
            yield from _activity(activity, zone)
        if shown.activities:
            yield _row("stored in", "; ".join(f"{name} ({path})" for name, path in shown.stores))
            yield _row("kept", f"{shown.retention_days} days")
            yield from _rows("opened by", holders)
        if isinstance(shown.asset, FilesAsset):
            yield from _exclusions(shown.asset, count=count, talk=talk)


def answer(plan: Plan, now: datetime, *, count: bool, talk: Talk) -> dict[str, Any]:
    """`plan show --json`."""
    return {
        "schema": "intendance.plan-show/1",
        "node": plan.node.id,
        "fleet": plan.fleet,
        "catalogues": list(plan.catalogues),
        "timezone": plan.organisation.timezone,
        "recipients": [
            {"name": recipient.name, "fingerprint": recipient.fingerprint, "held_by": recipient.held_by}
            for recipient in plan.recipients
        ],
        "assets": [_asset_json(shown, count=count, talk=talk) for shown in preview(plan, now)],
    }


def _asset_json(shown: AssetPreview, *, count: bool, talk: Talk) -> dict[str, Any]:
    asset = shown.asset
    found: dict[str, Any] = {
        "asset": asset.name,
        "engine": asset.kind,
        "subject": subject(asset),
        "activities": [
            {
                "activity": activity.name,
                "cron": activity.cron,
                "catch_up": activity.catch_up,
                "next": [f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in activity.upcoming],
            }
            for activity in shown.activities
        ],
        "stores": [{"name": name, "path": path} for name, path in shown.stores],
        "retention_days": shown.retention_days,
    }
    if isinstance(asset, FilesAsset):
        found["exclude"] = list(asset.exclude)
        found["databases_elsewhere"] = list(asset.databases)
        if count:
            found |= _exclusion_json(asset, talk)
    return found


def _exclusion_json(asset: FilesAsset, talk: Talk) -> dict[str, Any]:
    from dataclasses import asdict

    from intendance.agent import excludes  # walks the tree: only when asked

    try:
        found = excludes.count(asset)
    except IntendanceError as error:
        talk(f"{asset.name} was not counted: {error.message}")
        return {"exclusion": None}
    return {"exclusion": asdict(found)}


def subject(asset: Asset) -> str:
    """What an asset is, in words."""
    if isinstance(asset, FilesAsset):
        return f"the files of {asset.path}"
    if isinstance(asset, SqliteAsset):
        return f"the SQLite database {asset.path}"
    where = asset.connect.socket or f"{asset.connect.host}:{asset.connect.port}"
    kept = _listed(asset.databases) if asset.databases else "all databases"
    return f"MariaDB at {where}, {kept}"


def _activity(activity: Activity, zone: str) -> Iterator[str]:
    name = _NAMES[activity.name]
    if activity.cron is None:
        yield _row(name, "by hand only")
        return
    times = [f"{_local(at, zone):<28}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in activity.upcoming]
    yield from _rows(name, [f"{activity.cron}  (missed: {activity.catch_up})", *times])


def _exclusions(asset: FilesAsset, *, count: bool, talk: Talk) -> Iterator[str]:
    from intendance.agent import excludes  # walks the tree: only when asked

    elsewhere = [f"{path}, which is backed up as a SQLite database" for path in asset.databases]
    unmeasured = [", ".join(asset.exclude)] * bool(asset.exclude) + elsewhere or ["nothing"]
    if not count:
        yield from _rows("leaves out", unmeasured)
        return
    talk(f"Counting in {asset.path}…")
    try:
        found = excludes.count(asset)
    except IntendanceError as error:
        yield from _rows("leaves out", unmeasured)
        yield _row("", f"not counted: {error.message}")
        return
    yield _row("holds now", _amount(found.kept))
    if not asset.exclude and not elsewhere:
        yield _row("leaves out", "nothing")
        return
    said = [_amount(found.excluded)]
    for pattern, alone in found.by_pattern.items():
        matches_nothing = alone.files == 0 and alone.folders == 0
        said.append(f"{pattern}: {'matches nothing' if matches_nothing else _amount(alone)}")
    yield from _rows("leaves out", said + elsewhere)


def _amount(amount: Any) -> str:
    files = f"{amount.files:,} file{'' if amount.files == 1 else 's'}"
    folders = f"{amount.folders:,} folder{'' if amount.folders == 1 else 's'}"
    return (
        f"{files} in {folders}, {size(amount.size_bytes)}" if amount.folders else f"{files}, {size(amount.size_bytes)}"
    )


def _row(label: str, text: str) -> str:
    return f"  {label:<{_LABEL}}{text}".rstrip()


def _rows(label: str, texts: Sequence[str]) -> Iterator[str]:
    for index, text in enumerate(texts):
        yield _row(label if index == 0 else "", text)


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
