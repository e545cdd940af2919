"""A node that writes to people itself, killed at every step: all are told, and a kill sends one mail twice at most."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from intendance.agent.compose import open_node
from intendance.agent.fallback.perform import look
from intendance.system.clock import SystemClock
from tests.support import warm
from tests.support.alone import BOUNDARIES, Later, joined_nowhere, planned, unheard
from tests.support.mail import mail_server
from tests.support.state import Site

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("fatal", BOUNDARIES)
def test_nobody_is_forgotten_and_one_mail_comes_twice_at_most(bare_site: Site, fatal: str) -> None:
    site = bare_site
    with mail_server() as mails:
        planned(site, mails)
        joined_nowhere(site)
        unheard(site, 60, until=datetime.now(UTC) + timedelta(minutes=40))
        words = (fatal, str(site.state), "0")
        done = warm.run("tests.support.alone", words, cwd=ROOT, environment=warm.environment(), timeout_seconds=300)
        assert done.returncode == -9, done.stderr
        look(site.state, Later(1))
        arrived = Counter((mail["To"], mail["Message-ID"]) for mail in mails.taken)
    assert {to for to, _ in arrived} == {"admin@example.org", "lead@example.org"}
    assert len(arrived) == 2, "one mail to each, however often"
    assert sum(arrived.values()) <= 3
    with open_node(site.state, SystemClock()) as node:
        assert Counter(fact.data.contact for fact in node.book.facts("alert.told")) == {"admin": 1, "lead": 1}
