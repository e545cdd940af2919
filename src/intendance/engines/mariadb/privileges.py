"""Which rights an account of MariaDB has, read from `SHOW GRANTS`, and the statements that give what is missing. Pure.

`SHOW GRANTS` is the only place that shows the rights that come by roles too. Rights that are missing would not make a
dump fail: what the account may not see is silently left out, so they are asked for beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from intendance.model.frozen import dataclass

PER_DATABASE = ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")
LOCKING = "LOCK TABLES"
COPYING = ("RELOAD", "PROCESS")
BINARY_LOG = "BINLOG MONITOR"
ALL = "ALL PRIVILEGES"

_GRANT = re.compile(
    r"^GRANT (?P<rights>.+?) ON (?P<place>\*\.\*|`(?:[^`]|``)*`\.(?:\*|`(?:[^`]|``)*`)) TO (?P<grantee>\S+)"
)
_COLUMNS = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Rights on everything (`database` None), on the databases that match a pattern, or on one table."""

    rights: frozenset[str]
    grantee: str = ""
    database: str | None = None
    table: str | None = None

    def gives(self, right: str) -> bool:
        return right in self.rights or ALL in self.rights

    @property
    def specificity(self) -> int:
        """How far the pattern goes before its first wildcard; a pattern without one goes furthest."""
        wildcard = re.search(r"(?<!\\)[_%]", self.database or "")
        return wildcard.start() if wildcard else 1 << 30


def parse(lines: Iterable[str]) -> tuple[Grant, ...]:
    """The grants among the lines of `SHOW GRANTS`; those of roles to accounts and the like are passed over."""
    found = []
    for line in lines:
        match = _GRANT.match(line)
        if match is None:
            continue
        # Rights on some columns only (`SELECT (a, b)`) are not rights on the table.
        named = [right.strip() for right in _COLUMNS.sub(" of columns", match["rights"]).split(",")]
        database, table = _place(match["place"])
        found.append(Grant(rights=frozenset(named), grantee=match["grantee"], database=database, table=table))
    return tuple(found)


def has(grants: Sequence[Grant], right: str, database: str, table: str | None = None) -> bool:
    """Whether `right` holds on the whole database, or on its one table."""
    on_databases: dict[str, Grant] = {}
    for grant in grants:
        if grant.database is None or (grant.table is not None and (grant.database, grant.table) == (database, table)):
            if grant.gives(right):
                return True
        elif grant.table is None and _like(grant.database, database):
            # Of several patterns given to one account, the server uses the most specific one only.
            other = on_databases.get(grant.grantee)
            if other is None or grant.specificity > other.specificity:
                on_databases[grant.grantee] = grant
    return any(grant.gives(right) for grant in on_databases.values())


def missing(
    grants: Sequence[Grant], account: str, databases: Sequence[str], *, locking: Sequence[str] = ()
) -> tuple[str, ...]:
    """The GRANT statements without which a dump of `databases` would fail or leave something out.

    `locking` are those that are read under lock. `account` is `user@host` as CURRENT_USER() gives it.
    """
    statements = []
    for database in databases:
        wanted = [*PER_DATABASE, *([LOCKING] if database in locking else [])]
        lacking = [right for right in wanted if not has(grants, right, database)]
        if lacking:
            statements.append(
                f"GRANT {', '.join(lacking)} ON {quoted_pattern(database)}.* TO {quoted_account(account)};"
            )
    if not reads_routines(grants, databases):
        statements.append(f"GRANT SELECT ON mysql.proc TO {quoted_account(account)};")
    return tuple(statements)


def missing_for_copy(grants: Sequence[Grant], account: str, *, binary_log: bool) -> tuple[str, ...]:
    """The GRANT statement without which mariadb-backup ends early, or nothing.

    Found by trying each on 10.11.19: no other right is asked for. With a binary log and without BINLOG MONITOR it ends
    only after everything was copied.
    """
    wanted = (*COPYING, BINARY_LOG) if binary_log else COPYING
    everywhere = [grant for grant in grants if grant.database is None]
    lacking = [right for right in wanted if not any(grant.gives(right) for grant in everywhere)]
    return (f"GRANT {', '.join(lacking)} ON *.* TO {quoted_account(account)};",) if lacking else ()


def reads_routines(grants: Sequence[Grant], databases: Sequence[str]) -> bool:
    """Whether the bodies of all routines can be read: `mysql.proc`, or SHOW CREATE ROUTINE (MariaDB 11.3 and later)."""
    return has(grants, "SELECT", "mysql", "proc") or all(has(grants, "SHOW CREATE ROUTINE", name) for name in databases)


def reads_accounts(grants: Sequence[Grant]) -> bool:
    """Whether the accounts of the server can be dumped."""
    return has(grants, "SELECT", "mysql")


def accounts_grant(account: str) -> str:
    """The statement that lets `account` dump the accounts of the server."""
    return f"GRANT SELECT ON mysql.* TO {quoted_account(account)};"


def restoring(account: str, database: str) -> tuple[str, ...]:
    """The statements that let `account` restore into the new `database`."""
    return (
        f"GRANT ALL PRIVILEGES ON {quoted_pattern(database)}.* TO {quoted_account(account)};",
        f"GRANT SET USER ON *.* TO {quoted_account(account)};",
    )


def quoted(name: str) -> str:
    """A name as SQL takes it, in backquotes."""
    return "`" + name.replace("`", "``") + "`"


def quoted_pattern(name: str) -> str:
    """A database's name in a GRANT, where `_` and `%` would be wildcards."""
    return quoted(name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))


def quoted_account(account: str) -> str:
    """`user@host` with both halves quoted; the last @ separates them."""
    user, _, host = account.rpartition("@")
    return f"{quoted(user)}@{quoted(host)}"


def _place(written: str) -> tuple[str | None, str | None]:
    if written == "*.*":
        return None, None
    names = re.findall(r"`((?:[^`]|``)*)`", written)
    unquoted = [name.replace("``", "`") for name in names]
    return unquoted[0], unquoted[1] if len(unquoted) > 1 else None


def _like(pattern: str, name: str) -> bool:
    expression = re.sub(r"\\(.)|(%)|(_)|(.)", _like_part, pattern, flags=re.DOTALL)
    return re.fullmatch(expression, name, flags=re.DOTALL) is not None


def _like_part(match: re.Match[str]) -> str:
    escaped, percent, underscore, plain = match.groups()
    if percent:
        return ".*"
    if underscore:
        return "."
    return re.escape(escaped if escaped is not None else plain)
