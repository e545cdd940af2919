"""What a run changed is judged by its worker, where what is found is kept."""

from __future__ import annotations

import pytest

from intendance.agent import findings
from intendance.system.clock import SystemClock
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def _known(site: Site) -> bool:
    with site.node() as node:
        zone = node.book.facts("plan.adopted", latest=1)[0].data.timezone
        return "site-files" in findings.recall(node.book, zone, SystemClock().read().at)


def test_a_look_finds_what_the_worker_found(site: Site) -> None:
    assert site.run("backup", "run", "site-files").code == 0
    assert not (site.state / findings.PLACE).exists(), "neither an agent nor anybody else has looked yet"
    first = site.run("status", "--json")
    assert _known(site)
    assert site.run("backup", "inspect", "site-files").code == 0
    assert _known(site), "the inspection ended what was found, and its worker found it anew"
    verdicts = site.run("status", "--json").json["verdicts"]
    findings.forget(site.state)
    anew = site.run("status", "--json").json["verdicts"]
    told = [(each["rule"], each["asset"], each["state"], each["since"], each["evidence"]) for each in verdicts]
    assert told == [(each["rule"], each["asset"], each["state"], each["since"], each["evidence"]) for each in anew]
    assert first.json["verdicts"] != verdicts, "it saw the inspection"
