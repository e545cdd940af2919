"""One file for several nodes: each node's plan is checked by itself, and what is wrong is told where it stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from intendance.model.errors.plan import NodeUnknown, NodeUnnamed, PlanInvalid
from intendance.model.plan import FilesAsset, MariadbAsset
from intendance.plan import fleet
from intendance.plan.bounds.seen import Seen
from intendance.plan.load import check, published_schema
from intendance.plan.problems import Problem
from tests.support.plans import NOON, Plans

pytestmark = pytest.mark.gnupg
SCHEMA = published_schema()


def told(plans: Plans, *changes: tuple[str, str]) -> list[tuple[int, str, str, tuple[str, ...]]]:
    checked = plans.check(plans.changed(*changes, example="fleet"))
    assert checked.plans == {}
    return [(each.line, each.path, each.code, each.nodes) for each in checked.problems]


def line(plans: Plans, text: str) -> int:
    """The number of the line that holds a text of the example."""
    (number,) = (n for n, each in enumerate(plans.example("fleet").splitlines(), start=1) if text in each)
    return number


def test_each_node_has_the_common_part_and_its_own(plans: Plans) -> None:
    checked = plans.check(plans.example("fleet"))
    assert checked.problems == ()
    web, db = checked.plans["web-01"], checked.plans["db-01"]
    assert (web.node.id, web.node.region, web.node.site) == ("web-01", "eu-west-3", "bruxelles")
    assert (db.node.id, db.node.region, db.node.site) == ("db-01", "eu-west-3", "namur")
    assert list(web.assets) == ["settings", "site-files"]
    assert list(db.assets) == ["settings", "crud-db"]
    assert isinstance(db.assets["crud-db"], MariadbAsset)
    assert web.stores["local"].place == "/var/backups/intendance"
    assert db.stores["local"].place == "/srv/backups"
    settings = [plan.assets["settings"] for plan in (web, db)]
    assert [each.exclude for each in settings if isinstance(each, FilesAsset)] == [
        ("*.bak", "apache2/mods-available"),
        ("*.bak",),
    ]
    assert [each.backup.retention_days for each in settings if each.backup is not None] == [28, 90]
    assert web.recipients == db.recipients


def test_a_fault_of_the_common_part_is_told_once_and_of_all(plans: Plans) -> None:
    at = line(plans, '"40 5 * * *"')
    assert told(plans, ('inspect: {schedule: "40 5 * * *"}', 'inspect: {shedule: "40 5 * * *"}')) == [
        (at, "assets.settings.backup.inspect.shedule", "unknown-option", ()),
    ]


def test_a_fault_of_an_entry_is_told_in_the_entry(plans: Plans) -> None:
    (found,) = told(plans, ("path: /srv/backups}", "path: srv}"))
    assert found == (line(plans, "path: /srv/backups"), "nodes.db-01.stores.local.path", "relative-path", ("db-01",))


def test_what_is_missing_on_one_node_is_told_at_its_name(plans: Plans) -> None:
    checked = plans.check(plans.changed(("        path: /var/www/crud-asbl-ong\n", ""), example="fleet"))
    (problem,) = checked.problems
    assert (problem.path, problem.code) == ("nodes.web-01.assets.site-files", "missing")
    assert "site-files:" in problem.source


def test_what_is_missing_on_all_is_missing_in_the_file(plans: Plans) -> None:
    (found,) = told(plans, ("catalogues: [asbl]\n", ""))
    assert found[1:] == ("", "missing", ())


def test_what_one_entry_brings_can_be_missing_on_the_others(plans: Plans) -> None:
    moved = ("catalogues: [asbl]\n", ""), ("  web-01:\n", "  web-01:\n    catalogues: [asbl]\n")
    (found,) = told(plans, *moved)
    assert found[1:] == ("nodes.db-01", "missing", ("db-01",))
    assert found[0] == line(plans, "  db-01:")


def test_a_common_value_that_only_one_node_may_not_have_names_it(plans: Plans) -> None:
    stricter = ("    node: {site: namur, labels: {role: database}}", "    catalogues: [maint]\n    node: {site: namur}")
    checked = plans.check(plans.changed(stricter, example="fleet"))
    rare = [each for each in checked.problems if each.path == "assets.settings.backup.full.schedule"]
    assert [(each.rule, each.nodes) for each in rare] == [("MAINT_010", ("db-01",))]
    assert {each.nodes for each in checked.problems} == {("db-01",)}


def problems(text: str) -> list[Problem]:
    found = check(text.encode(), file="plan", folder=Path("/nonexistent"), now=NOON).problems
    return [each for each in found if each.path == "nodes" or each.path.startswith("nodes.") or each.path == "node.id"]


@pytest.mark.parametrize(
    ("written", "path", "code"),
    [
        ("nodes:", "nodes", "no-nodes"),
        ("nodes: {}", "nodes", "no-nodes"),
        ("nodes: [web-01]", "nodes", "no-nodes"),
        ("nodes: {web-01: }", "nodes.web-01", "type"),
        ("nodes: {web-01: no}", "nodes.web-01", "type"),
        ("nodes: {Web 01: {}}", "nodes.Web 01", "name"),
        ("nodes: {web-01: {fleet: other}}", "nodes.web-01.fleet", "of-the-fleet"),
        ("nodes: {web-01: {version: 2}}", "nodes.web-01.version", "of-the-fleet"),
        ("nodes: {web-01: {nodes: {}}}", "nodes.web-01.nodes", "of-the-fleet"),
        ("nodes: {web-01: {node: {id: web-02}}}", "nodes.web-01.node.id", "of-the-fleet"),
        ("nodes: {web-01: {}}\nnode: {id: web-01}", "node.id", "of-the-fleet"),
    ],
)
def test_an_entry_that_is_none_is_refused(written: str, path: str, code: str) -> None:
    found = problems(f"version: 1\nfleet: asbl\n{written}\n")
    assert (path, code) in [(each.path, each.code) for each in found]


def test_the_node_is_the_one_named_else_that_of_the_ledger_else_the_only_one(plans: Plans) -> None:
    text = plans.example("fleet")
    checked = plans.check(text)
    assert checked.plan is None
    with pytest.raises(NodeUnnamed):
        checked.valid()
    with pytest.raises(NodeUnknown):
        checked.valid("web-09")
    assert checked.valid("db-01").node.id == "db-01"
    home = check(text.encode(), file="f", folder=plans.folder, now=NOON, seen=Seen(node="web-01"))
    assert home.valid().node.id == "web-01"
    assert home.valid("db-01").node.id == "db-01"
    gone = check(text.encode(), file="f", folder=plans.folder, now=NOON, seen=Seen(node="web-09"))
    with pytest.raises(NodeUnknown):
        gone.valid()
    single = plans.check(plans.example())
    assert single.valid().node.id == single.valid("web-01").node.id == "web-01"
    with pytest.raises(NodeUnknown):
        single.valid("db-01")
    with pytest.raises(PlanInvalid):
        plans.check("version: 1\nnodes: {}\n").valid("web-01")


def test_what_the_ledger_knows_is_of_its_node_alone(plans: Plans) -> None:
    slow = Seen(node="db-01", longest_backup={"files:/etc": 30 * 86_400})
    found = check(plans.example("fleet").encode(), file="f", folder=plans.folder, now=NOON, seen=slow)
    assert {each.nodes for each in found.problems} == {("db-01",)}


def test_a_key_file_that_several_nodes_name_is_told_once(plans: Plans) -> None:
    (found,) = told(plans, ("keys/owner.asc", "keys/none.asc"))
    assert found[1:] == ("keys.backup_recipients[0].file", "key-file", ())


def test_a_secret_in_an_entry_is_not_shown(plans: Plans) -> None:
    changed = ("credentials: {file: /etc/intendance/mariadb.cnf}", "credentials: hunter2-hunter2")
    checked = plans.check(plans.changed(changed, example="fleet"))
    (problem,) = checked.problems
    assert (problem.path, problem.code) == ("nodes.db-01.assets.crud-db.connect.credentials", "secret")
    assert "hunter2" not in json.dumps([problem.message, problem.fix, problem.source])


def entry(common: Any, own: Any) -> Any:
    (node,) = fleet.nodes(SCHEMA, {**common, "nodes": {"n": own}})
    return node.data


@pytest.mark.parametrize(
    ("common", "own", "laid"),
    [
        ({"credentials": {"file": "a"}}, {"credentials": {"env": "B"}}, {"credentials": {"env": "B"}}),
        ({"socket": "/s"}, {"host": "db", "port": 1}, {"host": "db", "port": 1}),
        ({"host": "db", "port": 1}, {"port": 2}, {"host": "db", "port": 2}),
        (
            {"credentials": {"command": ["pass", "show", "a"]}},
            {"credentials": {"command": ["pass", "show", "b"]}},
            {"credentials": {"command": ["pass", "show", "b"]}},
        ),
    ],
)
def test_of_what_excludes_itself_the_entry_chooses(common: Any, own: Any, laid: Any) -> None:
    wrapped = [{"assets": {"a": {"kind": "mariadb", "connect": each}}} for each in (common, own)]
    assert entry(*wrapped)["assets"]["a"]["connect"] == laid


def test_names_that_people_choose_never_exclude_each_other() -> None:
    laid = entry({"assets": {"socket": {"kind": "files"}}}, {"assets": {"host": {"kind": "files"}, "env": {}}})
    assert list(laid["assets"]) == ["socket", "host", "env"]


def test_what_asks_less_of_one_node_is_told(plans: Plans) -> None:
    changes = (
        ("retention: {points: 90d}", "retention: {points: 5w}"),
        ("retention: {points: 4w}\n\nnodes", "retention: {points: 90d}\n\nnodes"),
    )
    checked = plans.check(plans.changed(*changes, example="fleet"))
    assert checked.problems == ()
    found = [(each.path, each.code, each.nodes) for each in checked.warnings]
    assert ("nodes.db-01.assets.settings.backup.retention.points", "looser-on-node", ("db-01",)) in found
    assert ("nodes.web-01.assets.settings.exclude[0]", "left-out-on-node", ("web-01",)) in found
    assert len(found) == 2
    assert len(checked.warnings_of("db-01")) == 1
