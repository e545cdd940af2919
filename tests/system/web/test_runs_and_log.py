"""Runs, the fleet log with what its witnesses say, and findings that somebody settled, as a browser is shown them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from sqlalchemy import insert

from intendance.fleet.accounts.service import Accounts
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import finding
from intendance.fleet.ledgers.decide import PAGE
from intendance.fleet.ledgers.settling import Settling
from intendance.fleet.log import FleetLog
from intendance.fleet.runs.rows import keep
from intendance.fleet.verdicts.service import About, Verdicts
from intendance.fleet.witnessing.decide import Condition, WitnessStanding
from intendance.fleet.witnessing.standings import write_standing
from intendance.ledger.book import Book
from intendance.ledger.rows import Row
from intendance.model.evidence.accounts import AccountChanged
from intendance.model.evidence.run import RunEnded, RunStarted
from intendance.web.visit import Services
from tests.golden.lives import live
from tests.support.clock import MovableClock
from tests.support.fleet import BEGAN
from tests.support.received import receive
from tests.system.web.conftest import Browser, make_services, served

SEEN_BY_ALL = ["/login", "/static/intendance.css", "/static/intendance.js", "/static/fonts/hyperlegible-next.woff2"]


def test_the_runs_of_the_fleet_of_a_node_and_one_of_them(
    browser: Browser, services: Services, database: Database, tmp_path: Path
) -> None:
    clock = live("trouble", tmp_path)
    began = RunStarted(activity="inspect", occurrence="x", attempt=1, deadline_seconds=60)
    with Book.open(tmp_path, clock) as book:
        book.append(began, actor="person:root", asset="shop-db", run="shop-db.inspect.1")
        ended = RunEnded(activity="inspect", outcome="failed", attempt=1, message="<b>")
        book.append(ended, actor="person:root", asset="shop-db", run="shop-db.inspect.1")
    receive(database, tmp_path, clock, "web-01")
    browser.clock.at = clock.at
    with Book.open(tmp_path, clock) as book, database.begin() as connection:
        marks = [book.record(seq) for seq in range(book.size())]
        told = [Row(each.seq, each.kind, each.asset, each.ts, book.content(each.seq)) for each in marks]
        keep(connection, "web-01", 1, told, 1)
    browser.log_in("vera")
    fleet = browser.client.get("/runs?lang=en")
    assert "What is being done?" in fleet.text
    assert "Nothing runs now." in fleet.text
    data = browser.client.get("/runs.json?node=web-01").json()
    assert data["schema"] == "intendance.fleet-runs/1"
    assert "&lt;b&gt;" in fleet.text
    assert {each["node"] for each in data["due"]} == {"web-01"}
    run = data["ended"][0]["attempt"]["run"]
    assert run in browser.client.get(f"/runs/web-01/{run}").text
    assert browser.client.get(f"/runs/web-01/{run}.json").json()["attempts"][0]["attempt"]["run"] == run
    assert f"/runs/web-01/{run}" in browser.client.get("/runs?node=web-01&asset=shop-db").text
    for address in ("/runs?node=gone", "/runs?asset=shop-db", "/runs/web-01/gone", "/runs/gone/x"):
        assert browser.client.get(address).status_code == 404
    for address in ("/runs?before=yesterday", "/runs?before=2026-01-01"):
        assert browser.client.get(address).status_code == 200


def test_the_fleet_log_is_verified_and_read_record_by_record(
    browser: Browser, clock: MovableClock, tmp_path: Path
) -> None:
    log = FleetLog(tmp_path / "log", "asbl-exemple", clock)
    for number in range(PAGE + 3):
        log.append(AccountChanged(account=f"<b>{number}", change="added", role="viewer"), "person:root")
    browser.log_in("vera")
    page = browser.client.get("/ledger/.log?lang=en")
    assert f"Yes: all {PAGE + 4} records, verified." in page.text
    assert "asbl-exemple/log" in page.text
    assert f"/ledger/.log/{PAGE + 3}" in page.text
    data = browser.client.get("/ledger/.log.json").json()
    assert (data["schema"], data["verified"]["outcome"]) == ("intendance.fleet-log/1", "verified")
    assert len(data["records"]) == PAGE
    older = browser.client.get(f"/ledger/.log?before={data['records'][-1]['seq']}")
    assert "/ledger/.log/0" in older.text
    record = browser.client.get("/ledger/.log/5?lang=en")
    assert "Record 5 of the fleet log" in record.text
    assert "&lt;b&gt;4" in record.text
    assert browser.client.get("/ledger/.log/5.json").json()["record"]["data"]["account"] == "<b>4"
    for address in (f"/ledger/.log/{PAGE + 4}", "/ledger/.log/9999999999999999999999"):
        assert browser.client.get(address).status_code == 404


def test_a_fleet_log_that_was_changed_is_never_called_verified(
    browser: Browser, clock: MovableClock, tmp_path: Path
) -> None:
    log = FleetLog(tmp_path / "log", "asbl-exemple", clock)
    log.append(AccountChanged(account="lea", change="added", role="viewer"), "person:root")
    with closing(sqlite3.connect(log.folder / "agent" / "state.db")) as connection:
        connection.execute("DROP TRIGGER record_is_never_changed")
        connection.execute("UPDATE record SET content = CAST(replace(content, 'viewer', 'admin') AS BLOB)")
        connection.commit()
    browser.log_in("vera")
    page = browser.client.get("/ledger/.log?lang=en")
    assert page.status_code == 500
    assert "disagrees with its signed checkpoint" in page.text
    assert "verified" not in page.text


def test_a_settled_finding_is_told_on_the_page_of_its_node(
    browser: Browser, database: Database, clock: MovableClock, tmp_path: Path
) -> None:
    receive(database, _lived(tmp_path, clock), clock, "web-01")
    values = {"node": "web-01", "incarnation": 1, "kind": "rollback", "subject": "1", "found_us": to_us(clock.at)}
    with database.begin() as connection:
        connection.execute(insert(finding).values(**values, detail="a head of 1"))
    browser.log_in("vera")
    before = browser.client.get("/ledger/web-01?lang=en").text
    assert "intendance node settle" in before.replace("<span>", "").replace("</span>", "")
    log = FleetLog(tmp_path / "log", "asbl-exemple", clock)
    settling = Settling(database, clock, log.append)
    settling.settle(settling.listed()[0].id, by="person:lea", reason="both copies were <compared>")
    for address in ("/nodes/web-01?lang=en", "/ledger/web-01?lang=en"):
        page = browser.client.get(address).text
        assert "both copies were &lt;compared&gt;" in page
        assert "/ledger/.log/1" in page


def _lived(folder: Path, clock: MovableClock) -> Path:
    state = folder / "node"
    state.mkdir()
    clock.at = live("trouble", state).at
    return state


def _cosigned(condition: Condition, size: int = 0) -> WitnessStanding:
    return WitnessStanding(
        name="w.example", condition=condition, since=BEGAN, size=size, cosigned_at=BEGAN if size else None
    )


WITNESSES = {
    "none": (None, ("no witness", "None: a rollback by whoever holds"), "Yes: all 4 records, verified."),
    "waiting": (
        _cosigned(Condition.SILENT),
        ("no witness has cosigned it yet", "nothing cosigned yet; no answer since"),
        "Yes: all 4 records, verified.",
    ),
    "cosigned": (
        _cosigned(Condition.COSIGNED, 4),
        ("seen by the witness on", "4 records cosigned on"),
        "Yes: all 4 records, verified.",
    ),
    "behind": (
        _cosigned(Condition.COSIGNED, 1),
        ("seen by the witness on", "1 record cosigned on", ", 3 newer ones not yet"),
        "Yes: all 4 records, verified.",
    ),
    "declined": (
        _cosigned(Condition.DECLINED, 4),
        ("seen by the witness on", "4 records cosigned on", "see that it knows the log"),
        "Yes: all 4 records, verified.",
    ),
    "refused": (
        _cosigned(Condition.FORKED, 4),
        ("a witness knows another history", "it was rolled back, or rewritten"),
        "No: a witness knows another history of it.",
    ),
}


@pytest.mark.parametrize("case", WITNESSES)
def test_the_page_of_the_fleet_log_says_what_its_witnesses_say(
    database: Database, clock: MovableClock, tmp_path: Path, case: str
) -> None:
    standing, told, answer = WITNESSES[case]
    log = FleetLog(tmp_path / "log", "asbl-exemple", clock)
    for number in range(3):
        log.append(AccountChanged(account=f"n{number}", change="added", role="viewer"), "person:root")
    if standing is not None:
        with database.begin() as connection:
            write_standing(connection, standing)
    about = About(fleet="asbl-exemple", organisation="ASBL Exemple", zone="Europe/Brussels")
    fleet = Verdicts(database, clock, about, say=pytest.fail, log=log.size)
    made = make_services(database, clock, Accounts(database, clock, lambda *_: None), fleet, tmp_path / "log")
    with (
        served(made) as address,
        httpx.Client(base_url=address, headers={"origin": address}, follow_redirects=True, timeout=300) as client,
    ):
        Browser(client, clock).log_in("vera")
        page = client.get("/ledger/.log?lang=en").text
    assert answer in page
    for words in told:
        assert words in page
    others = {each for _, (*each_told,), _ in WITNESSES.values() for each in each_told} - set(told)
    assert not [each for each in others if each in page and not any(each in mine for mine in told)]
