"""An administrator's day in a real browser, seen by two who read it in two languages: a first log-in, a rule that
breaks, the mail about it, somebody who takes it in hand, a drill, the rule that holds again, the mail that it is over,
in another language by then. Agent, manager, mail server, pages: all real."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from intendance.fleet.accounts import decide
from intendance.fleet.accounts.service import RECOVERY_CODES
from intendance.fleet.alerts.seen import AlertSeen
from intendance.fleet.compose import open_alerts
from intendance.system.clock import SystemClock
from tests.support.browsers import launched
from tests.support.gnupg import Keys
from tests.support.mail import MailServer, mail_server
from tests.support.ports import free_port
from tests.support.state import Site, fill, until
from tests.system.web.conftest import PASSWORD

pytestmark = pytest.mark.gnupg
PATIENCE_MS = 300_000


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in a language, and who reads it."""

    person: str
    no: str
    used: str
    to_the_wall: str
    log_out: str


WORDS = {
    "fr-BE": Words(
        person="lea",
        no="Non.",
        used="Ce code ne compte pas.",
        to_the_wall="Je les ai : vers le mur",
        log_out="Se déconnecter",
    ),
    "en-GB": Words(
        person="ann",
        no="No.",
        used="That code does not count.",
        to_the_wall="I have them: to the wall",
        log_out="Log out",
    ),
}
ASSET = "site-files"
RULE = "ASBL_012"
"""Backups are inspected every day, and no set has a fault: it blocks, so that an alert of it is critical."""


@dataclass(frozen=True, slots=True)
class Day:
    """A node, its manager, and the mail server that it writes to."""

    site: Site
    mails: MailServer
    url: str

    def told(self, subject: str) -> bool:
        """Whether a mail arrived whose subject begins so, about the rule and the asset."""
        found = [mail for mail in self.mails.taken if str(mail["Subject"]).startswith(f"[Intendance] {subject}")]
        return any(RULE in mail.get_content() and f"web-01/{ASSET}" in mail.get_content() for mail in found)

    def alert(self) -> AlertSeen:
        """The alert of the rule."""
        with open_alerts(self.site.state, SystemClock()) as (alerts, _):
            listed = alerts.listed(ended=True)
        (found,) = (each for each in listed if (each.told.cause, each.told.labels.get("asset")) == (RULE, ASSET))
        return found

    def done(self, *words: str, private_key: bool = False) -> str:
        """What a command says that must end well."""
        answer = self.site.run(*words, environment=self.site.keys.owner.environment if private_key else None)
        assert answer.code == 0, answer.err
        return answer.out

    def beat(self) -> None:
        """Have the node tell its manager now what else it tells within a minute: an agent that begins does so."""
        former = self.site.ping()
        assert former is not None
        os.kill(former["pid"], signal.SIGTERM)
        until(lambda: (self.site.ping() or former)["pid"] != former["pid"], "the agent to be started again", 240)

    def speak(self, language: str) -> None:
        """Adopt the same plan in another language: mails are written in it from now on."""
        text = self.site.plan.read_text()
        self.site.plan.write_text(re.sub(r"language: \w\w", f"language: {language}", text))
        self.site.adopt()


@pytest.fixture
def day(keys: Keys) -> Iterator[Day]:
    base = Path(tempfile.mkdtemp(prefix="ij-", dir="/tmp"))
    site = Site(base=base, keys=keys)
    try:
        with mail_server() as mails:
            yield _begun(site, mails)
            _ended(site)
    finally:
        for process in site.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        shutil.rmtree(base, ignore_errors=True)


def _begun(site: Site, mails: MailServer) -> Day:
    port = free_port()
    site.store.mkdir()
    fill(site.tree, files=5)
    _plan(site, mails)
    site.adopt()
    day = Day(site, mails, f"http://127.0.0.1:{port}/")
    day.done("backup", "run")
    process = site.start("up", "--listen", f"127.0.0.1:{port}")
    until(lambda: process.poll() is not None or site.ping() is not None, "the agent", 240)
    assert process.poll() is None, process.communicate()[1]
    return day


def _ended(site: Site) -> None:
    (up,) = site.started
    up.send_signal(signal.SIGTERM)
    _, said = up.communicate(timeout=240)
    assert up.returncode == 0, said
    assert "Traceback" not in said


def _plan(site: Site, mails: MailServer) -> None:
    site.write_plan(
        more=f"""    drill: {{host: web-01}}
hosts:
  web-01: {{held_by: admin}}
alerts:
  email: {{smtp: "{mails.url}", from: intendance@example.org}}
  policy:
    critical:
      - {{after: "0min", to: admin, by: [email]}}
"""
    )


def _code(secret: str, last_step: int) -> tuple[str, int]:
    """A code that counts now and was not used yet, as an authenticator shows it now or in a moment."""
    step = max(last_step + 1, decide.code_step(SystemClock().read().at))
    return decide.code_at(secret, step), step


def _log_in(page: Page, day: Day, words: Words) -> None:
    page.goto(f"{day.url}login")
    page.fill("#name", words.person)
    page.fill("#password", PASSWORD)
    page.click("button.btn")


def _read_by_a_camera(page: Page) -> str:
    """What an authenticator sees in the square that the browser shows."""
    picture = page.locator("svg.qr").screenshot()
    seen = subprocess.run(
        ["zbarimg", "--quiet", "--raw", "--oneshot", "png:-"], input=picture, capture_output=True, check=True
    )
    return seen.stdout.decode().strip()


def _set_up_second(page: Page, words: Words) -> tuple[str, int]:
    """The secret that the page proposes, confirmed; it shows the recovery codes. The secret, and the period used."""
    page.wait_for_url("**/login/enrol")
    secret = "".join(page.locator(".secret span").all_inner_texts())
    assert parse_qs(urlsplit(_read_by_a_camera(page)).query)["secret"] == [secret]
    code, step = _code(secret, 0)
    page.fill("#code", code)
    page.click("button.btn")
    page.get_by_role("link", name=words.to_the_wall).wait_for()
    assert page.locator(".codes li").count() == RECOVERY_CODES
    page.get_by_role("link", name=words.to_the_wall).click()
    return secret, step


def _log_in_again(page: Page, day: Day, words: Words, secret: str, step: int) -> None:
    """Out and in, by both factors: a code that was used once does not count again."""
    page.get_by_role("button", name=words.log_out).click()
    page.wait_for_url("**/login")
    _log_in(page, day, words)
    page.wait_for_url("**/login/second")
    page.fill("#code", decide.code_at(secret, step))
    page.click("button.btn")
    page.get_by_role("alert").filter(has_text=words.used).wait_for()
    page.fill("#code", _code(secret, step)[0])
    page.click("button.btn")
    page.wait_for_url(day.url)


def _on_the_wall(page: Page) -> Locator:
    """The rule among what is broken."""
    return page.locator("section:has(h2.fail) li.entry").filter(has_text=ASSET).filter(has_text=RULE)


@contextmanager
def _browser() -> Iterator[dict[str, Page]]:
    """A page of a real browser in each language; whatever their scripts complain of fails the test."""
    troubles: list[str] = []
    with sync_playwright() as browsers:
        chromium = launched(browsers)
        pages = {locale: chromium.new_page(locale=locale) for locale in WORDS}
        for page in pages.values():
            page.set_default_timeout(PATIENCE_MS)
            page.on("pageerror", lambda error: troubles.append(str(error)))
        yield pages
        chromium.close()
    assert troubles == []


def test_a_rule_breaks_somebody_takes_it_in_hand_and_it_holds_again(day: Day) -> None:
    site = day.site
    (site.base / "password").write_text(PASSWORD)
    (part,) = site.store.glob(f"*/*/{ASSET}/*/tree-*.gpg")
    lost = part.with_suffix(".lost")
    with _browser() as pages:
        seconds = {}
        for locale, page in pages.items():
            words = WORDS[locale]
            day.done("user", "add", words.person, "--role", "admin", "--password", str(site.base / "password"))
            _log_in(page, day, words)
            seconds[locale] = _set_up_second(page, words)
            page.wait_for_url(day.url)
            page.locator("h1").wait_for()
            assert _on_the_wall(page).count() == 0

        part.rename(lost)
        assert "FAULT" in day.done("backup", "inspect", ASSET)
        day.beat()
        for locale, page in pages.items():
            _on_the_wall(page).wait_for()  # nobody reloads the page
            assert page.locator("h1").inner_text().startswith(WORDS[locale].no)
            _log_in_again(page, day, WORDS[locale], *seconds[locale])
        until(lambda: day.told("CRITIQUE"), "the mail", PATIENCE_MS / 1000)
        day.done("alert", "ack", str(day.alert().told.number), "--by", "lea")
        acked = day.alert()
        assert (acked.state, acked.acked_by) == ("acked", "person:lea")

        day.speak("en")
        lost.rename(part)
        drilled = day.done("drill", "run", ASSET, "--scratch", str(site.base), private_key=True)
        assert "by Intendance and by hand" in drilled
        assert "FAULT" not in day.done("backup", "inspect", ASSET)
        day.beat()
        for locale, page in pages.items():
            _on_the_wall(page).wait_for(state="detached")
            page.get_by_role("button", name=WORDS[locale].log_out).click()
            page.wait_for_url("**/login")
            page.goto(day.url)
            assert page.url == f"{day.url}login"
    until(lambda: day.alert().state == "resolved", "the alert to end", PATIENCE_MS / 1000)
    until(lambda: day.told("over"), "the mail that says so, in the language of the plan by now", PATIENCE_MS / 1000)
