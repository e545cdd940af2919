"""The compiled plan: one form, read back equal, refused when it is not the one recorded (see also test_adoption).

`golden/plan/adopted/form-<n>.json` is what releases of that form wrote: it is never written again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from intendance.agent.adoption import adopt
from intendance.ledger.book import Book
from intendance.model.errors.plan import PlanAltered, PlanOfOtherVersion
from intendance.model.errors.state import NoState
from intendance.model.evidence.lifecycle import PlanAdopted
from intendance.model.plan import FilesAsset, MariadbAsset, Schedule
from intendance.plan import adopted
from tests.support.clock import MovableClock
from tests.support.plans import EXAMPLES, NOON, Plans

GOLDEN = Path(__file__).parents[2] / "golden/plan/adopted"
FORM_1 = GOLDEN / "form-1.json"
FORM_1_SHA256 = "9a98c3526f241e0e4e24b5e2feab3c15abd8e576c45dc360b4c9c71db709840a"


def changed(change: Callable[[dict[str, Any]], object], content: bytes = b"") -> bytes:
    """A plan that says something else, in canonical form."""
    data = json.loads(content or FORM_1.read_bytes())
    change(data)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.gnupg
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_a_plan_is_read_back_as_it_was(name: str, plans: Plans) -> None:
    checked = plans.check(plans.example(name))
    assert checked.plans
    for plan in checked.plans.values():
        content = adopted.encode(plan)
        assert adopted.decode(content) == plan
        assert (
            json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            == content.decode()
        )
        assert json.loads(content)["form"] == adopted.FORM


@pytest.mark.gnupg
def test_what_is_no_canonical_plan_is_refused(plans: Plans) -> None:
    content = adopted.encode(plans.check(plans.example()).valid())
    for other in (
        b"[]",
        b"{}",
        b"\xff",
        content[:-1],
        content + b" ",
        content.replace(b'"version":1', b'"version":"1"'),
    ):
        with pytest.raises(ValueError, match=r"."):
            adopted.decode(other)


def test_where_nothing_was_adopted_there_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(NoState):
        adopted.read(tmp_path)


# ── Plans of older releases ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_plan_of_a_first_release_is_read_with_all_that_it_says() -> None:
    content = FORM_1.read_bytes()
    assert sha256(content).hexdigest() == FORM_1_SHA256, "what was once written is never changed"
    plan = adopted.decode(content)
    database, tree = plan.assets["site-db"], plan.assets["site-files"]
    assert isinstance(database, MariadbAsset)
    assert isinstance(tree, FilesAsset)
    assert database.backup is not None
    assert tree.backup is not None
    assert database.connect.credentials is not None
    assert database.connect.credentials.command == ("pass", "show", "db")
    assert (database.non_transactional, database.databases) == ("refuse", ("asbl_horizon",))
    assert database.backup.kinds == {"logical": Schedule(cron="0 2 * * *", catch_up="all"), "physical": None}
    assert database.backup.deadlines_seconds == {"logical": 14400}
    assert database.backup.inspect == Schedule(cron="30 5 * * *", catch_up="none")
    assert (tree.exclude, tree.backup.retention_days, tree.backup.stores) == (("cache", "*.log"), 28, ("local",))
    assert (plan.organisation.timezone, plan.organisation.language) == ("Europe/Brussels", "fr")
    assert [each.held_by for each in plan.recipients] == ["admin", "safe"]
    assert plan.assets["old-db"].backup is None


def test_nothing_that_a_first_release_wrote_is_lost_when_it_is_written_anew() -> None:
    def within(old: Any, new: Any) -> bool:
        if isinstance(old, dict):
            return all(name in new and within(value, new[name]) for name, value in old.items())
        if isinstance(old, list):
            return len(old) == len(new) and all(map(within, old, new))
        return bool(old == new)

    again = json.loads(adopted.encode(adopted.decode(FORM_1.read_bytes())))
    assert within(json.loads(FORM_1.read_bytes()), again)
    assert adopted.decode(adopted.encode(adopted.decode(FORM_1.read_bytes()))) == adopted.decode(FORM_1.read_bytes())


def test_what_an_older_release_left_out_has_the_value_that_means_as_before() -> None:
    plan = adopted.decode(changed(lambda data: data["assets"]["site-db"]["backup"].pop("deadlines_seconds")))
    database = plan.assets["site-db"]
    assert database.backup is not None
    assert database.backup.deadlines_seconds == {}


def test_every_field_since_the_first_release_has_a_default() -> None:
    """Else the agent of every node would stop after the upgrade until somebody adopts its plan again."""

    def required(shape: Any, data: dict[str, Any]) -> None:
        for field in fields(shape):
            known = field.name in data
            assert known or field.default is not MISSING or field.default_factory is not MISSING, (
                f"{shape}.{field.name}"
            )
            value = getattr(shape, field.name)
            if is_dataclass(value) and isinstance(data.get(field.name), dict):
                required(value, data[field.name])

    content = FORM_1.read_bytes()
    plan, data = adopted.decode(content), json.loads(content)
    required(plan, data)
    for name, asset in plan.assets.items():
        required(asset, data["assets"][name])


# ── Plans of newer releases ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data.update(form=adopted.FORM + 1), f"it is of form {adopted.FORM + 1}"),
        (lambda data: data.update(form=0), "it is of form 0"),
        (lambda data: data.update(form="2"), "it is of form 2, "),
        (lambda data: data.update(quorum=2), "it says `quorum`"),
        (lambda data: data["organisation"].update(vat="BE"), "it says `organisation.vat`"),
        (lambda data: data["recipients"][1].update(card=True), "it says `recipients.1.card`"),
        (lambda data: data["assets"]["site-db"]["connect"].update(tls="yes"), "it says `assets.site-db.connect.tls`"),
        (lambda data: data["assets"]["site-db"].update(kind="sybase"), "`site-db` is of kind sybase"),
        (lambda data: data["assets"]["site-db"].pop("kind"), "`site-db` is of kind None"),
        (lambda data: data["assets"]["site-db"]["backup"]["kinds"].update(hourly=None), "Invalid enum value 'hourly'"),
        (lambda data: data.pop("fleet"), "it does not say `fleet`"),
    ],
)
def test_what_this_version_does_not_know_is_refused_and_never_left_out(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        adopted.decode(changed(change))


# ── As the ledger records them ──────────────────────────────────────────────────────────────────────────────────────


def record(state: Path, content: bytes, clock: MovableClock) -> None:
    """Have these bytes be the adopted plan, as another release recorded them."""
    with Book.open(state, clock) as book:
        former: PlanAdopted = book.facts("plan.adopted", latest=1)[0].data
        values = {field.name: getattr(former, field.name) for field in fields(former)}
        values["plan_sha256"] = sha256(content).hexdigest()
        book.append(PlanAdopted(**values), actor="person:root")
    adopted.plan_path(state).write_bytes(content)
    adopted.compiled_path(state, values["plan_sha256"]).write_bytes(content)


@pytest.mark.gnupg
def test_a_state_folder_of_an_older_release_goes_on_and_one_of_a_newer_says_what_to_do(
    plans: Plans, tmp_path: Path
) -> None:
    state, clock = tmp_path / "state", MovableClock(NOON)
    file = plans.write(plans.example())
    done = adopt(file, state=state, clock=clock, actor="person:root")
    now = adopted.plan_path(state).read_bytes()
    older = changed(lambda data: [data.pop("form"), data["organisation"].update(name="Before")], now)
    record(state, older, clock)
    assert adopted.read(state).organisation.name == "Before"
    assert adopted.plan_path(state).read_bytes() == older, "reading changes nothing"

    for path in (adopted.plan_path(state), adopted.compiled_path(state, sha256(older).hexdigest())):
        path.write_bytes(older.replace(b"Before", b"Behind"))
    with pytest.raises(PlanAltered):
        adopted.read(state)

    record(state, changed(lambda data: data.update(form=adopted.FORM + 1), now), clock)
    with pytest.raises(PlanOfOtherVersion) as refused:
        adopted.read(state)
    assert f"it is of form {adopted.FORM + 1}, this version knows up to {adopted.FORM}" in refused.value.message
    assert "intendance plan adopt FILE" in refused.value.advice
    again = adopt(file, state=state, clock=clock, actor="person:root")
    assert again.recorded
    assert again.changes == ()
    assert adopted.read(state) == done.plan


def test_drills_that_an_older_release_only_kept_are_performed() -> None:
    data = json.loads(FORM_1.read_bytes())
    name = next(iter(data["assets"]))
    checks = [{"sql": "SELECT 1", "equals": 1, "deadline": "2min"}]
    kept = {
        "hosts": {"laptop": {"held_by": "admin"}},
        f"assets.{name}.drill": {"host": "laptop", "schedule": "0 5 1 * *", "checks": checks},
        "budget": {},
    }
    read = adopted.decode(changed(lambda data: data.update(declared=kept)))
    drill = read.assets[name].drill
    assert drill is not None
    assert [(check.sql, check.equals, check.deadline_seconds) for check in drill.checks] == [("SELECT 1", 1, 120)]
    assert read.hosts["laptop"].held_by == "admin"
    assert read.declared == {"budget": {}}
