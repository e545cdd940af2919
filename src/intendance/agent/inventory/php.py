"""What the configuration of PHP applications says about databases and folders. Pure; a password is never taken."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import unquote

from intendance.model.frozen import dataclass

_STRING = r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\""""
_COMMENT = re.compile(rf"(?P<kept>{_STRING})|/\*.*?(?:\*/|\Z)|//[^\n]*|\#[^\n]*", re.DOTALL)
_DEFINE = re.compile(rf"\bdefine\s*\(\s*(?P<name>{_STRING})\s*,\s*(?P<value>{_STRING})\s*\)", re.IGNORECASE)
_ASSIGNED = re.compile(rf"\$(?P<name>\w+)\s*=\s*(?P<value>{_STRING})\s*;")
_ITEM = re.compile(rf"(?P<name>{_STRING})\s*=>\s*(?P<value>{_STRING})")
_DRUPAL = re.compile(
    r"\$databases\s*\[[^\]]+\]\s*\[[^\]]+\]\s*=\s*(?:array\s*\(|\[)(?P<items>.*?)(?:\)|\])\s*;", re.DOTALL
)
_DRUPAL_WHOLE = re.compile(r"\$databases\s*=\s*(?:array\s*\(|\[)(?P<items>.*?);", re.DOTALL)
_ENV = re.compile(r"^\s*(?:export\s+)?(?P<name>[A-Z][A-Z0-9_]*)\s*=\s*(?P<value>.*?)\s*$", re.MULTILINE)
_URL = re.compile(
    r"(?P<scheme>[a-z0-9+_-]+)://(?:[^@/]*@)?(?P<host>\[[^\]]*\]|[^:/?#]*)(?::(?P<port>\d+))?/(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?",
    re.IGNORECASE,
)
ENGINES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("mysql", "mysqli", "mariadb", "pdo_mysql", "pdo-mysql", "mysql2"), "mariadb")
    | dict.fromkeys(("pgsql", "postgresql", "postgres", "pdo_pgsql", "pdo-pgsql"), "postgresql")
    | dict.fromkeys(("sqlite", "sqlite3", "pdo_sqlite", "pdo-sqlite"), "sqlite")
)
"""The words of PHP, of frameworks and of applications for an engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A database that an application uses. `host` is a name, an address, the path of a socket, or empty for this
    machine; `name` is a file's path for SQLite."""

    engine: str
    name: str
    host: str = ""
    port: int | None = None


def without_comments(text: str) -> str:
    """The text of a PHP file without its comments; strings stay as they are."""
    return _COMMENT.sub(lambda found: found["kept"] or " ", text)


def defined(text: str) -> Mapping[str, str]:
    """Constants that are defined as plain texts, the first definition of each."""
    found: dict[str, str] = {}
    for each in _DEFINE.finditer(without_comments(text)):
        found.setdefault(_plain(each["name"]), _plain(each["value"]))
    return found


def assigned(text: str) -> Mapping[str, str]:
    """Variables that are assigned plain texts, the last assignment of each."""
    return {each["name"]: _plain(each["value"]) for each in _ASSIGNED.finditer(without_comments(text))}


def items(text: str) -> Mapping[str, str]:
    """Members of arrays that are plain texts, the first of each key."""
    found: dict[str, str] = {}
    for each in _ITEM.finditer(without_comments(text)):
        found.setdefault(_plain(each["name"]), _plain(each["value"]))
    return found


def wordpress(text: str, *, otherwise: str = "") -> Use | None:
    """The database of a `wp-config.php`; `otherwise` is its name where the file leaves it to the package."""
    constants = defined(text)
    name = constants.get("DB_NAME", otherwise)
    if not name:
        return None
    host, port = host_and_port(constants.get("DB_HOST", ""))
    return Use(engine="mariadb", name=name, host=host, port=port)


def drupal(text: str) -> tuple[Use, ...]:
    """The databases of a `settings.php`."""
    plain = without_comments(text)
    found = _DRUPAL.findall(plain) or _DRUPAL_WHOLE.findall(plain)
    uses = []
    for block in found:
        members = items(block)
        engine = ENGINES.get(members.get("driver", "mysql").lower())
        if engine is not None and members.get("database"):
            host = members.get("unix_socket") or members.get("host", "")
            port = members.get("port", "")
            uses.append(
                Use(engine=engine, name=members["database"], host=host, port=int(port) if port.isdecimal() else None)
            )
    return tuple(uses)


def nextcloud(text: str) -> tuple[Use | None, str]:
    """The database of a `config.php` and the folder of the users' files."""
    members = items(text)
    engine = ENGINES.get(members.get("dbtype", "").lower())
    folder = members.get("datadirectory", "")
    if engine == "sqlite":
        return Use(engine=engine, name=f"{folder}/{members.get('dbname', 'owncloud')}.db"), folder
    if engine is None or not members.get("dbname"):
        return None, folder
    host, port = host_and_port(members.get("dbhost", ""))
    return Use(engine=engine, name=members["dbname"], host=host, port=port), folder


def dolibarr(text: str) -> tuple[Use | None, str]:
    """The database of a `conf.php` and the folder of the documents."""
    variables = assigned(text)
    engine = ENGINES.get(variables.get("dolibarr_main_db_type", "mysqli").lower())
    folder = variables.get("dolibarr_main_data_root", "")
    name = variables.get("dolibarr_main_db_name", "")
    if engine is None or not name:
        return None, folder
    port = variables.get("dolibarr_main_db_port", "")
    host = variables.get("dolibarr_main_db_host", "")
    return Use(engine=engine, name=name, host=host, port=int(port) if port.isdecimal() and int(port) else None), folder


def environment(*texts: str) -> Mapping[str, str]:
    """The variables of `.env` files, a later file over an earlier one."""
    found: dict[str, str] = {}
    for text in texts:
        for each in _ENV.finditer(text):
            value = each["value"]
            if value[:1] in "'\"" and value[:1] and value[0] in value[1:]:
                value = value[1 : value.index(value[0], 1)]
            else:
                value = value.partition(" #")[0].rstrip()
            found[each["name"]] = value
    return found


def symfony(variables: Mapping[str, str], folder: str) -> tuple[Use, ...]:
    """The databases of all `…DATABASE_URL` of an environment."""
    urls = [value for name, value in variables.items() if name.endswith("DATABASE_URL")]
    return tuple(use for use in (from_url(url, folder) for url in urls) if use is not None)


def laravel(variables: Mapping[str, str], folder: str) -> tuple[Use, ...]:
    """The database of Laravel's `DB_…` variables."""
    if variables.get("DB_URL"):
        use = from_url(variables["DB_URL"], folder)
        return () if use is None else (use,)
    engine = ENGINES.get(variables.get("DB_CONNECTION", "").lower())
    name = variables.get("DB_DATABASE", "")
    if engine == "sqlite":
        return (Use(engine=engine, name=name or f"{folder}/database/database.sqlite"),)
    if engine is None or not name:
        return ()
    port = variables.get("DB_PORT", "")
    host = variables.get("DB_SOCKET") or variables.get("DB_HOST", "")
    return (Use(engine=engine, name=name, host=host, port=int(port) if port.isdecimal() else None),)


def from_url(url: str, folder: str) -> Use | None:
    """`mysql://user:…@127.0.0.1:3306/shop?serverVersion=…`; what stands before the host is dropped unread."""
    found = _URL.match(url)
    engine = None if found is None else ENGINES.get(found["scheme"].lower())
    if found is None or engine is None:
        return None
    path = unquote(found["path"])
    if engine == "sqlite":
        path = path.replace("%kernel.project_dir%", folder).replace("%kernel.environment%", "prod")
        return Use(engine=engine, name=path if path.startswith("/") else f"/{path}")
    socket = re.search(r"(?:^|&)(?:unix_socket|host)=([^&]+)", found["query"] or "")
    host = unquote(socket[1]) if socket else unquote(found["host"].strip("[]"))
    return Use(engine=engine, name=path, host=host, port=int(found["port"]) if found["port"] else None)


def host_and_port(written: str) -> tuple[str, int | None]:
    """`db.example.org:3307`, `localhost:/run/mysqld/mysqld.sock`, `:/tmp/mysql.sock`, `::1`, `[::1]:3306`."""
    if written.startswith("/"):
        return written, None
    bracketed = re.fullmatch(r"\[(?P<host>[^\]]+)\](?::(?P<port>\d+))?", written)
    if bracketed:
        return bracketed["host"], int(bracketed["port"]) if bracketed["port"] else None
    host, _, rest = written.partition(":")
    if rest.startswith("/"):
        return rest, None
    if written.count(":") > 1:
        return written, None
    return host, int(rest) if rest.isdecimal() else None


def _plain(quoted: str) -> str:
    """The text between quotes. Variables within double quotes stay as written: nothing here can know them."""
    return re.sub(r"\\(['\"\\$])", r"\1", quoted[1:-1])
