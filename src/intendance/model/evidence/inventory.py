"""Evidence of what stands on a machine, whether or not the plan knows of it."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFound:
    """A database that this machine serves or that its applications use. No account and no password is recorded.

    `engine`: `mariadb`, `postgresql` or `sqlite`. `identities` are all the identities under which a plan may declare
    its server or file, the local socket first. `name` is empty for a file, and for a server whose databases could not
    be listed. `tables` is None where they were not counted. `used_by` are folders of applications that name it;
    `remote`: it is on another machine.
    """

    engine: str
    identities: tuple[str, ...]
    name: str
    tables: int | None = None
    used_by: tuple[str, ...] = ()
    remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebRootFound:
    """A folder that a web server serves, or in which an application stands.

    `trees` are the folders to keep, links followed: without those that a package of the system brings, and with data
    that lies elsewhere. `application` is `wordpress`, `drupal`, `nextcloud`, `dolibarr`, `symfony`, `laravel`, `php`,
    or empty. `served_by` names the web servers, `hosts` at most five of the names that they serve it under.
    """

    path: str
    trees: tuple[str, ...]
    application: str = ""
    package: str = ""
    served_by: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFound:
    """A certificate file that a server names, or that an ACME client keeps. `names` are at most five of those in it;
    `expires_at` is empty when the file could not be read as a certificate."""

    path: str
    expires_at: str
    names: tuple[str, ...] = ()
    named_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerFound:
    """A socket that waits for connections. `program` is empty where this user may not know it."""

    protocol: str
    address: str
    port: int
    program: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSeen:
    """Something that could not be looked at: nothing is known of it from this inventory.

    `why` is English; `code` names the same reason for who writes it in another language (empty: only `why` says it),
    with `param` as what it speaks of: of `container` the program, of `too_many` how many were looked at.
    """

    what: str
    why: str
    code: str = ""
    param: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryTaken:
    """What stands on the machine: counts and identities, no secret and no row of user data.

    `system` is the distribution's name; `packages` counts installed ones and `packages_sha256` is over their sorted
    `name version` lines, which are the record's attachment. `timers` are `cron:<file>` and `timer:<unit>`; `logs` are
    folders and files that hold logs, and `journal`. `etc_files` counts what is under /etc. `beyond` counts what was
    found and had no room in the lists: while it is not 0, what is not listed may be there all the same.
    """

    system: str
    databases: tuple[DatabaseFound, ...]
    web_roots: tuple[WebRootFound, ...]
    certificates: tuple[CertificateFound, ...] = ()
    listeners: tuple[ListenerFound, ...] = ()
    logs: tuple[str, ...] = ()
    timers: tuple[str, ...] = ()
    packages: int = 0
    packages_sha256: str = ""
    etc_files: int = 0
    not_seen: tuple[NotSeen, ...] = ()
    beyond: int = 0
