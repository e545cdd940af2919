"""The pages of alerts, asked as a browser asks: who may see and do what; a form from elsewhere does nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from intendance.fleet.alerts.service import LONGEST_REASON
from intendance.fleet.database.connect import Database, to_us
from intendance.fleet.database.tables import alert, outbox
from intendance.fleet.verdicts.changing import ALERTS
from intendance.web.visit import FORM_MAX_BYTES
from tests.support.alerted import PLANTED, Alerted
from tests.support.clock import MovableClock
from tests.system.web.conftest import Browser


@pytest.fixture
def alerted(database: Database, clock: MovableClock, browser: Browser) -> Alerted:
    """A node of five is silent, and people were told."""
    found = Alerted(database, clock)
    found.watch.enrol(["a", "b", "c", "d", "web-01"])
    found.watch.wait(200, beating=("a", "b", "c", "d"))
    return found


def test_pages_of_alerts_are_found_from_every_page_and_link_on(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("vera")
    assert '<a href="/alerts">1 alerte ouverte, 1 sans réponse</a>' in browser.client.get("/").text
    page = browser.client.get("/alerts").text
    assert "Une alerte attend une réponse depuis" in page
    assert 'hx-get="/alerts"' in page
    assert 'href="/api/v1/alerts"' in page
    number = alerted.open_numbers["web-01 node.missing"]
    assert f'<a href="/alerts/{number}">alerte {number}</a>' in page
    assert f'<a href="/alerts/{number}">{number}</a>' in browser.client.get("/nodes/web-01").text
    one = browser.client.get(f"/alerts/{number}").text
    assert "Personne ne répond depuis" in one
    assert 'href="/nodes/web-01"' in one


@pytest.mark.parametrize("number", ["0", "999", "9" * 15, "9" * 40, "9" * 5000])
def test_what_is_no_alert_or_record_is_said(browser: Browser, number: str) -> None:
    browser.log_in("vera")
    for path in (f"/alerts/{number}", f"/ledger/web-01/{number}"):
        assert browser.client.get(path).status_code == 404, path[:40]


ACK = {"reason": "disque commandé", "hours": "4"}
SILENCE = {"reason": "déménagement", "hours": "24", "scope": "node"}


def _number(alerted: Alerted) -> int:
    return alerted.open_numbers["web-01 node.missing"]


def _acts(alerted: Alerted) -> dict[str, dict[str, str]]:
    """What may be done, by address, once there is a silence to end."""
    number = _number(alerted)
    made = alerted.alerts.silence({"node": "nobody"}, reason="x", by="person:lea", lasting_seconds=86_400).number
    return {
        f"/alerts/{number}/ack": ACK, f"/alerts/{number}/silence": SILENCE, f"/silences/{made}/end": {},
        "/alerts/test": {},
    }  # fmt: skip


def _stands(alerted: Alerted) -> tuple[object, ...]:
    shown = alerted.alerts.shown(_number(alerted))
    return shown.alert.state, len(shown.events), alerted.alerts.silences(), _trials(alerted)


def _trials(alerted: Alerted) -> int:
    with alerted.watch.database.read() as connection:
        return len(connection.execute(select(outbox.c.id).where(outbox.c.purpose == "test")).all())


def test_an_operator_takes_an_alert_in_hand_until_the_time_is_over(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    number = _number(alerted)
    page = browser.client.post(f"/alerts/{number}/ack", data=ACK | {"token": browser.token("/alerts")})
    assert page.url.path == f"/alerts/{number}"
    assert "omar l’a en main." in page.text
    assert "omar, jusqu’au 22\xa0novembre\xa02026 à\xa013:03\xa0CET\xa0: disque commandé" in page.text
    shown = alerted.alerts.shown(number)
    assert (shown.alert.state, shown.alert.acked_by, shown.alert.said) == ("acked", "person:omar", "disque commandé")
    assert [(each.actor, each.reason) for each in shown.events if each.event == "acked"] == [
        ("person:omar", "disque commandé")
    ]
    assert shown.alert.acked_until == alerted.clock.at + timedelta(hours=4)
    assert 'id="ack-' not in browser.client.get("/alerts").text


def test_an_operator_lets_an_alert_go(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    number = _number(alerted)
    assert f'action="/alerts/{number}/unack"' not in browser.client.get(f"/alerts/{number}").text
    token = browser.token("/alerts")
    browser.client.post(f"/alerts/{number}/ack", data=ACK | {"token": token})
    assert f'action="/alerts/{number}/unack"' in browser.client.get(f"/alerts/{number}").text
    page = browser.client.post(f"/alerts/{number}/unack", data={"token": token})
    assert page.url.path == f"/alerts/{number}"
    assert "omar l’a lâchée, omar l’avait en main\u00a0: elle sonne de nouveau." in page.text
    assert alerted.alerts.shown(number).alert.state == "firing"
    assert browser.client.post(f"/alerts/{number}/unack", data={"token": token}).status_code == 409


def test_an_operator_silences_a_node_and_lets_people_be_told_again(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    number = _number(alerted)
    token = browser.token("/alerts")
    for _again in range(2):  # a form that is sent twice makes one silence
        browser.client.post(f"/alerts/{number}/silence", data=SILENCE | {"token": token})
    (made,) = alerted.alerts.silences()
    assert (dict(made.matches), made.reason, made.made_by) == ({"node": "web-01"}, "déménagement", "person:omar")
    alerted.watch.tick()
    assert "Mise en silence par omar jusqu’au" in browser.client.get(f"/alerts/{number}").text
    assert f'action="/silences/{made.number}/end"' in browser.client.get("/alerts").text
    page = browser.client.post(f"/silences/{made.number}/end", data={"token": token})
    assert page.url.path == "/alerts"
    assert alerted.alerts.silences() == ()


def test_an_operator_sends_a_test_message_and_sees_what_became_of_it(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    token = browser.token("/alerts")
    page = browser.client.post("/alerts/test", data={"token": token})
    number = int(page.url.path.rpartition("/")[2])
    messages = alerted.alerts.trial(number)
    assert len(messages) == len(alerted.alerts.ways()) == 4
    assert {each.state for each in messages} == {"queued"}
    assert "Pas encore\xa0: 0 sur 4 acceptés." in page.text
    assert f'hx-get="/alerts/test/{number}"' in page.text
    again = browser.client.post("/alerts/test", data={"token": token})
    assert again.url.path == page.url.path, "a form that is sent twice tells nobody twice"
    assert _trials(alerted) == 4
    stamp = alerted.verdicts.stamps(frozenset({ALERTS}))[ALERTS]
    alerted.watch.send()
    assert alerted.verdicts.stamps(frozenset({ALERTS}))[ALERTS] != stamp, "an open page is told"
    ended = alerted.alerts.trial(number)
    assert all(each.state in ("sent", "dead", "failed") for each in ended)
    told = browser.client.get(page.url.path).text
    assert all(each.code in told and each.contact in told.lower() for each in ended if each.code)
    found = browser.client.get(f"{page.url.path}.json").json()
    assert [each["number"] for each in found["messages"]] == [each.number for each in messages]
    browser.clock.move(timedelta(minutes=1))
    later = browser.client.post("/alerts/test", data={"token": token})
    assert later.url.path != page.url.path
    assert browser.client.get("/alerts/test/1").status_code == 404, "an alert's own message is no trial"


def test_what_is_silenced_is_what_the_form_says(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    number, token = _number(alerted), browser.token("/alerts")
    browser.client.post(f"/alerts/{number}/silence", data=SILENCE | {"token": token, "scope": "alert"})
    (made,) = alerted.alerts.silences()
    assert dict(made.matches) == {"cause": "node.missing", "node": "web-01"}


@pytest.mark.parametrize("name", ["vera", "ana"])
def test_who_may_only_read_sees_no_button_and_is_refused(browser: Browser, alerted: Alerted, name: str) -> None:
    browser.log_in(name)
    acts, before = _acts(alerted), _stands(alerted)
    for page in ("/alerts", f"/alerts/{_number(alerted)}"):
        text = browser.client.get(page).text
        assert "/ack" not in text.replace("intendance alert ack", "")
        assert "/silence" not in text
        assert "<form" not in text.split("<main", 1)[1]
    token = browser.token("/alerts")
    for path, fields in acts.items():
        answer = browser.client.post(path, data=fields | {"token": token})
        assert answer.status_code == 403, path
        assert name in answer.text
    assert _stands(alerted) == before


def test_nobody_acts_without_logging_in(browser: Browser, alerted: Alerted) -> None:
    acts, before = _acts(alerted), _stands(alerted)
    token = browser.token("/login")
    for path, fields in acts.items():
        answer = browser.client.post(path, data=fields | {"token": token}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
        assert browser.client.post(path, data=fields, follow_redirects=False).status_code == 403, path
    assert _stands(alerted) == before


def test_a_form_without_the_session_s_own_token_does_nothing(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    others = browser.token("/alerts")
    browser.client.cookies.clear()
    browser.log_in("omar")
    own, acts, before = browser.token("/alerts"), _acts(alerted), _stands(alerted)
    for path, fields in acts.items():
        for token in ("", "x", others, others.upper()):
            assert browser.client.post(path, data=fields | {"token": token}).status_code == 403, path
        assert browser.client.post(path, data=fields).status_code == 403, path
        elsewhere = {"origin": "http://elsewhere.example"}
        assert browser.client.post(path, data=fields | {"token": own}, headers=elsewhere).status_code == 403, path
        assert browser.client.get(path).status_code in (404, 405), path
    assert own != others
    assert _stands(alerted) == before


WRONG: tuple[dict[str, str], ...] = (
    {"reason": ""},
    {"reason": " \t "},
    {"reason": "x" * (LONGEST_REASON + 1)},
    {"reason": "turned \u202e round"},
    {"reason": "nul \x00"},
    {"hours": ""},
    {"hours": "0"},
    {"hours": "-1"},
    {"hours": "1e3"},
    {"hours": "999999"},
    {"hours": "9" * 400},
    {"hours": "²"},
    {"scope": "fleet"},
    {"scope": ""},
    {"scope": "site"},
)


def test_what_cannot_be_done_is_said_and_changes_nothing(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    number, token, before = _number(alerted), browser.token("/alerts"), _stands(alerted)
    for wrong in WRONG:
        for act, fields in (("ack", ACK), ("silence", SILENCE)):
            if act == "ack" and "scope" in wrong:
                continue
            answer = browser.client.post(f"/alerts/{number}/{act}", data=fields | wrong | {"token": token})
            assert answer.status_code == 400, (act, wrong, answer.text)
    for unknown in ("0", "999", "9" * 40):
        for path in (f"/alerts/{unknown}/ack", f"/alerts/{unknown}/silence", f"/silences/{unknown}/end"):
            assert browser.client.post(path, data=SILENCE | {"token": token}).status_code == 404, path
    large = {"token": token, "reason": "x" * FORM_MAX_BYTES, "hours": "1"}
    assert browser.client.post(f"/alerts/{number}/ack", data=large).status_code == 413
    for body in (b"\xff\xfe", b"&" * 1000, b"%", b"token=%00"):
        assert browser.client.post(f"/alerts/{number}/ack", content=body).status_code in (403, 413)
    assert _stands(alerted) == before


def test_what_is_over_cannot_be_taken_in_hand(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    number, token = _number(alerted), browser.token("/alerts")
    alerted.watch.wait(300, beating=("a", "b", "c", "d", "web-01"))
    answer = browser.client.post(f"/alerts/{number}/ack", data=ACK | {"token": token})
    assert answer.status_code == 409
    assert f"alert show {number}" in answer.text


def test_a_reason_is_no_markup_on_any_page(browser: Browser, alerted: Alerted) -> None:
    browser.log_in("omar")
    number, token = _number(alerted), browser.token("/alerts")
    browser.client.post(f"/alerts/{number}/silence", data=SILENCE | {"token": token, "reason": PLANTED})
    browser.client.post(f"/alerts/{number}/ack", data=ACK | {"token": token, "reason": PLANTED})
    for page in ("/", "/alerts", f"/alerts/{number}", "/nodes/web-01", "/nodes"):
        text = browser.client.get(page).text
        assert "<img" not in text, page
    assert browser.client.get(f"/alerts/{number}").text.count("&lt;img src=x") >= 2


def test_alerts_beyond_the_page_are_on_the_next_part_in_every_face(
    browser: Browser, database: Database, clock: MovableClock
) -> None:
    many = Alerted(database, clock)
    names = [f"n{number:03}" for number in range(130)]
    many.watch.enrol(["web-01", *names], site="liège")
    with database.begin() as connection:
        at_us = to_us(clock.at)
        row = {"cause": "node.missing", "severity": "warning", "labels": "{}", "params": "{}", "state": "firing",
               "episode": 1, "group_key": "", "started_us": at_us, "fired_us": at_us}  # fmt: skip
        connection.execute(insert(alert), [row | {"key": name, "node": name} for name in names])
    browser.log_in("vera")
    page = browser.client.get("/alerts").text
    assert "1 à 125 sur 130" in page
    assert 'rel="next" href="/alerts?show=ringing&amp;part=2"' in page
    second = browser.client.get("/alerts?show=ringing&part=2").text
    assert "126 à 130 sur 130" in second
    assert 'rel="prev" href="/alerts?show=ringing"' in second
    assert 'href="/alerts.json?show=ringing&amp;part=2"' in second
    assert "intendance alert list --show ringing --part 2" in second.replace("</span> <span>", " ")
    assert "126 to 130 of 130" in browser.client.get("/alerts?show=ringing&part=2&lang=en").text
    (part,) = browser.client.get("/alerts.json?show=ringing&part=2").json()["parts"]
    assert (part["number"], part["begin"], part["count"], len(part["found"])) == (2, 125, 130, 5)
    for each in part["found"]:
        assert f'href="/alerts/{each["told"]["number"]}"' in second
    for odd in ("show=nonsense", "part=2", "show=ringing&part=-1", "show=ringing&part=" + "9" * 400, "show=held"):
        assert browser.client.get(f"/alerts?{odd}").status_code == 200
