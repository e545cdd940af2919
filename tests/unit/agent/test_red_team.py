"""Ways to configure a rule away. Each is refused, with the rule or the fault named, or shown by the rule itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from intendance.agent.adoption import adopt
from intendance.agent.doctor import stores
from intendance.agent.judging import Judgement, judge
from intendance.ledger.book import Book
from intendance.model.errors.ledger import LedgerShortened
from intendance.model.errors.plan import FleetImmutable, NotConfirmed, PlanAltered, PlanInvalid
from intendance.model.errors.state import LedgerLost
from intendance.model.plan import DirectoryStore
from intendance.model.verdict import State
from intendance.plan import adopted
from intendance.stores import adopt_store
from tests.support.clock import MovableClock
from tests.support.plans import NOON, Plans

pytestmark = pytest.mark.gnupg
DAY = timedelta(days=1)
Data = dict[str, Any]
Edit = Callable[[Data], Any]


def _backup(data: Data, asset: str = "uploads") -> Data:
    found: Data = data["assets"][asset]["backup"]
    return found


def _waiver(days: int = 30, **options: str) -> Data:
    told = {"rule": "ASBL_013", "reason": "cabling", "ticket": "OPS-1", "granted_by": "admin"}
    return told | {"expires": (NOON + days * DAY).isoformat()} | options


def _schedule(activity: str, cron: str, asset: str = "uploads") -> Edit:
    return lambda d: _backup(d, asset).update({activity: {"schedule": cron}})


def _keys_of_one_person(data: Data) -> None:
    for recipient in data["keys"]["backup_recipients"]:
        recipient["held_by"] = "admin"


def _one_person_twice(data: Data) -> None:
    data["contacts"]["lead"] = {"name": "Somebody", "email": data["contacts"]["admin"]["email"].upper()}


def _kept(days: str, asset: str = "uploads") -> Edit:
    return lambda d: _backup(d, asset).update({"retention": {"points": days}})


REFUSED: dict[str, tuple[Edit, str]] = {
    "sets kept for 89 days": (_kept("89d"), "MAINT_013"),
    "sets kept for hours": (_kept("2159h"), "points"),
    "sets kept for months, which are minutes": (_kept("90m"), "points"),
    "sets kept for no time": (_kept("0d"), "points"),
    "a database kept like files": (
        lambda d: (d.update(catalogues=["asbl"]), _kept("28d", "main-db")(d)),
        "ASBL_010",
    ),
    "backups on weekdays": (_schedule("full", "0 3 * * 1-5"), "MAINT_010"),
    "backups each week": (_schedule("full", "0 3 * * SUN"), "MAINT_010"),
    "backups every second day": (_schedule("full", "0 3 */2 * *"), "MAINT_010"),
    "backups on the 31st": (_schedule("full", "0 3 31 * *"), "MAINT_010"),
    "backups on the 29th of February": (_schedule("full", "0 3 29 2 *"), "MAINT_010"),
    "backups in summer": (_schedule("full", "0 3 * 4-9 *"), "MAINT_010"),
    "backups in the hour that summer time skips": (_schedule("full", "*/15 2 * * *"), "MAINT_010"),
    "backups at noon, then at midnight the day after": (_schedule("full", "0 12 1-31/2 * *"), "MAINT_010"),
    "a schedule that never fires": (_schedule("full", "0 3 31 2 *"), "schedule"),
    "a schedule in another language": (_schedule("full", "daily"), "schedule"),
    "files each month, under asbl": (
        lambda d: (d.update(catalogues=["asbl"]), _schedule("full", "0 3 1 * *")(d)),
        "ASBL_011",
    ),
    "inspections each week": (_schedule("inspect", "0 6 * * SUN"), "MAINT_013"),
    "inspections each month": (_schedule("inspect", "0 6 1 * *"), "MAINT_013"),
    "one holder of keys": (lambda d: d["keys"]["backup_recipients"].pop(), "MAINT_011"),
    "two keys of one person": (_keys_of_one_person, "MAINT_011"),
    "one person under two names": (_one_person_twice, "MAINT_011"),
    "exclude everything that has a name": (lambda d: d["assets"]["uploads"].update(exclude=["?*"]), "exclude"),
    "exclude everything": (lambda d: d["assets"]["uploads"].update(exclude=["*"]), "exclude"),
    "exclude everything below the folder": (lambda d: d["assets"]["uploads"].update(exclude=["./*"]), "exclude"),
    "exclude everything in other words": (lambda d: d["assets"]["uploads"].update(exclude=["[^/]*"]), "exclude"),
    "exclude everything in pieces": (
        lambda d: d["assets"]["uploads"].update(exclude=["./[!.]*", "./.?*"]),
        "leave out everything",
    ),
    "a store inside another": (lambda d: d["stores"]["nas"].update(path="/srv/backups/nas"), "lie in one another"),
    "one person with accents in pieces": (
        lambda d: (
            d["contacts"].update(admin={"name": "J\u00e9r\u00f4me"}, lead={"name": "Je\u0301ro\u0302me"}),
            [
                each.update(held_by=who)
                for each, who in zip(d["keys"]["backup_recipients"], ("admin", "lead"), strict=False)
            ],
        ),
        "MAINT_011",
    ),
    "one person with two tags of one address": (
        lambda d: d["contacts"].update(
            {who: {"name": who, "email": f"ada+{who}@example.org"} for who in d["contacts"]}
        ),
        "MAINT_011",
    ),
    "no database at all": (lambda d: d["assets"]["main-db"].update(databases=[]), "databases"),
    "no asset at all": (lambda d: d.update(assets={}), "assets"),
    "no catalogue": (lambda d: d.update(catalogues=[]), "catalogues"),
    "a catalogue of one's own": (lambda d: d.update(catalogues=["mine"]), "catalogues"),
    "no store": (lambda d: _backup(d).update(stores=[]), "stores"),
    "two stores that are one folder": (lambda d: d["stores"]["nas"].update(path="/srv/backups/../backups"), "stores"),
    "two stores, one path": (lambda d: d["stores"]["nas"].update(path="/srv/backups"), "stores"),
    "the store inside its own tree": (lambda d: d["stores"]["disk"].update(path="/srv/app/uploads/b"), "uploads"),
    "a disk that may be full": (lambda d: d.update(thresholds={"disk": "99%"}), "MAINT_050"),
    "a memory bound of the laxer catalogue": (lambda d: d.update(thresholds={"memory": "90%"}), "ASBL_031"),
    "a processor busy for an hour": (
        lambda d: d.update(thresholds={"cpu": {"above": "70%", "for": "1h"}}),
        "MAINT_052",
    ),
    "a slow heartbeat": (
        lambda d: d.update(manager={"urls": ["https://fleet.example.org"], "heartbeat": "10min"}),
        "MAINT_001",
    ),
    "a promise of nine in ten": (
        lambda d: d.update(probes=[{"name": "a", "url": "https://a.example.org/", "every": "60s", "slo": "90%"}]),
        "ASBL_053",
    ),
    "a window of two days": (
        lambda d: d.update(windows=[{"name": "w", "rrule": "FREQ=WEEKLY;BYDAY=SA", "lasts": "48h"}]),
        "ASBL_053",
    ),
    "an audit each year": (lambda d: d.update(duties={"security_audit": "yearly"}), "ASBL_060"),
    "a drill each year": (
        lambda d: (
            d.update(hosts={"laptop": {"held_by": "admin"}}),
            d["assets"]["uploads"].update(drill={"on": "laptop", "schedule": "0 5 1 1 *"}),
        ),
        "MAINT_014",
    ),
    "a stream each two hours": (lambda d: _backup(d, "main-db").update(stream={"ship_every": "2h"}), "MAINT_015"),
    "a legal copy for a year": (
        lambda d: _backup(d, "main-db").update(
            retention={"points": "90d", "legal": {"select": "yearly", "kind": "logical", "keep": "1y"}}
        ),
        "ASBL_014",
    ),
    "a waiver of 91 days": (lambda d: d.update(waivers=[_waiver(91)]), "90 days"),
    "a waiver for ever": (lambda d: d.update(waivers=[_waiver(36500)]), "90 days"),
    "a waiver of encryption": (lambda d: d.update(waivers=[_waiver(rule="MAINT_011")]), "MAINT_011 admits no waiver"),
    "a waiver of integrity": (lambda d: d.update(waivers=[_waiver(rule="MAINT_043")]), "MAINT_043 admits no waiver"),
    "a waiver by nobody": (lambda d: d.update(waivers=[_waiver(granted_by="ghost")]), "ghost"),
    "a waiver without a reason": (lambda d: d.update(waivers=[_waiver(reason="")]), "reason"),
    "a waiver without a ticket": (lambda d: d.update(waivers=[_waiver(ticket="")]), "ticket"),
    "a waiver whose end has no zone": (lambda d: d.update(waivers=[_waiver(expires="2026-12-24T00:00:00")]), "zone"),
    "a waiver of all rules": (lambda d: d.update(waivers=[_waiver(rule="*")]), "rule"),
    "three waivers by one person": (
        lambda d: d.update(waivers=[_waiver(10), _waiver(20), _waiver(30)]),
        "needs another one",
    ),
}
"""What is done to a valid plan, and what the refusal names: the rule, or the option."""


def test_the_plan_that_is_edited_is_valid(plans: Plans) -> None:
    data: Data = yaml.safe_load(plans.example("both-catalogues"))
    assert plans.check(yaml.safe_dump(data)).plan is not None


@pytest.mark.parametrize("way", REFUSED)
def test_refused_when_the_plan_is_checked(way: str, plans: Plans) -> None:
    edit, named = REFUSED[way]
    data: Data = yaml.safe_load(plans.example("both-catalogues"))
    edit(data)
    checked = plans.check(yaml.safe_dump(data, sort_keys=False))
    assert checked.plan is None
    assert [each for each in checked.problems if named in f"{each.rule} {each.path} {each.message} {each.fix}"]
    assert all(problem.line > 0 and problem.column > 0 for problem in checked.problems)


def test_an_option_written_twice_does_not_win_by_being_last(plans: Plans) -> None:
    text = plans.example().replace("retention: {points: 30d}", "retention: {points: 30d, points: 1d}")
    assert plans.check(text).plan is None


@pytest.mark.parametrize(
    "written",
    ["{<<: {points: 30d, points: 1d}}", '{points: 30d, "points": 1d}', "{<<: [{points: 30d, points: 1d}]}"],
)
def test_nor_by_standing_in_a_mapping_that_is_merged(plans: Plans, written: str) -> None:
    (problem,) = plans.check(plans.changed(("retention: {points: 30d}", f"retention: {written}"))).problems
    assert problem.code == "written-twice"


def test_a_merged_value_is_judged_as_one_that_is_written(plans: Plans) -> None:
    text = plans.changed(
        ("retention: {points: 30d}", "retention: &kept {points: 30d}"),
        ("retention: {points: 4w}", "retention: {<<: *kept, points: 1w}"),
    )
    assert [each.rule for each in plans.check(text).problems] == ["ASBL_011"]


class Scene:
    """A node with the small site of the manual, adopted, and never backed up."""

    def __init__(self, plans: Plans, state: Path) -> None:
        self.plans, self.state, self.clock = plans, state, MovableClock(NOON)
        self.adopt()

    def adopt(self, *changes: tuple[str, str], confirmed: tuple[str, ...] = (), example: str = "site") -> None:
        file = self.plans.write(self.plans.changed(*changes, example=example))
        adopt(file, state=self.state, clock=self.clock, actor="person:mallory", confirmed=confirmed)

    def judged(self) -> Judgement:
        return judge(self.state, self.clock)

    def state_of(self, rule: str, asset: str | None) -> State:
        return next(each.state for each in self.judged().verdicts if (each.rule, each.asset) == (rule, asset))


@pytest.fixture
def scene(plans: Plans, tmp_path: Path) -> Scene:
    return Scene(plans, tmp_path / "state")


DATABASE = """  crud-db:
    kind: mariadb
    databases: [crud_asbl_ong]
    connect: {socket: /run/mysqld/mysqld.sock, credentials: {file: /etc/intendance/mariadb.cnf}}
    backup:
      logical: {schedule: "0 2 * * *"}
      stores: [local]
      retention: {points: 30d}
      inspect: {schedule: "30 5 * * *"}
"""


def test_an_asset_left_out_must_be_confirmed_and_is_shown_for_400_days(scene: Scene) -> None:
    with pytest.raises(NotConfirmed):
        scene.adopt((DATABASE, ""))
    scene.adopt((DATABASE, ""), confirmed=("crud-db",))
    assert scene.state_of("ASBL_010", None) is State.UNKNOWN
    for days, shown in ((0, True), (399, True), (401, False)):
        scene.clock.at = NOON + days * DAY
        assert any(each.name == "crud-db" for each in scene.judged().losses) is shown


def test_a_catalogue_left_out_must_be_confirmed_and_is_shown(scene: Scene) -> None:
    daily = ('full: {schedule: "0 3 * * SUN"}', 'full: {schedule: "0 3 * * *"}')
    strict = (("catalogues: [asbl]", "catalogues: [asbl, maint]"), ("points: 30d", "points: 90d"), ("4w", "90d"), daily)
    scene.adopt(*strict)
    with pytest.raises(NotConfirmed):
        scene.adopt(*strict[1:])
    scene.adopt(*strict[1:], confirmed=("maint",))
    assert [(each.name, each.change) for each in scene.judged().losses] == [("maint", "catalogue-dropped")]


def test_renamed_it_is_as_old_as_it_was(scene: Scene) -> None:
    scene.clock.at = NOON + 5 * DAY
    assert scene.state_of("ASBL_010", "crud-db") is State.FAIL
    scene.adopt(("  crud-db:", "  new-db:"))
    assert scene.state_of("ASBL_010", "new-db") is State.FAIL


def test_left_out_and_taken_back_it_is_as_old_as_it_was(scene: Scene) -> None:
    scene.adopt((DATABASE, ""), confirmed=("crud-db",))
    scene.clock.at = NOON + 5 * DAY
    scene.adopt()
    assert scene.state_of("ASBL_010", "crud-db") is State.FAIL


def test_adopted_again_and_again_what_is_due_stays_due(scene: Scene) -> None:
    for day in range(4):
        scene.clock.at = NOON + day * DAY
        scene.adopt(("30 5 * * *", f"{day} 5 * * *"))
    assert scene.state_of("ASBL_010", "crud-db") is State.FAIL


def test_under_another_address_it_is_shown_as_dropped(scene: Scene) -> None:
    moved = ("/run/mysqld/mysqld.sock", "/run/mysqld/other.sock")
    with pytest.raises(NotConfirmed):
        scene.adopt(moved)
    scene.adopt(moved, confirmed=("crud-db",))
    assert [each.name for each in scene.judged().losses] == ["crud-db"]


def test_without_a_schedule_or_a_backup_its_rules_break(scene: Scene) -> None:
    by_hand = ('logical: {schedule: "0 2 * * *"}', "logical: {}")
    with pytest.raises(NotConfirmed):
        scene.adopt(by_hand)
    scene.adopt(by_hand, confirmed=("crud-db",))
    assert scene.state_of("ASBL_010", "crud-db") is State.FAIL


def test_without_inspections_they_are_broken_once_due(scene: Scene) -> None:
    never = ('      inspect: {schedule: "30 5 * * *"}\n', "")
    with pytest.raises(NotConfirmed):
        scene.adopt(never)
    scene.adopt(never, confirmed=("crud-db",))
    scene.clock.at = NOON + 2 * DAY
    assert scene.state_of("ASBL_012", "crud-db") is State.FAIL


def test_more_excluded_must_be_confirmed(scene: Scene) -> None:
    with pytest.raises(NotConfirmed):
        scene.adopt(('"*.log"]', '"*.log", "uploads"]'))


@pytest.mark.parametrize(
    "change", [("node: {id: web-01", "node: {id: web-02"), ("fleet: asbl-exemple", "fleet: other")]
)
def test_enrolled_under_another_name_it_is_refused(scene: Scene, change: tuple[str, str]) -> None:
    with pytest.raises(FleetImmutable):
        scene.adopt(change)


def test_a_changed_plan_json_is_put_right_or_refused(scene: Scene) -> None:
    copy = adopted.plan_path(scene.state)
    held = copy.read_bytes()
    copy.write_bytes(held.replace(b"30", b"1", 1))
    assert adopted.read(scene.state).assets["crud-db"].backup is not None
    assert copy.read_bytes() == held
    for path in (copy, *(scene.state / "agent" / "plans").glob("*.json")):
        path.write_bytes(held.replace(b'"retention_days":30', b'"retention_days":1'))
    with pytest.raises(PlanAltered):
        adopted.read(scene.state)


def test_a_ledger_that_was_deleted_is_not_begun_anew(scene: Scene) -> None:
    for path in (scene.state / "agent").glob("state.db*"):
        path.unlink()
    with pytest.raises(LedgerLost):
        scene.judged()
    with pytest.raises(LedgerLost):
        scene.adopt()


def test_a_ledger_put_back_from_before_is_refused(scene: Scene) -> None:
    database = scene.state / "agent" / "state.db"
    with Book.open(scene.state, scene.clock) as book:
        book.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = database.read_bytes()
    scene.adopt(("30 5 * * *", "40 5 * * *"))
    for path in (scene.state / "agent").glob("state.db*"):
        path.unlink()
    database.write_bytes(before)
    with pytest.raises(LedgerShortened):
        scene.judged()


def test_a_store_on_the_disk_that_it_protects_is_shown(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    adopt_store(DirectoryStore(name="local", path=str(folder)))
    plan = scene.plans.check(scene.plans.changed(("/var/backups/intendance", str(folder)))).valid()
    assert "store_same_disk" in {each.code for each in stores.examine(plan, [str(tmp_path)], in_force=False)}


def test_two_stores_on_one_disk_are_shown_as_one_copy(scene: Scene, tmp_path: Path) -> None:
    """By two folders, or by a bind mount of one: the device of the file system is the same."""
    folders = {name: tmp_path / name for name in ("local", "nas")}
    for name, folder in folders.items():
        adopt_store(DirectoryStore(name=name, path=str(folder)))
    plan = scene.plans.check(scene.plans.changed(("/var/backups/intendance", str(folders["local"])))).valid()
    assert "stores_one_disk" not in {each.code for each in stores.examine(plan, [], in_force=False)}
    second = DirectoryStore(name="nas", path=str(folders["nas"]))
    both = replace(plan, stores={**plan.stores, "nas": second})
    shown = [each for each in stores.examine(both, [], in_force=False) if each.code == "stores_one_disk"]
    assert {each.params["others"] for each in shown} == {"local", "nas"}


def test_an_invalid_plan_is_not_adopted(scene: Scene) -> None:
    with pytest.raises(PlanInvalid):
        scene.adopt(("points: 30d", "points: 1d"))
