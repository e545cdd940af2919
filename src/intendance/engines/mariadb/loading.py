"""Who takes the dump of a database: the client, or two of them (`two_sessions.py`) where there are large tables."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import intendance
from intendance.engines import Consumer, StreamInSet

DEFER_FROM_BYTES = 4 << 20
"""Of data and indexes as the server estimated them: below, a second statement costs more than it saves."""
DEFERRED_TABLES = 500  # their names are arguments of a program
INDEX_DEADLINE_SECONDS = 6 * 3600.0
"""How long making the indexes of the last table may take, while nothing is read."""


def deferred_tables(stream: StreamInSet) -> tuple[str, ...]:
    """The tables whose secondary indexes are worth being made after their rows, the largest first."""
    sizes = {
        str(table["name"]): int(table["data_bytes"]) + int(table["index_bytes"])
        for table in stream.details.get("tables", ())
        if table["engine"] == "InnoDB"
    }
    large = [name for name in sizes if sizes[name] >= DEFER_FROM_BYTES and "\0" not in name]
    return tuple(sorted(large, key=lambda name: -sizes[name])[:DEFERRED_TABLES])


def consumer(
    stream: StreamInSet,
    client: tuple[str, ...],
    finish: Callable[[int, str], None],
    *,
    pass_fds: tuple[int, ...] = (),
    head: Callable[[bytes], bytes] | None = None,
    silent: bool = False,
    plain: bool = False,
) -> Consumer:
    """The client, or where it pays two of them (`plain`: never). `silent`: events are made disabled."""
    tables = () if plain else deferred_tables(stream)
    silent = silent and stream.details.get("objects", {}).get("event", 0) > 0
    if not tables and not silent:
        return Consumer(stream=stream.name, argv=client, finish=finish, pass_fds=pass_fds, head=head)
    return Consumer(
        stream=stream.name,
        argv=argv(client, tables, pass_fds, silent=silent),
        environment=environment(),
        finish=finish,
        pass_fds=pass_fds,
        head=head,
        stall_seconds=INDEX_DEADLINE_SECONDS,
    )


def argv(
    client: Sequence[str], deferred: Sequence[str], pass_fds: Sequence[int], *, silent: bool = False
) -> tuple[str, ...]:
    """The program with two sessions. `client` are the client's arguments, `deferred` names of tables; `silent`: events
    are made disabled."""
    options = [f"--defer={name}" for name in deferred] + [f"--pass-fd={number}" for number in pass_fds]
    options += ["--silence-events"] if silent else []
    return (sys.executable, "-P", "-m", f"{__package__}.two_sessions", *options, "--", *client)


def environment() -> dict[str, str]:
    """What that program needs beside the usual: where it is."""
    return {"PYTHONPATH": str(Path(intendance.__file__).parents[1])}
