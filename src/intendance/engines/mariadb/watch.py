"""A bound on how long a backup waits for a lock: mariadb-dump has no option for it, that of mariadb-backup waits for
what blocks nothing as well, and the server's own bound is a day.

While a dump runs, a second connection looks every few seconds whether one of the dump's statements waits for a lock,
and cuts it short when it has waited too long.
"""

from __future__ import annotations

import threading
from dataclasses import field

from intendance.engines.mariadb.client import Client
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass

# The statements of mariadb-dump (`client/mysqldump.cc`) and mariadb-backup that take locks; a person's ALTER TABLE is
# not among them.
_WAITING = """
SELECT ID, STATE, INFO FROM information_schema.PROCESSLIST
 WHERE ID > {marker} AND ID <> CONNECTION_ID() AND USER = SUBSTRING_INDEX(USER(), '@', 1)
   AND STATE LIKE 'Waiting for %lock%' AND TIME_MS >= {bound_ms}
   AND INFO REGEXP '^(SELECT /\\\\*!40001 SQL_NO_CACHE|show |LOCK TABLES .* READ|BACKUP STAGE )';
"""


@dataclass(slots=True)
class LockWatch:
    """Watches the connections of this account that are younger than `marker`, until `stop`."""

    client: Client
    bound_seconds: float
    poll_seconds: float
    blocked: str | None = None
    trouble: IntendanceError | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, before the dump connects. Raises SourceUnreachable and the like."""
        ((marker,),) = self.client.query("SELECT CONNECTION_ID();")
        self._thread = threading.Thread(target=self._watch, args=(int(marker),), name="lock watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, when the dump has ended."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _watch(self, marker: int) -> None:
        sql = _WAITING.format(marker=marker, bound_ms=int(self.bound_seconds * 1000))
        while not self._stop.wait(self.poll_seconds):
            try:
                for number, state, statement in self.client.query(sql):
                    self.blocked = f"`{statement[:120]}` had been {state.lower()} for {self.bound_seconds:g} s"
                    self.client.query(f"KILL QUERY {number};")
            except IntendanceError as failure:
                # A server that went away ends the dump too, which then says so; this is kept for that message.
                self.trouble = failure
                return
