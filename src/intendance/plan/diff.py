"""What a new plan changes, in sentences; what takes protection away is severe and must be confirmed by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, BackupPlan, FilesAsset, MariadbAsset, Plan, Schedule, SqliteAsset
from intendance.plan import durations

Identities = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `name` is what `--confirm` takes when the change is severe."""

    name: str
    sentence: str
    severe: bool = False


def changes(former: Plan, new: Plan, former_identities: Identities, new_identities: Identities) -> tuple[Change, ...]:
    """Every difference between two plans; identities map the assets' names to what they are on the machine."""
    found = [
        *_catalogues(former.catalogues, new.catalogues),
        *_assets(former, new, former_identities, new_identities),
        *_stores(former, new),
        *_recipients(former, new),
        *_people(former, new),
    ]
    return tuple(found)


def recorded_changes(
    adoption: PlanAdopted, declared: Mapping[str, AssetDeclared], new: Plan, new_identities: Identities
) -> tuple[Change, ...]:
    """What a plan takes away from what the ledger recorded of the former one, whose files are lost."""
    by_identity = {identity: name for name, identity in new_identities.items()}
    found = list(_catalogues(adoption.catalogues, new.catalogues))
    for name, asset in declared.items():
        kept = new.assets.get(by_identity.get(asset.identity, ""))
        days = kept.backup.retention_days if kept is not None and kept.backup is not None else 0
        if kept is None:
            found.append(Change(name=name, sentence=f"{name} is no longer maintained", severe=True))
        elif days < asset.retention_days:
            said = f"{kept.name} is kept shorter: {days} days instead of {asset.retention_days}"
            found.append(Change(name=kept.name, sentence=said, severe=True))
    return tuple(found)


def _catalogues(former: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    for name in _gone(former, new):
        yield Change(
            name=name, sentence=f"the catalogue {name} is dropped: its rules are no longer judged", severe=True
        )
    for name in _gone(new, former):
        yield Change(name=name, sentence=f"the catalogue {name} is added")


def _assets(former: Plan, new: Plan, before: Identities, after: Identities) -> Iterator[Change]:
    by_identity = {identity: name for name, identity in after.items()}
    for name, asset in former.assets.items():
        kept_as = by_identity.get(before[name])
        if kept_as is None:
            which = f"{name} now means another place, and {before[name]}" if name in new.assets else name
            yield Change(name=name, sentence=f"{which} is no longer maintained", severe=True)
            continue
        if kept_as != name:
            said = f"{name} is now called {kept_as}; the sets made so far stay under {name}"
            yield Change(name=kept_as, sentence=said)
        yield from _asset(kept_as, asset, new.assets[kept_as])
    known = set(before.values())
    for name, identity in after.items():
        if identity not in known:
            yield Change(name=name, sentence=f"{name} is added ({identity})")


def _asset(name: str, former: Asset, new: Asset) -> Iterator[Change]:
    if isinstance(former, MariadbAsset) and isinstance(new, MariadbAsset):
        yield from _mariadb(name, former, new)
    if isinstance(former, FilesAsset) and isinstance(new, FilesAsset):
        yield from _files(name, former, new)
    if isinstance(former, SqliteAsset) and isinstance(new, SqliteAsset) and former.path != new.path:
        yield Change(name=name, sentence=f"{name} is named by another path of the same file: {new.path}")
    if former.backup is None and new.backup is not None:
        yield Change(name=name, sentence=f"{name} is backed up from now on")
    elif former.backup is not None and new.backup is None:
        yield Change(name=name, sentence=f"{name} is no longer backed up", severe=True)
    elif former.backup is not None and new.backup is not None:
        yield from _backup(name, former.backup, new.backup)


def _files(name: str, former: FilesAsset, new: FilesAsset) -> Iterator[Change]:
    more, less = _gone(new.exclude, former.exclude), _gone(former.exclude, new.exclude)
    if more:
        yield Change(name=name, sentence=f"{name} leaves out more: {', '.join(more)}")
    if less:
        yield Change(name=name, sentence=f"{name} no longer leaves out {', '.join(less)}")
    for path in _gone(new.databases, former.databases):
        yield Change(name=name, sentence=f"{name} leaves out {path}, which is backed up as a SQLite database")
    for path in _gone(former.databases, new.databases):
        yield Change(name=name, sentence=f"{name} no longer leaves out {path}")
    if former.path != new.path:
        yield Change(name=name, sentence=f"{name} is named by another path of the same folder: {new.path}")


def _mariadb(name: str, former: MariadbAsset, new: MariadbAsset) -> Iterator[Change]:
    less = _gone(former.databases, new.databases)
    if new.databases and (less or not former.databases):
        gone = f"the databases {', '.join(less)}" if less else f"any database but {', '.join(new.databases)}"
        yield Change(name=name, sentence=f"{name} no longer keeps {gone}", severe=True)
    more = _gone(new.databases, former.databases) if former.databases else ()
    if more or (former.databases and not new.databases):
        yield Change(name=name, sentence=f"{name} also keeps {', '.join(more) or 'all other databases'}")
    if former.connect != new.connect:
        yield Change(name=name, sentence=f"{name} is reached in another way")
    if former.non_transactional != new.non_transactional:
        verb = {"lock": "locks", "refuse": "refuses"}[new.non_transactional]
        yield Change(name=name, sentence=f"{name} {verb} tables without transactions")


def _backup(name: str, former: BackupPlan, new: BackupPlan) -> Iterator[Change]:
    if new.retention_days != former.retention_days:
        shorter = new.retention_days < former.retention_days
        word = "shorter" if shorter else "longer"
        said = f"{name} is kept {word}: {new.retention_days} days instead of {former.retention_days}"
        yield Change(name=name, sentence=said, severe=shorter)
    for store in _gone(former.stores, new.stores):
        yield Change(name=name, sentence=f"{name} is no longer stored in {store}", severe=True)
    for store in _gone(new.stores, former.stores):
        yield Change(name=name, sentence=f"{name} is also stored in {store}")
    for kind in new.kinds:
        before, after = (each.deadlines_seconds.get(kind, durations.DAY) for each in (former, new))
        if before != after:
            said = f"a {kind} backup of {name} may take {durations.write(after)} instead of {durations.write(before)}"
            yield Change(name=name, sentence=said)
    activities: dict[str, tuple[Schedule | None, Schedule | None]] = {
        f"{kind} backup": (former.kinds.get(kind), new.kinds.get(kind)) for kind in (*former.kinds, *new.kinds)
    }
    activities["inspection"] = (former.inspect, new.inspect)
    for activity, (was, becomes) in activities.items():
        yield from _schedule(name, activity, was, becomes)


def _schedule(name: str, activity: str, former: Schedule | None, new: Schedule | None) -> Iterator[Change]:
    if former == new:
        return
    if new is None:
        yield Change(name=name, sentence=f"the {activity} of {name} no longer happens by itself", severe=True)
    elif former is None:
        yield Change(name=name, sentence=f"the {activity} of {name} happens by itself: {new.cron}")
    elif former.cron != new.cron:
        yield Change(name=name, sentence=f"the {activity} of {name} happens at {new.cron} instead of {former.cron}")
    else:
        said = f"what the {activity} of {name} does about missed times: {new.catch_up} instead of {former.catch_up}"
        yield Change(name=name, sentence=said)


def _stores(former: Plan, new: Plan) -> Iterator[Change]:
    for name, store in former.stores.items():
        if name not in new.stores:
            said = f"the store {name} is dropped; what it holds is no longer listed"
            yield Change(name=name, sentence=said, severe=True)
        elif new.stores[name] != store:
            said = f"the store {name} is now {new.stores[name].path}; what {store.path} holds is no longer listed"
            yield Change(name=name, sentence=said, severe=True)
    for name in _gone(new.stores, former.stores):
        yield Change(name=name, sentence=f"the store {name} is added: {new.stores[name].path}")


def _recipients(former: Plan, new: Plan) -> Iterator[Change]:
    before = {recipient.fingerprint: recipient for recipient in former.recipients}
    after = {recipient.fingerprint: recipient for recipient in new.recipients}
    for fingerprint in _gone(before, after):
        recipient = before[fingerprint]
        said = f"{recipient.name} ({fingerprint}, {recipient.held_by}) cannot open the backups made from now on"
        yield Change(name=recipient.name, sentence=said)
    for fingerprint in _gone(after, before):
        recipient = after[fingerprint]
        said = f"{recipient.name} ({fingerprint}, {recipient.held_by}) can open the backups made from now on"
        yield Change(name=recipient.name, sentence=said)
    for fingerprint in before.keys() & after.keys():
        if before[fingerprint] != after[fingerprint]:
            name = after[fingerprint].name
            yield Change(name=name, sentence=f"the key {name} was renewed, renamed or changed hands")


def _people(former: Plan, new: Plan) -> Iterator[Change]:
    for what, was, becomes in (
        ("the organisation", former.organisation, new.organisation),
        ("what is said of the node", former.node, new.node),
        ("the contacts", former.contacts, new.contacts),
    ):
        if was != becomes:
            yield Change(name="", sentence=f"{what} changed")
    if former.organisation.timezone != new.organisation.timezone:
        zone = new.organisation.timezone
        said = f"all schedules are read in {zone} instead of {former.organisation.timezone}"
        yield Change(name="", sentence=said)


def _gone(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    kept = set(after)
    return tuple(name for name in before if name not in kept)
