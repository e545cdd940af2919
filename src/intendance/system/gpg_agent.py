"""A gpg-agent of our own for one GnuPG home and one command: neither outlives us.

Left to itself gpg starts an agent as a daemon for good. Started as `gpg-agent --daemon COMMAND` it serves that command
and looks every 4 s whether it still lives (GnuPG agent/gpg-agent.c, `handle_tick`), so it also ends when we are
killed.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
from contextlib import suppress
from pathlib import Path

from intendance.system.process import find

_END_MILLISECONDS = 5000


def with_agent(home: Path, argv: tuple[str, ...], *more: str) -> tuple[str, ...]:
    """The command, wrapped in an agent for `home` that nobody else uses; `more` are options of the agent.

    Raises ProgramMissing.
    """
    # Without a log file it would keep the command's stderr open once it has something to say.
    options = (
        "--homedir",
        str(home),
        "--no-options",
        "--log-file",
        "/dev/null",
        "--disable-scdaemon",
        *more,
        "--daemon",
        "--",
    )
    return ("gpg-agent", *options, find(argv[0]), *argv[1:])


def end_agent(home: Path) -> None:
    """End the agent that serves `home`, and wait until it has gone; quiet when there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection, suppress(OSError):
        connection.settimeout(_END_MILLISECONDS / 1000)
        connection.connect(str(home / "S.gpg-agent"))
        descriptor = os.pidfd_open(agent_pid(connection))
        try:
            connection.sendall(b"KILLAGENT\n")
            if not _ended(descriptor):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
                _ended(descriptor)
        finally:
            os.close(descriptor)


def agent_pid(connection: socket.socket) -> int:
    """The process id of the agent at the other end (Assuan `GETINFO pid`). Raises OSError when it does not say.

    SO_PEERCRED does not tell: it names the process that called listen, which went on to become the command.
    """
    connection.sendall(b"GETINFO pid\n")
    said = b""
    while not (found := re.search(rb"^D (\d+)$", said, re.MULTILINE)) or not said.endswith(b"OK\n"):
        received = connection.recv(1024)
        if not received:
            raise OSError("the agent hung up")
        said += received
    return int(found[1])


def _ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(_END_MILLISECONDS))
