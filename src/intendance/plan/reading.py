"""Reading in a plan's data, whose shape may be wrong anywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from intendance.plan.identity import files_identity, mariadb_identity, sqlite_identity
from intendance.plan.problems import OptionPath
from intendance.plan.shape import Schema, alternative, resolved

RECIPIENTS: OptionPath = ("keys", "backup_recipients")


def value_at(data: Any, *path: str | int) -> Any:
    """The value at a path, or None where nothing, or something of another shape, stands."""
    for step in path:
        if isinstance(step, str) and isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(step, int) and isinstance(data, list) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def entries(data: Any, *path: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The named mappings under a path (`assets`, `stores`, `contacts`)."""
    found = value_at(data, *path)
    if not isinstance(found, Mapping):
        return []
    return [(name, inner) for name, inner in found.items() if isinstance(inner, Mapping)]


def items(data: Any, *path: str) -> list[tuple[int, Mapping[str, Any]]]:
    """The mappings of a list with their place in it."""
    found = value_at(data, *path)
    if not isinstance(found, list):
        return []
    return [(index, item) for index, item in enumerate(found) if isinstance(item, Mapping)]


def recipients(data: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """The declared recipients with their place in the list."""
    return items(data, "keys", "backup_recipients")


def raw_identity(asset: Mapping[str, Any]) -> str | None:
    """The identity of an asset as it is written; None while that does not tell it. Follows links of the file system."""
    if asset.get("kind") == "files":
        path = real_path(asset.get("path"))
        return None if path is None else files_identity(path)
    if asset.get("kind") == "sqlite":
        path = real_path(asset.get("path"))
        return None if path is None else sqlite_identity(path)
    socket, host = value_at(asset, "connect", "socket"), value_at(asset, "connect", "host")
    port = value_at(asset, "connect", "port")
    place = real_path(socket)
    if place is not None:
        return mariadb_identity(socket=place, host=None, port=None)
    if isinstance(host, str):
        return mariadb_identity(socket=None, host=host, port=port if isinstance(port, int) else None)
    return None


def real_path(path: Any) -> str | None:
    """A path from the root with its links followed; None for anything else."""
    return os.path.realpath(path) if isinstance(path, str) and path.startswith("/") and "\0" not in path else None


def visits(schema: Schema, data: Any) -> Iterator[tuple[OptionPath, Schema, Any]]:
    """Every value whose option is known, with its path and what the schema says of it; outer ones first."""
    yield from _visit(schema.get("$defs", {}), schema, data, ())


def _visit(
    definitions: Mapping[str, Schema], schema: Schema, value: Any, path: OptionPath
) -> Iterator[tuple[OptionPath, Schema, Any]]:
    schema = alternative(resolved(schema, definitions), value, definitions)
    if "discriminator" in schema:
        chosen = value.get(schema["discriminator"]["propertyName"]) if isinstance(value, Mapping) else None
        kinds = schema["discriminator"]["mapping"]
        if isinstance(chosen, str) and chosen in kinds:
            yield from _visit(definitions, {"$ref": kinds[chosen]}, value, path)
        return
    yield path, schema, value
    if isinstance(value, Mapping):
        entry = next(iter(schema.get("patternProperties", {}).values()), None)
        for name, inner in value.items():
            known = schema.get("properties", {}).get(name, entry)
            if known is not None:
                yield from _visit(definitions, known, inner, (*path, name))
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _visit(definitions, schema["items"], item, (*path, index))
