"""Evidence about the node itself: its birth, its plan, its assets."""

from __future__ import annotations

from intendance.model.frozen import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """First record of a log. `ledger_key` is a C2SP verifier key; `openpgp_fingerprint` is the key that signs
    manifests.

    Of a ledger that was begun again, `previous_head` is the signed note of the last head known of the one before, and
    `former_keys` are the OpenPGP keys of those before: sets that they signed are still this node's.
    """

    origin: str
    incarnation: str
    ledger_key: str
    openpgp_fingerprint: str
    software: str
    previous_head: str | None = None
    former_keys: tuple[str, ...] = ()

    @property
    def trusted_keys(self) -> tuple[str, ...]:
        """Whose manifests are this node's: its own key first."""
        return (self.openpgp_fingerprint, *self.former_keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientEntry:
    name: str
    fingerprint: str
    held_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """A machine beside the node; `ledger_key` (a C2SP verifier key) is the one whose records count, if any does."""

    name: str
    held_by: str
    ledger_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEntry:
    """A store of the plan, by its kind and place."""

    name: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmedChange:
    """What a plan took away, as it was told and confirmed by `name`; `change` says which kind it is."""

    name: str
    change: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAdopted:
    """The plan in force from here on. `source_sha256` is of the YAML as read, `plan_sha256` of its compiled form.

    `confirmed` is what it takes away from the plan before it. `places` are its stores, `hosts` the machines beside the
    node.
    """

    source_sha256: str
    plan_sha256: str
    catalogues: tuple[str, ...]
    timezone: str
    language: str
    recipients: tuple[RecipientEntry, ...]
    stores: tuple[str, ...]
    assets: tuple[str, ...]
    confirmed: tuple[ConfirmedChange, ...] = ()
    hosts: tuple[HostEntry, ...] = ()
    places: tuple[StoreEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry:
    """One scheduled activity of an asset: `backup.<kind>` or `inspect`; `cron` None = by hand."""

    activity: str
    cron: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDeclared:
    """An asset stands in the plan in force. `first_declared_at` is kept across plans for the same `identity`.

    `databases` are those kept of a server (empty: all of them); `exclude` what a tree of files leaves out.
    `legal_…` is the retention that the law asks for: the first set of a kind of each year or month, kept for so long.
    """

    engine: str
    identity: str
    first_declared_at: str
    schedules: tuple[ScheduleEntry, ...]
    stores: tuple[str, ...]
    retention_days: int
    subject: str
    databases: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    legal_select: str = ""
    legal_kind: str = ""
    legal_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDropped:
    """An asset of the former plan is no longer declared; shown for 400 days."""

    engine: str
    identity: str
    first_declared_at: str
