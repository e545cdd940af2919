"""Whoever watches the manager from elsewhere: asked each minute while the manager really watches, and not otherwise.

It works in a thread of its own: an observer that is slow, refuses or lies holds up neither the leader nor a message.
What it is told is nothing but that all is well; when it is asked no more, it is the one that tells people.
"""

from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete

from intendance.fleet.alerts import outbox, recording
from intendance.fleet.alerts.own import ANSWERED, FAILING, OBSERVER
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.recording import Sighting
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.settings import read_setting, write_setting
from intendance.fleet.database.tables import setting
from intendance.fleet.detection import canary, decide
from intendance.fleet.detection.leader import TICK
from intendance.model.errors import IntendanceError
from intendance.model.frozen import dataclass
from intendance.notifiers.line import Line, trusted
from intendance.notifiers.web import get
from intendance.system.clock import Clock

DEADLINE_SECONDS = 10.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking: empty where it was taken, else the other side's code, or a word of ours."""

    fault: str


class Observer:
    """Asks the observer of the plan. `leads`: whether this manager is the one that watches; `heard_us`: when it wrote
    beats last; `context` gives the TLS that is trusted."""

    def __init__(
        self,
        database: Database,
        policy: Callable[[], Policy],
        clock: Clock,
        *,
        leads: Callable[[], bool],
        heard_us: Callable[[], int],
        context: Callable[[], ssl.SSLContext] = trusted,
    ) -> None:
        self._database = database
        self._policy = policy
        self._clock = clock
        self._leads = leads
        self._heard_us = heard_us
        self._context = context
        self._asked: tuple[str, int] | None = None
        self.fault: IntendanceError | None = None

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop; a database that cannot be reached is what the observer is to notice."""
        while not stop.wait(_LOOK_SECONDS):
            try:
                self.look()
                self.fault = None
            except IntendanceError as error:
                self.fault = error

    def look(self) -> Asked | None:
        """Ask if it is time and all is well; None where it was not asked. Raises DatabaseUnreachable."""
        if not self._leads():
            return None
        policy = self._policy()
        url = None if policy.alerts is None else policy.alerts.observer
        now_us = to_us(self._clock.read().at)
        if url is None:
            self._forget(now_us)
            return None
        if self._asked is not None and self._asked[0] == url and not _is_due(self._asked[1], now_us):
            return None
        with self._database.read() as connection:
            well = may_hear(connection, self._heard_us(), now_us)
        if not well:
            return None  # asked as soon as all is well again, not a minute later
        self._asked = url, now_us
        asked = ask(url, self._context, DEADLINE_SECONDS)
        with self._database.begin() as connection:
            recording.alone(connection)
            note(connection, policy, url, asked, to_us(self._clock.read().at))
        return asked

    def _forget(self, now_us: int) -> None:
        """A plan that has no observer any more has none that fails."""
        self._asked = None
        with self._database.read() as connection:
            known = read_setting(connection, ANSWERED) or read_setting(connection, FAILING)
        if known is None:
            return
        with self._database.begin() as connection:
            recording.alone(connection)
            connection.execute(delete(setting).where(setting.c.name.in_((ANSWERED, FAILING))))
            recording.clear_many(connection, [unreached("", "").key], now_us)


def _is_due(asked_us: int, now_us: int) -> bool:
    return not 0 <= now_us - asked_us < decide.OBSERVER_EVERY_US


def may_hear(connection: Connection, heard_us: int, now_us: int) -> bool:
    """Whether all is well with the watching itself."""
    oldest_us = outbox.oldest_due_us(connection)
    tick_us, canary_us = read_setting(connection, TICK), read_setting(connection, canary.DONE)
    return decide.observer_may_hear(now_us, tick_us, heard_us, oldest_us, canary_us)


def ask(url: str, context: Callable[[], ssl.SSLContext], deadline_seconds: float) -> Asked:
    """One request, ended at its deadline whatever the other side does; no redirection is followed: the address of an
    observer is its secret."""
    with Line(deadline_seconds) as line:
        try:
            status = get(line, url, context).status
        except (OSError, http.client.HTTPException, ValueError) as failure:
            return Asked(_word(failure, overdue=line.overdue))
        if line.overdue:
            return Asked("timeout")
    return Asked("" if 200 <= status < 300 else str(status))


def _word(failure: Exception, *, overdue: bool) -> str:
    if overdue or isinstance(failure, TimeoutError):
        return "timeout"
    return "tls" if isinstance(failure, ssl.SSLError) else "connection"


def note(connection: Connection, policy: Policy, url: str, asked: Asked, now_us: int) -> None:
    """Write down what came of it; one that does not answer for five minutes is an alert, which its answer ends."""
    if not asked.fault:
        write_setting(connection, ANSWERED, now_us)
        connection.execute(delete(setting).where(setting.c.name == FAILING))
        recording.clear_many(connection, [unreached("", "").key], now_us)
        return
    since_us = read_setting(connection, FAILING)
    if since_us is None or since_us > now_us:
        write_setting(connection, FAILING, now_us)
    elif now_us - since_us >= decide.OBSERVER_FAILS_US:
        recording.raise_many(connection, [unreached(url, asked.fault)], policy, now_us)


def unreached(url: str, code: str) -> Sighting:
    """That nobody watches the manager from elsewhere. Of the address only the machine is told."""
    params = (("host", urlsplit(url).hostname or "?"), ("code", code))
    return Sighting(cause=OBSERVER, urgency="warning", params=params)
