"""`intendance manager`: the process that hears every node of a fleet."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from intendance.cli.output import Invocation
from intendance.model.errors import UsageError
from intendance.model.frozen import dataclass

if TYPE_CHECKING:
    from intendance.model.plan import Plan
    from intendance.plan.load import Checked

DEFAULT_LISTEN = "127.0.0.1:8484"
_PLANS = (Path("intendance.yaml"), Path("/etc/intendance/intendance.yaml"))


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("manager")(manager)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Where a manager is to listen, and how it is reached."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    names: tuple[str, ...] = ()
    database: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """The file of a plan, and the SHA-256 of what was read of it."""

    path: str
    sha256: str


NO_SOURCE = Source("", "")
"""`up` follows what its agent adopted."""


def manager(
    context: typer.Context,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where nodes and people reach it.")] = DEFAULT_LISTEN,
    database: Annotated[
        str, typer.Option(metavar="ADDRESS", help="postgresql://USER@HOST/NAME; else SQLite in the state folder.")
    ] = "",
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Its certificate and chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key, PEM.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy on this machine speaks TLS for it.")
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A name or address that nodes use; for its own certificate."),
    ] = None,
) -> None:
    """Hear every node of the fleet and keep its evidence, until told to stop. Its plan is the fleet's."""
    invocation: Invocation = context.obj
    host, port = read_listen(listen)
    asked = Asked(
        host=host, port=port, certificate=tls_cert, key=tls_key, behind_proxy=behind_proxy,
        names=tuple(name or ()), database=database,
    )  # fmt: skip
    from intendance.fleet.layout import ManagerLayout
    from intendance.fleet.planning import files

    # From here on a SIGHUP waits for the manager's process, which reads the plan again by it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    checked = _checked(invocation)
    state, plans = invocation.state.absolute(), checked.plans
    layout = ManagerLayout(state)
    files.expect_fleet(layout, next(iter(plans.values())).fleet)
    files.write(layout, plans)
    source = Source(str(Path(checked.file).absolute()), checked.source_sha256)
    plan = next(iter(plans.values()))
    argv = command(state, plan, asked, invocation.clock.read().at, layout.plan, source=source)
    # The manager lives for months: it becomes a process that never imported the command line.
    os.execv(argv[0], argv)  # noqa: S606 -- ourselves


def read_listen(text: str) -> tuple[str, int]:
    """Host and port. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(message=f"`--listen {text}` is not HOST:PORT: write for example `--listen 0.0.0.0:8484`.")
    return host.strip("[]"), int(port)


def _checked(invocation: Invocation) -> Checked:
    """The plan's file, with the plan of each node that it names. Raises PlanInvalid."""
    from intendance.plan.load import load

    path = invocation.plan or next((each for each in _PLANS if each.exists()), _PLANS[0])
    checked = load(path, invocation.clock.read().at)
    if not checked.plans:
        checked.valid()
    return checked


def command(
    state: Path,
    plan: Plan,
    asked: Asked,
    now: datetime,
    compiled: Path,
    *,
    descriptor: int | None = None,
    source: Source = NO_SOURCE,
) -> list[str]:
    """The command line of the manager's process; `compiled` is the file of the plan, `descriptor` a socket that listens
    already, `source` what it reads again when it is told to. Raises UsageError."""
    _refuse_bad(asked)
    loopback = asked.host in {"127.0.0.1", "::1", "localhost"}
    listening: dict[str, Any] = {"host": asked.host, "port": asked.port, "behind_proxy": asked.behind_proxy}
    listening |= {} if descriptor is None else {"descriptor": descriptor}
    pin = "plain" if loopback and not asked.behind_proxy else "system"
    if asked.certificate is not None and asked.key is not None:
        listening |= {"certificate": str(asked.certificate.absolute()), "key": str(asked.key.absolute())}
        pin = "system"
    elif not loopback and not asked.behind_proxy:
        from intendance.fleet.certificates import own_certificates
        from intendance.fleet.layout import ManagerLayout

        made = own_certificates(ManagerLayout(state).tls, _names(asked), now)
        pin = made.pin
        files = {"certificate": made.certificate, "key": made.key, "authority": made.authority}
        listening |= {name: str(path) for name, path in files.items()}
    settings = {
        "state": str(state), "fleet": plan.fleet, "database": asked.database, "pin": pin,
        "urls": list(plan.manager_urls),
        "organisation": plan.organisation.name, "zone": plan.organisation.timezone,
        "language": plan.organisation.language, "secure": asked.behind_proxy or not loopback,
        "plan": str(compiled), "source": source.path, "source_sha256": source.sha256,
    }  # fmt: skip
    told = json.dumps({"settings": settings, "listening": listening})
    return [sys.executable, "-m", "intendance.api.serve", told]


def _refuse_bad(asked: Asked) -> None:
    if (asked.certificate is None) != (asked.key is None):
        raise UsageError(message="A certificate and its key go together: give both `--tls-cert` and `--tls-key`.")
    userinfo = asked.database.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if ":" in userinfo or "password=" in asked.database:
        message = (
            "`--database` holds a password, and others on this machine can read a command line: "
            "put it into `~/.pgpass` or name a file with PGPASSFILE."
        )
        raise UsageError(message=message)


def _names(asked: Asked) -> tuple[str, ...]:
    """By which names and addresses nodes may reach it."""
    host = () if asked.host in {"0.0.0.0", "::"} else (asked.host,)  # noqa: S104 -- compared, not listened on
    return tuple(dict.fromkeys((*asked.names, *host, socket.gethostname(), socket.getfqdn(), "localhost")))
