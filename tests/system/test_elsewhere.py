"""A host beside the node looks into the stores with its own ledger, and the node takes that into view: end to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.state import Answer, Site

pytestmark = pytest.mark.gnupg


@dataclass(frozen=True, slots=True)
class Beside:
    """A node with backups, and a laptop of its plan that reaches the store."""

    site: Site

    @property
    def state(self) -> Path:
        return self.site.base / "laptop"

    def laptop(self, *words: str) -> Answer:
        return self.site.run(*words, state=self.state)

    def look(self, *words: str) -> Answer:
        return self.laptop("--plan", str(self.site.plan), "backup", "inspect", "--host", "laptop", *words)

    def bundle(self, name: str) -> Path:
        path = self.site.base / name
        exported = self.laptop("ledger", "export", str(path))
        assert exported.code == 0, exported.err
        return path

    @property
    def key(self) -> str:
        key: str = self.laptop("ledger", "checkpoint", "--json").json["key"]
        return key

    def believe(self, key: str, host: str = "laptop") -> Answer:
        plan = self.site.plan
        text = plan.read_text().partition("\nhosts:")[0].rstrip("\n")
        plan.write_text(f'{text}\nhosts:\n  {host}: {{held_by: lead, ledger_key: "{key}"}}\n')
        return self.site.run("plan", "adopt", str(plan), "--confirm", host)


@pytest.fixture
def beside(site: Site) -> Beside:
    text = site.write_plan(full="0 2 * * *").read_text()
    site.plan.write_text(text.replace("[asbl]", "[maint, asbl]") + "hosts:\n  laptop: {held_by: lead}\n")
    site.adopt()
    return Beside(site)


def verdict(site: Site, rule: str) -> dict[str, object]:
    answer = site.run("status", "--json")
    (found,) = [each for each in answer.json["verdicts"] if each["rule"] == rule]
    return dict(found)


def test_what_a_host_sees_turns_the_nodes_own_word_into_anothers(beside: Beside) -> None:
    never = beside.look("--json")
    assert never.code == 4
    assert [each["standing"] for each in never.json["stores"]] == ["never"]

    assert beside.site.run("backup", "run", "site-files").code == 0
    assert verdict(beside.site, "MAINT_010")["state"] == "unknown"
    seen = beside.look("--json")
    assert seen.code == 0, seen.err
    (look,) = seen.json["stores"]
    inspection = look["inspection"]
    assert (look["standing"], inspection["by"], inspection["node"]) == ("good", "laptop", "web-01")
    assert (seen.json["trust"], inspection["sets"], inspection["faulty"]) == ("first_use", 1, 0)
    assert inspection["hashed_bytes"] > 0
    assert len(inspection["thirtieths"]) == 1

    unknown = beside.site.run("ledger", "import", str(beside.bundle("one.tar")))
    assert (unknown.code, beside.key in unknown.err) == (1, True)
    assert beside.believe(beside.key).code == 0
    imported = beside.site.run("ledger", "import", str(beside.bundle("two")), "--json")
    assert imported.code == 0, imported.err
    assert imported.json["host"] == "laptop"

    holds = verdict(beside.site, "MAINT_010")
    assert (holds["state"], holds["attested_by"]) == ("pass", "drill_host")
    assert beside.site.run("ledger", "verify").code == 0
    assert beside.look("--json").json["trust"] == "pinned"
