"""Apache's configuration: document roots, aliases, host names, certificates and logs. Pure.

Sections that depend on modules or defines are read as if they applied: what might be served is looked at.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from intendance.agent.inventory.webserver import DEEPEST, Configuration, Read, Served, distinct

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_EXPORT = re.compile(r"^\s*(?:export\s+)?(\w+)=[\"']?([^\"'#\n]*?)[\"']?\s*$", re.MULTILINE)
_OF_THE_SERVER = ("/usr/share/apache2", "/usr/lib/cgi-bin", "/usr/share/httpd")
"""Icons and error pages that Apache itself brings (Debian's `alias.conf`, `serve-cgi-bin.conf`)."""


@dataclass(slots=True)
class _Host:
    """A virtual host, or what stands outside of any."""

    names: list[str] = field(default_factory=list)
    roots: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reading:
    read: Read
    server_root: str
    variables: dict[str, str]
    found: Configuration = field(default_factory=Configuration)
    hosts: list[_Host] = field(default_factory=lambda: [_Host()])


def variables(envvars: str) -> Mapping[str, str]:
    """The variables that Debian's `envvars` exports, those with a value that is plain text."""
    found: dict[str, str] = {"SUFFIX": ""}
    for name, value in _EXPORT.findall(envvars):
        filled = re.sub(r"\$\{?(\w+)\}?", lambda each: found.get(each[1], each[0]), value)
        if "$" not in filled:
            found[name] = filled
    return found


def configuration(text: str, read: Read, server_root: str, known: Mapping[str, str]) -> Configuration:
    """What the main file says, with what it includes; `read` gives the texts of included files."""
    reading = _Reading(read=read, server_root=server_root, variables=dict(known))
    _take(reading, text, 0)
    for host in reading.hosts:
        for root in host.roots:
            reading.found.served.append(Served(path=root, hosts=distinct(host.names), by="apache"))
    return reading.found


def _take(reading: _Reading, text: str, depth: int) -> None:
    inside: _Host | None = None
    for name, words in _directives(text):
        if name == "<virtualhost":
            inside = _Host()
            reading.hosts.append(inside)
        elif name == "</virtualhost":
            inside = None
        elif name in ("include", "includeoptional"):
            if depth < DEEPEST:
                for pattern in _filled(reading, words[:1]):
                    for included in reading.read(_absolute(reading, pattern)):
                        _take(reading, included, depth + 1)
        elif name == "define" and len(words) == 2:
            reading.variables[words[0]] = words[1]
        elif name == "serverroot" and words:
            reading.server_root = words[0]
        else:
            _directive(reading, inside or reading.hosts[0], name, words)


def _directive(reading: _Reading, host: _Host, name: str, words: Sequence[str]) -> None:
    if name in ("servername", "serveralias"):
        host.names += [word.partition("://")[2] or word for word in words]
    elif name == "documentroot":
        host.roots += [_absolute(reading, each) for each in _filled(reading, words[:1])]
    elif name == "alias" and len(words) == 2:
        aliased = [_absolute(reading, each) for each in _filled(reading, words[1:])]
        host.roots += [each.rstrip("/") for each in aliased if not each.startswith(_OF_THE_SERVER)]
    elif name in ("virtualdocumentroot", "virtualdocumentrootip"):
        reading.found.unclear.append(f"VirtualDocumentRoot {' '.join(words)}")
    elif name == "sslcertificatefile":
        reading.found.certificates += [_absolute(reading, each) for each in _filled(reading, words[:1])]
    elif name in ("customlog", "errorlog", "transferlog", "globallog"):
        written = [each for each in _filled(reading, words[:1]) if not each.startswith(("|", "syslog", "journald"))]
        reading.found.logs += [_absolute(reading, each) for each in written]


def _filled(reading: _Reading, words: Sequence[str]) -> Iterator[str]:
    for word in words:
        filled = _VARIABLE.sub(lambda each: reading.variables.get(each[1], each[0]), word)
        if "${" in filled:
            reading.found.unclear.append(word)
        else:
            yield filled


def _absolute(reading: _Reading, path: str) -> str:
    return path if path.startswith("/") else f"{reading.server_root}/{path}"


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each directive's name in lower case and its words; a section's name with its bracket: `<virtualhost`."""
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.startswith("<"):
            stripped = stripped.rstrip(">")
        try:
            words = shlex.split(stripped)
        except ValueError:  # a quote that never ends: Apache would not start
            words = stripped.split()
        if words:
            yield words[0].lower(), words[1:]
