"""Putting a plan in force: the ledger records it, then every process follows it.

Order of effects: source and compiled plan under their hashes, then the records in one transaction (the moment at which
the plan is in force), then the copy that readers take. A crash before the transaction leaves the former plan, one after
it the new plan, whose copy the next reader or adoption puts right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from intendance import __version__
from intendance.agent import bell
from intendance.agent.comparing import InForce, changes_from, expect_same_node, in_force
from intendance.agent.inventory.first import record_kept
from intendance.agent.layout import StateLayout
from intendance.agent.opening import open_book
from intendance.agent.past import seen, seen_in
from intendance.agent.remembering import remembered
from intendance.agent.waiving import waiver_records
from intendance.ledger.book import Book
from intendance.ledger.canonical import clean
from intendance.model.errors.plan import NotConfirmed, NothingToConfirm
from intendance.model.errors.state import NoState, StateUnusable, remedy_for, said_by_system
from intendance.model.evidence.lifecycle import (
    AssetDeclared,
    AssetDropped,
    ConfirmedChange,
    HostEntry,
    PlanAdopted,
    RecipientEntry,
    ScheduleEntry,
    StoreEntry,
)
from intendance.model.frozen import dataclass
from intendance.model.plan import Asset, BackupPlan, FilesAsset, Plan, SqliteAsset
from intendance.plan import adopted
from intendance.plan.change import Change
from intendance.plan.identity import identity
from intendance.plan.load import Checked, load
from intendance.system import lock, openpgp
from intendance.system.clock import Clock, rfc3339
from intendance.system.publish import make_folder, publish, sync_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What adopting a plan did. `seq` is the `plan.adopted` record in force; `begun`: the state was created by this.

    `recorded` is false when this very plan was in force already, and nothing was done. `agent_told`: an agent is
    running and has been told.
    """

    plan: Plan
    node: str
    seq: int
    recorded: bool
    begun: bool
    changes: tuple[Change, ...]
    openpgp_fingerprint: str
    source_sha256: str
    agent_told: bool


def adopt(
    path: Path,
    *,
    state: Path,
    clock: Clock,
    actor: str,
    confirmed: Collection[str] = (),
    node: str | None = None,
) -> Adoption:
    """Check the plan file and put it in force; `confirmed` names what may lose protection.

    Raises PlanMissing, PlanUnreadable, PlanInvalid, NodeUnnamed, NodeUnknown, FleetImmutable, NotConfirmed,
    NothingToConfirm, LockHeld, StateUnusable, LedgerLost, and what the ledger refuses.
    """
    checked = load(path, clock.read().at, seen_in(state, clock))
    return adopt_checked(checked, state=state, clock=clock, actor=actor, confirmed=confirmed, node=node)


def adopt_checked(
    checked: Checked,
    *,
    state: Path,
    clock: Clock,
    actor: str,
    confirmed: Collection[str] = (),
    node: str | None = None,
) -> Adoption:
    """Put a plan that was read and checked in force; `node` names the one of a fleet's. Raises what `adopt` raises
    after reading."""
    plan = checked.valid(node)
    with _state_errors(state):
        _make_private(state)
    with _state_errors(state), lock.held(adopted.adoption_lock(state), purpose="Adopting a plan"):
        book, begun = _open_book(
            state, plan, clock, lambda: _confirm(changes_from(None, plan, state, None), confirmed, checked.file)
        )
        with book:
            expect_same_node(book, plan, state)
            former = in_force(book)
            found = changes_from(former, plan, state, book)
            accepted = _confirm(found, confirmed, checked.file)
            content = adopted.encode(plan)
            _keep(adopted.source_path(state, checked.source_sha256), checked.content)
            _keep(adopted.compiled_path(state, sha256(content).hexdigest()), content)
            new = _evidence(plan, checked.source_sha256, content)
            same = former is not None and replace(former.adoption.data, confirmed=()) == new
            new = replace(new, confirmed=accepted)
            seq = former.adoption.seq if same and former else _record(book, new, plan, former, clock, actor)
            record_kept(book, state, clock.read().at, actor=actor)
            adopted.bring_up_to_date(state)
            return Adoption(
                plan=plan,
                node=book.node,
                seq=seq,
                recorded=not same,
                begun=begun,
                changes=found,
                openpgp_fingerprint=str(book.record(0).data["openpgp_fingerprint"]),
                source_sha256=checked.source_sha256,
                agent_told=bell.ring(StateLayout(state).socket),
            )


def _make_private(state: Path) -> None:
    """The state folder, and inside it the agent's own, which nobody else may look into."""
    make_folder(state)
    (state / "agent").mkdir(mode=0o700, exist_ok=True)
    sync_directory(state)


@contextmanager
def _state_errors(state: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = remedy_for(error)
        told = {} if remedy is None else {"remedy": remedy}
        raise StateUnusable(state=state, detail=said_by_system(error), **told) from error


def _open_book(state: Path, plan: Plan, clock: Clock, confirm: Callable[[], object]) -> tuple[Book, bool]:
    """The state folder's ledger, begun together with the node's OpenPGP key when there is none: after `confirm`, so
    that nothing begins for a plan that is refused."""
    try:
        return open_book(state, clock), False
    except NoState:
        confirm()
        home = state / "agent" / "gnupg"
        name = f"Intendance node {plan.fleet}/{plan.node.id}"
        fingerprint = openpgp.node_key(home) or openpgp.create_node_key(home, name)
        book = Book.create(
            state,
            fleet=plan.fleet,
            node=plan.node.id,
            openpgp_fingerprint=fingerprint,
            software=f"intendance {__version__}",
            clock=clock,
        )
        return book, True


def _confirm(found: Sequence[Change], confirmed: Collection[str], file: str) -> tuple[ConfirmedChange, ...]:
    """What the plan takes away, once each of it was confirmed by name. Raises NothingToConfirm, NotConfirmed."""
    severe = [change for change in found if change.severe]
    needed = {change.name for change in severe}
    for name in confirmed:
        if name not in needed:
            listed = " ".join(f"--confirm {known}" for known in sorted(needed))
            remedy = f"What it takes away is confirmed by `{listed}`." if needed else "Leave `--confirm` out."
            raise NothingToConfirm(name=name, remedy=remedy)
    missing = sorted(needed - set(confirmed))
    if missing:
        said = "; ".join(change.sentence for change in severe if change.name in missing)
        confirm = " ".join(f"--confirm {name}" for name in sorted(needed))
        raise NotConfirmed(changes=said, plan=file, confirm=confirm)
    return tuple(
        ConfirmedChange(name=change.name, change=change.code, sentence=clean(change.sentence)) for change in severe
    )


def _keep(path: Path, content: bytes) -> None:
    """Have `content` under the name of its own hash."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if not path.exists() or path.read_bytes() != content:
        publish(path, content, mode=0o600, replace=True)


def _evidence(plan: Plan, source_sha256: str, content: bytes) -> PlanAdopted:
    return PlanAdopted(
        source_sha256=source_sha256,
        plan_sha256=sha256(content).hexdigest(),
        catalogues=plan.catalogues,
        timezone=plan.organisation.timezone,
        language=plan.organisation.language,
        recipients=tuple(
            RecipientEntry(name=recipient.name, fingerprint=recipient.fingerprint, held_by=recipient.held_by)
            for recipient in plan.recipients
        ),
        stores=tuple(plan.stores),
        assets=tuple(plan.assets),
        hosts=tuple(
            HostEntry(name=host.name, held_by=host.held_by, ledger_key=host.ledger_key or "")
            for host in plan.hosts.values()
        ),
        places=tuple(
            StoreEntry(name=name, kind=store.kind, place=clean(store.place)) for name, store in plan.stores.items()
        ),
    )


def _record(book: Book, adoption: PlanAdopted, plan: Plan, former: InForce | None, clock: Clock, actor: str) -> int:
    """Record the adoption and what it declares and drops, in one transaction; returns the adoption's number."""
    first_seen = remembered(plan, _first_seen(book))
    now = rfc3339(clock.read().at)
    declared = {name: _declared(asset, first_seen, now) for name, asset in plan.assets.items()}
    waivers = waiver_records(plan, seen(book, clock.read().at), clock.read().at)
    kept = {asset.identity for asset in declared.values()}
    with book.transaction() as transaction:
        record = transaction.append(adoption, actor=actor)
        for name, asset in declared.items():
            transaction.append(asset, actor=actor, asset=name)
        for name, asset in former.declared.items() if former else ():
            if asset.identity not in kept:
                transaction.append(_dropped(asset), actor=actor, asset=name)
        for waiver in waivers:
            transaction.append(waiver, actor=actor)
    book.seal()
    return record.seq


def _first_seen(book: Book) -> Mapping[str, str]:
    """When each identity was first declared, by any plan and under any name."""
    first: dict[str, str] = {}
    for fact in book.facts("asset.declared"):
        seen: AssetDeclared = fact.data
        first[seen.identity] = min(first.get(seen.identity, seen.first_declared_at), seen.first_declared_at)
    return first


def _declared(asset: Asset, first_seen: Mapping[str, str], now: str) -> AssetDeclared:
    known_as = clean(identity(asset))
    backup = asset.backup
    legal = None if backup is None else backup.legal
    return AssetDeclared(
        engine=asset.kind,
        identity=known_as,
        first_declared_at=first_seen.get(known_as, now),
        schedules=() if backup is None else tuple(_schedules(backup)),
        stores=() if backup is None else backup.stores,
        retention_days=0 if backup is None else backup.covered_days,
        subject=clean(_subject(asset)),
        databases=tuple(map(clean, asset.databases)) if asset.kind == "mariadb" else (),
        exclude=tuple(map(clean, asset.exclude)) if asset.kind == "files" else (),
        legal_select=legal.select if legal is not None else "",
        legal_kind=legal.kind if legal is not None else "",
        legal_days=legal.keep_days if legal is not None else 0,
    )


def _schedules(backup: BackupPlan) -> Iterator[ScheduleEntry]:
    for kind, schedule in backup.kinds.items():
        yield ScheduleEntry(activity=f"backup.{kind}", cron=schedule.cron if schedule else None)
    if backup.inspect is not None:
        yield ScheduleEntry(activity="inspect", cron=backup.inspect.cron)


def _subject(asset: Asset) -> str:
    """What is maintained, in words: a folder, or databases and their server."""
    if isinstance(asset, FilesAsset | SqliteAsset):
        return asset.path
    server = asset.connect.socket or f"{asset.connect.host}:{asset.connect.port}"
    return f"{', '.join(asset.databases) or 'all databases'} at {server}"


def _dropped(asset: AssetDeclared) -> AssetDropped:
    return AssetDropped(engine=asset.engine, identity=asset.identity, first_declared_at=asset.first_declared_at)
