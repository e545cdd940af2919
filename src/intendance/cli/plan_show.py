"""What a plan will do, drawn for people and for machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from intendance.agent.preview import Activity, AssetPreview, preview
from intendance.cli import run_words
from intendance.language import durations
from intendance.language.activities import activity_name
from intendance.language.percents import percent
from intendance.language.sizes import number, size
from intendance.language.spoken import message_of
from intendance.language.texts import Translator, translator
from intendance.model.errors import IntendanceError
from intendance.model.plan import Asset, FilesAsset, Plan, SqliteAsset, Threshold
from intendance.plan.declared import waits
from intendance.plan.writing import flow

Talk = Callable[[str], None]

_LABELS = {"en": 18, "fr": 28}
"""Columns of the words at the left."""


def sentence(_: Translator, plan: Plan, now: datetime) -> str:
    """What the plan does, in one sentence for `plan check`."""
    clauses = []
    for shown in preview(plan, now, occurrences_shown=1):
        if shown.activities:
            at = shown.next_at()
            when = _("next {moment}").format(moment=_local(_, at, plan)) if at is not None else _("by hand only")
            clauses.append(f"{shown.asset.name} ({when})")
    unkept = [asset.name for asset in plan.assets.values() if asset.backup is None]
    told = {
        "node": plan.node.id,
        "assets": _listed(_, clauses),
        "keepers": _listed(_, [recipient.name for recipient in plan.recipients]),
        "unkept": _listed(_, unkept),
    }
    if clauses and unkept:
        said = _("On {node} it backs up {assets}, for {keepers} to open; not {unkept}.")
    elif clauses:
        said = _("On {node} it backs up {assets}, for {keepers} to open.")
    else:
        said = _("On {node} it backs up nothing; not {unkept}.")
    return said.format(**told)


def lines(_: Translator, plan: Plan, now: datetime, *, count: bool, talk: Talk) -> Iterator[str]:
    """`plan show` for people."""
    yield _("{node} of fleet {fleet} ({organisation}); catalogue {catalogues}; times of {zone}.").format(
        node=plan.node.id,
        fleet=plan.fleet,
        organisation=plan.organisation.name,
        catalogues=_listed(_, plan.catalogues),
        zone=plan.organisation.timezone,
    )
    holders = [
        _("{key} {fingerprint}, held by {holder}").format(
            key=recipient.name, fingerprint=recipient.fingerprint, holder=plan.contacts[recipient.held_by].name
        )
        for recipient in plan.recipients
    ]
    for shown in preview(plan, now):
        yield ""
        yield _("{asset}: {subject}").format(asset=shown.asset.name, subject=subject(_, shown.asset))
        if not shown.activities:
            yield _row(_, _("not backed up"), _("declared only; the rules on backups are broken for it"))
        for activity in shown.activities:
            yield from _activity(_, activity, plan)
        if shown.activities:
            yield _row(_, _("stored in"), "; ".join(f"{name} ({path})" for name, path in shown.stores))
            yield from _rows(_, _("kept"), list(_kept(_, shown)))
            yield from _rows(_, _("opened by"), holders)
        yield from _drill(_, shown.asset, plan)
        if isinstance(shown.asset, FilesAsset):
            yield from _exclusions(_, shown.asset, count=count, talk=talk)
    yield from _of_the_node(_, plan)


def _of_the_node(_: Translator, plan: Plan) -> Iterator[str]:
    """What the plan says of no asset."""
    if plan.prune is not None:
        yield ""
        yield _pruning(_, plan)
    for site in plan.sites.values():
        yield ""
        yield _("{site}: a site, whose assets can be restored together: {assets}").format(
            site=site.name, assets=", ".join(site.assets)
        )
    if plan.thresholds:
        yield ""
        yield _("Recorded when it is seen, besides what the bounds of the rules ask for:")
        for name, threshold in plan.thresholds.items():
            yield _row(_, *_threshold(_, name, threshold))
    yield from _as_written(_("Performed by the fleet's manager, as it is written:"), plan, waiting=False)
    yield from _as_written(_("Declared, not yet performed by this version:"), plan, waiting=True)


def _as_written(heading: str, plan: Plan, *, waiting: bool) -> Iterator[str]:
    found = {place: value for place, value in plan.declared.items() if waits(place) is waiting}
    if found:
        yield ""
        yield heading
        for place, value in found.items():
            yield f"  {place}: {flow(value)}"


def _drill(_: Translator, asset: Asset, plan: Plan) -> Iterator[str]:
    """Where restores are tried; the node itself is said so, for it proves little to others."""
    drill = asset.drill
    if drill is None:
        return
    when = drill.schedule.cron if drill.schedule is not None else _("by hand")
    asked = len(drill.checks) + len(drill.holds)
    where = _("{host}, this node itself").format(host=drill.host) if drill.host == plan.node.id else drill.host
    said = _.plural("{host}, {when}; {n} question", "{host}, {when}; {n} questions", asked)
    yield _row(_, _("tried on"), said.format(host=where, when=when, n=asked))


def answer(_: Translator, plan: Plan, now: datetime, *, count: bool, talk: Talk) -> dict[str, Any]:
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
        "assets": [_asset_json(_, shown, count=count, talk=talk) for shown in preview(plan, now)],
        "sites": [{"site": site.name, "assets": list(site.assets)} for site in plan.sites.values()],
        "prune": None
        if plan.prune is None
        else {"host": plan.prune.host, "cron": plan.prune.schedule.cron if plan.prune.schedule else None},
        "thresholds": {
            name: {"above": threshold.above, "for_seconds": threshold.for_seconds}
            for name, threshold in plan.thresholds.items()
        },
        "declared": plan.declared,
    }


def _threshold(_: Translator, name: str, threshold: Threshold) -> tuple[str, str]:
    """What is watched, and from where on."""
    above, lasting = threshold.above, threshold.for_seconds
    if name == "connections":
        return _("connections"), _("{count} or more").format(count=number(above, _.language))
    if name == "slow_query":
        whole, rest = divmod(above, 1000)
        length = f"{number(above, _.language)}{durations.FIXED_SPACE}ms" if rest else durations.write(whole, _.language)
        return _("a slow query"), _("longer than {length}").format(length=length)
    share = percent(above, 1000, _.language)
    label = {"disk": _("a disk"), "memory": _("memory"), "cpu": _("the processors")}[name]
    if lasting is None:
        return label, _("above {share}").format(share=share)
    return label, _("above {share} for {length}").format(share=share, length=durations.write(lasting, _.language))


def _pruning(_: Translator, plan: Plan) -> str:
    assert plan.prune is not None  # noqa: S101 -- asked just before
    told = {"host": plan.prune.host, "cron": plan.prune.schedule.cron if plan.prune.schedule else ""}
    if plan.prune.schedule is None:
        return _("What no retention keeps any more is deleted on {host}, by hand.").format(**told)
    return _("What no retention keeps any more is deleted on {host}: {cron}").format(**told)


def _kept(_: Translator, shown: AssetPreview) -> Iterator[str]:
    yield _("{days} days").format(days=shown.retention_days)
    backup = shown.asset.backup
    if backup is None:
        return
    for text, days in (
        (_("the first of each day: {days} days"), backup.daily_days),
        (_("the first of each week: {days} days"), backup.weekly_days),
        (_("the first of each month: {days} days"), backup.monthly_days),
    ):
        if days:
            yield text.format(days=days)
    if backup.legal is not None:
        told = {"kind": run_words.kind(_, backup.legal.kind), "days": backup.legal.keep_days}
        if backup.legal.select == "yearly":
            yield _("one of each year ({kind}): {days} days").format(**told)
        else:
            yield _("one of each month ({kind}): {days} days").format(**told)


def _retention_json(shown: AssetPreview) -> dict[str, Any] | None:
    backup = shown.asset.backup
    if backup is None:
        return None
    legal = backup.legal
    return {
        "points_days": backup.retention_days,
        "daily_days": backup.daily_days,
        "weekly_days": backup.weekly_days,
        "monthly_days": backup.monthly_days,
        "legal": None if legal is None else {"select": legal.select, "kind": legal.kind, "keep_days": legal.keep_days},
    }


def _asset_json(_: Translator, shown: AssetPreview, *, count: bool, talk: Talk) -> dict[str, Any]:
    asset = shown.asset
    found: dict[str, Any] = {
        "asset": asset.name,
        "engine": asset.kind,
        "subject": subject(translator("en"), asset),
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
        "retention": _retention_json(shown),
    }
    if isinstance(asset, FilesAsset):
        found["exclude"] = list(asset.exclude)
        found["databases_elsewhere"] = list(asset.databases)
        if count:
            found |= _exclusion_json(_, asset, talk)
    return found


def _exclusion_json(_: Translator, asset: FilesAsset, talk: Talk) -> dict[str, Any]:
    from dataclasses import asdict

    from intendance.agent import excludes  # walks the tree: only when asked

    try:
        found = excludes.count(asset)
    except IntendanceError as error:
        talk(_("{asset} was not counted: {message}").format(asset=asset.name, message=message_of(error, _.language)))
        return {"exclusion": None}
    return {"exclusion": asdict(found)}


def subject(_: Translator, asset: Asset) -> str:
    """What an asset is, in words."""
    if isinstance(asset, FilesAsset):
        return _("the files of {path}").format(path=asset.path)
    if isinstance(asset, SqliteAsset):
        return _("the SQLite database {path}").format(path=asset.path)
    where = asset.connect.socket or f"{asset.connect.host}:{asset.connect.port}"
    kept = _listed(_, asset.databases) if asset.databases else _("all databases")
    return _("MariaDB at {place}, {databases}").format(place=where, databases=kept)


def _activity(_: Translator, activity: Activity, plan: Plan) -> Iterator[str]:
    name = activity_name(_.language, activity.name)
    if activity.cron is None:
        yield _row(_, name, _("by hand only"))
        return
    times = [f"{_local(_, at, plan):<28}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in activity.upcoming]
    missed = {"once": _("missed: once"), "all": _("missed: all"), "none": _("missed: none")}
    yield from _rows(_, name, [f"{activity.cron}  ({missed[activity.catch_up or 'once']})", *times])


def _exclusions(_: Translator, asset: FilesAsset, *, count: bool, talk: Talk) -> Iterator[str]:
    from intendance.agent import excludes  # walks the tree: only when asked

    elsewhere = [_("{path}, which is backed up as a SQLite database").format(path=path) for path in asset.databases]
    unmeasured = [", ".join(asset.exclude)] * bool(asset.exclude) + elsewhere or [_("nothing")]
    if not count:
        yield from _rows(_, _("leaves out"), unmeasured)
        return
    talk(_("Counting in {path}…").format(path=asset.path))
    try:
        found = excludes.count(asset)
    except IntendanceError as error:
        yield from _rows(_, _("leaves out"), unmeasured)
        yield _row(_, "", _("not counted: {message}").format(message=message_of(error, _.language)))
        return
    yield _row(_, _("holds now"), _amount(_, found.kept))
    if not asset.exclude and not elsewhere:
        yield _row(_, _("leaves out"), _("nothing"))
        return
    said = [_amount(_, found.excluded)]
    for pattern, alone in found.by_pattern.items():
        if alone.files == 0 and alone.folders == 0:
            said.append(_("{pattern}: matches nothing").format(pattern=pattern))
        else:
            said.append(_("{pattern}: {amount}").format(pattern=pattern, amount=_amount(_, alone)))
    yield from _rows(_, _("leaves out"), said + elsewhere)


def _amount(_: Translator, amount: Any) -> str:
    files = _.plural("{n} file", "{n} files", amount.files).format(n=number(amount.files, _.language))
    folders = _.plural("{n} folder", "{n} folders", amount.folders).format(n=number(amount.folders, _.language))
    told = {"files": files, "folders": folders, "size": size(amount.size_bytes, _.language)}
    return (_("{files} in {folders}, {size}") if amount.folders else _("{files}, {size}")).format(**told)


def _row(_: Translator, label: str, text: str) -> str:
    return f"  {label:<{_LABELS[_.language]}}{text}".rstrip()


def _rows(_: Translator, label: str, texts: Sequence[str]) -> Iterator[str]:
    for index, text in enumerate(texts):
        yield _row(_, label if index == 0 else "", text)


def _local(_: Translator, at: datetime, plan: Plan) -> str:
    there = at.astimezone(ZoneInfo(plan.organisation.timezone))
    days = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
    return f"{days[there.weekday()]} {there:%Y-%m-%d %H:%M %Z}"


def _listed(_: Translator, names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + _(" and ") + names[-1] if len(names) > 1 else "".join(names)
