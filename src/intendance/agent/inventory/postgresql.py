"""PostgreSQL clusters: where Debian's files say that they are, and the databases that they name."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from intendance.agent.inventory.databases import Server
from intendance.agent.inventory.machine import Machine
from intendance.model.errors import IntendanceError
from intendance.system import process

CLUSTERS = "/etc/postgresql/*/*/postgresql.conf"
USUAL_SOCKETS = "/var/run/postgresql"
_OPTION = re.compile(r"^\s*(?P<name>[a-z_]+)\s*=?\s*(?:'(?P<quoted>[^']*)'|(?P<plain>[^\s#']+))", re.MULTILINE)
_ASK_SECONDS = 15
_NAMES = "SELECT datname FROM pg_database WHERE NOT datistemplate"
_UNUSED = frozenset({"postgres"})
"""The database that each new cluster has, for tools to connect to."""
_FIRST_OF_USERS = 16384  # PostgreSQL's access/transam.h: FirstNormalObjectId


def settings(text: str) -> Mapping[str, str]:
    """What a `postgresql.conf` says, a later line over an earlier one. Pure."""
    return {
        found["name"]: found["quoted"] if found["plain"] is None else found["plain"] for found in _OPTION.finditer(text)
    }


def servers(machine: Machine) -> tuple[Server, ...]:
    """Every cluster that Debian's tools know, running or not."""
    found = []
    for file in machine.glob(CLUSTERS):
        text = machine.text(file)
        if text is None:
            continue
        options = settings(text)
        folders = options.get("unix_socket_directories", USUAL_SOCKETS).split(",")
        folder = machine.resolve(folders[0].strip() or USUAL_SOCKETS)
        port = int(options.get("port", "5432")) if options.get("port", "5432").isdecimal() else 5432
        found.append(
            Server(
                engine="postgresql",
                sockets=(f"{folder}/.s.PGSQL.{port}",),
                port=None if options.get("listen_addresses") == "" else port,
                databases=_databases(machine, options.get("data_directory", ""), folder, port),
            )
        )
    return tuple(found)


def _databases(machine: Machine, data: str, sockets: str, port: int) -> Mapping[str, int | None] | None:
    """The cluster's databases; none where its folder holds none but those that every cluster has."""
    numbers = machine.listed(f"{data}/base") if data else None
    if numbers is not None and not any(each.isdecimal() and int(each) >= _FIRST_OF_USERS for each in numbers):
        return {}
    return _asked(machine, sockets, port)


def _asked(machine: Machine, folder: str, port: int) -> Mapping[str, int | None] | None:
    """The names of a running cluster's databases, asked as its own account where we are root."""
    if not machine.live:
        return None
    what = f"postgresql:{folder}/.s.PGSQL.{port}"
    become = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups") if os.geteuid() == 0 else ()
    psql = ("psql", "--no-psqlrc", "--no-password", f"--host={folder}", f"--port={port}", "--dbname=postgres",
            "--tuples-only", "--no-align", f"--command={_NAMES}")  # fmt: skip
    try:
        done = process.run([*become, *psql], deadline_seconds=_ASK_SECONDS, cwd="/")
    except IntendanceError as error:
        machine.miss(what, error.message.rstrip("."))
        return None
    return {name: None for name in done.stdout.decode(errors="replace").splitlines() if name and name not in _UNUSED}
