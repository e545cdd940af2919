"""`intendance witness`: the process elsewhere that cosigns the checkpoints of logs."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from intendance.cli.manager import read_listen
from intendance.cli.output import Invocation
from intendance.model.errors import UsageError
from intendance.model.errors.witness import WitnessNameUnusable

DEFAULT_LISTEN = "127.0.0.1:8485"
_NAME = re.compile(r"[^\s+]{1,200}")


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("witness")(witness)


def witness(
    context: typer.Context,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where logs reach it.")] = DEFAULT_LISTEN,
    prefix: Annotated[str, typer.Option(metavar="PATH", help="The path under which it answers.")] = "",
    logs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The verifier keys of the logs it knows, one a line. [STATE/witness/logs]"),
    ] = None,
    name: Annotated[str, typer.Option(metavar="NAME", help="What it is called, at the first start.")] = "",
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Its certificate and chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate's key, PEM.")] = None,
    show_key: Annotated[
        bool, typer.Option("--show-key", help="Print its verifier key, made if there is none, and end.")
    ] = False,
) -> None:
    """Cosign the checkpoints of logs that only ever grew, until told to stop. It belongs on another machine."""
    invocation: Invocation = context.obj
    if name and _NAME.fullmatch(name) is None:
        raise WitnessNameUnusable(name=name)
    state = invocation.state.absolute()
    if show_key:
        from intendance.witness import keeping

        typer.echo(keeping.show_key(state, name).text)
        return
    host, port = read_listen(listen)
    if (tls_cert is None) != (tls_key is None):
        raise UsageError(message="A certificate and its key go together: give both `--tls-cert` and `--tls-key`.")
    listening = {"host": host, "port": port, "prefix": prefix}
    if tls_cert is not None and tls_key is not None:
        listening |= {"certificate": str(tls_cert.absolute()), "key": str(tls_key.absolute())}
    told = {
        "state": str(state), "logs": None if logs is None else str(logs.absolute()), "name": name,
        "listening": listening,
    }  # fmt: skip
    # A SIGHUP waits for the witness's process, which reads the list of logs again by it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # The witness lives for months: it becomes a process that never imported the command line.
    argv = [sys.executable, "-m", "intendance.witness.serve", json.dumps(told)]
    os.execv(argv[0], argv)  # noqa: S606 -- ourselves
