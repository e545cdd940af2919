"""Facts and ledgers for judging: what an asset's life leaves behind, day by day, written in a few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from intendance.ledger.book import Book
from intendance.model.evidence import KIND_OF, Evidence
from intendance.model.evidence.backup import BackupCompleted, BackupFailed, PacketCheck
from intendance.model.evidence.drill import DrillCompleted, DrillFailed, Hardware, Leg, Link
from intendance.model.evidence.guide import GuidedStep, GuideStep, RestoreGuided
from intendance.model.evidence.inspection import InspectionCompleted, InspectionFailed, SetSeen
from intendance.model.evidence.keys import KeyProven
from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted, RecipientEntry, ScheduleEntry
from intendance.model.evidence.restore import Check, Phases
from intendance.model.evidence.sample import (
    DatabaseExcursion,
    DatabaseRolledUp,
    FileSystemRolledUp,
    LimitFollowed,
    SampleExcursion,
    SampleRollup,
    StillAbove,
)
from intendance.model.verdict import Fact
from tests.support.clock import MovableClock

ZONE = "Europe/Brussels"
KEY_A, KEY_B, KEY_C = ("A" * 40, "B" * 40, "C" * 40)
RECIPIENTS = (
    RecipientEntry(name="owner", fingerprint=KEY_A, held_by="admin"),
    RecipientEntry(name="offline", fingerprint=KEY_B, held_by="lead"),
)
START = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)


def text(at: datetime) -> str:
    """An instant as evidence writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


FIVE: tuple[GuideStep, ...] = ("identify", "choose", "test", "replace", "verify")


def guided(began: datetime, *steps: GuideStep, ok: bool = True) -> RestoreGuided:
    """The record of the last of these steps of a guided restore; `ok` is of that one."""
    ended = tuple(
        GuidedStep(step=each, ended_at=text(began), took_ms=1000, ok=ok or each != steps[-1]) for each in steps
    )
    return RestoreGuided(
        guide="shop-db.guide.20261001T090000Z",
        step=steps[-1],
        ok=ok,
        engine="mariadb",
        scope="database",
        what="shop",
        began_at=text(began),
        took_ms=1000,
        present=True,
        steps=ended,
    )


def plan(
    *assets: str,
    catalogues: Sequence[str] = ("maint", "asbl"),
    recipients: Sequence[RecipientEntry] = RECIPIENTS,
    stores: Sequence[str] = ("local",),
) -> PlanAdopted:
    return PlanAdopted(
        source_sha256="0" * 64,
        plan_sha256="1" * 64,
        catalogues=tuple(catalogues),
        timezone=ZONE,
        language="fr",
        recipients=tuple(recipients),
        stores=tuple(stores),
        assets=assets,
    )


def declared(
    engine: str = "mariadb",
    *,
    first: datetime = START,
    retention_days: int = 90,
    stores: Sequence[str] = ("local",),
    cron: str | None = "0 2 * * *",
) -> AssetDeclared:
    kind = "full" if engine == "files" else "logical"
    return AssetDeclared(
        engine=engine,
        identity=f"{engine}:1",
        first_declared_at=text(first),
        schedules=(ScheduleEntry(activity=f"backup.{kind}", cron=cron),),
        stores=tuple(stores),
        retention_days=retention_days,
        subject="/srv/site",
    )


def completed(
    at: datetime,
    *,
    name: str | None = None,
    stores: Sequence[str] = ("local",),
    recipients: Sequence[str] = (KEY_A, KEY_B),
    parts: int = 3,
    read: int | None = None,
    protected: bool = True,
) -> BackupCompleted:
    """A set that recovers to `at` and took ten minutes."""
    return BackupCompleted(
        set=name or set_id(at),
        kind="logical",
        engine="mariadb",
        engine_version="10.11.6",
        started_at=text(at),
        completed_at=text(at + timedelta(minutes=10)),
        recovers_to=text(at),
        stores=tuple(stores),
        parts=parts,
        source_bytes=1000,
        stored_bytes=300,
        manifest_sha256="2" * 64,
        recipients=tuple(recipients),
        packets=PacketCheck(
            parts=parts if read is None else read, recipients=tuple(recipients), integrity_protected=protected
        ),
    )


def failed(at: datetime, message: str = "shop-db cannot be reached: connection refused.") -> BackupFailed:
    return BackupFailed(
        set=set_id(at),
        kind="logical",
        engine="mariadb",
        started_at=text(at),
        step="dump",
        error="source_unreachable",
        message=message,
        next_step="See that the service runs.",
    )


def seen(at: datetime, *, fault: str = "", stored_bytes: int = 300, name: str | None = None) -> SetSeen:
    return SetSeen(
        set=name or set_id(at),
        kind="logical",
        recovers_to=text(at),
        completed_at=text(at + timedelta(minutes=10)),
        stored_bytes=stored_bytes,
        hashed_bytes=0,
        manifest_sha256="2" * 64,
        fault=fault,
    )


def inspection(sets: Iterable[SetSeen], *, store: str = "local", by: str = "self") -> InspectionCompleted:
    """What an inspection says that found these sets."""
    ordered = sorted(sets, key=lambda each: each.recovers_to, reverse=True)
    good = [datetime.fromisoformat(each.recovers_to) for each in ordered if not each.fault]
    damaged = tuple(each for each in ordered if each.fault)
    return InspectionCompleted(
        store=store,
        by=by,
        sets=len([each for each in ordered if each.stored_bytes]),
        faulty=len(damaged),
        incomplete=0,
        stored_bytes=sum(each.stored_bytes for each in ordered),
        hashed_bytes=0,
        newest=tuple(ordered[:20]),
        days=tuple(sorted({at.astimezone(ZoneInfo(ZONE)).date().isoformat() for at in good})),
        oldest_recovers_to=text(min(good)) if good else None,
        zone=ZONE,
        damaged=damaged[:30],
    )


def inspection_failed(message: str = "the store is not mounted", store: str = "local") -> InspectionFailed:
    return InspectionFailed(
        store=store, by="self", error="store_unreachable", message=message, next_step="See that it is mounted."
    )


def drilled(at: datetime, *, store_kind: str = "directory", by: str = "laptop", node: str = "web-01") -> DrillCompleted:
    """A set of the night before came back in ninety seconds."""
    phases = Phases(fetch_ms=1000, decrypt_ms=1000, load_ms=2000, replay_ms=0, check_ms=500, total_ms=90_000)
    check = Check(name="rows", ok=True, found="10 rows")
    return DrillCompleted(
        set=set_id(at),
        kind="logical",
        engine="mariadb",
        store="local",
        store_kind=store_kind,
        by=by,
        fleet="testing",
        node=node,
        node_fingerprint=KEY_A,
        trust="pinned",
        sequence=1,
        manifest_sha256="2" * 64,
        legs=tuple(
            Leg(name=name, phases=phases, checks=(check,), restored_bytes=1000, read_bytes=600)
            for name in ("restore", "by_hand")
        ),
        recovers_to=text(at - timedelta(hours=9)),
        rpo_seconds=9 * 3600,
        rto_ms=90_000,
        source_bytes=1000,
        stored_bytes=300,
        hardware=Hardware(cpus=2, cpu="any", memory_bytes=1 << 32, scratch="ext4", scratch_free_bytes=1 << 32),
        link=Link(fetched_bytes=400, fetch_ms=10),
        sandbox=("no network",),
        restore_sh_sha256="3" * 64,
    )


def drill_failed(*, by: str = "laptop", node: str = "web-01") -> DrillFailed:
    return DrillFailed(
        set="",
        kind="",
        engine="",
        store="local",
        store_kind="directory",
        by=by,
        fleet="testing",
        node=node,
        leg="restore",
        step="load",
        error="part_damaged",
        message="The part db-00000 is damaged.",
        next_step="Use another point.",
    )


def key_proven(at: datetime, recipient: RecipientEntry = RECIPIENTS[0]) -> KeyProven:
    return KeyProven(
        name=recipient.name,
        fingerprint=recipient.fingerprint,
        held_by=recipient.held_by,
        challenged_at=text(at),
        challenge_sha256="3" * 64,
    )


LIMITS = tuple(
    LimitFollowed(quantity=quantity, limit_permille=limit, for_seconds=seconds)
    for quantity, limit, seconds in (("cpu", 700, 300), ("disk", 850, 0), ("inodes", 900, 0), ("memory", 800, 300))
)
CALM = DatabaseRolledUp(
    asset="shop-db", looks=60, unanswered=0, connections_highest=7, connections_allowed=151, query_seconds_highest=1,
    deadlocks=0, counts_deadlocks=True, sees_queries=True,
)  # fmt: skip


def rollup(
    at: datetime, *, above: Sequence[StillAbove] = (), databases: Sequence[DatabaseRolledUp] = (CALM,), **more: Any
) -> SampleRollup:
    """The hour before `at` as the agent saw it; figures of this node are low."""
    told: dict[str, Any] = {
        "began_at": text(at - timedelta(hours=1)), "ended_at": text(at), "step_seconds": 300, "readings": 60,
        "cpu_permille": (100, 200), "cpu_highest_permille": (300, 300), "memory_permille": (400, 401),
        "memory_highest_permille": (402, 402), "swap_permille": (0, 0), "load_centi": (50, 50), "processors": 2,
        "memory_bytes": 2**30, "limits": LIMITS,
        "file_systems": (
            FileSystemRolledUp(
                place="/", used_permille=500, highest_used_permille=500, inodes_permille=10, size_bytes=2**40
            ),
        ),
    } | more  # fmt: skip
    return SampleRollup(above=tuple(above), databases=tuple(databases), **told)


def still_above(quantity: str, at: datetime, limit: int, place: str = "", peak: int = 905) -> StillAbove:
    seconds = 0 if quantity == "disk" else 300
    return StillAbove(
        quantity=quantity, place=place, began_at=text(at), limit_permille=limit, for_seconds=seconds, peak_permille=peak
    )


def excursion(
    quantity: str, at: datetime, limit: int, *, state: str = "began", place: str = "", peak: int = 905
) -> SampleExcursion:
    return SampleExcursion(
        quantity=quantity, place=place, state=state, began_at=text(at), limit_permille=limit,
        for_seconds=0 if quantity == "disk" else 300, seen_permille=peak, peak_permille=peak,
    )  # fmt: skip


def strained(quantity: str, at: datetime, limit: int, peak: int, state: str = "began") -> DatabaseExcursion:
    return DatabaseExcursion(quantity=quantity, state=state, began_at=text(at), limit=limit, seen=peak, peak=peak)


def set_id(at: datetime) -> str:
    return f"shop-db.backup-logical.{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.1"


@dataclass
class Log:
    """A node's log in the making: facts with their numbers, in the order in which they are written."""

    node: str = "web-01"
    facts: list[Fact[Any]] = field(default_factory=list)

    def add(self, at: datetime, evidence: Evidence, asset: str | None = None) -> Fact[Any]:
        fact: Fact[Any] = Fact(
            node=self.node,
            seq=max((each.seq for each in self.facts), default=0) + 1,
            at=at,
            kind=KIND_OF[type(evidence)],
            asset=asset,
            actor="schedule:test",
            data=evidence,
        )
        self.facts.append(fact)
        return fact

    def begin(self, asset: str = "shop-db", *, at: datetime = START, proven: bool = True, **options: Any) -> None:
        """A plan with one asset is adopted, and its keys are proven."""
        self.add(at, plan(asset, **{k: v for k, v in options.items() if k in ("catalogues", "recipients", "stores")}))
        rest = {k: v for k, v in options.items() if k not in ("catalogues", "recipients")}
        self.add(at, declared(**({"first": at} | rest)), asset)
        for recipient in options.get("recipients", RECIPIENTS) if proven else ():
            self.add(at, key_proven(at, recipient))

    def nights(self, first: datetime, count: int, *, asset: str = "shop-db", by: str = "self") -> datetime:
        """Each night a set at `first` o'clock, inspected an hour later; returns the time of the last inspection."""
        made = [fact for fact in self.facts if fact.kind == "backup.completed" and fact.asset == asset]
        sets = [seen(datetime.fromisoformat(fact.data.recovers_to)) for fact in made]
        for night in range(count):
            at = first + timedelta(days=night)
            self.add(at + timedelta(minutes=10), completed(at), asset)
            sets.append(seen(at))
            self.add(at + timedelta(hours=1), inspection(sets, by=by), asset)
        return first + timedelta(days=count - 1, hours=1)

    def from_other(self, node: str = "laptop") -> Log:
        """A copy of this log's inspections as another host would have made them."""
        others = [fact for fact in self.facts if fact.kind == "inspection.completed"]
        return Log(node, [replace(f, node=node, data=replace(f.data, by=node)) for f in others])


def write(book: Book, clock: MovableClock, log: Log) -> None:
    """Put a log's facts into a real ledger, each at its time."""
    for fact in log.facts:
        clock.at = fact.at
        with book.transaction() as transaction:
            transaction.append(fact.data, actor=fact.actor, asset=fact.asset)
    book.seal()
