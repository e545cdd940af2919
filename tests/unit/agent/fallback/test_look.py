"""A node that nobody hears writes to people itself, by real SMTP, rarely, and only while nobody else would."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from intendance.agent.compose import open_node
from intendance.agent.fallback import decide
from intendance.agent.fallback.perform import look
from intendance.system.clock import SystemClock
from tests.support.alone import Later, heard, joined_nowhere, planned, unheard
from tests.support.mail import MailServer, mail_server
from tests.support.state import Site
from tests.support.typography import french_faults


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def told(site: Site) -> list[Any]:
    with open_node(site.state, SystemClock()) as node:
        return [fact.data for fact in reversed(node.book.facts("alert.told"))]


def now() -> datetime:
    return datetime.now(UTC)


def test_who_hears_no_manager_writes_once_to_each_and_not_again_for_six_hours(
    bare_site: Site, mails: MailServer
) -> None:
    site = bare_site
    planned(site, mails)
    joined_nowhere(site)
    unheard(site, 20)
    look(site.state, SystemClock())
    assert sorted(mail["To"] for mail in mails.taken) == ["admin@example.org", "lead@example.org"]
    mail = mails.taken[0]
    assert "web-01 lui-même" in str(mail["Subject"])
    assert "aucun gestionnaire ne l’entend depuis" in mail.get_content().replace("\n", " ")
    assert list(french_faults(mail.get_content())) == []
    records = told(site)
    assert [(each.contact, each.causes[0], each.code) for each in records] == [
        ("admin", "manager", "250"), ("lead", "manager", "250"),
    ]  # fmt: skip
    assert records[0].provider_id == "4F1A2B3C"
    since = datetime.fromisoformat(records[0].manager_silent_since)
    assert timedelta(minutes=20) <= now() - since <= timedelta(minutes=25)
    for minutes in (10, 120, 350):
        unheard(site, 15, until=now() + timedelta(minutes=minutes))
        look(site.state, Later(minutes))
    assert len(mails.taken) == 2
    unheard(site, 15, until=now() + timedelta(minutes=361))
    look(site.state, Later(361))
    assert len(mails.taken) == 4


def test_a_manager_that_answers_ends_it_and_nothing_stale_is_sent_in_the_next_silence(
    bare_site: Site, mails: MailServer
) -> None:
    site = bare_site
    planned(site, mails, language="en")
    joined_nowhere(site)
    unheard(site, 20)
    mails.behaviour.replies = ["451 4.3.0 later"]
    look(site.state, SystemClock())
    assert (mails.taken, told(site)) == ([], [])
    tries = mails.tries
    assert tries == 2
    heard(site)
    mails.behaviour.replies = ["250 2.0.0 Ok: queued as 77"]
    look(site.state, Later(3))
    assert mails.tries == tries, "the manager tells people now"
    unheard(site, 20, until=now() + timedelta(minutes=60))
    look(site.state, Later(60))
    assert len(mails.taken) == 2, "what did not leave has told nobody"
    assert len(told(site)) == 2


def test_a_mail_that_does_not_leave_is_tried_again_and_known_as_the_same(bare_site: Site, mails: MailServer) -> None:
    site = bare_site
    planned(site, mails)
    joined_nowhere(site)
    unheard(site, 40, until=now() + timedelta(minutes=20))
    mails.behaviour.replies = ["451 4.3.0 later", "451 4.3.0 later", "250 2.0.0 Ok: queued as 77"]
    look(site.state, SystemClock())
    look(site.state, Later(1))
    assert mails.tries == 2, "not before two minutes are over"
    look(site.state, Later(3))
    assert len(mails.taken) == len(set(mails.ids())) == 2


@pytest.mark.parametrize("minutes", [0, 5, 9])
def test_a_short_silence_is_borne(bare_site: Site, mails: MailServer, minutes: int) -> None:
    planned(bare_site, mails)
    joined_nowhere(bare_site)
    unheard(bare_site, minutes)
    look(bare_site.state, SystemClock())
    assert mails.taken == []


def test_an_old_silence_that_is_over_is_none(bare_site: Site, mails: MailServer) -> None:
    planned(bare_site, mails)
    joined_nowhere(bare_site)
    unheard(bare_site, 60, until=now() - timedelta(minutes=10))
    look(bare_site.state, SystemClock())
    assert mails.taken == []


def test_who_never_had_a_manager_tells_that_a_backup_failed_and_nothing_while_all_is_well(
    bare_site: Site, mails: MailServer
) -> None:
    site = bare_site
    planned(site, mails, language="en")
    look(site.state, SystemClock())
    assert mails.taken == []
    shutil.rmtree(site.tree)
    assert site.run("backup", "run", "site-files").code != 0
    look(site.state, SystemClock())
    assert {mail["To"] for mail in mails.taken} == {"admin@example.org", "lead@example.org"}
    assert "the backup of site-files failed on" in str(mails.taken[0]["Subject"]).replace("\n", "")
    assert "no manager hears it" in mails.taken[0].get_content().replace("\n", " ")
    record = told(site)[0]
    assert (record.causes[-1], record.manager_silent_since) == ("backup/site-files", None)


def test_a_refusal_for_good_is_not_tried_again_and_is_no_evidence(bare_site: Site, mails: MailServer) -> None:
    site = bare_site
    planned(site, mails)
    joined_nowhere(site)
    unheard(site, 40, until=now() + timedelta(minutes=20))
    mails.behaviour.to_recipient = "550 5.1.1 no such user"
    look(site.state, SystemClock())
    mails.behaviour.to_recipient = "250 OK"
    look(site.state, Later(20))
    assert (mails.taken, told(site)) == ([], [])


def test_a_plan_without_mail_writes_to_nobody(bare_site: Site) -> None:
    bare_site.write_plan()
    bare_site.adopt()
    joined_nowhere(bare_site)
    unheard(bare_site, 30)
    look(bare_site.state, SystemClock())
    with open_node(bare_site.state, SystemClock()) as node:
        assert node.book.facts("alert.told") == ()


def test_nodes_that_lose_their_manager_together_do_not_all_write_at_the_same_moment() -> None:
    waits = {decide.patience_us(f"web-{number:04}") // decide.MINUTE_US for number in range(200)}
    assert waits == {10, 11, 12, 13, 14}
