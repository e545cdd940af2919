"""The pages of alerts, word for word, in both languages, of a fleet that the real watch has watched for an hour."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from starlette.requests import Request

from intendance.fleet.accounts.decide import Role, Stage
from intendance.fleet.accounts.service import Accounts, Session
from intendance.fleet.database.connect import Database, open_database
from intendance.fleet.verdicts.service import Verdicts
from intendance.web import alert_pages
from intendance.web.visit import Visit
from tests.support import golden
from tests.support.alerted import PLANTED, Alerted
from tests.support.page_text import readable
from tests.support.typography import french_faults
from tests.support.watching import policy
from tests.system.web.conftest import make_services

FOLDER = Path(__file__).parent / "alerts"
Language = Literal["en", "fr"]
ONES = {
    "rings": "web-01 ASBL_010",
    "in-hand": "mail-01 node.missing",
    "silenced": "mail-02 node.missing",
}


@pytest.fixture(scope="module")
def database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("alerts")
    shutil.copy(sqlite_template, folder / "manager.db")
    with open_database(folder / "manager.db") as found:
        yield found


@pytest.fixture(scope="module")
def alerted(database: Database) -> Alerted:
    found = Alerted(database)
    found.live()
    return found


def _visit(alerted: Alerted, database: Database, language: Language, role: Role = Role.OPERATOR, **path: Any) -> Visit:
    accounts = Accounts(database, alerted.clock, lambda *_: None)
    services = make_services(database, alerted.clock, accounts, alerted.verdicts, Path("/nowhere"), alerted.alerts)
    scope = {
        "type": "http", "method": "GET", "path": "/alerts", "query_string": f"lang={language}".encode(), "headers": [],
        "path_params": path,
    }  # fmt: skip
    session = Session(account=1, name="lea", full_name="Léa", role=role, stage=Stage.WHOLE, csrf="t", language="")
    return Visit(Request(scope), services, session, {})


def _page(visit: Visit) -> str:
    shown = alert_pages.alert if visit.request.path_params else alert_pages.alerts
    return bytes(shown(visit).body).decode()


def _pages(alerted: Alerted, database: Database, language: Language) -> dict[str, str]:
    pages = {"all": _page(_visit(alerted, database, language))}
    over = next(each.told.number for each in alerted.alerts.listed(ended=True) if each.state == "resolved")
    numbers = {name: alerted.open_numbers[key] for name, key in ONES.items()} | {"over": over}
    return pages | {name: _page(_visit(alerted, database, language, alert=number)) for name, number in numbers.items()}


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_people_read(alerted: Alerted, database: Database, language: Language) -> None:
    for name, page in _pages(alerted, database, language).items():
        golden.expect(FOLDER / f"{name}.{language}.txt", golden.text(readable(page)))


def test_french_pages_keep_french_typography(alerted: Alerted, database: Database) -> None:
    for page in _pages(alerted, database, "fr").values():
        lines = [line for line in readable(page) if "intendance " not in line and "queued" not in line]
        assert list(french_faults(" ".join(lines).replace(f" {PLANTED}", ""))) == []


def test_nothing_that_people_or_nodes_say_is_markup(alerted: Alerted, database: Database) -> None:
    for language in ("en", "fr"):
        pages = _pages(alerted, database, language)
        assert not any("<img" in page for page in pages.values())
        assert pages["all"].count("&lt;img src=x") >= 3
        assert "&lt;img src=x" in pages["in-hand"]


def test_an_alert_that_is_not_the_first_of_its_message_shows_that_message_too(
    alerted: Alerted, database: Database
) -> None:
    lines = readable(_page(_visit(alerted, database, "en", alert=alerted.open_numbers["web-01 ASBL_012"])))
    assert any("Admin" in line and "queued as" in line for line in lines)


def test_nobody_to_tell_is_no_answer_that_all_is_well(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database:
        alone = Alerted(database)
        alone.watch.policy = policy(alerts=None, people={})
        page = _page(_visit(alone, database, "en"))
        assert "The plan names nobody to tell." in page
        assert 'class="verdict-shape fail"' in page
        alone.watch.policy = policy()
        lines = readable(_page(_visit(alone, database, "en")))
        assert "Yes. No alert is open." in lines
        assert sum("never tried" in line for line in lines) == 4


def test_who_has_it_in_hand_stands_on_the_wall(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database:
        alone = Alerted(database)  # the others' pages show who has what in hand
        alone.live()
        alone.alerts.ack(alone.open_numbers["web-01 ASBL_012"], by="person:lea", lasting_seconds=60)
        standing = Verdicts.standing(alone.verdicts)
    assert [(key, each.person) for key, each in standing.owners.items()] == [(("ASBL_012", "web-01", "shop-db"), "lea")]


def test_a_step_that_tells_nobody_says_so(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copy(sqlite_template, tmp_path / "manager.db")
    with open_database(tmp_path / "manager.db") as database:
        alone = Alerted(database)
        alone.watch.policy = policy(alerts=None, people={})
        alone.live()
        lines = readable(_page(_visit(alone, database, "en", alert=alone.open_numbers["web-01 ASBL_010"])))
    assert any("nobody is told, for the plan names nobody" in line for line in lines)
