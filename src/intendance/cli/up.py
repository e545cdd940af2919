"""`intendance up`: agent and manager on one machine, each a process of its own, speaking as in any fleet."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from intendance.agent import bell, membership, service
from intendance.agent.layout import StateLayout
from intendance.cli.manager import DEFAULT_LISTEN, Asked, command, read_listen
from intendance.cli.output import Invocation
from intendance.model.errors import IntendanceError, UsageError
from intendance.model.errors.fleet import ListeningRefused, ManagerUnreachable, NotJoined
from intendance.model.errors.runs import AgentRunning
from intendance.model.errors.state import LockHeld
from intendance.system import lock, process
from intendance.system.clock import Clock, monotonic_seconds, rfc3339, wait

if TYPE_CHECKING:
    from intendance.model.plan import Plan
    from intendance.system.process import Child

_KEPT_ENVIRONMENT = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE", "PGPASSFILE")
_READY_SECONDS = 300.0
_PATIENCE_SECONDS = 30.0
_WAITING = 2048
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
    with _alone(state), _listening(host, port) as opened:
        now, compiled = invocation.clock.read().at, adopted.plan_path(state)
        argv = command(state, plan, asked, now, compiled, descriptor=opened.fileno())
        manager = Part("manager", argv, _variables(plan), (opened.fileno(),))
        code = Supervisor(state, manager, (host, port), invocation.clock).run()
    if code:
        raise typer.Exit(code)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One `up` on a state folder, and no agent beside it. Raises AgentRunning."""
    answered = bell.ask(StateLayout(state).socket, {"do": "ping"})
    if answered is not None:
        raise AgentRunning(state=state, holder=f"process {answered.get('pid')}")
    try:
        with lock.held(state / "up.lock", purpose="intendance up"):
            yield
    except LockHeld as error:
        raise AgentRunning(state=state, holder=error.params["holder"]) from None


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """The manager's socket, held by who starts it: that it is taken is seen before anything runs, nobody else can take
    it between two managers, and who calls meanwhile waits. Raises ListeningRefused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        opened = socket.create_server((host, port), family=family, backlog=_WAITING)
    except OSError:
        raise ListeningRefused(host=host, port=port) from None
    with opened:
        yield opened


def _variables(plan: Plan) -> tuple[str, ...]:
    """Those that hold what the ways of telling people need."""
    ways = () if plan.alerts is None else (plan.alerts.email, plan.alerts.sms)
    kept = (None if way is None else way.credentials for way in ways)
    return tuple(each.env for each in kept if each is not None and each.env is not None)


class Part:
    """One of the two processes, and when it may be started again."""

    def __init__(
        self, name: str, argv: Sequence[str], variables: Sequence[str] = (), descriptors: Sequence[int] = ()
    ) -> None:
        self.name = name
        self.argv = argv
        self.descriptors = descriptors
        self.variables = (*_KEPT_ENVIRONMENT, *variables)
        self.child: Child | None = None
        self.started_at = 0.0
        self.pause_seconds = 0.0

    def start(self) -> None:
        """Start it; what it says goes to our own stderr."""
        kept = {name: os.environ[name] for name in self.variables if name in os.environ}
        self.child = process.start(self.argv, extra_environment=kept, pass_fds=self.descriptors, on_stderr=_repeat)
        self.started_at = monotonic_seconds()

    @property
    def lives(self) -> bool:
        """Whether it runs."""
        return self.child is not None and self.child.process.poll() is None

    @property
    def code(self) -> int:
        """How it ended: its exit code; negative: the signal that ended it."""
        return 0 if self.child is None else self.child.wait()

    def next_start(self) -> float:
        """When to start it again: at once after a long life, later and later after short ones."""
        if monotonic_seconds() - self.started_at > _LIVED_SECONDS:
            self.pause_seconds = 0.0
        self.pause_seconds = min(_LONGEST_PAUSE_SECONDS, max(1.0, self.pause_seconds * 2))
        return monotonic_seconds() + self.pause_seconds

    def end(self) -> None:
        """Tell it to end, and end it when it does not."""
        if self.child is not None and self.lives:
            with suppress(ProcessLookupError):
                os.kill(self.child.process.pid, signal.SIGTERM)
            self.child.has_ended(_PATIENCE_SECONDS)
            self.child.kill()


class Supervisor:
    """Starts both, lets the node join, and starts again what dies."""

    def __init__(self, state: Path, manager: Part, address: tuple[str, int], clock: Clock) -> None:
        self._state = state
        self._address = address
        self._url = f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"
        self._clock = clock
        self._ending = False
        self._manager = manager
        self._agent = Part("agent", (sys.executable, "-m", "intendance.agent.loop", str(state)))

    def run(self) -> int:
        """Work until SIGTERM, SIGINT or SIGHUP; the exit code, the manager's own where it never began.

        A node that belongs to this manager is looked after from the first moment, whatever becomes of the manager.
        Raises ManagerUnreachable when it does not begin and said nothing.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._told)
        try:
            known = self._belongs_here()
            if known:
                self._agent.start()
            self._manager.start()
            if self._await_manager():
                self._welcome(known=known)
            elif not known and not self._ending:
                return self._never_began()
            self._watch()
        finally:
            self._agent.end()
            self._manager.end()
        return 0

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self._ending = True

    def _belongs_here(self) -> bool:
        try:
            return self._url in membership.read(self._state).urls
        except NotJoined:
            return False

    def _await_manager(self) -> bool:
        """Whether the manager answers, before it ended, somebody ended us, or patience did."""
        end = monotonic_seconds() + _READY_SECONDS
        while not self._ending and not _is_well(self._address):
            if not self._manager.lives or monotonic_seconds() > end:
                return False
            wait(0.1)
        return not self._ending

    def _welcome(self, *, known: bool) -> None:
        """Let the node join; one that did is not left alone because that could not be looked at."""
        try:
            self._join()
        except IntendanceError as error:
            if not known:
                raise
            self._say(f"{error.message} {error.advice}")
        self._say(f"open {self._url}/ on this machine")

    def _never_began(self) -> int:
        """Its exit code: it has said why. Raises ManagerUnreachable when it says nothing."""
        if self._manager.lives:
            raise ManagerUnreachable(url=self._url, detail=f"it was not ready after {_READY_SECONDS:.0f} s")
        code = self._manager.code
        if code <= 0:
            raise ManagerUnreachable(url=self._url, detail=f"its process ended at once ({_ending_of(code)})")
        return code

    def _join(self) -> None:
        """Let this machine's node join, unless the manager knows it already: the same way as any other node."""
        from intendance.agent.joining import join, key_fingerprint
        from intendance.fleet.compose import open_nodes

        node = service.node_name(self._state)
        with open_nodes(self._state, self._clock) as (nodes, settings):
            known = nodes.known_key(node)
            if known is not None and self._belongs_here():
                return
            own = key_fingerprint(self._state, self._clock)
            # Whoever starts this is the administrator of both, and both keys lie on this machine.
            invited = nodes.invite(node, by="up", pin=settings.pin, key_fingerprint=None if known is None else own)
        join(self._state, self._url, invited.token, self._clock)
        self._say(f"{node} belongs to this manager")

    def _watch(self) -> None:
        due: dict[str, float] = {}
        if not self._ending and self._agent.child is None:
            self._agent.start()
        while not self._ending:
            for part in (self._manager, self._agent):
                if part.lives:
                    continue
                if part.name not in due:
                    due[part.name] = part.next_start()
                    how, pause = _ending_of(part.code), part.pause_seconds
                    self._say(f"the {part.name} ended ({how}) and is started again in {pause:.0f} s")
                elif monotonic_seconds() >= due[part.name]:
                    del due[part.name]
                    part.start()
            wait(0.2)

    def _say(self, sentence: str) -> None:
        sys.stderr.write(f"{rfc3339(self._clock.read().at)} {sentence}\n")
        sys.stderr.flush()


def _ending_of(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _repeat(line: bytes) -> None:
    with suppress(OSError):
        sys.stderr.write(line.decode(errors="backslashreplace"))
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
