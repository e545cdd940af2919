"""`python -m intendance.api.serve`: the manager's process, as `intendance manager` becomes it. SIGTERM drains it."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from intendance import __version__
from intendance.api.app import create_app
from intendance.api.connection import Connection, allow_many
from intendance.api.operation import Services as Asked
from intendance.api.presenting import Presenting
from intendance.fleet.compose import Settings, faces, open_manager
from intendance.fleet.manager import Manager
from intendance.fleet.planning.service import Requests
from intendance.model.errors import IntendanceError
from intendance.model.errors.fleet import ListeningRefused
from intendance.model.errors.state import refusal
from intendance.model.frozen import dataclass
from intendance.system import arenas
from intendance.system.clock import Clock, SystemClock, rfc3339
from intendance.system.presented import Presented
from intendance.system.shown import shield_streams
from intendance.web.live import Live
from intendance.web.visit import Services
from intendance.web.warm import keep_warm

_KEPT_OPEN_SECONDS = 90
"""Longer than the minute between two beats: a handshake costs ten beats (research/fleet.md, 0)."""
_DRAIN_SECONDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the manager listens, and with which certificate. `authority` is the one it made for itself, if it did;
    `descriptor` a socket that listens there already, inherited from who started it."""

    host: str
    port: int
    certificate: str = ""
    key: str = ""
    authority: str = ""
    behind_proxy: bool = False
    descriptor: int | None = None


class _Server(uvicorn.Server):
    """uvicorn ends itself by the signal that it was told by; a manager that was drained has ended well. Open pages are
    let go first: they would keep it waiting."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every stream, then what uvicorn ends."""
        self._live.end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Be told by SIGTERM and SIGINT while serving."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(settings: Settings, listening: Listening, clock: Clock, requests: Requests | None = None) -> int:
    """Serve until told to stop; the plan and the certificate are read again as often as `requests` says. The exit code:
    0 for who was told to, 1 for who ended otherwise, so that a manager that broke is started anew.

    Raises ListeningRefused, CertificateUnusable, FleetOfAnother, DatabaseTooNew, DatabaseUnreachable.
    """

    def say(sentence: str) -> None:
        with suppress(OSError):  # the journal is away, or its disk is full: that ends no thread that watches
            sys.stderr.write(f"{rfc3339(clock.read().at)} {sentence}\n")
            sys.stderr.flush()

    allow_many()
    requests = requests or Requests()
    presented = Presented(Path(listening.certificate), Path(listening.key)) if listening.certificate else None
    with open_manager(settings, clock, say, requests) as manager:
        if presented is not None:
            own = Path(listening.authority).parent if listening.authority else None
            manager.loops["certificate"] = partial(Presenting(presented, own, clock, say).run, requests)
        app, live = _app(manager, settings, listening)
        config = uvicorn.Config(
            app,
            host=listening.host,
            port=listening.port,
            loop="uvloop",
            http=Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=listening.behind_proxy,
            forwarded_allow_ips="127.0.0.1,::1" if listening.behind_proxy else None,
            timeout_keep_alive=_KEPT_OPEN_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            ssl_context_factory=None if presented is None else lambda _config, _default: presented.context,
        )
        scheme = "https" if listening.certificate else "http"
        bound = _bound(listening, config)
        say(f"manager {__version__} of {settings.fleet} on {scheme}://{listening.host}:{bound.getsockname()[1]}")
        server = _Server(config, live)
        server.run(sockets=[bound])
        say("manager ends")
        return 0 if server.started and not manager.broken else 1


def _bound(listening: Listening, config: uvicorn.Config) -> socket.socket:
    """The socket that it listens on. Raises ListeningRefused."""
    if listening.descriptor is not None:
        return socket.socket(fileno=listening.descriptor)
    try:
        return config.bind_socket()
    except SystemExit:
        raise ListeningRefused(host=listening.host, port=listening.port) from None


def _app(manager: Manager, settings: Settings, listening: Listening) -> tuple[ASGIApp, Live]:
    """All that a manager answers (nodes, programs, people), and the streams of its open pages."""
    behind = faces(manager, settings)
    live = Live(behind.verdicts.stamps)
    pages = Services(
        accounts=behind.accounts,
        fleet=behind.verdicts,
        ledgers=behind.ledgers,
        log=behind.log,
        assets=behind.assets,
        plans=behind.plans,
        runs=behind.runs,
        alerts=behind.alerts,
        live=live,
        clock=manager.clock,
        policy=manager.policy,
        secure=settings.secure,
    )
    manager.loops["warm"] = partial(keep_warm, behind.verdicts, manager.say)
    asked = Asked(
        tokens=behind.tokens,
        reading=behind.reading,
        counting=behind.counting,
        alerts=behind.alerts,
        log=behind.log,
        fleet=settings.fleet,
        accounts=behind.accounts,
    )
    authority = Path(listening.authority) if listening.authority else None
    return create_app(manager, authority=authority, pages=pages, asked=asked), live


def main(arguments: Sequence[str], clock: Clock | None = None) -> int:
    """Serve as one argument, a JSON object, says: `settings` and `listening`; by the system's clock, or another."""
    arenas.few()
    shield_streams()
    told = json.loads(arguments[0])
    kept = told["settings"]
    settings = Settings(**kept | {"state": Path(kept["state"]), "urls": tuple(kept["urls"])})
    requests = Requests()
    signal.signal(signal.SIGHUP, requests)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # what came while this process began is told now
    try:
        return serve(settings, Listening(**told["listening"]), clock or SystemClock(), requests)
    except IntendanceError as error:
        known: IntendanceError | None = error
    except OSError as error:
        known = refusal(error)
        if known is None:
            raise
    except KeyboardInterrupt:
        return 0
    if known is not None:
        sys.stderr.write(f"error: {known.message}\n  → {known.advice}\n")
        return int(known.exit_code)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
