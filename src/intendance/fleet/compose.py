"""A manager put together from what its process was told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, select

from intendance.fleet import importing
from intendance.fleet.accounts.service import Accounts
from intendance.fleet.acts.carrying import Carrier
from intendance.fleet.alerts.own import own_troubles, troubles_now
from intendance.fleet.alerts.owning import owners
from intendance.fleet.alerts.policy import Policy
from intendance.fleet.alerts.service import Alerts
from intendance.fleet.alerts.standing_plan import StandingPlan
from intendance.fleet.assets.service import Assets
from intendance.fleet.attesting.perform import Bench
from intendance.fleet.attesting.service import Attesting
from intendance.fleet.beats.summing import Summing
from intendance.fleet.binding.perform import Binding
from intendance.fleet.database.connect import Database, open_database
from intendance.fleet.database.inserting import insert_into
from intendance.fleet.database.migrate import bring_up_to_date
from intendance.fleet.database.tables import setting
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.ledgers.service import Ledgers
from intendance.fleet.ledgers.settling import Settling
from intendance.fleet.ledgers.taking_away import take_away
from intendance.fleet.log import FleetLog
from intendance.fleet.manager import Manager, Say
from intendance.fleet.nodes.service import Nodes
from intendance.fleet.own_log import OwnLog
from intendance.fleet.planning.service import Planning, Requests
from intendance.fleet.plans.service import Plans
from intendance.fleet.reading.figures import Counting
from intendance.fleet.reading.service import Reading
from intendance.fleet.runs.service import Runs
from intendance.fleet.tokens.service import Tokens
from intendance.fleet.verdicts.service import About, Troubles, Verdicts
from intendance.fleet.watching import watch
from intendance.fleet.witnessing.perform import Witnessing
from intendance.ledger.export import Exported
from intendance.ledger.origin import FLEET_LOG
from intendance.ledger.taking import Imported
from intendance.model.errors.fleet import FleetOfAnother, NoManagerState
from intendance.model.errors.plan import PlanOfOtherVersion
from intendance.model.frozen import dataclass
from intendance.system.clock import Clock
from intendance.system.publish import publish


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a manager runs. `database` is empty for SQLite in the state folder; `pin` is what tokens carry; `secure`:
    browsers come by TLS, here or at a proxy before it; `plan` is the file of the fleet's compiled plan, which says who
    is told of what; `source` the file that it was compiled from, which is read again on demand."""

    state: Path
    fleet: str
    database: str = ""
    urls: tuple[str, ...] = ()
    pin: str = "plain"
    organisation: str = ""
    zone: str = "UTC"
    language: Literal["fr", "en"] = "en"
    secure: bool = False
    plan: str = ""
    source: str = ""
    source_sha256: str = ""


@contextmanager
def open_manager(settings: Settings, clock: Clock, say: Say, requests: Requests | None = None) -> Iterator[Manager]:
    """Bring the tables up to date and put the manager together; its threads are begun by `start`. `requests` to read
    the plan again come by it.

    Raises FleetOfAnother, DatabaseAddressUnusable, DatabaseTooNew, DatabaseUnreachable.
    """
    layout = ManagerLayout(settings.state)
    layout.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _database(settings.database, layout) as database:
        copy = bring_up_to_date(database, backups=layout.backups, now=clock.read().at)
        if copy is not None:
            say(f"the tables were brought up to date; the database as it was: {copy}")
        _expect_fleet(database, settings.fleet)
        _remember(layout, settings)
        carry = _carrier(database, settings, clock, say)
        policy = standing_policy(settings, say)
        manager = Manager(database, settings.fleet, clock, say, policy=policy, pin=settings.pin, carry=carry)
        manager.duties["acts"] = carry.tick
        _complain(manager, lambda: carry.trouble)
        log = ManagerLayout(settings.state).log
        manager.loops["witness"] = Witnessing(database, log, lambda: policy().witnesses, clock, say).run
        binding = Binding(database, FleetLog(settings.state, settings.fleet, clock), clock, say)
        manager.duties["heads"] = binding.tick
        _complain(manager, lambda: binding.trouble)
        watch(manager, policy, lambda: carry.fault or binding.fault)
        manager.duties["judge"] = _verdicts(manager, settings).tick
        manager.loops["attest"] = Attesting(_bench(manager, settings), lambda: manager.lease is not None, say).run
        planning = _planning(settings, clock, say)
        planning.begin(settings.source_sha256)
        manager.complaints.append(lambda: planning.trouble)
        manager.loops["plan"] = partial(planning.run, requests or Requests())
        yield manager


def _complain(manager: Manager, trouble: Callable[[], str]) -> None:
    """Let a manager tell of what keeps a leader's work from being done, while it leads: who leads no more does not see
    its end."""
    manager.complaints.append(lambda: trouble() if manager.lease is not None else "")


def _planning(settings: Settings, clock: Clock, say: Say) -> Planning:
    return Planning(
        layout=ManagerLayout(settings.state),
        source=settings.source,
        fleet=settings.fleet,
        log=FleetLog(settings.state, settings.fleet, clock),
        clock=clock,
        say=say,
    )


def _carrier(database: Database, settings: Settings, clock: Clock, say: Say) -> Carrier:
    return Carrier(database, FleetLog(settings.state, settings.fleet, clock), clock, say)


def _bench(manager: Manager, settings: Settings) -> Bench:
    layout = ManagerLayout(settings.state)
    return Bench(
        database=manager.database,
        log=FleetLog(settings.state, settings.fleet, manager.clock),
        clock=manager.clock,
        fleet=settings.fleet,
        plans=layout.plans,
        common=Path(settings.plan or layout.plan),
    )


def _verdicts(manager: Manager, settings: Settings, troubles: Troubles = own_troubles) -> Verdicts:
    database, clock = manager.database, manager.clock
    log = FleetLog(settings.state, settings.fleet, clock)
    about = About(
        fleet=settings.fleet,
        organisation=settings.organisation or settings.fleet,
        zone=settings.zone,
        policy=manager.policy,
    )
    summing, runs = Summing(database, log), Runs(database, clock)

    def daily(now: datetime) -> None:
        summing.record_days(now)
        runs.forget(now)

    return Verdicts(
        database, clock, about, owners=owners, troubles=troubles, log=log.size, daily=daily, say=manager.say
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Faces:
    """What the pages and the API of a manager are made from: readers of its database, beside its own
    threads."""

    accounts: Accounts
    verdicts: Verdicts
    ledgers: Ledgers
    log: OwnLog
    tokens: Tokens
    reading: Reading
    counting: Counting
    assets: Assets
    plans: Plans
    runs: Runs
    alerts: Alerts


def faces(manager: Manager, settings: Settings) -> Faces:
    """The services behind the pages and the API."""
    troubles = partial(troubles_now, manager.unwritten)
    verdicts = _verdicts(manager, settings, troubles)
    reading = Reading(manager.database, manager.nodes, verdicts)
    log = FleetLog(settings.state, settings.fleet, manager.clock)
    return Faces(
        accounts=_accounts(manager.database, settings, manager.clock),
        verdicts=verdicts,
        ledgers=Ledgers(manager.database),
        log=OwnLog(log, manager.clock, lambda: manager.policy().witnesses),
        tokens=_tokens(manager.database, settings, manager.clock),
        reading=reading,
        counting=Counting(manager, reading),
        assets=Assets(manager.database, manager.clock),
        plans=Plans(manager.database, manager.clock),
        runs=Runs(manager.database, manager.clock),
        alerts=Alerts(
            manager.database,
            manager.policy,
            manager.clock,
            _carrier(manager.database, settings, manager.clock, manager.say),
        ),
    )


def _accounts(database: Database, settings: Settings, clock: Clock) -> Accounts:
    return Accounts(database, clock, _carrier(database, settings, clock, _unsaid))


@contextmanager
def open_accounts(state: Path, clock: Clock) -> Iterator[Accounts]:
    """The accounts of the manager whose state folder this is, for commands on its machine; it need not be running.

    Raises NoManagerState, DatabaseUnreachable.
    """
    settings = remembered(state)
    with _database(settings.database, ManagerLayout(state)) as database:
        yield _accounts(database, settings, clock)


def standing_policy(settings: Settings, say: Say) -> StandingPlan:
    """Who is told of what, and what the fleet is called, as its plan has it now. Raises PlanOfOtherVersion."""
    beginning = Policy(
        fleet=settings.fleet,
        organisation=settings.organisation or settings.fleet,
        zone=settings.zone,
        language=settings.language,
        urls=settings.urls,
    )
    return StandingPlan(Path(settings.plan or ManagerLayout(settings.state).plan), beginning, say)


def _tokens(database: Database, settings: Settings, clock: Clock) -> Tokens:
    return Tokens(database, clock, _carrier(database, settings, clock, _unsaid))


@contextmanager
def open_tokens(state: Path, clock: Clock) -> Iterator[Tokens]:
    """The tokens of the manager whose state folder this is, for commands on its machine; it need not be running.

    Raises NoManagerState, DatabaseUnreachable.
    """
    settings = remembered(state)
    with _database(settings.database, ManagerLayout(state)) as database:
        yield _tokens(database, settings, clock)


def _database(address: str, layout: ManagerLayout) -> Database:
    return open_database(address or layout.database)


def _expect_fleet(database: Database, fleet: str) -> None:
    with database.begin() as connection:
        claim_fleet(connection, fleet)


def claim_fleet(connection: Connection, fleet: str) -> None:
    """Take a new database for a fleet; several managers may begin on it at once. Raises FleetOfAnother."""
    first = insert_into(connection, setting).values(name="fleet", value=fleet)
    connection.execute(first.on_conflict_do_nothing())
    kept = connection.execute(select(setting.c.value).where(setting.c.name == "fleet")).scalar_one()
    if kept != fleet:
        raise FleetOfAnother(kept=kept, named=fleet)


def _remember(layout: ManagerLayout, settings: Settings) -> None:
    told = {
        "fleet": settings.fleet,
        "database": settings.database,
        "urls": list(settings.urls),
        "pin": settings.pin,
        "organisation": settings.organisation,
        "zone": settings.zone,
        "language": settings.language,
        "secure": settings.secure,
        "plan": settings.plan,
        "source": settings.source,
        "source_sha256": settings.source_sha256,
    }
    publish(layout.settings, json.dumps(told, indent=2).encode() + b"\n", mode=0o600, replace=True)


def remembered(state: Path) -> Settings:
    """How the manager of a state folder was started last, with what its plan says since. Raises NoManagerState."""
    try:
        told = json.loads(ManagerLayout(state).settings.read_bytes())
    except FileNotFoundError:
        raise NoManagerState(state=state) from None
    urls: Sequence[str] = told.pop("urls")
    return _as_planned(Settings(state=state, urls=tuple(urls), **told))


def _as_planned(settings: Settings) -> Settings:
    try:
        policy = standing_policy(settings, _unsaid)()
    except (OSError, PlanOfOtherVersion):
        return settings  # whoever needs the plan itself is told; the others need no more than its start knew
    return replace(
        settings,
        organisation=policy.organisation,
        zone=policy.zone,
        language=policy.language,
        urls=policy.urls,
    )


@contextmanager
def open_nodes(state: Path, clock: Clock) -> Iterator[tuple[Nodes, Settings]]:
    """The nodes of the manager whose state folder this is, for commands on its machine; it need not be running.

    Raises NoManagerState, DatabaseUnreachable.
    """
    settings = remembered(state)
    with _database(settings.database, ManagerLayout(state)) as database:
        yield (
            Nodes(database, settings.fleet, clock, lambda: settings.urls, _carrier(database, settings, clock, _unsaid)),
            settings,
        )


@contextmanager
def open_findings(state: Path, clock: Clock) -> Iterator[tuple[Settling, str]]:
    """The findings of the manager whose state folder this is, and its time zone; it need not be running.

    Raises NoManagerState, DatabaseUnreachable.
    """
    settings = remembered(state)
    with _database(settings.database, ManagerLayout(state)) as database:
        yield Settling(database, clock, FleetLog(settings.state, settings.fleet, clock).append), settings.zone


@contextmanager
def open_alerts(state: Path, clock: Clock) -> Iterator[tuple[Alerts, Settings]]:
    """The alerts of the manager whose state folder this is, for commands on its machine; it need not be running.

    Raises NoManagerState, DatabaseUnreachable, PlanOfOtherVersion.
    """
    settings = remembered(state)
    with _database(settings.database, ManagerLayout(state)) as database:
        carry = _carrier(database, settings, clock, _unsaid)
        yield Alerts(database, standing_policy(settings, _unsaid), clock, carry), settings


def take_ledger(
    state: Path, node: str, path: Path, *, incarnation: int | None = None, bounds: tuple[int, int | None] | None = None
) -> Exported:
    """Write what the manager of a state folder keeps of a node's ledger, all or within `bounds`; it need not run.

    Raises NoManagerState, DatabaseUnreachable, NodeNotEnrolled and what `export` raises.
    """
    with _database(remembered(state).database, ManagerLayout(state)) as database:
        return take_away(database, state, node, path, incarnation=incarnation, bounds=bounds)


def import_ledger(state: Path, clock: Clock, bundle: Path, *, actor: str) -> Imported:
    """Take a host's ledger into view of the manager whose state folder this is; it need not be running.

    Raises NoManagerState, PlanOfOtherVersion, and what `importing.import_bundle` raises.
    """
    settings, layout = remembered(state), ManagerLayout(state)
    counts = importing.believed(settings.fleet, layout, Path(settings.plan or layout.plan))
    log = FleetLog(state, settings.fleet, clock)
    with _database(settings.database, layout) as database:
        taken = importing.import_bundle(database, log, layout, counts, bundle, actor=actor)
    return Imported(evidence=taken.evidence, node=FLEET_LOG, seq=taken.seq, zone=settings.zone)


def _unsaid(_: str) -> None:
    """The manager says it."""
