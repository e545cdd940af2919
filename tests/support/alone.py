"""A node that is alone: a plan with mail, a membership that leads nowhere, beats that nobody heard.

`python -m tests.support.alone "before finish" STATE MINUTES` looks once, `MINUTES` from now, killed there.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from intendance.agent import membership
from intendance.agent.fallback import perform
from intendance.agent.fallback.decide import microseconds
from intendance.agent.fallback.outbox import Outbox
from intendance.agent.heartbeat import Spool
from intendance.agent.membership import Membership
from intendance.ledger.book import Book
from intendance.notifiers.smtp import SmtpNotifier
from intendance.system.clock import Clock, Instant, SystemClock
from intendance.wire.messages import SpooledBeat
from tests.support.kill_by_name import around
from tests.support.mail import MailServer
from tests.support.state import Site

EFFECTS: tuple[tuple[Any, str], ...] = (
    (Outbox, "put"),
    (SmtpNotifier, "deliver"),
    (Outbox, "finish"),
    (Book, "transaction"),
)
BOUNDARIES = tuple(f"{when} {name}" for _, name in EFFECTS for when in ("before", "after"))


class Later:
    """The machine's clock, ahead."""

    def __init__(self, minutes: float) -> None:
        self._ahead = timedelta(minutes=minutes)
        self._clock: Clock = SystemClock()

    def read(self) -> Instant:
        instant = self._clock.read()
        return Instant(instant.at + self._ahead, instant.mono_ns, instant.boot)


def planned(site: Site, mails: MailServer, *, language: str = "fr") -> None:
    """Adopt a plan that tells the admin at once and the lead after half an hour, by mail."""
    site.write_plan(
        more=f"""alerts:
  email: {{smtp: "{mails.url}", from: intendance@example.org}}
  policy:
    critical:
      - {{after: "0min", to: admin, by: [email]}}
      - {{after: "30min", to: lead, by: [email]}}
"""
    )
    site.plan.write_text(site.plan.read_text().replace("language: fr", f"language: {language}"))
    site.adopt()


def joined_nowhere(site: Site) -> None:
    """Let the node belong to a manager that has two addresses, where nobody listens."""
    urls = tuple(f"http://127.0.0.1:{port}" for port in (1, 2))  # no program is given such a port by chance
    joined = Membership(fleet="testing", node="web-01", incarnation=1, bearer="x" * 43, urls=urls)
    membership.keep(site.state, joined)


def unheard(site: Site, minutes: int, *, until: datetime | None = None) -> None:
    """Beats that nobody heard, one each minute, the last one at `until`."""
    spool = Spool(site.state / "agent" / "beats.spool")
    end = microseconds(until or datetime.now(UTC))
    for ago in range(minutes, -1, -1):
        at = end - ago * 60_000_000
        spool.add(SpooledBeat(boot="b", seq=at // 1000, sent_at=at, mono_ns=at * 1000))


def heard(site: Site) -> None:
    """The manager answered, and was told of all beats."""
    (site.state / "agent" / "beats.spool").unlink(missing_ok=True)


def main(fatal: str, state: str, minutes: str) -> None:
    for owner, name in EFFECTS:
        around(owner, name, fatal)
    perform.look(Path(state), Later(float(minutes)))


if __name__ == "__main__":
    main(*sys.argv[1:])
