"""MariaDB and MySQL servers: where their files say that they are, and what they hold.

The names of databases are those of folders in the data folder (MariaDB manual, "Identifier to File Name Mapping"), so
a server that is stopped, or lets nobody in, is seen too; where the folder is closed to us, the server is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from intendance.agent.inventory.databases import Server
from intendance.agent.inventory.machine import Machine
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass
from intendance.system import process

CONFIGURATIONS = (
    "/etc/my.cnf", "/etc/mysql/my.cnf", "/etc/my.cnf.d/*.cnf", "/etc/mysql/conf.d/*.cnf",
    "/etc/mysql/mysql.conf.d/*.cnf", "/etc/mysql/mariadb.conf.d/*.cnf",
)  # fmt: skip
USUAL_FOLDER, USUAL_SOCKETS = "/var/lib/mysql", ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock")
SYSTEM = frozenset({"mysql", "information_schema", "performance_schema", "sys"})
_SECTIONS = re.compile(r"(?:mysqld|mariadbd?|server)(?:-[0-9.]+)?\Z")
_ENCODED = re.compile(r"@([0-9a-f]{4})")
_ONE_TABLE = re.compile(r".+\.frm\Z|(?!.*\.(?:frm|par)\Z).+\.ibd\Z")  # MySQL 8 has no .frm
_TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108 -- what is there is not meant to stay
_ASK_SECONDS = 15
_COUNTED = """SELECT SCHEMA_NAME, COUNT(TABLE_NAME) FROM information_schema.SCHEMATA
LEFT JOIN information_schema.TABLES ON TABLE_SCHEMA = SCHEMA_NAME GROUP BY SCHEMA_NAME;"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How one server is set: the folder of its data, its socket, and its port (None: it takes no connections)."""

    folder: str
    socket: str
    port: int | None


def settings(texts: Iterable[str]) -> Mapping[str, str]:
    """What option files say to servers, names with hyphens, a later line over an earlier one. Pure."""
    found: dict[str, str] = {}
    for text in texts:
        inside = False
        for line in text.splitlines():
            stripped = line.strip()
            if stripped.startswith("["):
                inside = _SECTIONS.match(stripped.strip("[] \t")) is not None
            elif inside and stripped and stripped[0] not in "#;!":
                name, _, value = stripped.partition("=")
                found[name.strip().lower().replace("_", "-").removeprefix("loose-")] = _value(value)
    return MappingProxyType(found)


def of_arguments(words: Iterable[str]) -> Mapping[str, str]:
    """The options of a server's command line, as `settings` has them. Pure."""
    options = [word[2:].partition("=") for word in words if word.startswith("--")]
    return {name.lower().replace("_", "-"): value for name, _, value in options}


def decoded(folder: str) -> str:
    """A database's name from its folder's: `my@002dshop` is `my-shop`. Pure."""
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), folder)


def servers(machine: Machine, running: Iterable[tuple[str, ...]] = ()) -> tuple[Server, ...]:
    """The server that the system's files configure, and others whose command lines are `running`."""
    texts = [
        text for pattern in CONFIGURATIONS for text in map(machine.text, machine.glob(pattern)) if text is not None
    ]
    configured = settings(texts)
    found: dict[str, Setting] = {}
    for options in (configured, *({**configured, **of_arguments(words)} for words in running)):
        setting = _setting(machine, options)
        folder = machine.resolve(setting.folder)
        if not f"{folder}/".startswith(_TEMPORARY):
            found.setdefault(folder, setting)
    listed = [(setting, _held(machine, setting)) for setting in found.values()]
    return tuple(
        Server(engine="mariadb", sockets=_sockets(machine, setting), port=setting.port, databases=held)
        for setting, (there, held) in listed
        if there
    )


def _setting(machine: Machine, options: Mapping[str, str]) -> Setting:
    sockets = [path for path in USUAL_SOCKETS if machine.status(path) is not None]
    port = options.get("port", "")
    closed = "skip-networking" in options and options["skip-networking"].lower() not in ("0", "off", "false")
    return Setting(
        folder=options.get("datadir") or USUAL_FOLDER,
        socket=options.get("socket") or (sockets or list(USUAL_SOCKETS))[0],
        port=None if closed else int(port) if port.isdecimal() and int(port) else 3306,
    )


def _sockets(machine: Machine, setting: Setting) -> tuple[str, ...]:
    return (machine.resolve(setting.socket),)


def _held(machine: Machine, setting: Setting) -> tuple[bool, Mapping[str, int | None] | None]:
    """Whether a server is there, and its databases with their tables; None when they could not be listed."""
    folder = machine.resolve(setting.folder)
    names = machine.listed(folder)
    if names is not None and ("ibdata1" in names or "mysql" in names):
        return True, dict(_by_folder(machine, folder, names))
    answered = _asked(machine, setting)
    if answered is not None:
        return True, answered
    closed = names is None and machine.is_folder(folder)
    if closed:
        machine.miss(folder, "permission denied", "denied")
    return closed or machine.status(setting.socket) is not None, None


def _by_folder(machine: Machine, folder: str, names: Iterable[str]) -> Iterator[tuple[str, int | None]]:
    for name in names:
        if name.startswith(("#", ".")) or decoded(name) in (*SYSTEM, "lost+found"):
            continue
        place = f"{folder}/{name}"
        if not machine.is_folder(place):
            continue
        tables = {each.rpartition(".")[0] for each in machine.names(place) if _ONE_TABLE.match(each)}
        yield decoded(name), len(tables)


def _asked(machine: Machine, setting: Setting) -> Mapping[str, int | None] | None:
    """What the server answers to the account of who runs us, through its socket, without any password."""
    if not machine.live or machine.status(setting.socket) is None:
        return None
    try:
        done = process.run(
            ["mariadb", "--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=5",
             "--protocol=SOCKET", f"--socket={setting.socket}"],
            input=_COUNTED.encode(), deadline_seconds=_ASK_SECONDS,
        )  # fmt: skip
    except IntendanceError as error:
        machine.miss(f"mariadb:{setting.socket}", error.message.rstrip("."))
        return None
    rows = [line.split("\t") for line in done.stdout.decode(errors="replace").splitlines()]
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[0] not in SYSTEM}


def _value(written: str) -> str:
    """The value of an option: without quotes, and without a comment behind it."""
    value = written.strip()
    if value[:1] in ("'", '"') and value.count(value[0]) > 1:
        return value[1 : value.index(value[0], 1)]
    return value.partition("#")[0].strip()
