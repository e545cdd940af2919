"""An agent whose manager is dead mails people itself: a real agent, two addresses where nobody listens, real SMTP."""

from __future__ import annotations

from intendance.agent.compose import open_node
from intendance.system.clock import SystemClock
from tests.support.alone import joined_nowhere, planned, unheard
from tests.support.mail import mail_server
from tests.support.state import Site, until


def test_an_agent_that_nobody_hears_writes_to_everybody_once(bare_site: Site) -> None:
    site = bare_site
    with mail_server() as mails:
        planned(site, mails, language="en")
        joined_nowhere(site)
        unheard(site, 20)
        with site.agent():
            until(lambda: len(mails.taken) == 2, "two mails")
            until(lambda: len(_told(site)) == 2, "what became of them to be recorded")
        with site.agent():
            assert site.ping() is not None
        assert {mail["To"] for mail in mails.taken} == {"admin@example.org", "lead@example.org"}
        assert "no manager has heard it since" in str(mails.taken[0]["Subject"]).replace("\n", "")
        assert len(mails.taken) == 2
    listed = site.run("ledger", "show", "--kind", "alert.told", "--json")
    assert listed.code == 0, listed.err


def _told(site: Site) -> list[str]:
    with open_node(site.state, SystemClock()) as node:
        return [fact.data.contact for fact in node.book.facts("alert.told")]
