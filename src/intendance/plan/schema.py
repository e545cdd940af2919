"""Every option of `intendance.yaml`: its type, a sentence, a unit where it has one, an example.

This is the one declaration. `schema.json` is generated from it (`python -m intendance.plan.reference`) and is what
`plan check` enforces and what editors read, so that nothing imports pydantic while a plan is checked: the import alone
takes 250 ms of the 300 ms that a check may take (measured on 2 cores, pydantic 2.14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StringConstraints, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class Form:
    """Names the function of `plan/forms.py` that checks a text beyond its pattern."""

    name: str

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core) | {"x-form": self.name}


@dataclass(frozen=True, slots=True)
class Later:
    """Values of an option that a later version performs."""

    values: tuple[str, ...]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(core) | {"x-later-values": list(self.values)}


def option(sentence: str, *, example: Any, unit: str | None = None, default: Any = ...) -> Any:
    """An option: what it means, an example, its unit, and its default (none: it must be written)."""
    return Field(
        default, description=sentence, examples=[example], json_schema_extra={"x-unit": unit} if unit else None
    )


def optional(sentence: str, *, example: Any, unit: str | None = None) -> Any:
    """An option that may be left out."""
    return option(sentence, example=example, unit=unit, default=None)


class Group(BaseModel):
    """A mapping of options. `LATER`: options of the design that this version refuses because it does not perform them.

    `EXACTLY_ONE`: sets of options of which one and only one is written. `SECRET`: a bare text written in its place is
    a secret.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    LATER: ClassVar[tuple[str, ...]] = ()
    EXACTLY_ONE: ClassVar[tuple[str, ...]] = ()
    SECRET: ClassVar[bool] = False

    @model_validator(mode="before")
    @classmethod
    def _exactly_one(cls, value: Any) -> Any:
        if cls.EXACTLY_ONE and isinstance(value, Mapping) and sum(name in value for name in cls.EXACTLY_ONE) != 1:
            raise ValueError(f"exactly one of {', '.join(cls.EXACTLY_ONE)}")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        generated = handler(core)
        own = handler.resolve_ref_schema(generated)
        own["description"] = " ".join((cls.__doc__ or "").split())
        if cls.LATER:
            own["x-later"] = list(cls.LATER)
        if cls.SECRET:
            own["x-secret"] = True
        if cls.EXACTLY_ONE:
            own["oneOf"] = [{"required": [name]} for name in cls.EXACTLY_ONE]
        return generated


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$"), Form("slug")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200), Form("line")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/"), Form("absolute-path")]
FilePath = Annotated[str, StringConstraints(min_length=1), Form("file-path")]
Days = Annotated[str, StringConstraints(pattern=r"^([0-9]+[ywdh])+$"), Form("days")]
Deadline = Annotated[str, StringConstraints(pattern=r"^([0-9]+(d|h|min|s)?)+$"), Form("deadline")]
Cron = Annotated[str, StringConstraints(pattern=r"^\s*\S+(\s+\S+){4}\s*$"), Form("cron")]
Timezone = Annotated[str, StringConstraints(min_length=1), Form("timezone")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^(0x)?[0-9A-Fa-f\s]{40,80}$"), Form("fingerprint")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$"), Form("variable")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$"), Form("email")]
Phone = Annotated[str, StringConstraints(pattern=r"^\+"), Form("phone")]
Database = Annotated[str, StringConstraints(min_length=1, max_length=64), Form("database")]
Exclusion = Annotated[str, StringConstraints(min_length=1), Form("exclusion")]

_CRON_EXAMPLE = "0 2 * * *"
_RETENTION_EXAMPLE = {"points": "90d"}
_CREDENTIALS_EXAMPLE = {"file": "/etc/intendance/mariadb.cnf"}


class Organisation(Group):
    """Whose servers these are, and how to speak to its people."""

    name: Line = option("The organisation's name as it stands in reports.", example="ASBL Exemple")
    timezone: Timezone = option(
        "The time zone in which schedules are read and local times are shown.",
        example="Europe/Brussels",
        unit="name of the IANA data base",
    )
    language: Literal["fr", "en"] = option("The language of mails and reports.", example="fr")


class Node(Group):
    """The machine that this plan is for."""

    id: Slug = option("The node's name; it cannot change once a plan was adopted.", example="web-01")
    region: Line = optional("Where the machine stands, in the words of its hosting provider.", example="eu-west-3")
    site: Slug = optional("The place or building that nodes share.", example="bruxelles")
    labels: dict[Slug, Line] = optional("Free marks to find nodes by.", example={"role": "web"})


class BackupRecipient(Group):
    """Somebody who can open every backup with an OpenPGP key; the plan names its public half."""

    name: Slug = option("A name for the key.", example="owner")
    file: FilePath = option(
        "The ASCII-armoured public key, from the root or from the plan's folder.", example="keys/owner.asc"
    )
    fingerprint: Fingerprint = option(
        "The key's full fingerprint, which the file must have.",
        example="6F4B 1E9A 20C7 5D38 A1B2 93E4 7C55 0D1F 8A6E B3C9",
        unit="40 hexadecimal digits",
    )
    held_by: Slug = option("The contact who holds the private half.", example="admin")


class Keys(Group):
    """The keys that backups are encrypted to; private halves never live on the node."""

    backup_recipients: Annotated[list[BackupRecipient], Field(min_length=1)] = option(
        "Who can open the backups: two keys at least, held by different people (MAINT_011).",
        example=[
            {
                "name": "owner",
                "file": "keys/owner.asc",
                "fingerprint": "6F4B 1E9A 20C7 5D38 A1B2 93E4 7C55 0D1F 8A6E B3C9",
                "held_by": "admin",
            },
            {
                "name": "offline",
                "file": "keys/offline.asc",
                "fingerprint": "0C3D 77A1 5B2E 4F60 98D2 E1A7 36BC 5A90 4D8F 12E5",
                "held_by": "lead",
            },
        ],
    )


class DirectoryStore(Group):
    """A folder that takes backups: another disk, or a mounted share."""

    LATER = ("bucket", "region", "endpoint", "object_lock", "credentials", "host", "port", "user")
    kind: Annotated[Literal["directory"], Later(("s3", "sftp"))] = option(
        "What kind of store this is.", example="directory"
    )
    path: AbsolutePath = option(
        "The folder; adopting the plan makes and marks it when its parent stands.", example="/var/backups/intendance"
    )


class SecretReference(Group):
    """Where a secret is found when it is needed; exactly one of the three. The secret itself never stands in a plan."""

    EXACTLY_ONE = ("file", "env", "command")
    SECRET = True
    file: FilePath = optional(
        "A file that holds it, from the root or from the plan's folder; only its owner may read it.",
        example="/etc/intendance/mariadb.cnf",
    )
    env: Variable = optional("The name of an environment variable of the agent that holds it.", example="DB_PASSWORD")
    command: Annotated[list[Line], Field(min_length=1)] = optional(
        "A program and its arguments that prints it.", example=["pass", "show", "mariadb/backup"]
    )


class MariadbConnection(Group):
    """How to reach the server: by its socket, or by host and port."""

    EXACTLY_ONE = ("socket", "host")
    socket: AbsolutePath = optional("The server's Unix socket.", example="/run/mysqld/mysqld.sock")
    host: Line = optional("The server's name or address.", example="db.example.org")
    port: Annotated[int, Field(ge=1, le=65535)] = optional(
        "The server's port, with `host`; 3306 if left out.", example=3306, unit="TCP port"
    )
    credentials: SecretReference = optional(
        "User and password as a MariaDB option file (`[client]`, `user=`, `password=`); without it, the agent's own"
        " user logs in by the socket.",
        example=_CREDENTIALS_EXAMPLE,
    )


class Schedule(Group):
    """When an activity happens."""

    schedule: Cron = optional(
        "When it happens, as a cron line in the organisation's time zone; left out, it happens by hand only.",
        example=_CRON_EXAMPLE,
        unit="minute, hour, day of the month, month, day of the week",
    )
    catch_up: Literal["once", "all", "none"] = option(
        "What happens to times that were missed while the machine was off: one run, all of them, or nothing.",
        example="once",
        default="once",
    )


class BackupSchedule(Schedule):
    """When a backup is made, and how long that may take."""

    deadline: Deadline = option(
        "How long a backup may take before it is stopped and recorded as timed out: 1min at least, 7d at most.",
        example="4h",
        unit="a length of time (min, h, d)",
        default="24h",
    )


class Inspection(Schedule):
    """When stored backups are looked at again: presence, age, signature, hashes."""


class Retention(Group):
    """How long backups are kept."""

    LATER = ("legal",)
    points: Days = option(
        "How long every recovery point is kept: 90d at least under maint; under asbl, 30d for databases and 28d for"
        " files.",
        example="90d",
        unit="a length of time in whole days (d, w, y)",
    )


class MariadbBackup(Group):
    """How a MariaDB server is backed up."""

    LATER = ("stream",)
    logical: BackupSchedule = option(
        "A dump of each database and of the accounts.", example={"schedule": _CRON_EXAMPLE, "deadline": "4h"}
    )
    physical: BackupSchedule = optional("The server's files, for a fast restore.", example={"schedule": _CRON_EXAMPLE})
    stores: Annotated[list[Slug], Field(min_length=1)] = option("The stores that get every backup.", example=["local"])
    retention: Retention = option("How long backups are kept.", example=_RETENTION_EXAMPLE)
    inspect: Inspection = optional("When stored backups are looked at again.", example={"schedule": "30 5 * * *"})


class FilesBackup(Group):
    """How a tree of files is backed up."""

    full: BackupSchedule = option("An archive of the whole tree.", example={"schedule": "0 3 * * SUN"})
    differential: BackupSchedule = optional("What changed since the full one.", example={"schedule": "0 3 * * 1-6"})
    stores: Annotated[list[Slug], Field(min_length=1)] = option("The stores that get every backup.", example=["local"])
    retention: Retention = option("How long backups are kept.", example=_RETENTION_EXAMPLE)
    inspect: Inspection = optional("When stored backups are looked at again.", example={"schedule": "30 5 * * *"})


class MariadbAsset(Group):
    """A MariaDB server; its databases are under it."""

    LATER = ("drill", "upkeep")
    kind: Literal["mariadb"] = option("What kind of asset this is.", example="mariadb")
    databases: Annotated[list[Database], Field(min_length=1)] = optional(
        "The databases to keep; left out, all of them but the server's own.", example=["crud_asbl_ong"]
    )
    connect: MariadbConnection = option("How to reach the server.", example={"socket": "/run/mysqld/mysqld.sock"})
    non_transactional: Literal["lock", "refuse"] = option(
        "Tables without transactions (MyISAM, Aria): lock them while they are dumped, or refuse the backup.",
        example="lock",
        default="lock",
    )
    backup: MariadbBackup = optional(
        "How it is backed up; without it nothing is kept, and the rules say so.",
        example={"logical": {"schedule": _CRON_EXAMPLE}, "stores": ["local"], "retention": _RETENTION_EXAMPLE},
    )


class FilesAsset(Group):
    """A tree of files on one file system."""

    LATER = ("drill", "upkeep")
    kind: Literal["files"] = option("What kind of asset this is.", example="files")
    path: AbsolutePath = option("The tree's folder.", example="/var/www/crud-asbl-ong")
    exclude: list[Exclusion] = optional(
        "Patterns of what to leave out, as GNU tar reads them: they match at any depth, and `*` matches `/` too;"
        " `plan show` prints what they exclude.",
        example=["cache/*", "logs/*", "*.log"],
    )
    backup: FilesBackup = optional(
        "How it is backed up; without it nothing is kept, and the rules say so.",
        example={"full": {"schedule": "0 3 * * SUN"}, "stores": ["local"], "retention": _RETENTION_EXAMPLE},
    )


class Contact(Group):
    """A person of the organisation."""

    name: Line = option("The person's name or function.", example="Administrateur principal")
    email: Email = optional("Their address.", example="admin@asbl.example.org")
    phone: Phone = optional("Their telephone, in the international form.", example="+32 2 123 45 67")


Asset = Annotated[
    MariadbAsset | FilesAsset,
    Field(discriminator="kind"),
    Later(("postgresql", "sqlite", "certificate", "secret", "image", "logs", "service")),
]


class Plan(Group):
    """How one node must be maintained."""

    LATER = (
        "manager",
        "hosts",
        "thresholds",
        "probes",
        "alerts",
        "providers",
        "sites",
        "waivers",
        "windows",
        "budget",
        "duties",
    )
    version: Literal[1] = option("The version of this file's format.", example=1)
    fleet: Slug = option(
        "The fleet that the node belongs to; it cannot change once a plan was adopted.", example="asbl-exemple"
    )
    organisation: Organisation = option(
        "Whose servers these are.",
        example={"name": "ASBL Exemple", "timezone": "Europe/Brussels", "language": "fr"},
    )
    catalogues: Annotated[list[Literal["maint", "asbl"]], Field(min_length=1)] = option(
        "The catalogues of rules that must hold; of two, the stricter bound.", example=["asbl"]
    )
    node: Node = option("The machine that this plan is for.", example={"id": "web-01"})
    keys: Keys = option("The keys that backups are encrypted to.", example={"backup_recipients": ["…", "…"]})
    stores: Annotated[dict[Slug, DirectoryStore], Field(min_length=1)] = option(
        "Where backups are kept, each under a name.",
        example={"local": {"kind": "directory", "path": "/var/backups/intendance"}},
    )
    assets: Annotated[dict[Slug, Asset], Field(min_length=1)] = option(
        "What is maintained, each under a name.",
        example={"site-files": {"kind": "files", "path": "/var/www/crud-asbl-ong"}},
    )
    contacts: Annotated[dict[Slug, Contact], Field(min_length=1)] = option(
        "The people of the organisation, each under a short name.",
        example={"admin": {"name": "Administrateur principal", "email": "admin@asbl.example.org"}},
    )


class _Generator(GenerateJsonSchema):
    """JSON Schema without titles and without null: an option is written with a value, or left out."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return (
            self.generate_inner(schema["schema"]) if schema.get("default") is None else super().default_schema(schema)
        )

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return super().dict_schema(schema) | {"additionalProperties": False}

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002 -- its signature
        return value  # the order of declaration is the order of reading

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 -- its signature
        return False


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a plan file, for editors and for `plan check`."""
    generated = Plan.model_json_schema(schema_generator=_Generator)
    return {"$schema": GenerateJsonSchema.schema_dialect, "title": "intendance.yaml", **_without_titles(generated)}


def _without_titles(value: Any) -> Any:
    """Class names are ours, not the reader's; options named `title` would be mappings and stay."""
    if isinstance(value, dict):
        return {
            name: _without_titles(inner)
            for name, inner in value.items()
            if not (name == "title" and isinstance(inner, str))
        }
    if isinstance(value, list):
        return [_without_titles(inner) for inner in value]
    return value
