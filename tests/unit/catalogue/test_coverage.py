"""What the inventory finds and nobody declared breaks its rule; only a whole, fresh one says that there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from intendance.catalogue.evaluate import evaluate
from intendance.model.evidence.inventory import DatabaseFound, InventoryTaken, NotSeen, WebRootFound
from intendance.model.verdict import State, Verdict
from tests.support.evidence import START, Log, declared, plan
from tests.unit.catalogue.judged import rulebook
from tests.unit.catalogue.samples import DAY, HOUR
from tests.unit.catalogue.test_waivers import grant

SERVER = ("mariadb:1", "mariadb:127.0.0.1:3306")
SHOP = DatabaseFound(engine="mariadb", identities=SERVER, name="shop")
OTHER = replace(SHOP, name="forum")
ROOT = WebRootFound(path="/var/www/site", trees=("/var/www/site",), application="wordpress")


def taken(*databases: DatabaseFound, roots: tuple[WebRootFound, ...] = (), **options: Any) -> InventoryTaken:
    """An inventory that found these."""
    return InventoryTaken(system="Debian GNU/Linux 12", databases=databases, web_roots=roots, **options)


def _log(inventory: InventoryTaken | None, engine: str = "mariadb", **options: Any) -> Log:
    log = Log()
    log.add(START, plan("it"))
    identity = {"identity": "files:/srv/data"} if engine == "files" else {}
    log.add(START, replace(declared(engine), **(identity | options)), "it")
    if inventory is not None:
        log.add(START + HOUR, inventory)
    return log


def _judged(log: Log, rule: str, after: timedelta = 2 * HOUR) -> list[Verdict]:
    return [each for each in evaluate(rulebook(), log.facts, START + after, "web-01") if each.rule == rule]


def _of_node(log: Log, rule: str, after: timedelta = 2 * HOUR) -> Verdict | None:
    return next((each for each in _judged(log, rule, after) if each.asset is None), None)


def test_a_declared_server_covers_its_databases() -> None:
    assert _of_node(_log(taken(SHOP, OTHER)), "ASBL_010") is None


def test_a_database_that_the_asset_does_not_name_breaks_the_rules_on_databases() -> None:
    log = _log(taken(SHOP, OTHER), databases=("shop",))
    for rule in ("ASBL_010", "MAINT_010"):
        verdict = _of_node(log, rule)
        assert verdict is not None
        assert (verdict.state, verdict.reason.code, verdict.since) == (State.FAIL, "undeclared", START + HOUR)
        assert (verdict.reason.params["things"], verdict.reason.params["count"]) == ("forum (mariadb:1)", 1)
    assert _of_node(log, "ASBL_011") is None or _of_node(log, "ASBL_011").state is State.NOT_APPLICABLE  # type: ignore[union-attr]


def test_a_record_of_before_tells_the_databases_by_its_subject() -> None:
    named = _log(taken(SHOP, OTHER), subject="shop at /run/mysqld/mysqld.sock")
    everything = _log(taken(SHOP, OTHER), subject="all databases at /run/mysqld/mysqld.sock")
    assert _of_node(named, "ASBL_010") is not None
    assert _of_node(everything, "ASBL_010") is None


@pytest.mark.parametrize(
    "found",
    [
        replace(SHOP, identities=("mariadb:/run/other.sock",)),
        replace(SHOP, identities=("mariadb:/run/other.sock",), name=""),
        replace(SHOP, identities=("mariadb:db.example.org:3306",), remote=True),
        DatabaseFound(engine="postgresql", identities=("postgresql:/run/postgresql",), name="crm"),
        DatabaseFound(engine="sqlite", identities=("sqlite:/srv/app.db",), name=""),
    ],
)
def test_a_server_or_file_that_nobody_declared_breaks_it(found: DatabaseFound) -> None:
    verdict = _of_node(_log(taken(SHOP, found)), "ASBL_010")
    assert verdict is not None
    assert (verdict.state, verdict.reason.code) == (State.FAIL, "undeclared")


def test_time_does_not_make_it_go_away() -> None:
    verdict = _of_node(_log(taken(OTHER), databases=("shop",)), "ASBL_010", 300 * DAY)
    assert verdict is not None
    assert (verdict.state, verdict.next_change_at) == (State.FAIL, None)


def test_the_newest_inventory_counts() -> None:
    log = _log(taken(SHOP, OTHER), databases=("shop",))
    log.add(START + 2 * HOUR, taken(SHOP))
    assert _of_node(log, "ASBL_010", 3 * HOUR) is None


@pytest.mark.parametrize(
    ("exclude", "trees", "covered"),
    [
        ((), ("/srv/data",), True),
        ((), ("/srv/data/www/site",), True),
        (("cache/*", "*.log"), ("/srv/data/www/site",), True),
        (("www",), ("/srv/data/www/site",), False),
        (("./www/*",), ("/srv/data/www/site",), False),
        (("\\www",), ("/srv/data/www/site",), False),
        (("[\\w]ww",), ("/srv/data/www/site",), False),
        ((), ("/srv",), False),
        ((), ("/srv/database",), False),
        ((), ("/srv/data/www", "/var/lib/uploads"), False),
        ((), (), True),
    ],
)
def test_a_web_root_is_covered_by_trees_that_hold_all_of_it(
    exclude: tuple[str, ...], trees: tuple[str, ...], covered: bool
) -> None:
    log = _log(taken(roots=(replace(ROOT, trees=trees),)), "files", exclude=exclude)
    verdict = _of_node(log, "ASBL_011")
    assert (verdict is None) is covered
    if verdict is not None:
        assert (verdict.state, verdict.reason.params["things"]) == (State.FAIL, "/var/www/site (wordpress)")


def test_an_sqlite_file_is_covered_by_its_own_asset_and_not_by_a_tree_that_holds_it() -> None:
    found = DatabaseFound(engine="sqlite", identities=("sqlite:/srv/data/app.db",), name="")
    in_tree = _of_node(_log(taken(found), "files"), "ASBL_010")
    assert in_tree is not None
    assert in_tree.state is State.FAIL
    assert _of_node(_log(taken(found), "sqlite", identity="sqlite:/srv/data/app.db"), "ASBL_010") is None


def test_files_alone_on_a_machine_without_a_database_leave_its_rule_without_concern_while_the_inventory_is_fresh() -> (
    None
):
    log = _log(taken(), "files")
    verdict = _of_node(log, "ASBL_010")
    assert verdict is not None
    assert (verdict.state, verdict.reason.code) == (State.NOT_APPLICABLE, "none_found")
    until = verdict.next_change_at
    assert until is not None
    assert until > START + HOUR + timedelta(hours=26, minutes=30)
    later = next(each for each in evaluate(rulebook(), log.facts, until, "web-01") if each.rule == "ASBL_010")
    assert (later.state, later.reason.code) == (State.UNKNOWN, "inventory_old")


@pytest.mark.parametrize(
    ("inventory", "reason"),
    [
        (None, "no_subject"),
        (taken(not_seen=(NotSeen(what="mysqld in a container", why="its files are not here"),)), "inventory_partial"),
        (taken(beyond=3), "inventory_partial"),
    ],
)
def test_without_a_whole_inventory_nobody_knows(inventory: InventoryTaken | None, reason: str) -> None:
    verdict = _of_node(_log(inventory, "files"), "ASBL_010")
    assert verdict is not None
    assert (verdict.state, verdict.reason.code) == (State.UNKNOWN, reason)


def test_what_was_found_is_waived_by_the_thing_and_the_others_stay_broken() -> None:
    log = _log(taken(SHOP, OTHER, replace(SHOP, name="old")), databases=("shop",))
    log.add(START + HOUR, grant(START + 30 * DAY, about="mariadb:1#old"))
    verdicts = _judged(log, "ASBL_010", 2 * HOUR)
    found = {each.reason.params["things"]: each.state for each in verdicts if each.asset is None}
    assert found == {"old (mariadb:1)": State.WAIVED, "forum (mariadb:1)": State.FAIL}


def test_many_things_are_one_verdict_that_names_five() -> None:
    many = [replace(SHOP, name=f"db{number}") for number in range(9)]
    verdict = _of_node(_log(taken(*many), databases=("shop",)), "ASBL_010")
    assert verdict is not None
    assert verdict.reason.params["count"] == 9
    assert str(verdict.reason.params["things"]).count("db") == 5 * 2, "named with its server"
