"""What the options of a plan say about each other: faults that no single option shows.

Works on data whose shape may be wrong elsewhere, so that every fault is told at once. Reads the file system only to
follow links.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from intendance.plan import durations
from intendance.plan.excluding import leaves_out, matches
from intendance.plan.forms import days
from intendance.plan.people import plain_marks
from intendance.plan.problems import Fault
from intendance.plan.reading import (
    RECIPIENTS,
    entries,
    items,
    raw_identity,
    real_path,
    recipients,
    value_at,
)
from intendance.plan.saying import quoted, say
from intendance.plan.writing import flow


def faults(data: Any) -> list[Fault]:
    """Every fault between options, in the order of the checks."""
    return [
        *_recipients(data),
        *_legal(data),
        *_classes(data),
        *_pruning(data),
        *_places(data),
        *_emptied(data),
        *_servers(data),
        *_named_twice(data),
        *_sites(data),
        *_drills(data),
        *_steps(data),
    ]


def _recipients(data: Any) -> Iterator[Fault]:
    declared = recipients(data)
    for option in ("name", "fingerprint"):
        seen: dict[str, int] = {}
        for index, recipient in declared:
            value = recipient.get(option)
            if not isinstance(value, str):
                continue
            key = re.sub(r"\s", "", value).upper().removeprefix("0X")
            if key in seen:
                if option == "name":
                    said = say("this name is already that of recipient {number} of the list", number=seen[key] + 1)
                else:
                    said = say(
                        "this fingerprint is already that of recipient {number} of the list", number=seen[key] + 1
                    )
                fix = say("give each recipient its own key and name")
                yield Fault(path=(*RECIPIENTS, index, option), code="recipient-twice", message=said, fix=fix)
            seen.setdefault(key, index)
    if declared and len({_person(data, recipient) for _, recipient in declared}) < 2:
        yield Fault(
            path=RECIPIENTS,
            code="one-recipient",
            message=say(
                "the backups could be opened by one person only: if that key or person is lost, so is every backup"
            ),
            fix=say("add a recipient whose `held_by` is another person; two at least"),
            rule="MAINT_011",
        )


def _person(data: Any, recipient: Mapping[str, Any]) -> str:
    """Who holds a key: two contacts with the same name, e-mail or telephone are one person."""
    holder = recipient.get("held_by")
    contacts = dict(entries(data, "contacts"))
    if not isinstance(holder, str):
        return ""
    mine = _marks(contacts.get(holder, {}))
    return next((name for name, contact in contacts.items() if mine & _marks(contact)), holder)


def _marks(contact: Mapping[str, Any]) -> set[tuple[str, str]]:
    return set(plain_marks(contact))


def _legal(data: Any) -> Iterator[Fault]:
    for name, asset in entries(data, "assets"):
        place = ("assets", name, "backup", "retention", "legal")
        kind = value_at(asset, "backup", "retention", "legal", "kind")
        keep = value_at(asset, "backup", "retention", "legal", "keep")
        points = value_at(asset, "backup", "retention", "points")
        if (
            isinstance(kind, str)
            and kind in ("logical", "physical", "full")
            and value_at(asset, "backup", kind) is None
        ):
            said = say("no {kind} backup of this asset is made, so none can be kept", kind=f"`{kind}`")
            made = [each for each in ("logical", "physical", "full") if value_at(asset, "backup", each) is not None]
            fix = say("write {kinds}", kinds=quoted(made)) if made else say("add `{kind}:` under `backup`", kind=kind)
            yield Fault(path=(*place, "kind"), code="legal-kind-not-made", message=said, fix=fix)
        elif kind == "physical":
            said = say("a physical backup opens with one series of the server only, so none is kept for the law")
            fix = say("write {kinds}", kinds=quoted(["logical"]))
            yield Fault(path=(*place, "kind"), code="legal-physical", message=said, fix=fix)
        if _shorter(keep, points):
            said = say(
                "`{keep}` is shorter than the `{points}` for which every point is kept", keep=keep, points=points
            )
            fix = say("write `{example}` or more, or remove `legal`", example=points)
            yield Fault(path=(*place, "keep"), code="legal-shorter", message=said, fix=fix)


def _classes(data: Any) -> Iterator[Fault]:
    """Classes that keep nothing: every point is kept longer."""
    for name, asset in entries(data, "assets"):
        points = value_at(asset, "backup", "retention", "points")
        for each in ("daily", "weekly", "monthly"):
            keep = value_at(asset, "backup", "retention", each)
            if _shorter(keep, points):
                yield Fault(
                    path=("assets", name, "backup", "retention", each),
                    code="class-shorter",
                    message=say(
                        "`{keep}` is shorter than the `{points}` for which every point is kept",
                        keep=keep,
                        points=points,
                    ),
                    fix=say("write `{example}` or more, or remove `{option}`", example=points, option=each),
                )


def _pruning(data: Any) -> Iterator[Fault]:
    host = value_at(data, "prune", "host")
    node = value_at(data, "node", "id")
    if not isinstance(host, str) or not isinstance(node, str):
        return
    hosts = dict(entries(data, "hosts"))
    if host == node:
        if "maint" in (value_at(data, "catalogues") or ()):
            said = say("under maint a node never deletes its own backups: whoever takes it would take them as well")
            fix = say("name a host that alone may delete in the stores, under `hosts`")
            yield Fault(path=("prune", "host"), code="prune-on-node", message=said, fix=fix, rule="MAINT_013")
        return
    if host not in hosts:
        said = say("`{name}` does not stand under {places}", name=host, places=quoted(["hosts"]))
        fix = say("add `{name}` under `{section}`", name=host, section="hosts")
        yield Fault(path=("prune", "host"), code="not-declared", message=said, fix=fix)
    if value_at(data, "prune", "schedule") is not None:
        said = say("{host} is no node, so nothing starts there by itself", host=f"`{host}`")
        fix = say("remove `schedule`; on {host}, type `intendance backup prune`", host=host)
        yield Fault(path=("prune", "schedule"), code="prune-schedule", message=said, fix=fix)


def _shorter(one: Any, other: Any) -> bool:
    if not isinstance(one, str) or not isinstance(other, str) or days(one) or days(other):
        return False
    return durations.parse(one) < durations.parse(other)


def _places(data: Any) -> Iterator[Fault]:
    stores: dict[str, str] = {}
    for name, store in entries(data, "stores"):
        path = real_path(store.get("path")) if store.get("kind") == "directory" else None
        if path is not None and path in stores:
            said = say("this is the folder of the store `{store}` already", store=stores[path])
            fix = say("name another folder, or remove one of the two")
            yield Fault(path=("stores", name, "path"), code="store-twice", message=said, fix=fix)
        elif path is not None:
            yield from _store_inside_store(name, path, stores)
            stores[path] = name
    seen: dict[str, str] = {}
    for name, asset in entries(data, "assets"):
        known = raw_identity(asset)
        if known is None:
            continue
        if known in seen:
            yield _asset_twice(name, asset, seen[known])
        seen.setdefault(known, name)
        tree = real_path(asset.get("path"))
        if asset.get("kind") == "files" and tree is not None:
            yield from _stores_inside(name, asset, tree, stores)


def _store_inside_store(name: str, path: str, stores: Mapping[str, str]) -> Iterator[Fault]:
    for other, store in stores.items():
        if path.startswith(f"{other}/") or other.startswith(f"{path}/"):
            said = say(
                "this folder and that of the store `{store}` lie in one another: they are lost together", store=store
            )
            fix = say("name a folder elsewhere, better on another disk")
            yield Fault(path=("stores", name, "path"), code="store-inside-store", message=said, fix=fix)


_ANY_NAMES = ("a", "Z", "0", "_", "-", "é", ".htaccess", "index.php", "wp-content/uploads/2026/photo.jpg")
"""What a tree may hold: patterns that leave out each of these leave out everything."""


def _emptied(data: Any) -> Iterator[Fault]:
    for name, asset in entries(data, "assets"):
        written = asset.get("exclude")
        patterns = [each for each in written if isinstance(each, str)] if isinstance(written, list) else []
        told = any(matches(".", each) for each in patterns)  # by itself, as the form of the pattern
        if patterns and not told and all(leaves_out(patterns, each) for each in _ANY_NAMES):
            said = say("together these patterns leave out everything")
            fix = say("write patterns that name what to leave out")
            yield Fault(path=("assets", name, "exclude"), code="exclusion-everything", message=said, fix=fix)


def _asset_twice(name: str, asset: Mapping[str, Any], first: str) -> Fault:
    if asset.get("kind") == "mariadb":
        said = say("this is the server of the asset `{asset}` already", asset=first)
        fix = say("put its databases into that asset")
    elif asset.get("kind") == "sqlite":
        said = say("this is the file of the asset `{asset}` already", asset=first)
        fix = say("remove one of the two")
    else:
        said = say("this is the folder of the asset `{asset}` already", asset=first)
        fix = say("remove one of the two")
    return Fault(path=("assets", name), at="name", code="asset-twice", message=said, fix=fix)


def _stores_inside(name: str, asset: Mapping[str, Any], tree: str, stores: Mapping[str, str]) -> Iterator[Fault]:
    patterns = [pattern for pattern in asset.get("exclude") or () if isinstance(pattern, str)]
    for path, store in stores.items():
        inside = os.path.relpath(path, tree)
        if inside.split("/")[0] == ".." or leaves_out(patterns, inside):
            continue
        if inside == ".":
            fix = say("move the store elsewhere")
        else:
            fix = say("write `{example}`, or move the store elsewhere", example=f"exclude: [{flow(f'./{inside}')}]")
        said = say(
            "the store `{store}` ({path}) lies inside this tree: each backup would hold all the earlier ones",
            store=store,
            path=path,
        )
        yield Fault(path=("assets", name, "path"), code="store-inside-asset", message=said, fix=fix)


def _servers(data: Any) -> Iterator[Fault]:
    for name, asset in entries(data, "assets"):
        connect = value_at(asset, "connect")
        if not isinstance(connect, Mapping):
            continue
        if isinstance(connect.get("host"), str) and connect["host"].lower() == "localhost":
            yield Fault(
                path=("assets", name, "connect", "host"),
                code="localhost",
                message=say("MariaDB's programs read `localhost` as its socket, whatever the port"),
                fix=say("write `socket: /run/mysqld/mysqld.sock`, or `host: 127.0.0.1`"),
            )
        if "port" in connect and "host" not in connect:
            yield Fault(
                path=("assets", name, "connect", "port"),
                at="name",
                code="port-without-host",
                message=say("`port` goes with `host`, and a socket has none"),
                fix=say("remove it, or write `host:` instead of `socket:`"),
            )
        if "host" in connect and value_at(asset, "backup", "physical") is not None:
            yield Fault(
                path=("assets", name, "backup", "physical"),
                at="name",
                code="physical-elsewhere",
                message=say(
                    "a physical backup copies the files of a server on this machine, and `connect` names a host"
                ),
                fix=say("write `socket:` instead of `host:`, or remove it"),
            )


def _named_twice(data: Any) -> Iterator[Fault]:
    """Items of a list that bear the same name."""
    for section in ("probes", "windows"):
        seen: set[str] = set()
        for index, item in items(data, section):
            name = item.get("name")
            if isinstance(name, str) and name in seen:
                said = say("another item of this list is called `{name}`", name=name)
                yield Fault(
                    path=(section, index, "name"), code="named-twice", message=said, fix=say("write another name")
                )
            elif isinstance(name, str):
                seen.add(name)


def _sites(data: Any) -> Iterator[Fault]:
    """Sites that a command could not tell from an asset."""
    assets = dict(entries(data, "assets"))
    for name, _ in entries(data, "sites"):
        if name in assets:
            said = say("`{name}` is an asset already; a command could not tell the two apart", name=name)
            fix = say("write another name")
            yield Fault(path=("sites", name), at="name", code="site-named-as-asset", message=said, fix=fix)


def _drills(data: Any) -> Iterator[Fault]:
    """Drills on the node that made the backups: a thief of the node would have the key, and `maint` asks for others."""
    node = value_at(data, "node", "id")
    catalogues = value_at(data, "catalogues")
    if not isinstance(catalogues, list) or "maint" not in catalogues:
        return
    for name, asset in entries(data, "assets"):
        if isinstance(node, str) and value_at(asset, "drill", "host") == node:
            yield Fault(
                path=("assets", name, "drill", "host"),
                code="drill-on-node",
                message=say(
                    "`{node}` is the node that makes these backups: its drill proves nothing to others", node=node
                ),
                fix=say("name another machine under `hosts`, which alone holds the key"),
                rule="MAINT_014",
            )


def _steps(data: Any) -> Iterator[Fault]:
    """Steps of the alert policy that could reach nobody, or that come in the wrong order."""
    people = {**dict(entries(data, "providers")), **dict(entries(data, "contacts"))}
    alerts = value_at(data, "alerts")
    for severity in ("critical", "warning"):
        before = -1
        for index, step in items(data, "alerts", "policy", severity):
            path = ("alerts", "policy", severity, index)
            ways = step.get("by")
            for number, way in enumerate(ways if isinstance(ways, list) else ()):
                yield from _way(way, step.get("to"), people, alerts, (*path, "by", number))
            try:
                waited = durations.parse(str(step.get("after")))
            except ValueError:
                continue
            if waited < before:
                said = say("the steps are not in the order in which they come")
                yield Fault(
                    path=(*path, "after"), code="steps-order", message=said, fix=say("write the earlier step first")
                )
            before = waited


def _way(
    way: Any,
    person: Any,
    people: Mapping[str, Mapping[str, Any]],
    alerts: Mapping[str, Any],
    path: tuple[str | int, ...],
) -> Iterator[Fault]:
    if way not in ("email", "sms"):
        return
    if way not in alerts:
        said = say("`alerts` does not say how `{way}` leaves", way=way)
        yield Fault(path=path, code="channel-missing", message=said, fix=say("add `{way}:` under `alerts`", way=way))
    needed = {"email": "email", "sms": "phone"}[way]
    if isinstance(person, str) and person in people and needed not in people[person]:
        said = say("`{person}` has no `{needed}`, so `{way}` cannot reach them", person=person, needed=needed, way=way)
        fix = say("add `{needed}:` to `{person}`, or choose another way", needed=needed, person=person)
        yield Fault(path=path, code="unreachable", message=said, fix=fix)
