"""Adoption on a real ledger: what is recorded, what must be confirmed, and what a crash leaves at every point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from intendance.agent import adoption as room
from intendance.agent.adoption import Adoption, adopt
from intendance.ledger.book import Book
from intendance.model.errors.plan import FleetImmutable, NotConfirmed, NothingToConfirm, PlanAltered, PlanInvalid
from intendance.model.errors.state import LockHeld, StateUnusable
from intendance.plan import adopted
from intendance.system import lock, openpgp
from tests.support.clock import MovableClock
from tests.support.plans import NOON, Plans

pytestmark = pytest.mark.gnupg
ACTOR = "person:tester"
DAY = timedelta(days=1)


@dataclass
class Scene:
    plans: Plans
    state: Path
    clock: MovableClock

    def adopt(self, text: str, *confirmed: str) -> Adoption:
        return adopt(self.plans.write(text), state=self.state, clock=self.clock, actor=ACTOR, confirmed=confirmed)

    def kinds(self) -> list[str]:
        with Book.open(self.state, self.clock) as book:
            return [record.kind for record in book.records()]

    def latest(self, kind: str, asset: str | None = None) -> dict[str, object]:
        with Book.open(self.state, self.clock) as book:
            (record,) = book.records(kind=kind, asset=asset, newest_first=True, limit=1)
            return record.data


@pytest.fixture
def scene(plans: Plans, tmp_path: Path) -> Scene:
    return Scene(plans, tmp_path / "state", MovableClock(NOON))


def test_the_first_adoption_begins_the_state_and_records_everything(scene: Scene) -> None:
    done = scene.adopt(scene.plans.example())
    assert (done.begun, done.recorded, done.seq, done.changes, done.agent_told) == (True, True, 1, (), False)
    assert scene.kinds() == ["genesis", "plan.adopted", "asset.declared", "asset.declared"]
    recorded = scene.latest("plan.adopted")
    source = scene.plans.file.read_bytes()
    assert recorded["source_sha256"] == sha256(source).hexdigest() == done.source_sha256
    assert recorded["plan_sha256"] == sha256(adopted.plan_path(scene.state).read_bytes()).hexdigest()
    assert adopted.source_path(scene.state, done.source_sha256).read_bytes() == source
    declared = scene.latest("asset.declared", "site-files")
    assert declared["identity"] == "files:/var/www/crud-asbl-ong"
    assert declared["first_declared_at"] == "2026-11-21T12:00:00.000000Z"
    assert declared["schedules"] == [
        {"activity": "backup.full", "cron": "0 3 * * SUN"},
        {"activity": "inspect", "cron": "45 5 * * *"},
    ]
    assert adopted.read(scene.state) == done.plan
    assert scene.latest("genesis")["openpgp_fingerprint"] == done.openpgp_fingerprint


def test_nothing_of_the_state_is_open_to_others(scene: Scene) -> None:
    scene.adopt(scene.plans.example())
    for path in (scene.state / "agent").rglob("*"):
        if path.is_file() and "ledger/" not in str(path):
            assert path.stat().st_mode & 0o077 == 0, path
    assert (scene.state / "agent").stat().st_mode & 0o077 == 0


def test_the_same_source_again_records_nothing(scene: Scene) -> None:
    first = scene.adopt(scene.plans.example())
    again = scene.adopt(scene.plans.example())
    assert (again.recorded, again.begun, again.seq) == (False, False, first.seq)
    assert len(scene.kinds()) == 4


def test_a_key_that_was_renewed_in_the_same_plan_is_a_new_adoption(scene: Scene) -> None:
    scene.adopt(scene.plans.example())
    key = scene.plans.folder / "keys" / "owner.asc"
    key.write_text(key.read_text().replace("-----\n\n", "-----\nComment: renewed\n\n", 1))
    again = scene.adopt(scene.plans.example())
    assert again.recorded
    assert [change.sentence for change in again.changes] == ["the key owner was renewed, renamed or changed hands"]


def test_an_invalid_plan_changes_nothing(scene: Scene) -> None:
    with pytest.raises(PlanInvalid):
        scene.adopt(scene.plans.changed(("version: 1", "version: 9")))
    assert not scene.state.exists()


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("    path: /var/www/crud-asbl-ong", "    path: /srv/x"), ["site-files"]),
        (("databases: [crud_asbl_ong]", "databases: [other]"), ["crud-db"]),
        (("Europe/Brussels", "Europe/Paris"), []),
    ],
)
def test_what_takes_protection_away_is_confirmed_by_name(
    change: tuple[str, str], names: list[str], scene: Scene
) -> None:
    scene.adopt(scene.plans.example())
    text = scene.plans.changed(change)
    if names:
        before = scene.kinds()
        with pytest.raises(NotConfirmed) as refused:
            scene.adopt(text)
        assert " ".join(f"--confirm {name}" for name in names) in refused.value.advice
        assert scene.kinds() == before
        assert adopted.read(scene.state) == scene.plans.check(scene.plans.example()).plan
    with pytest.raises(NothingToConfirm):
        scene.adopt(text, *names, "nothing-of-it")
    done = scene.adopt(text, *names)
    assert done.recorded
    assert done.changes
    assert adopted.read(scene.state) == done.plan


def test_retention_made_shorter_is_confirmed(scene: Scene) -> None:
    scene.adopt(scene.plans.changed(("points: 30d", "points: 90d")))
    with pytest.raises(NotConfirmed, match="30 days instead of 90"):
        scene.adopt(scene.plans.example())
    assert scene.adopt(scene.plans.example(), "crud-db").recorded


def without_site_files(plans: Plans) -> str:
    text = plans.example()
    return text[: text.index("  site-files:")] + text[text.index("\ncontacts:") + 1 :]


def test_a_dropped_asset_is_recorded_and_declared_again_it_is_as_old_as_it_was(scene: Scene) -> None:
    scene.adopt(scene.plans.example())
    scene.clock.move(DAY)
    with pytest.raises(NotConfirmed, match="site-files is no longer maintained"):
        scene.adopt(without_site_files(scene.plans))
    scene.adopt(without_site_files(scene.plans), "site-files")
    dropped = scene.latest("asset.dropped", "site-files")
    assert dropped["first_declared_at"] == "2026-11-21T12:00:00.000000Z"
    scene.clock.move(DAY)
    scene.adopt(scene.plans.changed(("  site-files:", "  www:")))
    declared = scene.latest("asset.declared", "www")
    assert declared["identity"] == dropped["identity"]
    assert declared["first_declared_at"] == "2026-11-21T12:00:00.000000Z"


def test_a_renamed_asset_is_neither_dropped_nor_new(scene: Scene) -> None:
    scene.adopt(scene.plans.example())
    scene.clock.move(DAY)
    done = scene.adopt(scene.plans.changed(("  site-files:", "  www:")))
    assert [change.severe for change in done.changes] == [False]
    assert "asset.dropped" not in scene.kinds()
    assert scene.latest("asset.declared", "www")["first_declared_at"] == "2026-11-21T12:00:00.000000Z"


def test_an_asset_behind_a_link_is_the_one_the_link_leads_to(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    scene.adopt(scene.plans.changed(("path: /var/www/crud-asbl-ong", f"path: {tmp_path}/link")))
    assert scene.latest("asset.declared", "site-files")["identity"] == f"files:{tmp_path}/real"


@pytest.mark.parametrize("change", [("fleet: asbl-exemple", "fleet: other"), ("id: web-01", "id: web-02")])
def test_fleet_and_node_are_fixed(change: tuple[str, str], scene: Scene) -> None:
    scene.adopt(scene.plans.example())
    with pytest.raises(FleetImmutable):
        scene.adopt(scene.plans.changed(change))
    assert len(scene.kinds()) == 4


def test_one_adoption_at_a_time(scene: Scene) -> None:
    with lock.held(adopted.adoption_lock(scene.state), purpose="test"), pytest.raises(LockHeld):
        scene.adopt(scene.plans.example())


def test_a_state_that_cannot_be_made_is_told(scene: Scene) -> None:
    scene.state.parent.joinpath("state").write_text("a file")
    with pytest.raises(StateUnusable):
        scene.adopt(scene.plans.example())


def test_a_changed_copy_is_put_right_from_what_was_adopted(scene: Scene) -> None:
    done = scene.adopt(scene.plans.example())
    copy = adopted.plan_path(scene.state)
    good = copy.read_bytes()
    copy.write_bytes(good.replace(b"crud_asbl_ong", b"other"))
    assert adopted.read(scene.state) == done.plan
    assert copy.read_bytes() == good


def test_files_that_are_not_what_the_ledger_records_are_refused_and_adopted_again(scene: Scene) -> None:
    done = scene.adopt(scene.plans.changed(("points: 30d", "points: 90d")))
    for path in (adopted.plan_path(scene.state), *(scene.state / "agent/plans").glob("*.json")):
        path.write_bytes(path.read_bytes().replace(b"crud_asbl_ong", b"other"))
    with pytest.raises(PlanAltered):
        adopted.read(scene.state)
    with pytest.raises(
        NotConfirmed, match="30 days instead of 90"
    ):  # the ledger remembers what the files no longer say
        scene.adopt(scene.plans.example())
    again = scene.adopt(scene.plans.changed(("points: 30d", "points: 90d")))
    assert not again.recorded
    assert adopted.read(scene.state) == done.plan


class Crash(BaseException):
    """The process ends here."""


def crash_before(scene: Scene, monkeypatch: pytest.MonkeyPatch, number: int) -> int:
    """Let effects of adoption pass until the given one, which does not happen. Returns how many there were."""
    seen = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def effect(*arguments: object, **options: object) -> object:
            nonlocal seen
            seen += 1
            if seen == number:
                raise Crash
            return real(*arguments, **options)

        return effect

    for holder, name in (
        (openpgp, "create_node_key"),
        (room, "publish"),
        (adopted, "publish"),
        (Book, "create"),
        (Book, "seal"),
        (room, "_record"),
    ):
        monkeypatch.setattr(holder, name, counted(getattr(holder, name)))
    return seen


@pytest.mark.parametrize("number", range(1, 9))
def test_a_crash_at_any_effect_of_the_first_adoption_is_made_good(
    number: int, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        crash_before(scene, patch, number)
        try:
            scene.adopt(scene.plans.example())
        except Crash:
            pass
        else:
            assert number == 8, "the last case runs through, so no effect is left out"
    done = scene.adopt(scene.plans.example())
    assert adopted.read(scene.state) == done.plan
    assert scene.kinds() == ["genesis", "plan.adopted", "asset.declared", "asset.declared"]


@pytest.mark.parametrize("number", range(1, 7))
def test_a_crash_at_any_effect_leaves_the_former_plan_or_the_new_one(
    number: int, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = scene.adopt(scene.plans.example()).plan
    text = scene.plans.changed(("points: 30d", "points: 45d"))
    new = scene.plans.check(text).plan
    with monkeypatch.context() as patch:
        crash_before(scene, patch, number)
        try:
            scene.adopt(text)
        except Crash:
            pass
        else:
            assert number == 6, "the last case runs through, so no effect is left out"
    in_force = adopted.read(scene.state)
    recorded = scene.kinds().count("plan.adopted")
    assert in_force == (former if recorded == 1 else new)
    assert sha256(adopted.plan_path(scene.state).read_bytes()).hexdigest() == adopted.recorded_sha256(scene.state)
    assert scene.adopt(text).plan == new == adopted.read(scene.state)
    assert scene.kinds().count("plan.adopted") == 2
