"""Asking database servers how busy they are, without ever waiting for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from intendance.activities.sample.databases import DatabaseSeen, deadlocks_since
from intendance.model.errors import IntendanceError
from intendance.model.plan import MariadbAsset

if TYPE_CHECKING:
    from intendance.engines.mariadb.client import Client

_PATIENCE_SECONDS = 0.5
Answered = tuple[tuple[DatabaseSeen, int], ...]


class Servers:
    """Asks on a thread of its own. What is not answered within a moment is taken at the next look; while the thread has
    not come back, nobody is asked anew. The client program has a deadline, and it ends with the agent.

    A connection's secret is kept as long as it opens the server: one that is read from a command is not asked for each
    minute.
    """

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._asked: tuple[MariadbAsset, ...] = ()
        self._found: dict[str, DatabaseSeen] = {}
        self._before: dict[str, DatabaseSeen] = {}
        self._clients: dict[str, Client] = {}

    def ask(self, assets: tuple[MariadbAsset, ...]) -> tuple[Answered, tuple[str, ...]]:
        """What they said, each with its deadlocks since it was asked before, and who said nothing."""
        taken = self._take()
        if self._thread is None and assets:
            self._asked, self._found = assets, {}
            self._thread = Thread(target=self._work, args=(assets,), daemon=True, name="database servers")
            self._thread.start()
            self._thread.join(_PATIENCE_SECONDS)
            taken = taken or self._take()
        return taken or ((), ())

    def folders(self) -> tuple[Path, ...]:
        """Where the data lies of the servers of this machine that ever answered."""
        local = {each.name for each in self._asked if each.connect.socket is not None}
        return tuple(Path(seen.folder) for name, seen in self._before.items() if name in local)

    def _take(self) -> tuple[Answered, tuple[str, ...]] | None:
        if self._thread is None or self._thread.is_alive():
            return None
        self._thread = None
        answered = tuple(self._with_deadlocks(self._found))
        self._before = {**self._before, **self._found}
        return answered, tuple(each.name for each in self._asked if each.name not in self._found)

    def _with_deadlocks(self, found: Mapping[str, DatabaseSeen]) -> Iterator[tuple[DatabaseSeen, int]]:
        for name, seen in found.items():
            yield seen, deadlocks_since(self._before.get(name), seen)

    def _work(self, assets: Sequence[MariadbAsset]) -> None:
        from intendance.engines.mariadb import pulse  # most nodes have a server, others need none of this
        from intendance.engines.mariadb.client import Client

        for asset in assets:
            try:
                client = self._clients.get(asset.name)
                if client is None or client.asset != asset:
                    self._forget(asset.name)
                    client = self._clients[asset.name] = Client(asset)
                felt = pulse.feel(client)
            except (IntendanceError, OSError, KeyError, ValueError):  # told as unanswered; the secret may have changed
                self._forget(asset.name)
                continue
            self._found[asset.name] = DatabaseSeen(
                asset=asset.name,
                connections=felt.connections,
                connections_allowed=felt.connections_allowed,
                query_ms=felt.query_ms,
                deadlocks=felt.deadlocks,
                uptime_seconds=felt.uptime_seconds,
                folder=felt.folder,
            )

    def _forget(self, name: str) -> None:
        client = self._clients.pop(name, None)
        if client is not None:
            client.close()
