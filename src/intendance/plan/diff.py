"""What a new plan changes, in sentences; what takes protection away is severe and must be confirmed by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from intendance.catalogue.rule import Rulebook
from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted
from intendance.model.plan import (
    Asset,
    BackupPlan,
    FilesAsset,
    MariadbAsset,
    Plan,
    Prune,
    Site,
    SqliteAsset,
    Threshold,
    Waiver,
)
from intendance.plan import durations
from intendance.plan.change import Change
from intendance.plan.declared_changes import declared_changes
from intendance.plan.drilling import drill_changes
from intendance.plan.helping import host_changes
from intendance.plan.keeping import class_changes, pruning_changes
from intendance.plan.rhythm import activity_changes, backup_of_kind
from intendance.plan.saying import Names, say

T = TypeVar("T")
Identities = Mapping[str, str]
_NOT_SAMPLED = ("page", "api_p95")


def changes(
    former: Plan, new: Plan, former_identities: Identities, new_identities: Identities, rulebook: Rulebook
) -> tuple[Change, ...]:
    """Every difference between two plans; identities map the assets' names to what they are on the machine.

    `rulebook` tells which way a value that is only declared becomes looser.
    """
    found = [
        *_catalogues(former.catalogues, new.catalogues),
        *_assets(former, new, former_identities, new_identities),
        *_stores(former, new),
        *_sites(former.sites, new.sites),
        *_pruning(former.prune, new.prune),
        *_recipients(former, new),
        *_people(former, new),
        *_waivers(former.waivers, new.waivers),
        *_thresholds(former, new),
        *declared_changes(
            _as_now(_unperformed(former.declared, new)), new.declared, rulebook, new.organisation.timezone
        ),
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
        days = kept.backup.covered_days if kept is not None and kept.backup is not None else 0
        if kept is None:
            found.append(_dropped(name))
        elif days < asset.retention_days:
            found.append(_kept(kept.name, days, asset.retention_days))
    return tuple(found)


def _catalogues(former: Iterable[str], new: Iterable[str]) -> Iterator[Change]:
    for name in gone(former, new):
        said = say("the catalogue {name} is dropped: its rules are no longer judged", name=name)
        yield Change(name=name, code="catalogue-dropped", said=said, severe=True, effect="stops")
    for name in gone(new, former):
        said = say("the catalogue {name} is added", name=name)
        yield Change(name=name, code="catalogue-added", said=said, effect="starts")


def _assets(former: Plan, new: Plan, before: Identities, after: Identities) -> Iterator[Change]:
    by_identity = {identity: name for name, identity in after.items()}
    zones = (former.organisation.timezone, new.organisation.timezone)
    for name, asset in former.assets.items():
        kept_as = by_identity.get(before[name])
        if kept_as is None:
            yield _dropped(name, moved_from=before[name] if name in new.assets else None)
            continue
        if kept_as != name:
            said = say("{name} is now called {new}; the sets made so far stay under {name}", name=name, new=kept_as)
            yield Change(name=kept_as, code="asset-renamed", said=said)
        yield from _asset(kept_as, asset, new.assets[kept_as], zones)
        for drill in drill_changes(kept_as, asset.drill, new.assets[kept_as].drill, new.node.id):
            yield Change(name=kept_as, code=drill.code, said=drill.said, severe=drill.severe, effect=drill.effect)
    known = set(before.values())
    for name, identity in after.items():
        if identity not in known:
            said = say("{name} is added ({identity})", name=name, identity=identity)
            yield Change(name=name, code="asset-added", said=said, effect="starts")


def _dropped(name: str, moved_from: str | None = None) -> Change:
    if moved_from is None:
        said = say("{name} is no longer maintained", name=name)
    else:
        said = say("{name} now means another place, and {place} is no longer maintained", name=name, place=moved_from)
    return Change(name=name, code="asset-dropped", said=said, severe=True, effect="stops")


def _asset(name: str, former: Asset, new: Asset, zones: tuple[str, str]) -> Iterator[Change]:
    if isinstance(former, MariadbAsset) and isinstance(new, MariadbAsset):
        yield from _mariadb(name, former, new)
    if isinstance(former, FilesAsset) and isinstance(new, FilesAsset):
        yield from _files(name, former, new)
    if isinstance(former, SqliteAsset) and isinstance(new, SqliteAsset) and former.path != new.path:
        said = say("{name} is named by another path of the same file: {path}", name=name, path=new.path)
        yield Change(name=name, code="path", said=said)
    if former.backup is None and new.backup is not None:
        said = say("{name} is backed up from now on", name=name)
        yield Change(name=name, code="backup-added", said=said, effect="starts")
    elif former.backup is not None and new.backup is None:
        said = say("{name} is no longer backed up", name=name)
        yield Change(name=name, code="backup-dropped", said=said, severe=True, effect="stops")
    elif former.backup is not None and new.backup is not None:
        yield from _backup(name, former.backup, new.backup)
        for activity in activity_changes(name, former.backup, new.backup, zones):
            yield Change(
                name=name, code=activity.code, said=activity.said, severe=activity.severe, effect=activity.effect
            )


def _files(name: str, former: FilesAsset, new: FilesAsset) -> Iterator[Change]:
    more, less = gone(new.exclude, former.exclude), gone(former.exclude, new.exclude)
    if more:
        said = say("{name} leaves out more: {patterns}", name=name, patterns=", ".join(more))
        yield Change(name=name, code="excludes-more", said=said, severe=True)
    if less:
        said = say("{name} no longer leaves out {patterns}", name=name, patterns=", ".join(less))
        yield Change(name=name, code="excludes-less", said=said)
    for path in gone(new.databases, former.databases):
        said = say("{name} leaves out {path}, which is backed up as a SQLite database", name=name, path=path)
        yield Change(name=name, code="leaves-database", said=said)
    for path in gone(former.databases, new.databases):
        said = say("{name} no longer leaves out {patterns}", name=name, patterns=path)
        yield Change(name=name, code="excludes-less", said=said)
    if former.path != new.path:
        said = say("{name} is named by another path of the same folder: {path}", name=name, path=new.path)
        yield Change(name=name, code="path", said=said)


def _mariadb(name: str, former: MariadbAsset, new: MariadbAsset) -> Iterator[Change]:
    less = gone(former.databases, new.databases)
    if new.databases and less:
        said = say("{name} no longer keeps the databases {databases}", name=name, databases=", ".join(less))
        yield Change(name=name, code="databases-dropped", said=said, severe=True, effect="stops")
    elif new.databases and not former.databases:
        said = say("{name} no longer keeps any database but {databases}", name=name, databases=", ".join(new.databases))
        yield Change(name=name, code="databases-dropped", said=said, severe=True, effect="stops")
    more = gone(new.databases, former.databases) if former.databases else ()
    if more:
        said = say("{name} also keeps {databases}", name=name, databases=", ".join(more))
        yield Change(name=name, code="databases-added", said=said, effect="starts")
    elif former.databases and not new.databases:
        said = say("{name} also keeps all other databases", name=name)
        yield Change(name=name, code="databases-added", said=said, effect="starts")
    if former.connect != new.connect:
        yield Change(name=name, code="connect", said=say("{name} is reached in another way", name=name))
    if former.non_transactional != new.non_transactional:
        if new.non_transactional == "lock":
            said = say("{name} locks tables without transactions", name=name)
        else:
            said = say("{name} refuses tables without transactions", name=name)
        yield Change(name=name, code="non-transactional", said=said)


def _kept(name: str, days: int, before: int) -> Change:
    if days < before:
        said = say("{name} is kept shorter: {days} days instead of {before}", name=name, days=days, before=before)
        return Change(name=name, code="retention-shorter", said=said, severe=True)
    said = say("{name} is kept longer: {days} days instead of {before}", name=name, days=days, before=before)
    return Change(name=name, code="retention-longer", said=said)


def _backup(name: str, former: BackupPlan, new: BackupPlan) -> Iterator[Change]:
    if new.retention_days != former.retention_days:
        yield _kept(name, new.retention_days, former.retention_days)
    for change in class_changes(name, former, new):
        yield Change(name=name, code=change.code, said=change.said, severe=change.severe)
    for store in gone(former.stores, new.stores):
        said = say("{name} is no longer stored in {store}", name=name, store=store)
        yield Change(name=name, code="store-left", said=said, severe=True, effect="stops")
    for store in gone(new.stores, former.stores):
        said = say("{name} is also stored in {store}", name=name, store=store)
        yield Change(name=name, code="store-joined", said=said, effect="starts")
    for kind in new.kinds:
        before, after = (each.deadlines_seconds.get(kind, durations.DAY) for each in (former, new))
        if before != after:
            said = say(
                "a {activity} of {name} may take {after} instead of {before}",
                activity=backup_of_kind(kind),
                name=name,
                after=durations.write(after),
                before=durations.write(before),
            )
            yield Change(name=name, code="deadline", said=said)


def _stores(former: Plan, new: Plan) -> Iterator[Change]:
    for name, store in former.stores.items():
        if name not in new.stores:
            said = say("the store {name} is dropped; what it holds is no longer listed", name=name)
            yield Change(name=name, code="store-dropped", said=said, severe=True, effect="stops")
        elif new.stores[name] != store:
            said = say(
                "the store {name} is now {path}; what {former} holds is no longer listed",
                name=name,
                path=new.stores[name].place,
                former=store.place,
            )
            yield Change(name=name, code="store-moved", said=said, severe=True)
    for name in gone(new.stores, former.stores):
        said = say("the store {name} is added: {path}", name=name, path=new.stores[name].place)
        yield Change(name=name, code="store-added", said=said, effect="starts")


def _sites(former: Mapping[str, Site], new: Mapping[str, Site]) -> Iterator[Change]:
    for name in gone(former, new):
        said = say("the site {name} is dropped: its assets are no longer restored together", name=name)
        yield Change(name=name, code="site-dropped", said=said, severe=True, effect="stops")
    for name, site in new.items():
        before = former[name].assets if name in former else ()
        less, more = gone(before, site.assets), gone(site.assets, before)
        if less:
            said = say("the site {name} no longer has {assets}", name=name, assets=", ".join(less))
            yield Change(name=name, code="site-smaller", said=said, severe=True)
        if more:
            said = say("{assets} are restored together as the site {name}", name=name, assets=Names(more, "and"))
            yield Change(name=name, code="site-larger", said=said, effect="changes" if before else "starts")


def _pruning(former: Prune | None, new: Prune | None) -> Iterator[Change]:
    host = new or former
    for change in pruning_changes(former, new):
        yield Change(name=host.host if host else "", code=change.code, said=change.said, severe=change.severe)


def _recipients(former: Plan, new: Plan) -> Iterator[Change]:
    before = {recipient.fingerprint: recipient for recipient in former.recipients}
    after = {recipient.fingerprint: recipient for recipient in new.recipients}
    for fingerprint in gone(before, after):
        recipient = before[fingerprint]
        said = say(
            "{name} ({fingerprint}, {holder}) cannot open the backups made from now on",
            name=recipient.name,
            fingerprint=fingerprint,
            holder=recipient.held_by,
        )
        yield Change(name=recipient.name, code="recipient-removed", said=said, severe=True, effect="stops")
    for fingerprint in gone(after, before):
        recipient = after[fingerprint]
        said = say(
            "{name} ({fingerprint}, {holder}) can open the backups made from now on",
            name=recipient.name,
            fingerprint=fingerprint,
            holder=recipient.held_by,
        )
        yield Change(name=recipient.name, code="recipient-added", said=said, effect="starts")
    for fingerprint, recipient in after.items():
        if fingerprint in before and before[fingerprint] != recipient:
            said = say("the key {name} was renewed, renamed or changed hands", name=recipient.name)
            yield Change(name=recipient.name, code="recipient-changed", said=said)


def _people(former: Plan, new: Plan) -> Iterator[Change]:
    if former.organisation != new.organisation:
        yield Change(name="", code="organisation", said=say("the organisation changed"))
    if former.node != new.node:
        yield Change(name="", code="node", said=say("what is said of the node changed"))
    if former.contacts != new.contacts:
        yield Change(name="", code="contacts", said=say("the contacts changed"))
    yield from host_changes(former.hosts, new.hosts)
    if former.organisation.timezone != new.organisation.timezone:
        said = say(
            "all schedules are read in {zone} instead of {former}",
            zone=new.organisation.timezone,
            former=former.organisation.timezone,
        )
        yield Change(name="", code="timezone", said=said)


def _waivers(former: tuple[Waiver, ...], new: tuple[Waiver, ...]) -> Iterator[Change]:
    for waiver in gone(new, former):
        said = say(
            "{rule} is waived until {expires}, granted by {contact}: {reason}",
            rule=waiver.rule,
            expires=waiver.expires,
            contact=waiver.granted_by,
            reason=waiver.reason,
        )
        yield Change(name=waiver.rule, code="waiver-added", said=said, severe=True)
    still = {waiver.rule for waiver in new}
    for waiver in gone(former, new):
        if waiver.rule not in still:
            said = say("{rule} is no longer waived", rule=waiver.rule)
            yield Change(name=waiver.rule, code="waiver-dropped", said=said)


def _unperformed(former: Mapping[str, Any], new: Plan) -> Mapping[str, Any]:
    """What was declared, without the stores that this version writes to and the former one did not."""

    def performed(place: str, value: Any) -> bool:
        words = place.split(".")
        if words[0] == "stores":
            return words[1] in new.stores
        asset = new.assets.get(words[1]) if len(words) > 1 and words[2:] == ["backup", "stores"] else None
        return asset is not None and asset.backup is not None and set(value) <= set(asset.backup.stores)

    return {place: value for place, value in former.items() if not performed(place, value)}


def _thresholds(former: Plan, new: Plan) -> Iterator[Change]:
    """Figures that are worth a word earlier than the rules say. A former release kept them as declared only."""
    before = {**_sampled(former.declared), **former.thresholds}
    for name in gone(before, new.thresholds):
        said = say("the threshold `{name}` is dropped: the bounds of the rules are left", name=name)
        yield Change(name="thresholds", code="threshold-dropped", said=said, severe=True, effect="stops")
    for name, threshold in new.thresholds.items():
        if name not in before:
            said = say("the threshold `{name}` is added", name=name)
            yield Change(name="thresholds", code="threshold-added", said=said, effect="starts")
        elif name in former.thresholds and former.thresholds[name] != threshold:
            severe = _is_looser(former.thresholds[name], threshold)
            said = say("the threshold `{name}` is another one", name=name)
            yield Change(name="thresholds", code="threshold-changed", said=said, severe=severe)


def _is_looser(former: Threshold, new: Threshold) -> bool:
    return new.above > former.above or (new.for_seconds or 0) > (former.for_seconds or 0)


def _sampled(declared: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: None for name in declared.get("thresholds", {}) if name not in _NOT_SAMPLED}


def _as_now(declared: Mapping[str, Any]) -> dict[str, Any]:
    """What a release kept as declared that did not sample by any threshold, by the places of this one."""
    kept = {place: value for place, value in declared.items() if place != "thresholds"}
    written = declared.get("thresholds", {})
    return kept | {f"thresholds.{name}": written[name] for name in _NOT_SAMPLED if name in written}


def gone(before: Iterable[T], after: Iterable[T]) -> tuple[T, ...]:
    """What stands in `before` and not in `after`, in its order."""
    kept = set(after)
    return tuple(each for each in before if each not in kept)
