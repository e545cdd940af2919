"""PostgreSQL as a manager speaks to it: for how long a silent line is believed in, what is kept of a text, and which of
its errors say that it is to be asked again."""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

SILENT_SECONDS = 10
"""A line over which nothing comes for so long is given up: the time after which nodes are told to keep their beats."""
_IDLE_SECONDS, _BETWEEN_SECONDS, _ASKED = 4, 2, 3
_LINE: Mapping[str, int] = MappingProxyType(
    {
        "connect_timeout": SILENT_SECONDS,
        "keepalives_idle": _IDLE_SECONDS,
        "keepalives_interval": _BETWEEN_SECONDS,
        "keepalives_count": _ASKED,
        "tcp_user_timeout": SILENT_SECONDS * 1000,
    }
)
"""Our end; the address may say otherwise. A socket in a folder is never silent."""
_OTHER_END = (
    f"SET tcp_keepalives_idle = {_IDLE_SECONDS}; SET tcp_keepalives_interval = {_BETWEEN_SECONDS}; "
    f"SET tcp_keepalives_count = {_ASKED}; SET tcp_user_timeout = {SILENT_SECONDS * 1000}"
)
"""The server's: it would keep the lease of a manager whose machine lost its power locked for two hours."""
_AWAY_CLASSES = frozenset({"08", "53", "57", "58", "XX"})
"""The line, its room, somebody who ends it, its system, its own faults: damage is no fault of a statement."""
_AWAY_STATES = frozenset({"25006", "25P03", "25P04", "40001", "40P01", "42501", "55P03"})
"""It only reads now (a standby); a transaction that took too long; two that stood in each other's way, of which one
gave way; it does not let this user; a lock that was not to be had."""


def line(told: Container[str]) -> dict[str, Any]:
    """How connections are made, where the address tells nothing else."""
    return {name: value for name, value in _LINE.items() if name not in told}


def set_up(connection: Any, _: Any) -> None:
    """A new connection of the driver. PostgreSQL's text holds no NUL. The doors refuse one; one that comes by another
    way is kept as U+FFFD, so that a sentence of one node never keeps what all others said from being written."""
    connection.adapters.register_dumper(str, _text_without_nul())
    connection.execute(_OTHER_END)
    connection.commit()


@cache
def _text_without_nul() -> type[Any]:
    from psycopg.types.string import StrDumperUnknown  # only where PostgreSQL is spoken to

    class Dumper(StrDumperUnknown):
        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\x00", "\ufffd"))

    return Dumper


def is_away(error: BaseException | None) -> bool:
    """Whether an error of the driver says that the server cannot be spoken to now, and not that a statement is wrong.
    Errors of a line that broke are of the driver's `OperationalError`, and bear no state of the server's."""
    state = getattr(error, "sqlstate", None)
    if not state:
        return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
    return state[:2] in _AWAY_CLASSES or state in _AWAY_STATES
