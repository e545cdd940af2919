"""Checked plan data made into the frozen `model.plan.Plan` that every process reads."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from intendance.model.plan import (
    Asset,
    BackupKind,
    BackupPlan,
    Contact,
    DirectoryStore,
    DrillCheck,
    DrillPlan,
    FilesAsset,
    Host,
    LegalRetention,
    MariadbAsset,
    MariadbConnection,
    Node,
    Organisation,
    Plan,
    Prune,
    Recipient,
    S3Store,
    Schedule,
    SecretReference,
    SftpStore,
    Site,
    SqliteAsset,
    Store,
    Threshold,
    Waiver,
    Witness,
)
from intendance.plan import durations
from intendance.plan.alerting import alerts_of, secret_of, windows_of
from intendance.plan.bounds.limits import measure

Options = Mapping[str, Any]

SAMPLED = ("disk", "memory", "cpu", "connections", "slow_query")
"""The thresholds that the agent samples by."""


def compile_plan(
    data: Options, recipients: Sequence[Recipient], folder: Path, declared: Mapping[str, Any] | None = None
) -> Plan:
    """The plan that `data` describes; it must have passed every check. Relative files are those of `folder`.

    `declared` is what this version does not perform, by its place.
    """
    return Plan(
        version=data["version"],
        fleet=data["fleet"],
        organisation=Organisation(**data["organisation"]),
        catalogues=tuple(data["catalogues"]),
        node=Node(**data["node"]),
        recipients=tuple(recipients),
        stores=stores_of(data["stores"], folder),
        assets={name: _asset(name, asset, data, folder) for name, asset in data["assets"].items()},
        contacts={name: Contact(**contact) for name, contact in data["contacts"].items()},
        sites={name: Site(name=name, assets=tuple(site["assets"])) for name, site in data.get("sites", {}).items()},
        waivers=tuple(Waiver(**waiver) for waiver in data.get("waivers", ())),
        hosts=hosts_of(data.get("hosts", {})),
        declared=dict(declared or {}),
        prune=_prune(data.get("prune")),
        alerts=alerts_of(data.get("alerts"), folder),
        providers={name: Contact(**each) for name, each in data.get("providers", {}).items()},
        windows=windows_of(data.get("windows", ())),
        witnesses=tuple(Witness(**each) for each in data.get("manager", {}).get("witnesses", ())),
        thresholds={
            name: _threshold(written) for name, written in data.get("thresholds", {}).items() if name in SAMPLED
        },
    )


def stores_of(declared: Options, folder: Path) -> dict[str, Store]:
    """The stores that were declared, checked already. Relative files are those of `folder`."""
    return {name: _store(name, store, folder) for name, store in declared.items()}


def _store(name: str, store: Options, folder: Path) -> Store:
    if store["kind"] == "directory":
        return DirectoryStore(name=name, path=store["path"])
    credentials = secret_of(store["credentials"], folder) or SecretReference()
    if store["kind"] == "s3":
        return S3Store(
            name=name,
            bucket=store["bucket"],
            region=store.get("region"),
            endpoint=store.get("endpoint"),
            object_lock=store.get("object_lock"),
            delete_credentials=secret_of(store.get("delete_credentials"), folder),
            credentials=credentials,
        )
    return SftpStore(
        name=name,
        host=store["host"],
        port=store.get("port", 22),
        user=store["user"],
        path=store["path"],
        host_key=store["host_key"],
        delete_credentials=secret_of(store.get("delete_credentials"), folder),
        delete_user=store.get("delete_user"),
        credentials=credentials,
    )


def _asset(name: str, asset: Options, data: Options, folder: Path) -> Asset:
    if asset["kind"] == "files":
        return FilesAsset(
            name=name,
            path=asset["path"],
            exclude=tuple(asset.get("exclude", ())),
            databases=tuple(_databases(asset["path"], data)),
            backup=_backup(asset.get("backup")),
            drill=_drill(asset.get("drill")),
        )
    if asset["kind"] == "sqlite":
        return SqliteAsset(
            name=name,
            path=asset["path"],
            backup=_backup(asset.get("backup")),
            drill=_drill(asset.get("drill")),
        )
    connect = asset["connect"]
    host = connect.get("host")
    return MariadbAsset(
        name=name,
        connect=MariadbConnection(
            socket=connect.get("socket"),
            host=host,
            port=connect.get("port", 3306) if host else None,
            credentials=secret_of(connect.get("credentials"), folder),
        ),
        databases=tuple(asset.get("databases", ())),
        non_transactional=asset.get("non_transactional", "lock"),
        backup=_backup(asset.get("backup")),
        drill=_drill(asset.get("drill")),
    )


def _databases(tree: str, data: Options) -> Iterator[str]:
    """SQLite assets inside a tree; one that is declared and not backed up stays in the tree's own backup."""
    root = os.path.realpath(tree).rstrip("/") + "/"
    for asset in data["assets"].values():
        if asset["kind"] == "sqlite" and "backup" in asset and os.path.realpath(asset["path"]).startswith(root):
            yield asset["path"]


def _backup(backup: Options | None) -> BackupPlan | None:
    if backup is None:
        return None
    return BackupPlan(
        kinds={kind: _schedule(backup[kind]) for kind in get_args(BackupKind) if kind in backup},
        stores=tuple(backup["stores"]),
        retention_days=_days(backup["retention"], "points"),
        daily_days=_days(backup["retention"], "daily"),
        weekly_days=_days(backup["retention"], "weekly"),
        monthly_days=_days(backup["retention"], "monthly"),
        legal=_legal(backup["retention"].get("legal")),
        inspect=_schedule(backup.get("inspect")),
        deadlines_seconds={
            kind: durations.parse(backup[kind]["deadline"])
            for kind in get_args(BackupKind)
            if "deadline" in backup.get(kind, {})
        },
    )


def hosts_of(hosts: Mapping[str, Any]) -> dict[str, Host]:
    """The machines beside the node."""
    return {
        name: Host(name=name, held_by=host["held_by"], ledger_key=host.get("ledger_key"))
        for name, host in hosts.items()
    }


def _drill(drill: Options | None) -> DrillPlan | None:
    return None if drill is None else drill_of(drill)


def drill_of(drill: Options) -> DrillPlan:
    """Where and how restores are tried."""
    return DrillPlan(
        host=drill["host"],
        schedule=_schedule(drill) if "schedule" in drill else None,
        checks=tuple(_check(each) for each in drill.get("checks", ())),
        holds=tuple(drill.get("holds", ())),
    )


def _check(check: Options) -> DrillCheck:
    asked = {name: value for name, value in check.items() if name != "deadline"}
    if "deadline" in check:
        asked["deadline_seconds"] = durations.parse(check["deadline"])
    return DrillCheck(**asked)


def _days(retention: Options, name: str) -> int:
    """Whole days; 0 for what is not written."""
    return durations.parse(retention[name]) // durations.DAY if name in retention else 0


def _legal(legal: Options | None) -> LegalRetention | None:
    if legal is None:
        return None
    return LegalRetention(select=legal["select"], kind=legal["kind"], keep_days=_days(legal, "keep"))


def _prune(prune: Options | None) -> Prune | None:
    return None if prune is None else Prune(host=prune["host"], schedule=_schedule(prune))


def _threshold(written: Any) -> Threshold:
    above, lasting = (written["above"], written["for"]) if isinstance(written, Mapping) else (written, None)
    value = measure(above)
    assert value is not None  # noqa: S101 -- its form was checked
    if isinstance(above, int):
        return Threshold(above=above)
    scale = 10 if above.strip().endswith("%") else 1000
    return Threshold(above=round(value * scale), for_seconds=None if lasting is None else durations.parse(lasting))


def _schedule(schedule: Options | None) -> Schedule | None:
    """None for an activity that happens by hand only."""
    if schedule is None or "schedule" not in schedule:
        return None
    return Schedule(cron=" ".join(schedule["schedule"].split()), catch_up=schedule.get("catch_up", "once"))
