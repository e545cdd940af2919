"""Ways to configure a rule away for one node of a fleet: each is refused, or told where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from intendance.agent.adoption import adopt
from intendance.model.errors.plan import FleetImmutable, NodeUnknown, NotConfirmed
from intendance.model.plan import FilesAsset
from tests.support.clock import MovableClock
from tests.support.plans import NOON, Plans

pytestmark = pytest.mark.gnupg
Data = dict[str, Any]


def _files(**backup: Any) -> Data:
    return {"assets": {"settings": {"backup": backup}}}


REFUSED: dict[str, tuple[Data, str]] = {
    "sets kept for a week": (_files(retention={"points": "7d"}), "ASBL_011"),
    "backups each month": (_files(full={"schedule": "0 3 1 * *"}), "ASBL_011"),
    "a zone in which the schedule skips more": (
        {"organisation": {"timezone": "Nowhere/Else"}},
        "organisation.timezone",
    ),
    "no backup": ({"assets": {"settings": {"backup": None}}}, "no value is written"),
    "no backup, in words": ({"assets": {"settings": {"backup": "none"}}}, "mapping"),
    "no such asset": ({"assets": {"settings": None}}, "no value is written"),
    "no assets": ({"assets": None}, "no value is written"),
    "no assets at all": ({"assets": []}, "mapping"),
    "no exclusion, by nothing": ({"assets": {"settings": {"exclude": None}}}, "no value is written"),
    "exclude everything": ({"assets": {"settings": {"exclude": ["*"]}}}, "exclude"),
    "no store": ({"stores": None}, "no value is written"),
    "another store that is the same folder": (
        {"stores": {"more": {"kind": "directory", "path": "/var/backups/intendance"}}},
        "folder of the store `local` already",
    ),
    "no catalogue": ({"catalogues": None}, "no value is written"),
    "a catalogue of one's own": ({"catalogues": ["mine"]}, "catalogues"),
    "no keys": ({"keys": {"backup_recipients": None}}, "no value is written"),
    "keys of one person": (
        {"contacts": {"lead": {"name": "X", "email": "admin@asbl.example.org"}}},
        "MAINT_011",
    ),
    "another fleet": ({"fleet": "free"}, "same for all nodes"),
    "another node": ({"node": {"id": "web-02"}}, "has its name under `nodes`"),
    "nodes within nodes": ({"nodes": {"web-02": {}}}, "same for all nodes"),
    "a waiver of 91 days": (
        {
            "waivers": [
                {
                    "rule": "ASBL_013",
                    "reason": "r",
                    "ticket": "t",
                    "granted_by": "admin",
                    "expires": "2027-03-01T00:00Z",
                }
            ]
        },
        "expires",
    ),
    "a disk that may be full": ({"thresholds": {"disk": "99%"}}, "ASBL_031"),
}
"""What is written under a node's name, and what the refusal names."""


@pytest.mark.parametrize("way", REFUSED)
def test_refused_for_the_node_that_it_is_about(way: str, plans: Plans) -> None:
    entry, named = REFUSED[way]
    data: Data = yaml.safe_load(plans.example("fleet"))
    data["nodes"] = {"web-01": entry, "db-01": {}}
    checked = plans.check(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    assert checked.plans == {}
    meant = [each for each in checked.problems if named in f"{each.rule} {each.path} {each.message} {each.fix}"]
    assert meant
    assert all(each.nodes == ("web-01",) or each.path.startswith("nodes.web-01") for each in checked.problems)


KEPT: dict[str, tuple[Data, Callable[[Any], bool]]] = {
    "no catalogue but the lax one": (
        {"catalogues": ["asbl"]},
        lambda plan: plan.catalogues == ("maint", "asbl"),
    ),
    "an empty list of stores": (_files(stores=[]), lambda plan: plan.assets["settings"].backup.stores == ("local",)),
    "an empty list of keys": ({"keys": {"backup_recipients": []}}, lambda plan: len(plan.recipients) == 2),
    "an empty list of exclusions": (
        {"assets": {"settings": {"exclude": []}}},
        lambda plan: plan.assets["settings"].exclude == ("*.bak",),
    ),
    "an empty asset": ({"assets": {"settings": {}}}, lambda plan: plan.assets["settings"].backup.retention_days == 90),
    "empty assets": ({"assets": {}}, lambda plan: list(plan.assets) == ["settings"]),
    "empty contacts": ({"contacts": {}}, lambda plan: list(plan.contacts) == ["admin", "lead"]),
}
"""What is written under a node's name, and what its plan holds all the same."""


@pytest.mark.parametrize("way", KEPT)
def test_what_the_file_names_for_all_stays_on_the_node(way: str, plans: Plans) -> None:
    entry, holds = KEPT[way]
    data: Data = yaml.safe_load(plans.example("fleet"))
    settings: Data = data["assets"]["settings"]
    settings["backup"]["retention"]["points"] = "90d"
    settings["backup"]["full"]["schedule"] = "0 3 * * *"
    data |= {"nodes": {"web-01": entry}, "catalogues": ["maint", "asbl"]}
    checked = plans.check(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    assert checked.problems == ()
    assert holds(checked.plans["web-01"])


def _told(plans: Plans, entry: Data) -> list[tuple[str, str]]:
    data: Data = yaml.safe_load(plans.example("fleet"))
    data["assets"]["settings"]["backup"] |= {"retention": {"points": "90d"}, "full": {"schedule": "0 3 * * *"}}
    data["thresholds"] = {"disk": "70%", "cpu": {"above": "60%", "for": "1min"}}
    data["nodes"] = {"web-01": entry, "db-01": {}}
    checked = plans.check(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    assert checked.problems == ()
    assert {each.nodes for each in checked.warnings} <= {("web-01",)}
    return [(each.path.removeprefix("nodes.web-01."), each.code) for each in checked.warnings]


@pytest.mark.parametrize(
    ("entry", "path", "code"),
    [
        (_files(retention={"points": "28d"}), "assets.settings.backup.retention.points", "looser-on-node"),
        (_files(full={"schedule": "0 3 * * SUN"}), "assets.settings.backup.full.schedule", "looser-on-node"),
        ({"thresholds": {"disk": "80%"}}, "thresholds.disk", "looser-on-node"),
        ({"thresholds": {"cpu": {"for": "5min"}}}, "thresholds.cpu.for", "looser-on-node"),
        ({"thresholds": {"cpu": "65%"}}, "thresholds.cpu", "looser-on-node"),
        ({"assets": {"settings": {"exclude": ["letsencrypt"]}}}, "assets.settings.exclude[0]", "left-out-on-node"),
    ],
)
def test_what_the_rules_allow_and_the_fleet_does_not_ask_is_told(
    plans: Plans, entry: Data, path: str, code: str
) -> None:
    assert _told(plans, entry) == [(path, code)]


@pytest.mark.parametrize(
    "entry",
    [
        _files(retention={"points": "1y"}),
        _files(full={"schedule": "0 */6 * * *"}),
        {"thresholds": {"disk": "60%"}},
        {"organisation": {"timezone": "Pacific/Auckland"}},
    ],
)
def test_what_is_stricter_needs_no_word(plans: Plans, entry: Data) -> None:
    assert _told(plans, entry) == []


def test_moved_to_another_entry_or_out_of_the_file_the_plan_stays_in_force(plans: Plans, tmp_path: Any) -> None:
    state, clock = tmp_path / "state", MovableClock(NOON)
    text = plans.example("fleet")
    adopt(plans.write(text), state=state, clock=clock, actor="person:mallory", node="db-01")
    with pytest.raises(FleetImmutable):
        adopt(plans.write(text), state=state, clock=clock, actor="person:mallory", node="web-01")
    with pytest.raises(NodeUnknown):
        adopt(plans.write(text.replace("  db-01:", "  db-02:")), state=state, clock=clock, actor="person:mallory")


def test_an_asset_that_moves_to_another_entry_must_be_confirmed(plans: Plans, tmp_path: Any) -> None:
    state, clock = tmp_path / "state", MovableClock(NOON)
    adopt(plans.write(plans.example("fleet")), state=state, clock=clock, actor="person:mallory", node="db-01")
    data: Data = yaml.safe_load(plans.example("fleet"))
    data["nodes"]["web-01"]["assets"]["crud-db"] = data["nodes"]["db-01"]["assets"].pop("crud-db")
    moved = plans.write(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))
    with pytest.raises(NotConfirmed):
        adopt(moved, state=state, clock=clock, actor="person:mallory")
    done = adopt(moved, state=state, clock=clock, actor="person:mallory", confirmed=("crud-db",))
    assert isinstance(done.plan.assets["settings"], FilesAsset)
    assert list(done.plan.assets) == ["settings"]
