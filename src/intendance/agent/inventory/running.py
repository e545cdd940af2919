"""What runs and listens on this machine, as /proc tells it (proc(5))."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from intendance.agent.inventory.machine import Machine
from intendance.model.evidence.inventory import ListenerFound

DATABASES = frozenset({"mariadbd", "mysqld"})
_PROC = Path("/proc")
_LISTEN = "0A"  # include/net/tcp_states.h: TCP_LISTEN
_UNCONNECTED = "07"  # TCP_CLOSE: a UDP socket without a peer


def command_lines(machine: Machine, programs: frozenset[str] = DATABASES) -> Iterator[tuple[str, ...]]:
    """The command lines of running programs. Those of containers are only noted: their files are not ours to read."""
    if not machine.live:
        return
    ours = _namespace("self")
    for name in _processes():
        try:
            program = (_PROC / name / "comm").read_text().strip()
            if program not in programs:
                continue
            words = (_PROC / name / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            continue
        theirs = _namespace(name)
        if theirs is None or theirs == ours:
            yield tuple(words)
        else:
            machine.miss(f"{program} in a container", "its files are not those of this machine", "container", program)


def _processes() -> list[str]:
    return sorted(each.name for each in _PROC.iterdir() if each.name.isdecimal())


def _namespace(process: str) -> str | None:
    try:
        return str((_PROC / process / "ns" / "mnt").readlink())
    except OSError:
        return None


def listeners(machine: Machine) -> tuple[ListenerFound, ...]:
    """Sockets that wait for connections, with their programs where this user may know them."""
    if not machine.live:
        return ()
    found: dict[tuple[str, str, int], int] = {}
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        try:
            table = (_PROC / "net" / protocol).read_text()
        except OSError:
            continue
        for address, port, inode in sockets(table, protocol):
            found.setdefault((protocol, address, port), inode)
    programs = _programs(found.values())
    return tuple(
        ListenerFound(protocol=protocol, address=address, port=port, program=programs.get(inode, ""))
        for (protocol, address, port), inode in sorted(found.items())
    )


def sockets(table: str, protocol: str) -> Iterator[tuple[str, int, int]]:
    """Address, port and inode of each waiting socket of a table as `/proc/net/tcp` has it. Pure."""
    wanted = _LISTEN if protocol.startswith("tcp") else _UNCONNECTED
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == wanted:
            address, _, port = fields[1].partition(":")
            yield _address(address), int(port, 16), int(fields[9])


def _address(written: str) -> str:
    """`0100007F` is 127.0.0.1: words of 32 bits in the machine's byte order."""
    words = [int(written[start : start + 8], 16) for start in range(0, len(written), 8)]
    content = b"".join(word.to_bytes(4, "little" if _LITTLE else "big") for word in words)
    return str(IPv4Address(content) if len(content) == 4 else IPv6Address(content))


_LITTLE = os.uname().machine not in ("s390x", "ppc64", "mips", "mips64", "sparc64")


def _programs(inodes: Iterable[int]) -> Mapping[int, str]:
    wanted = set(inodes)
    found: dict[int, str] = {}
    for name in _processes():
        for inode in _sockets_of(_PROC / name / "fd"):
            if inode in wanted and inode not in found:
                try:
                    found[inode] = (_PROC / name / "comm").read_text().strip()
                except OSError:
                    break
    return found


def _sockets_of(folder: Path) -> Iterator[int]:
    try:
        entries = list(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            opened = re.fullmatch(r"socket:\[(\d+)\]", str(entry.readlink()))
        except OSError:
            continue
        if opened:
            yield int(opened[1])
