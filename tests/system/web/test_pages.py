"""Who sees what, what a form from elsewhere does (nothing), and what every answer tells browsers."""

from __future__ import annotations

import re
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import insert

from intendance.fleet.accounts.decide import FREE_TRIES
from intendance.fleet.beats.summing import KIND, Summing
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import beat_slot, finding
from intendance.fleet.log import FleetLog
from intendance.web.app import CSP
from intendance.web.visit import Services
from tests.golden.lives import live
from tests.support.page_text import readable
from tests.support.received import receive
from tests.system.web.conftest import PASSWORD, Browser

SEEN_BY_ALL = ["/login", "/static/intendance.css", "/static/intendance.js", "/static/fonts/hyperlegible-next.woff2"]


def test_nobody_sees_a_page_before_logging_in(browser: Browser) -> None:
    for path in ("/", "/login/second", "/login/enrol"):
        answer = browser.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert all(browser.client.get(path).status_code == 200 for path in SEEN_BY_ALL)


def test_a_viewer_logs_in_and_reads_the_wall(browser: Browser) -> None:
    browser.log_in("vera")
    page = browser.client.get("/")
    assert page.status_code == 200
    assert "On ne sait pas encore." in page.text
    assert page.text.startswith('<!doctype html>\n<html lang="fr"')


def test_an_administrator_sees_nothing_before_a_second_factor(browser: Browser) -> None:
    browser.log_in("lea")
    answer = browser.client.get("/", follow_redirects=False)
    assert answer.headers["location"] == "/login/enrol"
    codes = browser.enrol()
    assert codes.count("<li><code>") == 10
    assert browser.client.get("/").status_code == 200


def test_a_mistyped_password_leaves_the_name_as_it_was_typed(browser: Browser) -> None:
    typed = {"token": browser.token("/login?lang=en"), "name": '"><b>vera', "password": "x" * 20}
    page = browser.client.post("/login", data=typed).text
    name, password = re.findall('<input id="(?:name|password)"[^>]*>', page)
    assert 'value="&#34;&gt;&lt;b&gt;vera"' in name
    assert "autofocus" not in name
    assert "autofocus" in password
    assert "value=" not in password


def test_a_wrong_password_is_told_without_saying_what_was_wrong(browser: Browser) -> None:
    fields = {"token": browser.token("/login"), "password": "quatre mots que nul ne joint"}
    told = {}
    for name in ("vera", "nobody"):
        answer = browser.client.post("/login", data=fields | {"name": name})
        assert answer.status_code == 401
        told[name] = answer.text.split('role="alert">')[2].replace(f'value="{name}"', "")
    assert told["vera"] == told["nobody"]


def test_too_many_tries_lock_the_account(browser: Browser) -> None:
    fields = {"token": browser.token("/login"), "name": "vera", "password": "quatre mots que nul ne joint"}
    for _ in range(FREE_TRIES):
        browser.client.post("/login", data=fields)
    answer = browser.client.post("/login", data=fields | {"password": PASSWORD})
    assert answer.status_code == 429
    assert "fermé jusqu’au" in answer.text
    assert "09:01" in answer.text
    browser.clock.move(timedelta(minutes=1))
    browser.log_in("vera")
    assert browser.client.get("/").url.path == "/"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://elsewhere"}, {"origin": "null"}, {"origin": "http://127.0.0.1"}],
)
def test_a_form_from_elsewhere_changes_nothing(browser: Browser, headers: dict[str, str]) -> None:
    browser.log_in("vera")
    token = browser.token("/")
    answer = browser.client.post("/logout", data={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert browser.client.get("/", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "é" * 20])
def test_a_form_without_our_token_changes_nothing(browser: Browser, token: str) -> None:
    browser.log_in("vera")
    assert browser.client.post("/logout", data={"token": token}).status_code == 403
    assert browser.client.post("/logout").status_code == 403
    assert browser.client.get("/", follow_redirects=False).status_code == 200


def test_a_log_in_form_needs_the_token_of_its_own_page(browser: Browser) -> None:
    fields = {"token": browser.token("/login"), "name": "vera", "password": PASSWORD}
    browser.client.cookies.clear()
    assert browser.client.post("/login", data=fields).status_code == 403


def test_who_is_half_logged_in_may_begin_anew(browser: Browser) -> None:
    browser.log_in("lea")  # and leaves it there
    browser.log_in("vera")
    assert browser.client.get("/").url.path == "/"


def test_a_session_planted_before_the_log_in_is_worth_nothing(browser: Browser) -> None:
    browser.client.cookies.set("intendance", "planted", domain="127.0.0.1", path="/")
    browser.log_in("vera")
    assert browser.client.cookies["intendance"] != "planted"
    assert browser.client.get("/").url.path == "/"


def test_logging_out_ends_the_session_and_not_only_the_cookie(browser: Browser) -> None:
    browser.log_in("vera")
    held = dict(browser.client.cookies)
    browser.client.post("/logout", data={"token": browser.token("/")})
    browser.client.cookies.clear()
    browser.client.cookies.update(held)
    assert browser.client.get("/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("body", [b"token=" + b"x" * 20_000, b"&" * 100, b"\xff\xfe=%zz&%", b"a=1&" * 60])
def test_a_malformed_or_oversized_form_is_refused_in_one_page(browser: Browser, body: bytes) -> None:
    answer = browser.client.post("/login", content=body)
    assert answer.status_code in (403, 413)
    assert "Rien n’a changé." in answer.text


def test_every_answer_tells_browsers_to_trust_nothing_else(browser: Browser) -> None:
    for path in [*SEEN_BY_ALL, "/", "/nowhere"]:
        headers = browser.client.get(path).headers
        assert headers["content-security-policy"] == CSP
        assert headers["x-content-type-options"] == "nosniff"
    assert browser.client.get("/login").headers["cache-control"] == "no-store"


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites(browser: Browser) -> None:
    token = browser.token("/login")
    fields = {"token": token, "name": "vera", "password": PASSWORD}
    answer = browser.client.post("/login", data=fields, follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_pages_hold_nothing_that_the_policy_forbids(browser: Browser) -> None:
    browser.log_in("vera")
    for page in (browser.client.get("/").text, browser.client.get("/login/enrol").text):
        assert " style=" not in page
        assert " onclick=" not in page
        assert "<script>" not in page
        assert "data:" not in page


def test_the_language_is_asked_for_remembered_or_the_browsers(browser: Browser) -> None:
    assert '<html lang="fr"' in browser.client.get("/login").text
    assert '<html lang="en"' in browser.client.get("/login", headers={"accept-language": "en-GB,fr;q=0.5"}).text
    assert '<html lang="en"' in browser.client.get("/login?lang=en").text
    assert '<html lang="en"' in browser.client.get("/login").text


def test_from_the_wall_to_the_record_that_a_verdict_rests_on_is_two_clicks(
    browser: Browser, database: Database, services: Services, tmp_path: Path
) -> None:
    state = tmp_path / "web-01"
    state.mkdir()
    life = live("trouble", state)
    receive(database, state, life, "web-01")
    browser.clock.at = life.at
    services.fleet.judge_due()
    browser.log_in("vera")
    wall = browser.client.get("/?lang=en")
    assert "No." in wall.text
    asset = browser.client.get(_link(wall.text, "/nodes/web-01/assets/"))
    assert " be restored?" in asset.text
    node = browser.client.get("/nodes/web-01")
    assert "Do all invariants hold on web-01?" in node.text
    ledger = browser.client.get(_link(node.text, "/ledger/"))
    assert "Yes: " in ledger.text
    record = browser.client.get(_link(asset.text, "/ledger/web-01/"))
    assert "The node&#39;s signed head covers it" in record.text
    for page in (node, ledger, record):
        address = page.text.split("This page as data", 1)[1].split('href="', 1)[1].split('"', 1)[0]
        assert browser.client.get(address).json()["schema"].startswith("intendance.fleet-")
    told = browser.client.get("/nodes/web-01.json").json()
    assert {each["rule"] for each in told["verdicts"]} >= {"MAINT_001", "ASBL_010"}
    seq = browser.client.get("/ledger/web-01.json").json()["records"][0]["seq"]
    kept = browser.client.get(f"/ledger/web-01/{seq}.json").json()
    assert kept["sha256"] == sha256(kept["canonical"].encode()).hexdigest()
    assert (kept["seq"], kept["record"]["node"]) == (seq, "web-01")
    rule = browser.client.get(_link(wall.text, "/rules/"))
    assert "Broken in" in rule.text
    assert '<rect class="fail"' in rule.text
    assert browser.client.get("/rules").text.count('<th scope="row">') == 74
    assert "web-01" in browser.client.get("/nodes").text
    assert "web-01" not in browser.client.get("/nodes?site=nowhere").text


@pytest.mark.parametrize("rule", ["MAINT_001", "MAINT_002"])
def test_what_the_manager_heard_is_a_record_of_its_log_two_clicks_from_the_wall(
    browser: Browser, database: Database, services: Services, tmp_path: Path, rule: str
) -> None:
    state = tmp_path / "web-01"
    state.mkdir()
    life = live("trouble", state)
    receive(database, state, life, "web-01")
    midnight = life.at.replace(hour=0, minute=0, second=0, microsecond=0)
    with database.begin() as connection:
        connection.execute(insert(beat_slot).values(node="web-01", hour_us=to_us(midnight), heard=3))
    browser.clock.at = midnight + timedelta(days=1, minutes=30)
    log = FleetLog(tmp_path / "log", "asbl-exemple", browser.clock)
    Summing(database, log).record_days(browser.clock.at)
    services.fleet.judge_due()
    (newest,) = (fact for fact in [log.newest(KIND)] if fact is not None)
    browser.log_in("vera")
    wall = browser.client.get("/?lang=en").text
    for address in (f"/rules/{rule}", "/nodes/web-01"):
        assert f'href="{address}"' in wall
        page = browser.client.get(address).text
        assert f'<a href="/ledger/.log/{newest.seq}">fleet log record {newest.seq}</a>' in page
    record = browser.client.get(f"/ledger/.log/{newest.seq}").text
    assert "heartbeat.summed" in record
    assert f"{midnight:%Y-%m-%d}" in record


@pytest.mark.parametrize(
    "path",
    [
        "/nodes/nobody",
        "/rules/MAINT_999",
        "/ledger/nobody/3",
        "/ledger/nobody",
        "/nodes/%3Cscript%3E",
        "/rules/..%2f..%2fetc",
    ],
)
def test_what_is_not_there_is_one_page_with_a_way_back(browser: Browser, path: str) -> None:
    browser.log_in("vera")
    answer = browser.client.get(path)
    assert answer.status_code == 404
    assert "<script>" not in answer.text


def test_a_fork_is_on_the_wall_at_once_and_a_record_two_clicks_from_it(
    browser: Browser, database: Database, services: Services, tmp_path: Path
) -> None:
    state = tmp_path / "web-01"
    state.mkdir()
    life = live("all-well", state)
    receive(database, state, life, "web-01")
    browser.clock.at = life.at
    services.fleet.judge_due()
    browser.log_in("vera")
    assert "contradicts itself" not in browser.client.get("/?lang=en").text
    with database.begin() as connection:
        found = {"node": "web-01", "incarnation": 1, "kind": "fork", "subject": "3 ab", "found_us": to_us(life.at)}
        connection.execute(insert(finding).values(**found, detail="<b>other</b>", exhibit="<b>words</b>"))
    wall = browser.client.get("/")
    assert "One node contradicts itself," in wall.text
    assert '"fail"' in wall.text
    ledger = browser.client.get(_link(wall.text, "/ledger/"))
    assert "The node has told two histories" in ledger.text
    assert "&lt;b&gt;words" in ledger.text
    assert "Record " in browser.client.get(_link(ledger.text, "/ledger/web-01/")).text
    older = browser.client.get("/ledger/web-01?before=3").text
    assert older.count('<th scope="row" class="n">') == 3
    for before in ("x", "9" * 40, "-1", "²"):
        assert browser.client.get(f"/ledger/web-01?before={before}").status_code == 200
    assert "its ledger contradicts itself" in browser.client.get("/nodes").text
    assert "1 ledger contradicts itself." in browser.client.get("/ledger").text


def test_an_asset_is_a_page_and_data_of_the_same_records(
    browser: Browser, database: Database, services: Services, tmp_path: Path
) -> None:
    state = tmp_path / "web-01"
    state.mkdir()
    life = live("all-well", state)
    receive(database, state, life, "web-01")
    browser.clock.at = life.at
    services.fleet.judge_due()
    browser.log_in("vera")
    page = browser.client.get("/nodes/web-01/assets/shop-db?lang=en")
    assert page.status_code == 200
    assert "it came back whole" in page.text
    assert page.text.count('class="set"') == 20
    assert page.text.count('class="drilled"') == 1
    assert "intendance restore run shop-db --into /srv/restore/shop-db" in " ".join(readable(page.text))
    data = browser.client.get("/nodes/web-01/assets/shop-db.json")
    assert data.headers["content-type"] == "application/json"
    told = data.json()
    assert (told["schema"], told["name"], len(told["sets"])) == ("intendance.asset/1", "shop-db", 20)
    assert [each["name"] for each in told["drills"][0]["legs"]] == ["restore", "by_hand"]
    plan = browser.client.get("/nodes/web-01/plan?lang=en").text
    assert "under asbl." in plan
    assert "/nodes/web-01/assets/shop-db" in plan
    kept = browser.client.get("/nodes/web-01/plan.json").json()
    assert (kept["schema"], [each["name"] for each in kept["assets"]]) == (
        "intendance.plan/1",
        ["shop-db", "site-files"],
    )
    seq = told["sets"][0]["seq"]
    assert browser.client.get(f"/ledger/web-01/{seq}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nodes/web-01/assets/shop-db",
        "/nodes/web-01/assets/shop-db.json",
        "/",
        "/nodes",
        "/nodes/web-01",
        "/rules",
        "/rules/ASBL_010",
        "/ledger",
        "/ledger/web-01",
        "/ledger/web-01/3",
    ],
)
def test_no_page_is_shown_without_a_session(browser: Browser, path: str) -> None:
    assert browser.client.get(path, follow_redirects=False).status_code == 303


def _link(page: str, start: str) -> str:
    return start + page.split(f'href="{start}', 1)[1].split('"', 1)[0]
