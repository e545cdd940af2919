"""`intendance up`: agent and manager on one machine, each a process of its own, speaking as in any fleet."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from intendance.agent import membership, service
from intendance.cli.manager import DEFAULT_LISTEN, Asked, command, read_listen
from intendance.cli.output import Invocation
from intendance.model.errors import UsageError
from intendance.model.errors.fleet import ManagerUnreachable, NotJoined
from intendance.system import process
from intendance.system.clock import Clock, monotonic_seconds, rfc3339, wait

if TYPE_CHECKING:
    from intendance.model.plan import Plan
    from intendance.system.process import Child

_KEPT_ENVIRONMENT = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "PGPASSFILE")
_READY_SECONDS = 60.0
_PATIENCE_SECONDS = 15.0
_LONGEST_PAUSE_SECONDS = 30.0
_LIVED_SECONDS = 60.0


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("up")(up)


def up(
    context: typer.Context,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where the manager is reached on this machine.")
    ] = DEFAULT_LISTEN,
) -> None:
    """Run agent and manager until told to stop; the node joins by itself, and what dies is started again."""
    invocation: Invocation = context.obj
    state = invocation.state.absolute()
    service.require_adopted(state)
    host, port = read_listen(listen)
    if host not in {"127.0.0.1", "::1", "localhost"} or port == 0:
        raise UsageError(message="`up` listens on this machine alone: write for example `--listen 127.0.0.1:8484`.")
    from intendance.plan import adopted

    asked = Asked(host=host, port=port)
    plan = adopted.read(state)
    argv = command(state, plan, asked, invocation.clock.read().at, adopted.plan_path(state))
    Supervisor(state, argv, (host, port), invocation.clock, _variables(plan)).run()


def _variables(plan: Plan) -> tuple[str, ...]:
    """Those that hold what the ways of telling people need."""
    ways = () if plan.alerts is None else (plan.alerts.email, plan.alerts.sms)
    kept = (None if way is None else way.credentials for way in ways)
    return tuple(each.env for each in kept if each is not None and each.env is not None)


class Part:
    """One of the two processes, and when it may be started again."""

    def __init__(self, name: str, argv: Sequence[str], variables: Sequence[str] = ()) -> None:
        self.name = name
        self.argv = argv
        self.variables = (*_KEPT_ENVIRONMENT, *variables)
        self.child: Child | None = None
        self.started_at = 0.0
        self.pause_seconds = 0.0

    def start(self) -> None:
        """Start it; what it says goes to our own stderr."""
        kept = {name: os.environ[name] for name in self.variables if name in os.environ}
        self.child = process.start(self.argv, extra_environment=kept, on_stderr=_repeat)
        self.started_at = monotonic_seconds()

    @property
    def lives(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.process.poll() is None

    def next_start(self) -> float:
        """When to start it again: at once after a long life, later and later after short ones."""
        if monotonic_seconds() - self.started_at > _LIVED_SECONDS:
            self.pause_seconds = 0.0
        self.pause_seconds = min(_LONGEST_PAUSE_SECONDS, max(1.0, self.pause_seconds * 2))
        return monotonic_seconds() + self.pause_seconds

    def end(self) -> None:
        """Tell it to end, and end it when it does not."""
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.kill(self.child.process.pid, signal.SIGTERM)
            self.child.has_ended(_PATIENCE_SECONDS)
            self.child.kill()


class Supervisor:
    """Starts both, lets the node join, and starts again what dies."""

    def __init__(
        self,
        state: Path,
        manager_argv: Sequence[str],
        address: tuple[str, int],
        clock: Clock,
        variables: Sequence[str] = (),
    ) -> None:
        self._state = state
        self._address = address
        self._clock = clock
        self._ending = False
        self._manager = Part("manager", manager_argv, variables)
        self._agent = Part("agent", (sys.executable, "-m", "intendance.agent.loop", str(state)))

    def run(self) -> None:
        """Work until SIGTERM or SIGINT. Raises ManagerUnreachable when the manager does not begin."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        try:
            self._manager.start()
            self._await_manager()
            if self._ending:
                return
            self._join()
            self._agent.start()
            self._say(f"open http://{self._address[0]}:{self._address[1]}/ on this machine")
            self._watch()
        finally:
            self._agent.end()
            self._manager.end()

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _await_manager(self) -> None:
        end = monotonic_seconds() + _READY_SECONDS
        url = f"http://{self._address[0]}:{self._address[1]}"
        while not self._ending and not _is_well(self._address):
            if not self._manager.lives:
                raise ManagerUnreachable(url=url, detail="its process ended; what it said stands above")
            if monotonic_seconds() > end:
                raise ManagerUnreachable(url=url, detail=f"it was not ready after {_READY_SECONDS:.0f} s")
            wait(0.1)

    def _join(self) -> None:
        """Let this machine's node join, unless the manager knows it already: the same way as any other node."""
        from intendance.agent.joining import join, key_fingerprint
        from intendance.fleet.compose import open_nodes

        node = service.node_name(self._state)
        url = f"http://{self._address[0]}:{self._address[1]}"
        with open_nodes(self._state, self._clock) as (nodes, settings):
            known = nodes.known_key(node)
            try:
                if known is not None and url in membership.read(self._state).urls:
                    return
            except NotJoined:
                pass
            own = key_fingerprint(self._state, self._clock)
            # Whoever starts this is the administrator of both, and both keys lie on this machine.
            invited = nodes.invite(node, by="up", pin=settings.pin, key_fingerprint=None if known is None else own)
        join(self._state, url, invited.token, self._clock)
        self._say(f"{node} belongs to this manager")

    def _watch(self) -> None:
        due: dict[str, float] = {}
        while not self._ending:
            for part in (self._manager, self._agent):
                if part.lives:
                    continue
                if part.name not in due:
                    due[part.name] = part.next_start()
                    self._say(f"the {part.name} ended and is started again in {part.pause_seconds:.0f} s")
                elif monotonic_seconds() >= due[part.name]:
                    del due[part.name]
                    part.start()
            wait(0.2)

    def _say(self, sentence: str) -> None:
        sys.stderr.write(f"{rfc3339(self._clock.read().at)} {sentence}\n")
        sys.stderr.flush()


def _repeat(line: bytes) -> None:
    with suppress(OSError):
        sys.stderr.buffer.write(line)
        sys.stderr.flush()


def _is_well(address: tuple[str, int]) -> bool:
    connection = http.client.HTTPConnection(*address, timeout=2)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return answer.status == 200 and json.loads(answer.read())["status"] == "ok"
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return False
    finally:
        connection.close()
