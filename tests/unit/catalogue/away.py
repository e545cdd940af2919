"""Lives of an asset with a store elsewhere: what a laptop saw there, and what it led to, by rule and code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from intendance.model.evidence.attested import StoreAttested
from intendance.model.evidence.drill import DrillCompleted, Hardware, Link
from intendance.model.evidence.inspection import SetSeen, StorePlace
from intendance.model.evidence.lifecycle import StoreEntry
from intendance.model.evidence.prune import PruneCompleted, SetPruned
from intendance.model.verdict import State
from tests.support.evidence import START, Log, completed, declared, inspection, key_proven, plan, seen, text

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NIGHT = datetime(2026, 10, 2, 0, 0, tzinfo=UTC)
Life = tuple[Log, datetime]

AMAZON = StorePlace(
    kind="s3",
    endpoint="s3.eu-central-1.amazonaws.com",
    region_declared="eu-central-1",
    region_located="eu-central-1",
    region_headed="eu-central-1",
    node_region="eu-west-3",
)
OTHER = replace(AMAZON, endpoint="s3.example.org", region_located="", region_headed="")
BOX = StorePlace(kind="sftp", endpoint="box.example.org", node_region="eu-west-3")
WHERE = "s3://backups (eu-central-1)"


def begun(kind: str = "s3", *, stores: tuple[str, ...] = ("local", "away"), **options: Any) -> Log:
    """A plan with a store of a kind that stands elsewhere."""
    log = Log()
    adopted = plan("shop-db", stores=stores)
    entries = [
        StoreEntry(name="local", kind="directory", place="/var/backups"),
        StoreEntry(name="away", kind=kind, place=WHERE),
    ]
    log.add(START, replace(adopted, places=tuple(each for each in entries if each.name in stores)))
    log.add(START, replace(declared(stores=stores), **options), "shop-db")
    log.add(START, key_proven(START))
    return log


def look(
    log: Log, at: datetime, sets: list[SetSeen], *, place: StorePlace | None = AMAZON, by: str = "laptop", **more: Any
) -> None:
    """A look into the store elsewhere, in the ledger of whoever looked."""
    evidence = replace(inspection(sets, store="away", by=by), place=place, **more)
    other = Log(by if by != "self" else log.node, [fact for fact in log.facts if fact.node == by])
    fact = (log if by == "self" else other).add(at, evidence, "shop-db")
    if by != "self":
        log.facts.append(fact)


def away(
    place: StorePlace | None = AMAZON,
    *,
    nights: int = 3,
    then: timedelta = 5 * HOUR,
    version: str = "3Lg.x",
    kind: str = "s3",
    by: str = "laptop",
    **more: Any,
) -> Life:
    """Each night a set, stored here and elsewhere and looked at there an hour later."""
    log = begun(kind)
    sets: list[SetSeen] = []
    for night in range(nights):
        at = NIGHT + DAY * night
        log.add(at + timedelta(minutes=10), completed(at, stores=("local", "away")), "shop-db")
        sets.append(replace(seen(at), version=version))
        look(log, at + HOUR, list(sets), place=place, by=by, **more)
    return log, NIGHT + DAY * (nights - 1) + HOUR + then


def worded(at: datetime = START + HOUR, then: timedelta = 5 * HOUR, **changes: str) -> Life:
    """A store that is not Amazon's, and a person's word."""
    log, now = away(OTHER, then=then)
    word = StoreAttested(store="away", place=WHERE, region="eu-central-1", by="lead")
    log.add(at, replace(word, **changes))
    return log, now


def unlooked(then: timedelta, kind: str = "s3") -> Life:
    return begun(kind), START + then


def empty(then: timedelta, place: StorePlace = AMAZON) -> Life:
    log = begun()
    look(log, START + HOUR, [], place=place)
    return log, START + then


def here(then: timedelta = 30 * HOUR) -> Life:
    return begun(stores=("local",)), START + then


def behind() -> Life:
    """The newest set never came to the store elsewhere, though those before it did."""
    log, _ = away(BOX, kind="sftp")
    at = NIGHT + DAY * 2 + 6 * HOUR
    log.add(at + timedelta(minutes=10), completed(at), "shop-db")
    look(log, at + 23 * HOUR, [seen(NIGHT + DAY * night) for night in range(3)] + [seen(at - 3 * HOUR)], place=BOX)
    return log, at + 27 * HOUR


def pruned(engine: str = "mariadb") -> Life:
    """The only set known was deleted on purpose."""
    log = begun(stores=("local",), engine=engine)
    log.add(NIGHT, completed(NIGHT), "shop-db")
    log.add(NIGHT + HOUR, inspection([seen(NIGHT)]), "shop-db")
    log.add(NIGHT + 2 * HOUR, pruning(NIGHT), "shop-db")
    return log, NIGHT + 3 * HOUR


def pruning(at: datetime, store: str = "local") -> PruneCompleted:
    """The set of an instant was deleted."""
    gone = seen(at)
    one = SetPruned(
        set=gone.set,
        kind=gone.kind,
        recovers_to=gone.recovers_to,
        stored_at=gone.completed_at,
        stored_bytes=gone.stored_bytes,
        manifest_sha256=gone.manifest_sha256,
        marked_at=gone.completed_at,
        because="expired",
    )
    return PruneCompleted(
        store=store, by="self", pruned_at=text(at), sets=(one,), freed_bytes=300, kept=0, due=0, ceiling=1
    )


def drilled(of: SetSeen) -> DrillCompleted:
    """A drill brought that set back."""
    return DrillCompleted(
        set=of.set, kind=of.kind, engine="mariadb", store="away", store_kind="s3", by="laptop", fleet="testing",
        node="web-01", node_fingerprint="F" * 40, trust="pinned", sequence=0, manifest_sha256=of.manifest_sha256,
        legs=(), recovers_to=of.recovers_to, rpo_seconds=60, rto_ms=60_000, source_bytes=1000, stored_bytes=300,
        hardware=Hardware(cpus=2, cpu="a", memory_bytes=1, scratch="ext4", scratch_free_bytes=1),
        link=Link(fetched_bytes=300, fetch_ms=10), sandbox=(), restore_sh_sha256="4" * 64,
    )  # fmt: skip


LEGAL: Mapping[str, Any] = MappingProxyType({"legal_select": "yearly", "legal_kind": "logical", "legal_days": 2562})


def archived(
    *, locked_days: int = 2562, tried: bool = True, copy: bool = True, then: timedelta = HOUR, **options: Any
) -> Life:
    """The first year is over: its first set lies elsewhere, locked, and was brought back."""
    log = begun(**{**LEGAL, **options})
    first = seen(NIGHT)
    if locked_days:
        first = replace(first, lock_until=text(NIGHT + DAY * locked_days))
    if tried:
        log.add(NIGHT + DAY, drilled(first), "shop-db")
    at = datetime(2027, 1, 3, tzinfo=UTC)
    look(log, at, [seen(at - HOUR), first], yearly=(first,) if copy else ())
    return log, at + then


FIRST = {
    "first_due": (State.PENDING, lambda: unlooked(HOUR)),
    "not_inspected": (State.UNKNOWN, lambda: unlooked(30 * HOUR)),
    "no_copy": (State.FAIL, lambda: empty(30 * HOUR)),
    "store_clock": (State.UNKNOWN, lambda: away(clock_off_s=-3600)),
    "only_here": (State.FAIL, here),
    "store_due": (State.PENDING, lambda: here(HOUR)),
    "too_old": (State.FAIL, lambda: away(then=30 * HOUR)),
}

AWAY: Mapping[str, Any] = MappingProxyType(
    {
        "MAINT_012": FIRST
        | {
            "other_region": (State.PASS, away),
            "other_region_by_word": (State.PASS, worded),
            "self_attested": (State.UNKNOWN, lambda: away(by="self")),
            "same_region": (State.FAIL, lambda: away(replace(AMAZON, node_region="eu-central-1"))),
            "region_unsaid": (State.FAIL, lambda: away(replace(AMAZON, region_located="", region_headed=""))),
            "node_region_unsaid": (State.FAIL, lambda: away(replace(AMAZON, node_region=""))),
            "regions_differ": (State.FAIL, lambda: away(replace(AMAZON, region_located="eu-west-3"))),
            "no_versions": (State.FAIL, lambda: away(version="")),
            "word_missing": (State.FAIL, lambda: away(OTHER)),
            "word_old": (State.FAIL, lambda: worded(START - 400 * DAY)),
        },
        "ASBL_013": FIRST
        | {
            "copied": (State.PASS, lambda: away(BOX, kind="sftp", version="")),
            "behind": (State.FAIL, behind),
        },
        "ASBL_014": {
            "archived": (State.PASS, archived),
            "not_planned": (State.FAIL, lambda: here(100 * DAY)),
            "plan_short": (State.FAIL, lambda: archived(legal_days=2000)),
            "first_year": (State.PENDING, lambda: (begun(**LEGAL), START + HOUR)),
            "not_inspected": (State.UNKNOWN, lambda: (begun(**LEGAL), START + 100 * DAY)),
            "inspection_old": (State.UNKNOWN, lambda: archived(then=40 * HOUR)),
            "year_missing": (State.FAIL, lambda: archived(copy=False)),
            "unlocked": (State.FAIL, lambda: archived(locked_days=90)),
            "untried": (State.FAIL, lambda: archived(tried=False)),
        },
    }
)
