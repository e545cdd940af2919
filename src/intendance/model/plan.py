"""An adopted plan as frozen data: what `plan/load.py` makes of the YAML file and what every process reads afterwards.

It is self-contained: public keys are held as text, so that nobody changes the recipients by changing a file. It is
written
once, at adoption, as canonical JSON; its SHA-256 stands in the ledger.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from intendance.model.alerting import Alerts, Window
from intendance.model.frozen import dataclass
from intendance.model.secret import SecretReference as SecretReference  # noqa: PLC0414 -- so that others may import it from here

Catalogue = Literal["maint", "asbl"]
EngineKind = Literal["mariadb", "files", "sqlite"]
BackupKind = Literal["logical", "physical", "full", "differential"]
NonTransactional = Literal["lock", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    name: str
    timezone: str
    language: Literal["fr", "en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    id: str
    region: str | None = None
    site: str | None = None
    labels: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A holder of an OpenPGP key who can open every set: public half only. `fingerprint` is 40 upper-case hex
    digits."""

    name: str
    fingerprint: str
    held_by: str
    armored: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryStore:
    name: str
    path: str
    kind: Literal["directory"] = "directory"

    @property
    def place(self) -> str:
        """Where it is, as people are told."""
        return self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Store:
    """A bucket of an object store that speaks S3. Without an `endpoint`, it is Amazon's for the region.

    What is stored there stays locked for as long as its asset keeps its points, in the mode that `object_lock` names.
    `delete_credentials` are those of the host that prunes; the node has none.
    """

    name: str
    bucket: str
    credentials: SecretReference
    region: str | None = None
    endpoint: str | None = None
    object_lock: Literal["governance", "compliance"] | None = None
    delete_credentials: SecretReference | None = None
    kind: Literal["s3"] = "s3"

    @property
    def place(self) -> str:
        """Where it is, as people are told."""
        return f"s3://{self.bucket} ({', '.join(filter(None, (self.endpoint, self.region))) or 'Amazon'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpStore:
    """A folder of another machine, reached by SSH. `host_key` is that machine's own public key, as OpenSSH writes it
    (`ssh-ed25519 AAAA…`); no other machine is talked to. `delete_credentials` are those of the host that prunes, which
    logs in as `delete_user` (None: as `user`); the node has none."""

    name: str
    host: str
    user: str
    path: str
    host_key: str
    credentials: SecretReference
    port: int = 22
    delete_credentials: SecretReference | None = None
    delete_user: str | None = None
    kind: Literal["sftp"] = "sftp"

    @property
    def place(self) -> str:
        """Where it is, as people are told."""
        port = "" if self.port == 22 else f":{self.port}"
        return f"sftp://{self.user}@{self.host}{port}{self.path}"


Store = DirectoryStore | S3Store | SftpStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A cron line read in the organisation's time zone, and what happens to occurrences that were missed."""

    cron: str
    catch_up: Literal["once", "all", "none"] = "once"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalRetention:
    """One set of a kind for each year or month, the first, kept for longer than the others."""

    select: Literal["yearly", "monthly"]
    kind: str
    keep_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupPlan:
    """How one asset is backed up. `kinds` maps a kind of backup to its schedule (None: by hand only).

    Every set is kept for `retention_days`; the first of each day, week and month for as long as theirs say (0: no
    longer). `deadlines_seconds` holds how long a backup of a kind may take, where the plan says so.
    """

    kinds: dict[BackupKind, Schedule | None]
    stores: tuple[str, ...]
    retention_days: int
    inspect: Schedule | None = None
    deadlines_seconds: dict[BackupKind, int] = field(default_factory=dict)
    daily_days: int = 0
    weekly_days: int = 0
    monthly_days: int = 0
    legal: LegalRetention | None = None

    @property
    def covered_days(self) -> int:
        """For how many days back each day keeps a set."""
        return max(self.retention_days, self.daily_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillCheck:
    """A question to a restored database, and what its one value must be; `compare`: what the original gave when the
    backup was made. `:point_time` in `sql` is the recovery point's instant."""

    sql: str
    name: str | None = None
    at_least: int | None = None
    at_most: int | None = None
    equals: int | None = None
    compare: Literal["source"] | None = None
    deadline_seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """Where an asset's backups are tried, when (None: by hand), and what must be true of what comes back.

    `holds` are files of a tree that must be there and not be empty.
    """

    host: str
    schedule: Schedule | None = None
    checks: tuple[DrillCheck, ...] = ()
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MariadbConnection:
    socket: str | None = None
    host: str | None = None
    port: int | None = None
    credentials: SecretReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MariadbAsset:
    """A MariaDB server and those of its databases that the plan names (empty: all but the system's own)."""

    name: str
    connect: MariadbConnection
    backup: BackupPlan | None
    databases: tuple[str, ...] = ()
    non_transactional: NonTransactional = "lock"
    drill: DrillPlan | None = None
    kind: Literal["mariadb"] = "mariadb"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesAsset:
    """A tree of files under `path`; `exclude` holds patterns that match at any depth, as GNU tar reads them.

    `databases` are the files of the plan's SQLite assets that are backed up: in a tree, they are left to these.
    """

    name: str
    path: str
    backup: BackupPlan | None
    exclude: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    drill: DrillPlan | None = None
    kind: Literal["files"] = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteAsset:
    """A SQLite database: the one file `path`, with the journals that SQLite keeps beside it."""

    name: str
    path: str
    backup: BackupPlan | None
    drill: DrillPlan | None = None
    kind: Literal["sqlite"] = "sqlite"


Asset = MariadbAsset | FilesAsset | SqliteAsset


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    name: str
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine beside the node that may try restores, look into stores and prune them; `held_by` is a contact.

    `ledger_key` is the C2SP verifier key of its own ledger: without it nothing that it recorded counts here.
    """

    name: str
    held_by: str
    ledger_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Assets, by their names, that are restored together."""

    name: str
    assets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A rule that may be broken until `expires` (RFC 3339), granted by a contact; `asset` None: for all of them."""

    rule: str
    reason: str
    ticket: str
    granted_by: str
    expires: str
    asset: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """Who deletes what no retention keeps any more: a host of the plan or, without `maint`, the node itself.

    `schedule`: when the node does it; None for a host, where a person does.
    """

    host: str
    schedule: Schedule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From where on a figure is worth a word, besides the rules' own bounds.

    `above` is in thousandths of a share, in connections, or in milliseconds; a share counts as its mean over
    `for_seconds` (None: as the rules have it).
    """

    above: int
    for_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Who cosigns the fleet log: where it takes checkpoints (C2SP tlog-witness), and its verifier key."""

    url: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole plan of one node. Mappings are keyed by the names that people wrote.

    `declared` holds what this version checks and does not perform yet, as it was written, by its place in the file
    (`assets.crud-db.drill`). `thresholds` are those that the agent samples by: `disk`, `memory`, `cpu`, `connections`,
    `slow_query`.
    """

    version: int
    fleet: str
    organisation: Organisation
    catalogues: tuple[Catalogue, ...]
    node: Node
    recipients: tuple[Recipient, ...]
    stores: dict[str, Store]
    assets: dict[str, Asset]
    contacts: dict[str, Contact]
    sites: dict[str, Site] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    hosts: dict[str, Host] = field(default_factory=dict)
    declared: dict[str, Any] = field(default_factory=dict)
    prune: Prune | None = None
    thresholds: dict[str, Threshold] = field(default_factory=dict)
    alerts: Alerts | None = None
    providers: dict[str, Contact] = field(default_factory=dict)
    windows: tuple[Window, ...] = ()
    witnesses: tuple[Witness, ...] = ()

    @property
    def manager_urls(self) -> tuple[str, ...]:
        """Where the fleet's manager is, as the plan says."""
        said = self.declared.get("manager")
        urls = said.get("urls") if isinstance(said, dict) else None
        return tuple(map(str, urls)) if isinstance(urls, list | tuple) else ()
