"""nginx's configuration: roots, aliases, host names, certificates and logs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from intendance.agent.inventory.webserver import DEEPEST, Configuration, Read, Served, distinct

_TOKEN = re.compile(r"""\s+|\#[^\n]*|(?P<sign>[{};])|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'|"""
                    r"""(?P<word>(?:\\.|\$\{[^}]*\}|[^\s{};"'\\])(?:\\.|\$\{[^}]*\}|[^\s{};\\])*)|.""",
                    re.DOTALL)  # fmt: skip
_NO_FILE = ("off", "syslog:", "stderr", "memory:", "/dev/")


@dataclass(slots=True)
class _Server:
    names: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    read: Read
    prefix: str
    found: Configuration = field(default_factory=Configuration)
    servers: list[_Server] = field(default_factory=lambda: [_Server()])
    inside: list[str] = field(default_factory=list)


def configuration(text: str, read: Read, prefix: str = "/etc/nginx") -> Configuration:
    """What the main file says, with what it includes; `prefix` is the folder of its relative paths."""
    reading = _Reading(read=read, prefix=prefix)
    _take(reading, text, 0)
    for server in reading.servers:
        for root in server.roots:
            hosts = distinct(name for name in server.names if name not in ("_", ""))
            reading.found.served.append(Served(path=root, hosts=hosts, by="nginx"))
    return reading.found


def _take(reading: _Reading, text: str, depth: int) -> None:
    words: list[str] = []
    for token, is_sign in _tokens(text):
        if not is_sign:
            words.append(token)
        elif token == "{":  # noqa: S105 -- no secret: a brace
            reading.inside.append(words[0] if words else "")
            if words[:1] == ["server"]:
                reading.servers.append(_Server())
            words = []
        elif token == "}":  # noqa: S105
            if reading.inside:
                reading.inside.pop()
            words = []
        else:
            if words[:1] == ["include"] and depth < DEEPEST:
                for included in reading.read(_absolute(reading, words[1] if len(words) > 1 else "")):
                    _take(reading, included, depth + 1)
            elif len(words) > 1:
                _directive(reading, words[0], words[1:])
            words = []


def _directive(reading: _Reading, name: str, words: Sequence[str]) -> None:
    server = reading.servers[-1] if "server" in reading.inside else reading.servers[0]
    if name == "server_name" and "server" in reading.inside:
        server.names += words
    elif name in ("root", "alias"):
        folder = words[0].rstrip("/") or "/"
        if "$" in folder:
            reading.found.unclear.append(f"{name} {folder}")
        else:
            server.roots.append(_absolute(reading, folder))
    elif name == "ssl_certificate" and not words[0].startswith("data:") and "$" not in words[0]:
        reading.found.certificates.append(_absolute(reading, words[0]))
    elif name in ("access_log", "error_log") and not words[0].startswith(_NO_FILE) and "$" not in words[0]:
        reading.found.logs.append(_absolute(reading, words[0]))


def _absolute(reading: _Reading, path: str) -> str:
    return path if path.startswith("/") else f"{reading.prefix}/{path}"


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """The words and the signs `{`, `}`, `;` outside of quotes and comments."""
    for found in _TOKEN.finditer(text):
        if found["sign"] is not None:
            yield found["sign"], True
        for kind in ("double", "single", "word"):
            if found[kind] is not None:
                yield re.sub(r"\\(.)", r"\1", found[kind]), False
