"""What is allowed in a plan and probably not meant: warnings, never a refusal."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from intendance.model.secret import HOME
from intendance.plan.problems import Fault
from intendance.plan.reading import entries, value_at
from intendance.plan.saying import say


def warnings(data: Any, folder: Path) -> list[Fault]:
    """Warnings on a plan that is valid; credentials files are looked at when this machine has them."""
    return [
        *_unprotected(data),
        *_unprotected_in_sites(data),
        *_without_new_bases(data),
        *_readable_credentials(data, folder),
        *_either_day(data),
    ]


def _unprotected(data: Any) -> Iterator[Fault]:
    for name, asset in entries(data, "assets"):
        if "backup" not in asset:
            yield Fault(
                path=("assets", name),
                at="name",
                code="not-backed-up",
                message=say(
                    "`{name}` is declared and not backed up: the rules on backups will be broken for it", name=name
                ),
                fix=say("add a `backup:`"),
            )


def _unprotected_in_sites(data: Any) -> Iterator[Fault]:
    """A site is restored as a whole or not at all."""
    assets = dict(entries(data, "assets"))
    for name, site in entries(data, "sites"):
        listed = site.get("assets")
        for index, asset in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(asset, str) and asset in assets and "backup" not in assets[asset]:
                yield Fault(
                    path=("sites", name, "assets", index),
                    code="site-not-backed-up",
                    message=say(
                        "`{asset}` is not backed up, so the site `{name}` cannot be restored", asset=asset, name=name
                    ),
                    fix=say("add a `backup:` to `{asset}`, or take it out of the site", asset=asset),
                )


def _without_new_bases(data: Any) -> Iterator[Fault]:
    """A differential holds all that changed since its full set: without a new one it only grows."""
    for name, asset in entries(data, "assets"):
        scheduled = value_at(asset, "backup", "differential", "schedule") is not None
        if scheduled and value_at(asset, "backup", "full", "schedule") is None:
            yield Fault(
                path=("assets", name, "backup", "differential"),
                at="name",
                code="differential-without-full",
                message=say(
                    "differential backups are scheduled and full ones are not: each will be larger than the last"
                ),
                fix=say("add `{example}`", example='full: {schedule: "0 3 * * SUN"}'),
            )


def _readable_credentials(data: Any, folder: Path) -> Iterator[Fault]:
    for name, asset in entries(data, "assets"):
        file = value_at(asset, "connect", "credentials", "file")
        if not isinstance(file, str):
            continue
        try:
            path = Path(file).expanduser() if file.startswith(HOME) else folder / file
            mode = path.stat().st_mode
        except (OSError, RuntimeError):  # the plan may be checked on another machine than the node, or by nobody
            continue
        if mode & (stat.S_IRGRP | stat.S_IROTH):
            yield Fault(
                path=("assets", name, "connect", "credentials", "file"),
                code="credentials-readable",
                message=say("others than its owner can read `{file}`", file=file),
                fix=say("`{command}`", command=f"chmod 600 {path}"),
            )


def _either_day(data: Any) -> Iterator[Fault]:
    """Cron fires when *either* day matches once both are restricted, which surprises most people."""
    for name, asset in entries(data, "assets"):
        for activity in ("logical", "physical", "full", "differential", "inspect"):
            line = value_at(asset, "backup", activity, "schedule")
            fields = line.split() if isinstance(line, str) else []
            if len(fields) == 5 and not fields[2].startswith("*") and not fields[4].startswith("*"):
                yield Fault(
                    path=("assets", name, "backup", activity, "schedule"),
                    code="cron-either-day",
                    message=say("with a day of the month and one of the week, cron fires on each, not when they meet"),
                    fix=say("write `*` for one of the two if that is not meant"),
                )
