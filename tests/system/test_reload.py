"""`intendance manager` reads its plan again on SIGHUP, and goes on."""

from __future__ import annotations

import http.client
import signal
import subprocess

import pytest

from intendance.fleet.layout import ManagerLayout
from intendance.model.plan import Plan
from intendance.plan.adopted import decode
from tests.support.ports import free_port
from tests.support.state import Site, until

pytestmark = pytest.mark.gnupg


def _in_force(site: Site) -> Plan:
    return decode(ManagerLayout(site.state).plan.read_bytes())


def _records(site: Site) -> list[str]:
    log = str(ManagerLayout(site.state).log)
    shown = site.run("--state", log, "ledger", "show", "--json", "--kind", "fleet.planned")
    assert shown.code == 0, shown.err
    return [str(each["data"]["source_sha256"]) for each in shown.json["records"]]


def _answers(process: subprocess.Popen[str], port: int) -> bool:
    assert process.poll() is None, process.communicate()[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_a_running_manager_takes_another_plan_and_refuses_a_bad_one(bare_site: Site) -> None:
    site, port = bare_site, free_port()
    site.write_plan()
    process = site.start("manager", "--plan", str(site.plan), "--listen", f"127.0.0.1:{port}")
    until(lambda: _answers(process, port), "the manager", 180)
    assert len(_records(site)) == 1

    site.plan.write_text(site.plan.read_text().replace('name: "Lead"', 'name: "Somebody else"'))
    process.send_signal(signal.SIGHUP)
    until(lambda: _in_force(site).contacts["lead"].name == "Somebody else", "the plan", 180)
    assert len(_records(site)) == 2

    site.plan.write_text(site.plan.read_text().replace("catalogues: [asbl]", "catalogues: [nonsense]"))
    process.send_signal(signal.SIGHUP)
    assert process.stderr is not None
    said = ""
    while "the plan stays as it was" not in said:
        said = process.stderr.readline()
        assert said, "it ended"
    assert "catalogues" in said
    assert _in_force(site).contacts["lead"].name == "Somebody else"
    assert len(_records(site)) == 2
    assert _answers(process, port)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert process.returncode == 0


def test_the_plan_of_another_fleet_touches_nothing(bare_site: Site) -> None:
    site, port = bare_site, free_port()
    site.write_plan()
    words = ("manager", "--plan", str(site.plan), "--listen", f"127.0.0.1:{port}")
    process = site.start(*words)
    until(lambda: _answers(process, port), "the manager", 180)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)

    def kept() -> dict[str, bytes]:
        folder = ManagerLayout(site.state).folder
        return {str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()}

    before = kept()
    site.plan.write_text(site.plan.read_text().replace("fleet: testing", "fleet: another"))
    refused = site.run(*words)
    assert (refused.code, "keeps the fleet testing" in refused.err) == (2, True), refused.err
    assert kept() == before
    ManagerLayout(site.state).settings.unlink()  # as when the first start was killed
    del before[str(ManagerLayout(site.state).settings)]
    assert site.run(*words).code == 2
    assert kept() == before


def test_one_who_asks_before_it_listens_ends_nothing_and_is_heard(bare_site: Site) -> None:
    site, port = bare_site, free_port()
    site.write_plan()
    process = site.start("manager", "--plan", str(site.plan), "--listen", f"127.0.0.1:{port}")
    until(lambda: ManagerLayout(site.state).plan.exists() or process.poll() is not None, "the plan to be read", 180)
    process.send_signal(signal.SIGHUP)
    until(lambda: _answers(process, port), "the manager", 180)
    assert process.stderr is not None
    said = ""
    while "is the one in force" not in said:
        said = process.stderr.readline()
        assert said, "it ended"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert process.returncode == 0
