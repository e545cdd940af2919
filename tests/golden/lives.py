"""Lives of a node, written into a real ledger, whose `status` is kept word for word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from intendance.ledger.book import Book
from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken
from intendance.model.evidence.lifecycle import ConfirmedChange
from intendance.model.evidence.waiver import WaiverGranted
from intendance.model.verdict import Fact
from tests.support.clock import MovableClock
from tests.support.evidence import (
    RECIPIENTS,
    START,
    Log,
    completed,
    declared,
    drilled,
    failed,
    inspection,
    key_proven,
    plan,
    rollup,
    seen,
    text,
    write,
)
from tests.unit.catalogue.away import AMAZON
from tests.unit.catalogue.samples import DAY, HOUR, NIGHT

QUARTER = timedelta(minutes=15)


def _site(*catalogues: str, engines: tuple[str, ...] = ("mariadb", "files"), proven: bool = True) -> Log:
    log = Log()
    names = {"mariadb": "shop-db", "files": "site-files"}
    log.add(START, plan(*(names[engine] for engine in engines), catalogues=catalogues))
    for engine in engines:
        log.add(START, declared(engine, first=START), names[engine])
    if proven:
        for recipient in RECIPIENTS:
            log.add(START, key_proven(START, recipient))
    return log


def _nights(log: Log, count: int, drills: Iterable[int] = ()) -> datetime:
    """Both assets, each night, in the order in which a node would write them; after `drills` nights both are tried."""
    apart = Log(log.node, list(log.facts))
    last = apart.nights(NIGHT, count)
    if any(fact.asset == "site-files" for fact in log.facts):
        apart.nights(NIGHT + QUARTER, count, asset="site-files")
    for quarter in range(60, count, 60):
        for recipient in RECIPIENTS:
            apart.add(START + DAY * quarter, key_proven(START + DAY * quarter, recipient))
    for night in drills:
        _drill(apart, NIGHT + DAY * night, "shop-db", "site-files")
    for fact in sorted(apart.facts[len(log.facts) :], key=lambda each: (each.at, each.asset or "")):
        log.add(fact.at, fact.data, fact.asset)
    return last + QUARTER


def _drill(log: Log, night: datetime, *assets: str) -> None:
    """The node tries its own sets of a night, at noon."""
    at = night + 10 * HOUR
    for asset in assets:
        done = drilled(at, store_kind="s3", by="self")
        engine = "mariadb" if asset == "shop-db" else "files"
        log.add(at, replace(done, set=done.set.replace("shop-db", asset), engine=engine), asset)


def _first_day() -> tuple[Log, datetime]:
    return _site("maint", "asbl", proven=False), START + HOUR


def _all_well() -> tuple[Log, datetime]:
    log = _site("asbl")
    return log, _nights(log, 20, drills=(10,)) + 5 * HOUR


def _alone_under_maint() -> tuple[Log, datetime]:
    log = _site("maint", "asbl")
    return log, _nights(log, 95, drills=(20, 50, 80)) + 5 * HOUR


def _trouble() -> tuple[Log, datetime]:
    log = _site("maint", "asbl")
    last = _nights(log, 20)
    at = last + 22 * HOUR
    log.add(at, failed(at, "shop-db cannot be reached: connection refused."), "shop-db")
    sets = [seen(NIGHT + QUARTER + DAY * night) for night in range(19)]
    sets.append(seen(NIGHT + QUARTER + DAY * 19, fault="its manifest is not the one in the ledger: it was replaced"))
    log.add(at + HOUR, inspection(sets), "site-files")
    return log, at + 9 * HOUR


def _no_database() -> tuple[Log, datetime]:
    log = Log()
    log.add(START, plan("site-files", catalogues=("asbl",)))
    log.add(START, declared("files", first=START), "site-files")
    return log, log.nights(NIGHT, 9, asset="site-files") + 40 * HOUR


def _late_inspection() -> tuple[Log, datetime]:
    """Backups go on; nobody has looked at them for 27 hours."""
    log = _site("asbl")
    last = _nights(log, 20)
    night = NIGHT + DAY * 20
    log.add(night + timedelta(minutes=10), completed(night), "shop-db")
    return log, last + 27 * HOUR


def _excused() -> tuple[Log, datetime]:
    """A database that nobody backs up, and one that nobody declared; the first one's waiver was renewed once."""
    log = _site("asbl")
    lost = ConfirmedChange(name="old-db", change="asset-dropped", sentence="old-db is no longer maintained")
    log.add(START + HOUR, replace(plan("shop-db", "site-files", catalogues=("asbl",)), confirmed=(lost,)))
    log.add(START + HOUR, replace(declared(cron=None, first=START), databases=("shop",)), "shop-db")
    log.add(START + HOUR, declared("files", first=START), "site-files")
    for renewal in range(2):
        at = START + 30 * DAY * renewal + DAY
        waiver = WaiverGranted(
            rule="ASBL_010",
            reason="the server is replaced in December",
            ticket="OPS-12",
            granted_by="lead",
            granter="Lin",
            expires_at=text(at + 40 * DAY),
            marks=("1",),
            about="mariadb:1",
            renewal=renewal,
        )
        log.add(at, waiver)
    apart = Log(log.node, list(log.facts))
    last = apart.nights(NIGHT + 31 * DAY, 9, asset="site-files")
    _drill(apart, NIGHT + 33 * DAY, "site-files")
    for fact in sorted(apart.facts[len(log.facts) :], key=lambda each: each.at):
        log.add(fact.at, fact.data, fact.asset)
    forum = DatabaseFound(engine="mariadb", identities=("mariadb:1",), name="forum")
    log.add(last, InventoryTaken(system="Debian GNU/Linux 12", databases=(forum,), web_roots=()))
    return log, last + 5 * HOUR


def _files_alone() -> tuple[Log, datetime]:
    """No database, and an inventory that says so."""
    log = Log()
    log.add(START, plan("site-files", catalogues=("asbl",)))
    log.add(START, declared("files", first=START), "site-files")
    for recipient in RECIPIENTS:
        log.add(START, key_proven(START, recipient))
    last = log.nights(NIGHT, 9, asset="site-files")
    log.add(last, InventoryTaken(system="Debian GNU/Linux 12", databases=(), web_roots=()))
    return log, last + 5 * HOUR


LIVES: Mapping[str, Callable[[], tuple[Log, datetime]]] = MappingProxyType(
    {
        "first-day": _first_day,
        "all-well": _all_well,
        "alone-under-maint": _alone_under_maint,
        "trouble": _trouble,
        "no-database": _no_database,
        "late-inspection": _late_inspection,
        "excused": _excused,
        "files-alone": _files_alone,
    }
)


def stands_elsewhere(fact: Fact[Any]) -> Fact[Any]:
    """What was seen in the store was seen in a bucket of another region."""
    if fact.kind != "inspection.completed":
        return fact
    newest = tuple(replace(each, version="3Lg.x") for each in fact.data.newest)
    return replace(fact, data=replace(fact.data, newest=newest, place=AMAZON))


def live(name: str, state: Path) -> MovableClock:
    """A state folder with that life's ledger; the clock stands at the time of asking."""
    log, now = LIVES[name]()
    if name not in ("first-day", "trouble", "no-database"):
        log.facts = [stands_elsewhere(fact) for fact in log.facts]
    if name not in ("first-day", "trouble"):  # elsewhere the agent lives, and samples
        log.add(now - QUARTER, rollup(now - QUARTER))
    clock = MovableClock(START - HOUR)
    with Book.create(
        state, fleet="asbl", node="web-01", openpgp_fingerprint="F" * 40, software="intendance 0.1.0", clock=clock
    ) as book:
        write(book, clock, log)
    clock.at = now
    return clock
