"""Ways to make a rule hold without what it asks for, by evidence or by leaving out: each is shown by the rule.

The plan's own ways are in `tests/unit/agent/test_red_team.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from intendance.catalogue.evaluate import evaluate
from intendance.model.evidence import Evidence
from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken, NotSeen, WebRootFound
from intendance.model.verdict import State
from tests.support.evidence import KEY_C, START, Log, completed, declared, inspection, plan, seen
from tests.unit.catalogue.judged import rulebook
from tests.unit.catalogue.samples import DAY, HOUR, NIGHT
from tests.unit.catalogue.test_waivers import ADMIN, grant

Case = Callable[[], tuple[Log, datetime]]
BROKEN = START + 10 * DAY
FORUM = DatabaseFound(engine="mariadb", identities=("mariadb:1",), name="forum")


def _begun(engine: str = "mariadb", **changes: Any) -> Log:
    log = Log()
    log.add(START, plan("shop-db"))
    log.add(START, replace(declared(engine), **changes), "shop-db")
    return log


def _backed_up(nights: int = 3, by: str = "self") -> tuple[Log, datetime]:
    log = Log()
    log.begin()
    return log, log.nights(NIGHT, nights, by=by)


def _with(*records: Evidence, after: timedelta = HOUR, **changes: Any) -> Case:
    def made() -> tuple[Log, datetime]:
        log = _begun(**changes)
        for record in records:
            log.add(BROKEN, record)
        return log, BROKEN + after

    return made


def _found(*databases: DatabaseFound, roots: tuple[WebRootFound, ...] = (), **options: Any) -> InventoryTaken:
    return InventoryTaken(system="Debian", databases=databases, web_roots=roots, **options)


def _own_word_under_another_name() -> tuple[Log, datetime]:
    log, last = _backed_up(by="laptop")
    return log, last + HOUR


def _old_look_again() -> tuple[Log, datetime]:
    log, last = _backed_up()
    old = next(fact for fact in reversed(log.facts) if fact.kind == "inspection.completed")
    for day in range(1, 5):
        log.add(last + day * DAY, old.data, "shop-db")
    return log, last + 4 * DAY + HOUR


def _set_again() -> tuple[Log, datetime]:
    log, last = _backed_up()
    old = next(fact for fact in reversed(log.facts) if fact.kind == "backup.completed")
    log.add(last + 4 * DAY, old.data, "shop-db")
    return log, last + 4 * DAY + HOUR


def _sets_of_another_node() -> tuple[Log, datetime]:
    log = _begun()
    other = Log("web-02")
    other.add(BROKEN, completed(BROKEN), "shop-db")
    log.facts += other.facts
    return log, BROKEN + HOUR


def _plan_of_another_node() -> tuple[Log, datetime]:
    log = _begun()
    other = Log("web-02")
    other.add(BROKEN, plan("other", catalogues=("asbl",)))
    log.facts += other.facts
    return log, BROKEN + HOUR


def _set_of_tomorrow() -> tuple[Log, datetime]:
    log = _begun()
    ahead = BROKEN + 300 * DAY
    log.add(BROKEN, completed(ahead), "shop-db")
    log.add(BROKEN + HOUR, inspection([seen(ahead)]), "shop-db")
    return log, BROKEN + 2 * HOUR


def _clock_ahead() -> tuple[Log, datetime]:
    log = _begun()
    ahead = BROKEN + 300 * DAY
    log.add(ahead, completed(ahead), "shop-db")
    return log, BROKEN


def _young_again() -> tuple[Log, datetime]:
    log = _begun()
    log.add(BROKEN, plan("shop-db"))
    log.add(BROKEN, declared(first=START), "shop-db")
    return log, BROKEN + HOUR


def _named_and_not_declared() -> tuple[Log, datetime]:
    log = Log()
    log.add(START, plan("shop-db"))
    return log, START + HOUR


def _keys_changed() -> tuple[Log, datetime]:
    log = _begun()
    log.add(BROKEN, completed(BROKEN, recipients=(KEY_C,)), "shop-db")
    return log, BROKEN + HOUR


def _chain() -> tuple[Log, datetime]:
    log = _begun()
    for turn in range(3):
        log.add(START + 30 * DAY * turn, grant(START + 30 * DAY * (turn + 1), marks=ADMIN))
    return log, START + 70 * DAY


SHOWN: dict[str, tuple[Case, str, State, str]] = {
    "never backed up": (_with(), "ASBL_010", State.FAIL, "never"),
    "no schedule": (_with(schedules=()), "ASBL_010", State.FAIL, "not_scheduled"),
    "no store": (_with(stores=()), "ASBL_012", State.FAIL, "no_store"),
    "kept for a day by a record": (_with(retention_days=1), "MAINT_013", State.FAIL, "plan_short"),
    "a database that the asset does not name": (
        _with(_found(FORUM), databases=("shop",)),
        "MAINT_010",
        State.FAIL,
        "undeclared",
    ),
    "a server that is not in the plan": (_with(_found(FORUM), engine="files"), "ASBL_010", State.FAIL, "undeclared"),
    "a server whose databases are not told": (
        _with(_found(replace(FORUM, identities=("mariadb:/x",), name=""))),
        "ASBL_010",
        State.FAIL,
        "undeclared",
    ),
    "a database of an engine that nothing backs up": (
        _with(_found(replace(FORUM, engine="postgresql"))),
        "ASBL_010",
        State.FAIL,
        "undeclared",
    ),
    "a database on another machine": (
        _with(_found(replace(FORUM, identities=("mariadb:db:3306",), remote=True))),
        "ASBL_010",
        State.FAIL,
        "undeclared",
    ),
    "a database among files": (
        _with(
            _found(replace(FORUM, engine="sqlite", identities=("sqlite:/srv/a.db",), name="")),
            engine="files",
            identity="files:/srv",
        ),
        "ASBL_010",
        State.FAIL,
        "undeclared",
    ),
    "a site that nobody declared": (
        _with(_found(roots=(WebRootFound(path="/var/www", trees=("/var/www",)),))),
        "ASBL_011",
        State.FAIL,
        "undeclared",
    ),
    "a site that the tree leaves out": (
        _with(
            _found(roots=(WebRootFound(path="/srv/www", trees=("/srv/www",)),)),
            engine="files",
            identity="files:/srv",
            exclude=("www",),
        ),
        "ASBL_011",
        State.FAIL,
        "undeclared",
    ),
    "no database in the plan, and nobody looked": (_with(engine="files"), "ASBL_010", State.UNKNOWN, "no_subject"),
    "an inventory that was kept from looking": (
        _with(_found(not_seen=(NotSeen(what="mariadb", why="denied"),)), engine="files"),
        "ASBL_010",
        State.UNKNOWN,
        "inventory_partial",
    ),
    "an inventory that is never taken again": (
        _with(_found(), engine="files", after=2 * DAY),
        "ASBL_010",
        State.UNKNOWN,
        "inventory_old",
    ),
    "an agent that no longer looks": (
        _with(_found(FORUM), databases=("shop",), after=300 * DAY),
        "ASBL_010",
        State.FAIL,
        "undeclared",
    ),
    "the node's own word under another name": (
        _own_word_under_another_name,
        "MAINT_010",
        State.UNKNOWN,
        "self_attested",
    ),
    "the same look recorded again": (_old_look_again, "ASBL_010", State.FAIL, "too_old"),
    "the same look recorded again, inspected": (_old_look_again, "MAINT_010", State.FAIL, "too_old"),
    "the same set recorded again": (_set_again, "ASBL_010", State.FAIL, "too_old"),
    "the sets of another node": (_sets_of_another_node, "ASBL_010", State.FAIL, "never"),
    "the plan of another node": (_plan_of_another_node, "MAINT_010", State.FAIL, "never"),
    "a set of tomorrow": (_set_of_tomorrow, "ASBL_010", State.FAIL, "never"),
    "a clock ahead": (_clock_ahead, "ASBL_010", State.FAIL, "never"),
    "a plan adopted anew": (_young_again, "ASBL_010", State.FAIL, "never"),
    "an asset that the ledger does not declare": (_named_and_not_declared, "ASBL_012", State.UNKNOWN, "not_declared"),
    "a set for other keys": (_keys_changed, "MAINT_011", State.FAIL, "recipients_differ"),
    "a waiver recorded for 400 days": (_with(grant(BROKEN + 400 * DAY)), "ASBL_010", State.FAIL, "never"),
    "a waiver of a rule that admits none": (
        _with(grant(BROKEN + DAY, "MAINT_011"), replace(plan("shop-db"), recipients=())),
        "MAINT_011",
        State.FAIL,
        "too_few_holders",
    ),
    "a waiver by nobody": (_with(grant(BROKEN + DAY, marks=())), "ASBL_010", State.FAIL, "never"),
    "a waiver without a reason": (_with(grant(BROKEN + DAY, reason=" ")), "ASBL_010", State.FAIL, "never"),
    "a waiver of another asset": (_with(grant(BROKEN + DAY, about="mariadb:2")), "ASBL_010", State.FAIL, "never"),
    "a third waiver in a row": (_chain, "ASBL_010", State.FAIL, "never"),
    "a waiver of what is unknown": (
        _with(grant(BROKEN + DAY), engine="files"),
        "ASBL_010",
        State.UNKNOWN,
        "no_subject",
    ),
}
"""What was done, the rule that was meant, and how it stands all the same, with its reason."""


@pytest.mark.parametrize("way", SHOWN)
def test_shown_by_the_rule(way: str) -> None:
    case, rule, state, code = SHOWN[way]
    log, now = case()
    found = [each for each in evaluate(rulebook(), log.facts, now, log.node) if each.rule == rule]
    assert (state, code) in {(each.state, each.reason.code) for each in found}
    assert {each.state for each in found} <= {State.FAIL, State.UNKNOWN}


def test_there_are_forty_ways_at_least() -> None:
    from tests.unit.agent.test_red_team import REFUSED

    assert len(SHOWN) + len(REFUSED) >= 40
