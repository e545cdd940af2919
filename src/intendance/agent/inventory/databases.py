"""Database servers of the machine and their databases: by their configuration, their folders, and by asking them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from intendance.agent.inventory.applications import Application
from intendance.agent.inventory.php import Use
from intendance.agent.inventory.webserver import distinct
from intendance.model.evidence.inventory import DatabaseFound
from intendance.model.frozen import dataclass

LOOPBACK = ("localhost", "127.0.0.1", "::1")
USUAL_PORTS: Mapping[str, int] = {"mariadb": 3306, "postgresql": 5432}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database server of this machine. `databases` maps names to how many tables each has (None: not counted);
    None: they could not be listed."""

    engine: str
    sockets: tuple[str, ...]
    port: int | None
    databases: Mapping[str, int | None] | None

    @property
    def identities(self) -> tuple[str, ...]:
        """What a plan may call it: its sockets, then its port on this machine."""
        by_port = [] if self.port is None else [f"{self.engine}:{host}:{self.port}" for host in LOOPBACK]
        return (*(f"{self.engine}:{socket}" for socket in self.sockets), *by_port)


def together(
    servers: Sequence[Server], files: Iterable[str], applications: Iterable[Application]
) -> tuple[DatabaseFound, ...]:
    """What servers hold, what applications name, and SQLite files, each once. Pure.

    An empty database that no application names holds nothing to lose and is left out, and so is a name that an
    application gives and its server does not know.
    """
    users: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    remote: set[tuple[str, tuple[str, ...], str]] = set()
    for application in applications:
        for use in application.uses:
            server = _server_of(servers, use)
            if server is not None and server.databases is not None and use.name not in server.databases:
                continue
            key = _key(use, server)
            users.setdefault(key, []).append(application.folder)
            if server is None and use.engine != "sqlite" and not _is_local(use):
                remote.add(key)
    counted: dict[tuple[str, tuple[str, ...], str], int | None] = {}
    for server in servers:
        listed = {"": None} if server.databases is None else server.databases
        counted |= {(server.engine, server.identities, name): tables for name, tables in listed.items()}
    counted |= {("sqlite", (f"sqlite:{path}",), ""): None for path in files}
    found = [key for key, tables in counted.items() if tables != 0 or key in users]
    found += [key for key in users if key not in counted]
    return tuple(
        DatabaseFound(
            engine=key[0],
            identities=key[1],
            name=key[2],
            tables=counted.get(key),
            used_by=distinct(users.get(key, ())),
            remote=key in remote,
        )
        for key in sorted(found)
    )


def _key(use: Use, server: Server | None) -> tuple[str, tuple[str, ...], str]:
    if use.engine == "sqlite":
        return use.engine, (f"sqlite:{use.name}",), ""
    if server is not None:
        return use.engine, server.identities, use.name
    host = use.host if use.host.startswith("/") else f"{use.host or 'localhost'}:{use.port or USUAL_PORTS[use.engine]}"
    return use.engine, (f"{use.engine}:{host}",), use.name


def _is_local(use: Use) -> bool:
    return not use.host or use.host.startswith("/") or use.host.lower() in LOOPBACK


def _server_of(servers: Sequence[Server], use: Use) -> Server | None:
    """The server of this machine that an application means: by its socket, its port, or the only one."""
    mine = [server for server in servers if server.engine == use.engine]
    if not _is_local(use):
        return None
    for server in mine:
        if use.host.startswith("/"):
            if any(socket == use.host or socket.startswith(f"{use.host}/") for socket in server.sockets):
                return server
        elif use.port is not None and server.port == use.port:
            return server
    if use.host.startswith("/"):
        return mine[0] if len(mine) == 1 else None
    usual = [server for server in mine if server.port in (None, USUAL_PORTS[use.engine])]
    candidates = (usual or mine) if use.port in (None, USUAL_PORTS[use.engine]) else []
    return candidates[0] if candidates else None
