"""A manager whose database is well, on a server of its own, and whose state folder has no room: who is silent is found
and told as ever, what people do stands, and its records come to the fleet log once there is room, each once.

The full disk is a tmpfs of its own over the state folder, which takes root to mount.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from intendance.cli.manager import Source
from intendance.fleet.database.connect import open_database
from intendance.fleet.layout import ManagerLayout
from intendance.fleet.planning import files
from intendance.plan.adopted import decode
from intendance.plan.load import load
from tests.support.mail import MailServer, mail_server
from tests.support.postgresql import running as running_server
from tests.support.state import Site, until
from tests.system.test_fleet import _end
from tests.system.test_manager_unwritten import Running, _about, _planned, _state, fill, own_disk

pytestmark = [pytest.mark.gnupg, pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")]
SILENCE = ("alert", "silence", "--match", "node=web-02", "--for", "2h", "--reason", "new disk")


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


def _records(site: Site, kind: str) -> int:
    log = str(ManagerLayout(site.state).log)
    shown = site.run("--state", log, "ledger", "show", "--json", "--kind", kind)
    assert shown.code == 0, shown.err
    return len(shown.json["records"])


def _lead(site: Site) -> str:
    return decode(ManagerLayout(site.state).plan.read_bytes()).contacts["lead"].name


def test_nothing_is_lost_and_nobody_waits(bare_site: Site, mails: MailServer) -> None:
    site = bare_site
    with running_server() as server, own_disk(site.state):
        _planned(site, mails)
        layout = ManagerLayout(site.state)
        layout.folder.mkdir()
        files.write(layout, load(site.plan, datetime.now(UTC)).plans)
        address = server.address(server.new_database())
        running = Running(site, address, source=Source(str(site.plan), ""))
        until(running.is_up, "the manager")
        running.join()
        assert running.beat()[0] == 200
        planned = _records(site, "fleet.planned")
        fill(site.state)

        assert site.run(*SILENCE).code == 0, "the act stands"
        behind = "not in the fleet log yet"  # other things that need room may be said before
        until(lambda: behind in running.health()[1].get("detail", ""), "the manager to say what it could not record")
        assert running.health()[0] == 503
        sent = site.run("alert", "test", "--wait", "5min", "--json")
        assert {each["state"] for each in sent.json["messages"]} == {"sent"}, sent.out + sent.err
        before = len(mails.taken)
        assert running.beat()[0] == 200, "nodes keep nothing back for that"
        site.plan.write_text(site.plan.read_text().replace('name: "Lead"', 'name: "Somebody else"'))
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "the plan stays as it was" in running.told(), "the plan to be refused")
        assert _lead(site) == "Lead"
        running.set_forward(4)
        assert running.beat()[0] == 200
        with open_database(address) as database:
            until(lambda: _state(database)[1] == running.node.seq, "the beat to be written")
            assert _state(database)[0] == "up"
        assert running.process.poll() is None, running.told()

        (site.state / "filler").unlink()
        until(running.is_up, "the manager to be well again")
        assert _records(site, "alert.silenced") == 1
        running.process.send_signal(signal.SIGHUP)
        until(lambda: _lead(site) == "Somebody else", "the plan")
        assert _records(site, "fleet.planned") == planned + 1
        assert len(_about(mails, "test")) <= before
        assert "Traceback" not in running.told()
        _end(running.process)
        assert running.process.returncode == 0, running.told()
        verified = site.run("--state", str(ManagerLayout(site.state).log), "ledger", "verify", "--json")
        assert verified.code == 0, verified.err


def test_a_mail_that_left_as_the_disk_filled_is_sent_once(bare_site: Site, mails: MailServer) -> None:
    """The server took it, and nothing could say so any more: whoever sent it remembers, and writes it when there is
    room, however long after its lease."""
    site = bare_site
    with own_disk(site.state):
        _planned(site, mails)
        running = Running(site)
        until(running.is_up, "the manager")
        mails.behaviour.on_mail = lambda: fill(site.state)
        trial = site.start("alert", "test", "--to", "admin", "--wait", "5min", "--json")
        until(lambda: bool(mails.taken), "the mail")
        until(lambda: running.health()[0] == 503, "the manager to notice")
        running.set_forward(70)
        mails.behaviour.on_mail = lambda: None
        (site.state / "filler").unlink()
        until(running.is_up, "the manager to go on")
        told, said = trial.communicate(timeout=180)
        assert trial.returncode == 0, told + said
        assert '"sent"' in told
        subjects = [str(mail["Subject"]) for mail in mails.taken]  # the canary's, the trial's
        assert len(set(subjects)) == len(subjects), subjects
        _end(running.process)
