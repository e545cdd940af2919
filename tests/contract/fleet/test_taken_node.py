"""A node that was taken signs whatever it likes, in the right form: its own verdicts suffer, and nobody else's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from sqlalchemy import func, select

from intendance.fleet.accounts.decide import Role
from intendance.fleet.alerts.rules import watch
from intendance.fleet.attesting.perform import Bench
from intendance.fleet.attesting.service import Attesting
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import evidence_record
from intendance.fleet.log import FleetLog
from intendance.fleet.verdicts.decide import FLEET_RULES
from intendance.fleet.verdicts.judging import MOST_ASSETS
from intendance.ledger.book import Book
from intendance.model.verdict import State
from tests.golden.lives import live
from tests.support.asking import FLEET, Asked
from tests.support.clock import MovableClock
from tests.support.evidence import plan
from tests.support.fleet import BEGAN
from tests.support.hostile import INSTANT, Change, Taken, join
from tests.support.watching import policy

FIRST, LAST = "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"
LARGEST = 2**53 - 1
PASSWORD = "cheval pile agrafe correcte"


def _instants(instead: Callable[[str], str]) -> Change:
    return lambda _, value: instead(value) if isinstance(value, str) and INSTANT.match(value) else value


def _numbers(instead: int) -> Change:
    return lambda _, value: instead if type(value) is int else value


def _words(path: tuple[str, ...], value: Any) -> Any:
    return "" if isinstance(value, str) and not {"catalogues", "assets"} & set(path) else value


def _same(_: tuple[str, ...], value: Any) -> Any:
    return value


def _told_at(instant: str) -> Change:
    return lambda path, value: instant if path == ("ts",) else value


MARK = '"><script>planted()</script>\u202e\x1b[31m\r\nBcc: x@elsewhere.example'


def _planted(path: tuple[str, ...], value: Any) -> Any:
    kept = "catalogues" in path or path == ("ts",) or not isinstance(value, str) or INSTANT.match(value)
    return value if kept else value + MARK


LIES: Mapping[str, tuple[Change, Change]] = MappingProxyType(
    {
        "no-instants": (_instants(lambda _: "x"), _same),
        "no-zones": (_instants(lambda value: value[:19]), _same),
        "first-year": (_instants(lambda _: FIRST), _same),
        "last-year": (_instants(lambda _: LAST), _same),
        "huge": (_numbers(LARGEST), _same),
        "negative": (_numbers(-LARGEST), _same),
        "no-words": (_words, _same),
        "markup": (_planted, _planted),
        "told-at-first": (_same, _told_at(FIRST)),
        "told-at-last": (_same, _told_at(LAST)),
    }
)
"""What is changed in the data of every record, and in its envelope."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Book, MovableClock]]:
    """What a node says in whose life much went wrong, and the time at which it is asked."""
    state = tmp_path_factory.mktemp("life")
    clock = live("trouble", state)
    with Book.open(state, clock) as book:
        yield book, clock


@pytest.fixture
def fleet(fleet_database: Database, life: tuple[Book, MovableClock]) -> Asked:
    asked = Asked(fleet_database, MovableClock(BEGAN), say=lambda _: None)
    asked.clock.at = life[1].at
    return asked


def _pages(fleet: Asked, name: str) -> list[str]:
    """Every page about a node, two of its records among them."""
    record = evidence_record.c
    here = record.node == name
    with fleet.database.read() as connection:
        assets = (
            connection.execute(select(record.asset).where(here, record.asset.is_not(None)).distinct()).scalars().all()
        )
        records = connection.execute(select(func.min(record.seq)).where(here).group_by(record.kind)).scalars().all()
    of_assets = [f"/nodes/{name}/assets/{quote(each, safe='')}{ending}" for each in assets for ending in ("", ".json")]
    about = [f"/nodes/{name}", f"/nodes/{name}/plan", f"/nodes/{name}/plan.json", f"/ledger/{name}"]
    return [*about, *of_assets, *(f"/ledger/{name}/{seq}" for seq in records[:2])]


def test_a_node_that_lies_darkens_no_other(fleet: Asked, life: tuple[Book, MovableClock], tmp_path: Path) -> None:
    nodes = {"sound": (_same, _same), **LIES}
    for name, (data, envelope) in nodes.items():
        taken = join(fleet.manager, Taken(name, fleet.clock, tmp_path / name))
        changed = taken.retell(life[0], data, envelope_change=envelope)
        assert changed or data is _same
        taken.hand_over(fleet.manager)
    fleet.verdicts.judge_due()
    with fleet.database.begin() as connection:
        watch(connection, policy(), to_us(fleet.clock.at))
    told = Counter(each.state for each in fleet.verdicts.of_node("sound"))
    assert told[State.PASS]
    assert told[State.FAIL]
    assert not fleet.verdicts.of_node("no-instants")  # nothing was known of it before, and nothing is now
    if fleet.database.dialect != "sqlite":
        return  # its pages are drawn from the same
    fleet.accounts.add("vera", Role.VIEWER, PASSWORD, by="person:root")
    opened = fleet.accounts.begin("vera", PASSWORD)
    shown = 0
    for path in (
        "/",
        "/nodes",
        "/rules",
        "/alerts",
        "/ledger",
        *(page for name in nodes for page in _pages(fleet, name)),
    ):
        answer = fleet.ask(path, scope=None, headers={"cookie": f"intendance={opened.token}"})
        assert answer.status_code in (200, 500) or "planted" in path, path
        assert not fleet.said, (path, fleet.said)  # a trace: what nobody foresaw
        assert answer.status_code in (200, 404) or "no-" in path, path
        if answer.headers["content-type"].startswith("text/html"):
            assert "<script>planted" not in answer.text, path
            shown += "&lt;script&gt;planted" in answer.text
    assert shown > 3  # as text, and on several pages
    for path in ("/api/v1/nodes", "/api/v1/verdicts", "/api/v1/alerts"):
        assert fleet.ask(path).status_code == 200


def _said(fleet: Asked) -> dict[tuple[str, str | None], State]:
    """What the node's own evidence says of it."""
    found = fleet.verdicts.of_node("web-01")
    return {(each.rule, each.asset): each.state for each in found if each.rule not in FLEET_RULES}


def test_what_was_broken_does_not_go_away_with_a_record_that_means_nothing(
    fleet: Asked, life: tuple[Book, MovableClock], tmp_path: Path
) -> None:
    taken = join(fleet.manager, Taken("web-01", fleet.clock, tmp_path / "web-01"))
    taken.retell(life[0], _same)
    taken.hand_over(fleet.manager)
    fleet.verdicts.judge_due()
    before = _said(fleet)
    with fleet.database.begin() as connection:
        watch(connection, policy(), to_us(fleet.clock.at))
    ringing = [each.told.cause for each in fleet.alerts.listed()]
    assert ringing
    taken.retell(life[0], _instants(lambda _: "x"), kinds={"asset.declared"}, only=True)
    taken.hand_over(fleet.manager)
    fleet.verdicts.judge_due()
    after = _said(fleet)
    well = {State.PASS, State.PENDING, State.WAIVED}
    assert after == {place: State.ERROR if state in well else state for place, state in before.items()}
    with fleet.database.begin() as connection:
        watch(connection, policy(), to_us(fleet.clock.at))
    assert [each.told.cause for each in fleet.alerts.listed()] == ringing
    fleet.verdicts.judge_due()
    assert _said(fleet) == after
    taken.retell(life[0], _same, kinds={"asset.declared"}, only=True)  # it comes to its senses
    taken.hand_over(fleet.manager)
    fleet.verdicts.judge_due()
    assert State.ERROR not in _said(fleet).values()


def test_a_node_of_too_many_assets_is_judged_no_more_and_keeps_nobody_waiting(fleet: Asked, tmp_path: Path) -> None:
    verdicts = {}
    for name, count in (("crowded", MOST_ASSETS + 1), ("sound", 2)):
        taken = join(fleet.manager, Taken(name, fleet.clock, tmp_path / name))
        adopted: dict[str, Any] = msgspec.to_builtins(plan(*(f"a{number}" for number in range(count))))
        taken.say(taken.made("plan.adopted", adopted))
        taken.hand_over(fleet.manager)
        fleet.verdicts.judge_due()
        found = fleet.verdicts.of_node(name)
        verdicts[name] = len([each for each in found if each.rule not in FLEET_RULES])
    assert verdicts["crowded"] == 0
    assert verdicts["sound"] > 10


def test_the_manager_looks_into_the_stores_of_the_others(
    fleet: Asked, life: tuple[Book, MovableClock], tmp_path: Path
) -> None:
    for name in ("lying", "sound"):
        taken = join(fleet.manager, Taken(name, fleet.clock, tmp_path / name))
        taken.retell(life[0], _same)
        if name == "lying":  # a plan that this program cannot read: of a version that has not come yet
            taken.say(taken.made("plan.adopted", {"unheard_of": 1}))
        taken.hand_over(fleet.manager)
    log = FleetLog(tmp_path / "manager", FLEET, fleet.clock)
    bench = Bench(
        database=fleet.database, log=log, clock=fleet.clock, fleet=FLEET, plans=tmp_path, common=tmp_path / "plan.json"
    )
    with fleet.database.begin() as connection:
        connection.exec_driver_sql("UPDATE node_state SET boot = 'theirs'")  # heard, of other machines
    due = Attesting(bench, lambda: True, pytest.fail).due()
    assert {each.node for each in due} == {"sound"}


@pytest.mark.parametrize("instant", [FIRST, LAST, "9999-12-31T23:59:00.000000Z"])
def test_runs_that_began_and_ended_when_nobody_can_have_darken_no_page_of_runs(
    fleet: Asked, tmp_path: Path, instant: str
) -> None:
    taken = join(fleet.manager, Taken("taken", fleet.clock, tmp_path / "taken"))
    fleet.manager.ingest.hear(taken.bearer, taken.beat())
    fleet.manager.ingest.flush()
    began = {"activity": "backup.full", "occurrence": "x", "attempt": 1, "deadline_seconds": 0}
    ended = {"activity": "backup.full", "outcome": "succeeded", "attempt": 1, "message": ""}
    for run, kinds in (("a.backup-full.1", ("run.started",)), ("a.backup-full.2", ("run.started", "run.ended"))):
        for kind in kinds:
            made = taken.made(kind, began if kind == "run.started" else ended, asset="a")
            taken.say(made | {"run": run, "ts": instant})
    taken.hand_over(fleet.manager)
    fleet.accounts.add("vera", Role.VIEWER, PASSWORD, by="person:root")
    opened = fleet.accounts.begin("vera", PASSWORD)
    place = "/runs/taken/a.backup-full"
    for path in ("/runs", "/runs.json", "/runs?node=taken", "/runs?node=taken&asset=a", f"{place}.1", f"{place}.2"):
        answer = fleet.ask(path, scope=None, headers={"cookie": f"intendance={opened.token}"})
        assert (answer.status_code, fleet.said) == (200, []), path
