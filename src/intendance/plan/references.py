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
from intendance.plan.bounds import retention_floor
from intendance.plan.excluding import leaves_out
from intendance.plan.forms import closest, days
from intendance.plan.identity import files_identity, mariadb_identity, sqlite_identity
from intendance.plan.problems import Fault, OptionPath
from intendance.plan.shape import flow

RECIPIENTS: OptionPath = ("keys", "backup_recipients")


def at(data: Any, *path: str | int) -> Any:
    """The value at a path, or None where nothing, or something of another shape, stands."""
    for step in path:
        if isinstance(step, str) and isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(step, int) and isinstance(data, list) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def faults(data: Any) -> list[Fault]:
    """Every fault between options, in the order of the checks."""
    return [*_holders(data), *_recipients(data), *_stores(data), *_retention(data), *_places(data), *_hosts(data)]


def entries(data: Any, *path: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The named mappings under a path (`assets`, `stores`, `contacts`)."""
    found = at(data, *path)
    if not isinstance(found, Mapping):
        return []
    return [(name, inner) for name, inner in found.items() if isinstance(inner, Mapping)]


def recipients(data: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """The declared recipients with their place in the list."""
    found = at(data, *RECIPIENTS)
    if not isinstance(found, list):
        return []
    return [(index, item) for index, item in enumerate(found) if isinstance(item, Mapping)]


def _absent(name: str, known: Mapping[str, Any], section: str, path: OptionPath) -> Fault:
    meant = closest(name, known)
    question = f"; did you mean `{meant}`?" if meant else ""
    add = f"add `{name}` under `{section}`"
    fix = f"write `{meant}`, or {add}" if meant else add
    return Fault(path=path, message=f"`{name}` does not stand under `{section}`{question}", fix=fix)


def _holders(data: Any) -> Iterator[Fault]:
    contacts = at(data, "contacts")
    if not isinstance(contacts, Mapping):
        return
    for index, recipient in recipients(data):
        holder = recipient.get("held_by")
        if isinstance(holder, str) and holder not in contacts:
            yield _absent(holder, contacts, "contacts", (*RECIPIENTS, index, "held_by"))


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
                said = f"this {option} is already that of recipient {seen[key] + 1} of the list"
                yield Fault(
                    path=(*RECIPIENTS, index, option), message=said, fix="give each recipient its own key and name"
                )
            seen.setdefault(key, index)
    if declared and len({_person(data, recipient) for _, recipient in declared}) < 2:
        yield Fault(
            path=RECIPIENTS,
            message="the backups could be opened by one person only: if that key or person is lost, so is every backup",
            fix="add a recipient whose `held_by` is another person; two at least",
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
    marks = set()
    for option in ("name", "email", "phone"):
        value = contact.get(option)
        if isinstance(value, str):
            marks.add((option, re.sub(r"[\s./()-]", "", value).casefold()))
    return marks


def _stores(data: Any) -> Iterator[Fault]:
    known = at(data, "stores")
    if not isinstance(known, Mapping):
        return
    for name, asset in entries(data, "assets"):
        listed = at(asset, "backup", "stores")
        for index, store in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(store, str) and store not in known:
                yield _absent(store, known, "stores", ("assets", name, "backup", "stores", index))


def _retention(data: Any) -> Iterator[Fault]:
    chosen = at(data, "catalogues")
    catalogues = [name for name in chosen if isinstance(name, str)] if isinstance(chosen, list) else []
    for name, asset in entries(data, "assets"):
        points = at(asset, "backup", "retention", "points")
        floor = retention_floor(catalogues, str(asset.get("kind")))
        if floor is None or not isinstance(points, str) or days(points) is not None:
            continue
        written = durations.parse(points) // durations.DAY
        if written < floor.days:
            yield Fault(
                path=("assets", name, "backup", "retention", "points"),
                message=f"`{points}` is {written} days, and {floor.rule} demands {floor.days} at least",
                fix=f"write `{floor.days}d` or more",
                rule=floor.rule,
            )


def _places(data: Any) -> Iterator[Fault]:
    stores: dict[str, str] = {}
    for name, store in entries(data, "stores"):
        path = _absolute(store.get("path"))
        if path is not None and path in stores:
            said = f"this is the folder of the store `{stores[path]}` already"
            yield Fault(
                path=("stores", name, "path"), message=said, fix="name another folder, or remove one of the two"
            )
        elif path is not None:
            stores[path] = name
    seen: dict[str, str] = {}
    for name, asset in entries(data, "assets"):
        known = _identity(asset)
        if known is None:
            continue
        if known in seen:
            what = {"mariadb": "server", "sqlite": "file"}.get(str(asset.get("kind")), "folder")
            said = f"this is the {what} of the asset `{seen[known]}` already"
            fix = "put its databases into that asset" if what == "server" else "remove one of the two"
            yield Fault(path=("assets", name), at="name", message=said, fix=fix)
        seen.setdefault(known, name)
        tree = _absolute(asset.get("path"))
        if asset.get("kind") == "files" and tree is not None:
            yield from _stores_inside(name, asset, tree, stores)


def _stores_inside(name: str, asset: Mapping[str, Any], tree: str, stores: Mapping[str, str]) -> Iterator[Fault]:
    patterns = [pattern for pattern in asset.get("exclude") or () if isinstance(pattern, str)]
    for path, store in stores.items():
        inside = os.path.relpath(path, tree)
        if inside.split("/")[0] == ".." or leaves_out(patterns, inside):
            continue
        fix = "write `exclude: [" + flow(f"./{inside}") + "]`" if inside != "." else "move the store elsewhere"
        yield Fault(
            path=("assets", name, "path"),
            message=f"the store `{store}` ({path}) lies inside this tree: each backup would hold all the earlier ones",
            fix=f"{fix}, or move the store elsewhere" if inside != "." else fix,
        )


def _identity(asset: Mapping[str, Any]) -> str | None:
    """The identity of a raw asset; None while what is written does not tell it."""
    if asset.get("kind") == "files":
        path = _absolute(asset.get("path"))
        return None if path is None else files_identity(path)
    if asset.get("kind") == "sqlite":
        path = _absolute(asset.get("path"))
        return None if path is None else sqlite_identity(path)
    socket, host = at(asset, "connect", "socket"), at(asset, "connect", "host")
    port = at(asset, "connect", "port")
    place = _absolute(socket)
    if place is not None:
        return mariadb_identity(socket=place, host=None, port=None)
    if isinstance(host, str):
        return mariadb_identity(socket=None, host=host, port=port if isinstance(port, int) else None)
    return None


def _absolute(path: Any) -> str | None:
    return os.path.realpath(path) if isinstance(path, str) and path.startswith("/") and "\0" not in path else None


def _hosts(data: Any) -> Iterator[Fault]:
    for name, asset in entries(data, "assets"):
        connect = at(asset, "connect")
        if not isinstance(connect, Mapping):
            continue
        if isinstance(connect.get("host"), str) and connect["host"].lower() == "localhost":
            yield Fault(
                path=("assets", name, "connect", "host"),
                message="MariaDB's programs read `localhost` as its socket, whatever the port",
                fix="write `socket: /run/mysqld/mysqld.sock`, or `host: 127.0.0.1`",
            )
        if "port" in connect and "host" not in connect:
            yield Fault(
                path=("assets", name, "connect", "port"),
                at="name",
                message="`port` goes with `host`, and a socket has none",
                fix="remove it, or write `host:` instead of `socket:`",
            )
        if "host" in connect and at(asset, "backup", "physical") is not None:
            yield Fault(
                path=("assets", name, "backup", "physical"),
                at="name",
                message="a physical backup copies the files of a server on this machine, and `connect` names a host",
                fix="write `socket:` instead of `host:`, or remove it",
            )
