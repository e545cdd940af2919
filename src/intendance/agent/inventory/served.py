"""The folders that web servers serve and the applications in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from intendance.agent.inventory import apache, applications, nginx
from intendance.agent.inventory.applications import Application
from intendance.agent.inventory.machine import Machine
from intendance.agent.inventory.webserver import Configuration, Read, Served, distinct
from intendance.model.evidence.inventory import WebRootFound

_APACHE = (("/etc/apache2/apache2.conf", "/etc/apache2"), ("/etc/httpd/conf/httpd.conf", "/etc/httpd"))
_NGINX = "/etc/nginx/nginx.conf"
_USUAL = ("/var/www", "/srv/www")
"""Where Debian and other systems put sites: looked through even when no server's configuration names them."""
_HOSTS = 5
_NOT_TO_KEEP = re.compile(r"/(?:tmp|run|proc|dev|sys|var/tmp|var/run|var/lib/letsencrypt)(?:/|\Z)")


@dataclass(slots=True)
class _Root:
    """One folder, before it is evidence."""

    path: str
    application: Application | None = None
    by: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """What is served: `roots` with what to keep of each, the `applications`, and what the configuration names."""

    roots: tuple[WebRootFound, ...]
    applications: tuple[Application, ...]
    certificates: Mapping[str, tuple[str, ...]]
    logs: tuple[str, ...]


def look(machine: Machine) -> Sites:
    """All web roots of the machine."""
    read = {"apache": _apache(machine), "nginx": _nginx(machine)}
    served = [each for configuration in read.values() for each in configuration.served]
    for name, configuration in read.items():
        for unclear in configuration.unclear:
            machine.miss(f"{name}: {unclear}", "only the running server knows what it stands for", "unclear")
    roots = _roots(machine, served)
    found = _own([_found(machine, root) for root in roots if _worth(machine, root, roots)])
    certificates: dict[str, list[str]] = {}
    for name, configuration in read.items():
        for path in configuration.certificates:
            certificates.setdefault(path, []).append(name)
    return Sites(
        roots=found,
        applications=tuple(root.application for root in roots if root.application is not None),
        certificates={path: distinct(names) for path, names in certificates.items()},
        logs=distinct(path for configuration in read.values() for path in configuration.logs),
    )


def _apache(machine: Machine) -> Configuration:
    for file, server_root in _APACHE:
        text = machine.text(file)
        if text is not None:
            known = apache.variables(machine.text(f"{server_root}/envvars") or "")
            return apache.configuration(text, _reader(machine), server_root, known)
    return Configuration()


def _nginx(machine: Machine) -> Configuration:
    text = machine.text(_NGINX)
    return Configuration() if text is None else nginx.configuration(text, _reader(machine))


def _reader(machine: Machine) -> Read:
    """The texts that a pattern names; of a folder, all its files, as Apache's Include takes one."""

    def read(pattern: str) -> list[str]:
        files = []
        for path in machine.glob(pattern):
            files += [f"{path}/{name}" for name in machine.names(path)] if machine.is_folder(path) else [path]
        return [text for text in map(machine.text, files) if text is not None]

    return read


def _roots(machine: Machine, served: Iterable[Served]) -> list[_Root]:
    """Each served folder once, then the applications under it and in the usual places, by their path."""
    roots: dict[str, _Root] = {}
    for each in served:
        path = machine.resolve(each.path)
        if not machine.is_folder(path) or _NOT_TO_KEEP.match(path):
            continue
        root = roots.setdefault(path, _Root(path=_stable(machine, each.path)))
        root.by.append(each.by)
        root.hosts += each.hosts
        root.application = applications.in_folder(machine, path)
    for place in (*list(roots), *(usual for usual in _USUAL if machine.is_folder(usual))):
        for application in applications.below(machine, place):
            covered = any(root.application == application for root in roots.values())
            if not covered:
                roots.setdefault(application.folder, _Root(path=application.folder, application=application))
    return [root for _, root in sorted(roots.items())]


def _worth(machine: Machine, root: _Root, roots: Iterable[_Root]) -> bool:
    """Whether there is anything in it but a web server's first page and what stands here by itself."""
    named = root.application is not None and root.application.kind != "php"
    if not named and applications.package_of(machine, machine.resolve(root.path)):
        return False  # a library that a package serves for others
    if root.application is not None:
        return True
    apart = {each.path.removeprefix(f"{root.path}/").partition("/")[0] for each in roots if each is not root}
    return not applications.is_placeholder(machine, root.path, apart)


def _own(found: Sequence[WebRootFound]) -> tuple[WebRootFound, ...]:
    """Without folders that are served apart and belong to an application: its uploads under an alias."""
    return tuple(
        each
        for each in found
        if each.application not in ("", "php")
        or not any(
            other.application not in ("", "php") and other is not each and set(each.trees) <= set(other.trees)
            for other in found
        )
    )


def _found(machine: Machine, root: _Root) -> WebRootFound:
    application = root.application
    package = application.package if application is not None else applications.package_of(machine, root.path)
    return WebRootFound(
        path=root.path,
        trees=_outermost(_trees(machine, root, package)),
        application="" if application is None else application.kind,
        package=package,
        served_by=distinct(root.by),
        hosts=distinct(root.hosts)[:_HOSTS],
    )


def _trees(machine: Machine, root: _Root, package: str) -> Iterator[str]:
    application = root.application
    if not package:
        folder = machine.resolve(root.path) if application is None else application.folder
        whole = _deployments(machine, folder if application is not None else root.path)
        yield whole
        yield from applications.linked_out(machine, folder)
    if application is not None:
        yield from application.elsewhere


def _stable(machine: Machine, path: str) -> str:
    """The folder's real path; as written where a link to the newest release is on the way."""
    real = machine.resolve(path)
    return path if _releases(machine, real) else real


def _deployments(machine: Machine, folder: str) -> str:
    """All of `/srv/app` when `folder` is in `/srv/app/releases/7`, to which `/srv/app/current` leads."""
    return _releases(machine, machine.resolve(folder)) or folder


def _releases(machine: Machine, folder: str) -> str | None:
    parts = PurePosixPath(folder).parts
    for number in range(len(parts) - 1, 1, -1):
        base = "/" + "/".join(parts[1 : number - 1])
        if parts[number - 1] == "releases" and machine.is_folder(f"{base}/current"):
            return base
    return None


def _outermost(trees: Iterable[str]) -> tuple[str, ...]:
    """The folders that are in none of the others."""
    every = distinct(tree.rstrip("/") or "/" for tree in trees)
    return tuple(
        tree for tree in every if not any(tree != other and f"{tree}/".startswith(f"{other}/") for other in every)
    )
