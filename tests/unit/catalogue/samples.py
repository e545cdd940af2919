"""For every reason that a performed rule can give, a life of an asset that leads to it: by rule and code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from intendance.model.evidence import Evidence
from intendance.model.evidence.guide import GuideStep
from intendance.model.evidence.lifecycle import RecipientEntry
from intendance.model.evidence.sample import DatabaseExcursion, DatabaseRolledUp
from intendance.model.verdict import State
from tests.support.evidence import (
    CALM,
    FIVE,
    KEY_A,
    KEY_C,
    LIMITS,
    RECIPIENTS,
    START,
    Log,
    completed,
    drill_failed,
    drilled,
    excursion,
    failed,
    guided,
    inspection,
    inspection_failed,
    plan,
    rollup,
    seen,
    still_above,
    strained,
)
from tests.unit.catalogue.away import AWAY, pruned

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
NIGHT = datetime(2026, 10, 2, 0, 0, tzinfo=UTC)
"""The first night after START: 02:00 in Brussels."""

Life = tuple[Log, datetime]
Sample = tuple[State, Callable[[], Life]]


def _log(nights: int = 0, engine: str = "mariadb", **options: Any) -> tuple[Log, datetime]:
    log = Log()
    log.begin(engine=engine, **options)
    return log, (log.nights(NIGHT, nights) if nights else START)


def _after(length: timedelta, nights: int = 0, engine: str = "mariadb", **options: Any) -> Life:
    log, last = _log(nights, engine, **options)
    return log, last + length


def _with_others(length: timedelta, nights: int) -> Life:
    log, last = _log(nights)
    log.facts += log.from_other().facts
    return log, last + length


def _failed_once(length: timedelta, nights: int, engine: str = "mariadb") -> Life:
    log, last = _log(nights, engine)
    log.add(last + HOUR, failed(last + HOUR), "shop-db")
    return log, last + length


def _guided(length: timedelta, *steps: GuideStep, later: timedelta = MINUTE, ok: bool = True) -> Life:
    """A guided restore that came so far in some time, looked at later."""
    log, last = _log(3)
    log.add(last + length, guided(last, *steps, ok=ok), "shop-db")
    return log, last + length + later


def _unseen(length: timedelta) -> Life:
    log, _ = _log()
    log.add(NIGHT, completed(NIGHT), "shop-db")
    return log, NIGHT + length


def _unseen_later(length: timedelta) -> Life:
    log, last = _log(3)
    at = last + 20 * HOUR
    log.add(at, completed(at), "shop-db")
    return log, at + length


def _drilled(length: timedelta, *drills: timedelta, failed: timedelta | None = None, **options: Any) -> Life:
    """Drills of another host after such times, and one that failed."""
    log, _ = _log()
    laptop = Log(node="laptop")
    for each in sorted([*drills, *([failed] if failed is not None else [])]):
        evidence = drill_failed() if each == failed else drilled(START + each, **options)
        laptop.add(START + each, evidence, "shop-db")
    log.facts += laptop.facts
    return log, START + length


def _drills(**options: Any) -> Mapping[str, Sample]:
    return {
        "drilled": (State.PASS, lambda: _drilled(40 * DAY, 20 * DAY, **options)),
        "drilled_then_failed": (State.PASS, lambda: _drilled(40 * DAY, 20 * DAY, failed=30 * DAY, **options)),
        "first_due": (State.PENDING, lambda: _drilled(20 * DAY)),
        "never_drilled": (State.FAIL, lambda: _drilled(33 * DAY)),
        "never_succeeded": (State.FAIL, lambda: _drilled(33 * DAY, failed=3 * DAY)),
        "drill_old": (State.FAIL, lambda: _drilled(40 * DAY, 7 * DAY, **options)),
        "drill_failed": (State.FAIL, lambda: _drilled(40 * DAY, 7 * DAY, failed=39 * DAY, **options)),
    }


def _last_look(fault: str, stored_bytes: int, nights: int = 3, engine: str = "mariadb") -> Life:
    log, last = _log(nights, engine)
    sets = [seen(NIGHT + DAY * night) for night in range(nights - 1)]
    sets.append(seen(NIGHT + DAY * (nights - 1), fault=fault, stored_bytes=stored_bytes))
    log.add(last + HOUR, inspection(sets), "shop-db")
    return log, last + 2 * HOUR


def _young_gone(engine: str = "mariadb") -> Life:
    log, last = _log(5, engine)
    log.add(last + HOUR, inspection([seen(NIGHT + DAY * night) for night in (0, 1, 3, 4)]), "shop-db")
    return log, last + 2 * HOUR


def _made(**options: Any) -> Life:
    log, _ = _log()
    log.add(NIGHT, completed(NIGHT, **options), "shop-db")
    return log, NIGHT + HOUR


def _new_key() -> Life:
    log, last = _log(2)
    third = RecipientEntry(name="new", fingerprint=KEY_C, held_by="lead")
    log.add(last + HOUR, plan("shop-db", recipients=(RECIPIENTS[0], third)))
    return log, last + 2 * HOUR


def _stranger() -> Life:
    log, last = _log(2)
    sets = [seen(NIGHT), seen(NIGHT + DAY), seen(NIGHT - DAY, name="somebody-else.1")]
    log.add(last + HOUR, inspection(sets), "shop-db")
    return log, last + 2 * HOUR


def _all_gone() -> Life:
    log, last = _log(2)
    log.add(last + HOUR, inspection([]), "shop-db")
    return log, last + 2 * HOUR


def _empty_store(length: timedelta, engine: str = "mariadb") -> Life:
    log, _ = _log(engine=engine)
    log.add(START + HOUR, inspection([]), "shop-db")
    return log, START + length


def _old_set() -> Life:
    log, last = _log(2)
    log.add(last + 30 * HOUR, inspection([seen(NIGHT), seen(NIGHT + DAY)]), "shop-db")
    return log, last + 31 * HOUR


def _unmounted() -> Life:
    log, last = _log(2)
    log.add(last + HOUR, inspection_failed(), "shop-db")
    return log, last + 2 * HOUR


ONE_PERSON = (
    RecipientEntry(name="owner", fingerprint=KEY_A, held_by="admin"),
    RecipientEntry(name="spare", fingerprint=KEY_C, held_by="admin"),
)


def _age(engine: str, late: timedelta) -> dict[str, Sample]:
    return {
        "first_due": (State.PENDING, lambda: _after(HOUR, engine=engine)),
        "first_failed": (State.PENDING, lambda: _failed_once(2 * HOUR, 0, engine)),
        "too_old": (State.FAIL, lambda: _after(late, 3, engine=engine)),
        "too_old_failed": (State.FAIL, lambda: _failed_once(late, 3, engine)),
        "never": (State.FAIL, lambda: _after(late, engine=engine)),
        "never_failed": (State.FAIL, lambda: _failed_once(late, 0, engine)),
        "pruned": (State.FAIL, lambda: pruned(engine)),
        "gone": (State.FAIL, lambda: _last_look("it is in the ledger and not in the store", 0, 1, engine)),
        "damaged": (State.FAIL, lambda: _last_look("part 3 is not the one that was stored", 300, 1, engine)),
        "not_scheduled": (State.FAIL, lambda: _after(HOUR, 3, engine=engine, cron=None)),
    }


def _kept(engine: str, late: timedelta) -> dict[str, Sample]:
    return _age(engine, late) | {
        "fresh": (State.PASS, lambda: _after(5 * HOUR, 3, engine=engine)),
        "plan_short": (State.FAIL, lambda: _after(HOUR, 3, engine=engine, retention_days=7)),
        "young_gone": (State.FAIL, lambda: _young_gone(engine)),
    }


def _encryption(late: timedelta) -> dict[str, Sample]:
    return {
        "encrypted": (State.PASS, lambda: _after(HOUR, 3)),
        "keys_open": (State.PENDING, lambda: _after(HOUR, 3, proven=False)),
        "keys_lost": (State.FAIL, lambda: _after(HOUR, 94, proven=False)),
        "first_due": (State.PENDING, lambda: _after(HOUR)),
        "no_set": (State.UNKNOWN, lambda: _after(late)),
        "unproven": (State.UNKNOWN, _stranger),
        "too_few_holders": (State.FAIL, lambda: _after(HOUR, 3, recipients=ONE_PERSON)),
        "former_recipients": (State.FAIL, _new_key),
        "recipients_differ": (State.FAIL, lambda: _made(recipients=(KEY_A,))),
        "parts_unread": (State.FAIL, lambda: _made(read=2)),
        "unprotected": (State.FAIL, lambda: _made(protected=False)),
    }


def _sampled(*more: tuple[timedelta, Evidence], then: timedelta = HOUR / 2, **rolled: Any) -> Life:
    """Three hours of roll-ups, the last as `rolled` says, and what was told at so long after it."""
    log, _ = _log()
    for hour in (1, 2):
        log.add(START + HOUR * hour, rollup(START + HOUR * hour))
    last = START + 3 * HOUR
    log.add(last, rollup(last, **rolled))
    for length, evidence in more:
        log.add(last + length, evidence, "shop-db" if isinstance(evidence, DatabaseExcursion) else None)
    return log, last + then


def _above(quantity: str, limit: int, place: str = "") -> Life:
    return _sampled((MINUTE, excursion(quantity, START + 3 * HOUR, limit, place=place)))


SAMPLED: Mapping[str, Mapping[str, Sample]] = MappingProxyType(
    {
        "ASBL_031": {
            "room": (State.PASS, _sampled),
            "first_due": (State.PENDING, lambda: _after(HOUR)),
            "disk_above": (State.FAIL, lambda: _above("disk", 850, "/srv")),
            "memory_above": (State.FAIL, lambda: _above("memory", 800)),
            "cpu_above": (State.FAIL, lambda: _sampled(above=[still_above("cpu", START + 2 * HOUR, 700)])),
            "never_sampled": (State.UNKNOWN, lambda: _after(3 * HOUR)),
            "samples_old": (State.UNKNOWN, lambda: _sampled(then=3 * HOUR)),
            "not_measured": (State.UNKNOWN, lambda: _sampled(limits=LIMITS[:2])),
            "silent": (State.UNKNOWN, lambda: _sampled(silent=("/mnt/nas",))),
        },
        "ASBL_032": {
            "calm": (State.PASS, _sampled),
            "first_due": (State.PENDING, lambda: _after(HOUR)),
            "connections": (State.FAIL, lambda: _sampled(databases=[replace(CALM, connections_highest=100)])),
            "slow_query": (
                State.FAIL,
                lambda: _sampled((MINUTE, strained("query_ms", START + 3 * HOUR, 5000, 5400))),
            ),
            "deadlock": (State.FAIL, lambda: _sampled(databases=[replace(CALM, deadlocks=1)])),
            "never_sampled": (State.UNKNOWN, lambda: _after(3 * HOUR)),
            "samples_old": (State.UNKNOWN, lambda: _sampled(then=3 * HOUR)),
            "not_sampled": (State.UNKNOWN, lambda: _sampled(databases=[])),
            "unanswered": (
                State.UNKNOWN,
                lambda: _sampled(databases=[DatabaseRolledUp(asset="shop-db", looks=0, unanswered=60)]),
            ),
            "blind": (State.UNKNOWN, lambda: _sampled(databases=[replace(CALM, sees_queries=False)])),
            "uncounted": (State.UNKNOWN, lambda: _sampled(databases=[replace(CALM, counts_deadlocks=False)])),
        },
    }
)


SAMPLES: Mapping[str, Mapping[str, Sample]] = MappingProxyType(
    {
        "MAINT_010": _age("mariadb", 40 * HOUR)
        | {
            "fresh": (State.PASS, lambda: _with_others(5 * HOUR, 3)),
            "first_uninspected": (State.PENDING, lambda: _unseen(HOUR)),
            "not_inspected": (State.UNKNOWN, lambda: _unseen_later(10 * HOUR)),
            "self_attested": (State.UNKNOWN, lambda: _after(5 * HOUR, 3)),
        },
        "MAINT_011": _encryption(40 * HOUR),
        "MAINT_013": {
            "kept": (State.PASS, lambda: _with_others(HOUR, 95)),
            "growing": (State.PENDING, lambda: _after(HOUR, 34)),
            "first_due": (State.PENDING, lambda: _after(HOUR)),
            "not_inspected": (State.UNKNOWN, lambda: _after(40 * HOUR)),
            "inspection_old": (State.UNKNOWN, lambda: _after(40 * HOUR, 34)),
            "plan_short": (State.FAIL, lambda: _after(HOUR, 34, retention_days=89)),
            "day_missing": (State.FAIL, _young_gone),
            "self_attested": (State.UNKNOWN, lambda: _after(HOUR, 95)),
        },
        "ASBL_010": _kept("mariadb", 40 * HOUR),
        "ASBL_011": _kept("files", 12 * DAY),
        "ASBL_012": {
            "inspected": (State.PASS, lambda: _after(HOUR, 3)),
            "first_due": (State.PENDING, lambda: _after(HOUR)),
            "first_set_due": (State.PENDING, lambda: _empty_store(5 * HOUR)),
            "no_store": (State.FAIL, lambda: _after(HOUR, stores=())),
            "never_inspected": (State.FAIL, lambda: _after(40 * HOUR)),
            "inspection_old": (State.FAIL, lambda: _after(40 * HOUR, 3)),
            "inspection_failed": (State.FAIL, _unmounted),
            "faulty": (State.FAIL, lambda: _last_look("it is shrunken", 300)),
            "nothing_found": (State.FAIL, _all_gone),
            "set_old": (State.FAIL, _old_set),
        },
        "ASBL_015": _encryption(40 * HOUR),
        "ASBL_017": {
            "no_loss": (State.NOT_APPLICABLE, lambda: _after(HOUR, 3)),
            "withdrawn": (State.NOT_APPLICABLE, lambda: _guided(HOUR, *FIVE[:3], "cancelled")),
            "under_way": (State.PENDING, lambda: _guided(HOUR, *FIVE[:3])),
            "not_ended": (State.FAIL, lambda: _guided(HOUR, *FIVE[:3], later=8 * HOUR)),
            "in_time": (State.PASS, lambda: _guided(HOUR, *FIVE, later=400 * DAY)),
            "too_long": (State.FAIL, lambda: _guided(9 * HOUR, *FIVE)),
            "step_missing": (State.FAIL, lambda: _guided(HOUR, "identify", "replace", "verify")),
            "not_verified": (State.FAIL, lambda: _guided(HOUR, *FIVE, ok=False)),
        },
        **SAMPLED,
        "ASBL_016": _drills(),
        "MAINT_014": {
            **_drills(store_kind="s3"),
            "not_off_site": (State.FAIL, lambda: _drilled(33 * DAY, 32 * DAY)),
        },
        **AWAY,
    }
)
