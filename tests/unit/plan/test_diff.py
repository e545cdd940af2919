"""What a new plan changes, and which of it takes protection away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intendance.catalogue.load import load as load_rules
from intendance.model.evidence.lifecycle import AssetDeclared, PlanAdopted
from intendance.model.plan import (
    BackupPlan,
    Contact,
    DirectoryStore,
    FilesAsset,
    MariadbAsset,
    MariadbConnection,
    Node,
    Organisation,
    Plan,
    Recipient,
    S3Store,
    Schedule,
    SecretReference,
    Site,
    Waiver,
)
from intendance.plan.change import Change
from intendance.plan.diff import changes, recorded_changes
from intendance.plan.identity import identity

NIGHTLY = Schedule(cron="0 2 * * *")
BACKUP = BackupPlan(kinds={"logical": NIGHTLY}, stores=("local", "nas"), retention_days=90, inspect=NIGHTLY)
DB = MariadbAsset(name="db", connect=MariadbConnection(socket="/s"), backup=BACKUP, databases=("a", "b"))
WWW = FilesAsset(name="www", path="/www", backup=replace(BACKUP, kinds={"full": NIGHTLY}), exclude=("cache",))
PLAN = Plan(
    version=1,
    fleet="f",
    organisation=Organisation(name="O", timezone="Europe/Brussels", language="fr"),
    catalogues=("maint", "asbl"),
    node=Node(id="n"),
    recipients=(
        Recipient(name="owner", fingerprint="A" * 40, held_by="admin", armored="a"),
        Recipient(name="offline", fingerprint="B" * 40, held_by="lead", armored="b"),
    ),
    stores={"local": DirectoryStore(name="local", path="/b"), "nas": DirectoryStore(name="nas", path="/n")},
    assets={"db": DB, "www": WWW},
    contacts={"admin": Contact(name="A"), "lead": Contact(name="L")},
)
WAIVER = Waiver(
    rule="MAINT_004",
    reason="no Grafana yet",
    ticket="OPS-12",
    granted_by="lead",
    expires="2027-01-31T00:00:00+01:00",
)
DECLARED = {
    "alerts": {"policy": {"critical": []}},
    "assets.db.drill": {"host": "laptop"},
    "stores.offsite": {"kind": "s3"},
    "budget": {"year": 2026},
}


RULEBOOK = load_rules()


def identities(plan: Plan) -> dict[str, str]:
    return {name: identity(asset) for name, asset in plan.assets.items()}


def between(former: Plan, new: Plan) -> tuple[Change, ...]:
    return changes(former, new, identities(former), identities(new), RULEBOOK)


def with_db(**fields: object) -> Plan:
    return replace(PLAN, assets={"db": replace(DB, **fields), "www": WWW})  # type: ignore[arg-type]


def with_backup(**fields: object) -> Plan:
    return with_db(backup=replace(BACKUP, **fields))  # type: ignore[arg-type]


CASES: dict[str, tuple[Plan, str | None, str]] = {
    # new plan, the name to confirm (None: mild), a piece of the sentence; read backwards the other way
    "catalogue": (replace(PLAN, catalogues=("asbl",)), "maint", "maint is dropped"),
    "asset": (replace(PLAN, assets={"db": DB}), "www", "www is no longer maintained"),
    "moved": (replace(PLAN, assets={"db": DB, "www": replace(WWW, path="/x")}), "www", "another place"),
    "renamed": (replace(PLAN, assets={"db": DB, "site": replace(WWW, name="site")}), None, "now called site"),
    "databases": (with_db(databases=("a",)), "db", "no longer keeps the databases b"),
    "unprotected": (with_db(backup=None), "db", "no longer backed up"),
    "shorter": (with_backup(retention_days=89), "db", "89 days instead of 90"),
    "fewer stores": (with_backup(stores=("local",)), "db", "no longer stored in nas"),
    "by hand": (with_backup(kinds={"logical": None}), "db", "logical backup of db no longer happens"),
    "uninspected": (with_backup(inspect=None), "db", "inspection of db no longer happens"),
    "store gone": (replace(PLAN, stores={"local": PLAN.stores["local"]}), "nas", "the store nas is dropped"),
    "store moved": (
        replace(PLAN, stores=PLAN.stores | {"nas": DirectoryStore(name="nas", path="/z")}),
        "nas",
        "what /n holds is no longer listed",
    ),
    "more left out": (
        replace(PLAN, assets={"db": DB, "www": replace(WWW, exclude=("cache", "x"))}),
        "www",
        "leaves out more: x",
    ),
    "less left out": (replace(PLAN, assets={"db": DB, "www": replace(WWW, exclude=())}), None, "no longer leaves out"),
    "other time": (with_backup(kinds={"logical": Schedule(cron="0 3 * * *")}), None, "0 3 * * * instead of 0 2 * * *"),
    "nothing caught up": (with_backup(inspect=replace(NIGHTLY, catch_up="none")), "db", "none instead of once"),
    "all caught up": (with_backup(inspect=replace(NIGHTLY, catch_up="all")), None, "all instead of once"),
    "rarer": (
        with_backup(kinds={"logical": Schedule(cron="0 2 * * SUN")}),
        "db",
        "the logical backup of db happens less often: 0 2 * * SUN instead of 0 2 * * *",
    ),
    "site": (replace(PLAN, sites={"crud": Site(name="crud", assets=("db", "www"))}), None, "as the site crud"),
    "one kind less": (with_backup(kinds={}), "db", "the logical backup of db no longer happens by itself"),
    "waiver": (replace(PLAN, waivers=(WAIVER,)), "MAINT_004", "MAINT_004 is waived until 2027-01-31T00:00:00+01:00"),
    "connection": (with_db(connect=MariadbConnection(socket="/s", credentials=None, port=1)), None, "another way"),
    "locks": (with_db(non_transactional="refuse"), None, "refuses tables"),
    "recipient": (replace(PLAN, recipients=PLAN.recipients[:1]), "offline", "offline"),
    "renewed": (
        replace(PLAN, recipients=(PLAN.recipients[0], replace(PLAN.recipients[1], armored="c"))),
        None,
        "the key offline was renewed",
    ),
    "zone": (replace(PLAN, organisation=replace(PLAN.organisation, timezone="UTC")), None, "read in UTC instead of"),
    "contacts": (replace(PLAN, contacts=PLAN.contacts | {"x": Contact(name="X")}), None, "the contacts changed"),
    "node": (replace(PLAN, node=Node(id="n", site="s")), None, "said of the node changed"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_is_said_and_weighed(case: str) -> None:
    new, confirm, sentence = CASES[case]
    found = between(PLAN, new)
    assert any(sentence in change.sentence for change in found), found
    assert {change.name for change in found if change.severe} == ({confirm} if confirm else set())


@pytest.mark.parametrize(
    "case", [name for name in CASES if name not in ("moved", "store moved", "less left out", "site")]
)
def test_what_gives_protection_back_needs_no_confirmation(case: str) -> None:
    found = between(CASES[case][0], PLAN)
    assert found
    assert not any(change.severe for change in found)


def test_all_databases_made_into_some_is_severe_and_back_is_not() -> None:
    every = with_db(databases=())
    assert [change.severe for change in between(every, PLAN)] == [True]
    assert [change.severe for change in between(PLAN, every)] == [False]


def test_a_store_that_this_version_performs_is_not_taken_away() -> None:
    """An older release kept it as declared; the same file, adopted by this one, has it among the stores."""
    offsite = S3Store(name="offsite", bucket="b", credentials=SecretReference(file="/s3.ini"))
    former = replace(PLAN, declared={"stores.offsite": {"kind": "s3"}, "assets.db.backup.stores": ["offsite"]})
    stores = {**PLAN.stores, "offsite": offsite}
    new = replace(with_backup(stores=(*BACKUP.stores, "offsite")), stores=stores)
    found = between(former, new)
    assert sorted(change.code for change in found) == ["store-added", "store-joined"]
    assert not any(change.severe for change in found)
    without = replace(PLAN, stores=stores)  # named, and no longer written to by the asset
    assert [(each.name, each.severe) for each in between(former, without) if each.code == "declared-dropped"] == [
        ("db", True)
    ]


def test_what_is_only_declared_is_told_and_what_of_it_protects_is_confirmed_when_it_goes() -> None:
    full = replace(PLAN, declared=DECLARED)
    added = between(PLAN, full)
    assert [change.code for change in added] == ["declared-added"] * 4
    assert not any(change.severe for change in added)
    assert "`assets.db.drill` is declared; this version does not perform it yet" in [each.sentence for each in added]
    dropped = between(full, PLAN)
    assert {change.name for change in dropped if change.severe} == {"alerts", "db", "offsite"}
    (changed,) = between(full, replace(full, declared=DECLARED | {"budget": {"year": 2027}}))
    assert (changed.code, changed.severe) == ("declared-changed", False)


def test_a_site_that_goes_or_loses_an_asset_is_confirmed() -> None:
    whole = replace(PLAN, sites={"crud": Site(name="crud", assets=("db", "www", "more"))})
    smaller = replace(PLAN, sites={"crud": Site(name="crud", assets=("db", "www"))})
    for new, code in ((PLAN, "site-dropped"), (smaller, "site-smaller")):
        assert [(each.name, each.code, each.severe) for each in between(whole, new)] == [("crud", code, True)]


def test_effects_are_told_apart() -> None:
    new = replace(PLAN, assets={"db": DB, "new": FilesAsset(name="new", path="/new", backup=None)})
    assert {change.effect: change.name for change in between(PLAN, new)} == {"stops": "www", "starts": "new"}


def test_the_same_plan_changes_nothing() -> None:
    assert between(PLAN, PLAN) == ()


def declared(days: int, known_as: str) -> AssetDeclared:
    return AssetDeclared(
        engine="mariadb",
        identity=known_as,
        first_declared_at="",
        schedules=(),
        stores=(),
        retention_days=days,
        subject="",
    )


def test_from_the_ledger_alone_what_is_lost_is_found() -> None:
    adoption = PlanAdopted(
        source_sha256="", plan_sha256="", catalogues=("maint", "asbl"), timezone="", language="", recipients=(),
        stores=(), assets=("db", "old"),
    )  # fmt: skip
    known = {"db": declared(120, identity(DB)), "old": declared(30, "files:/old"), "www": declared(90, identity(WWW))}
    found = recorded_changes(adoption, known, replace(PLAN, catalogues=("asbl",)), identities(PLAN))
    assert {(change.name, change.severe) for change in found} == {("maint", True), ("db", True), ("old", True)}


def test_a_deadline_is_a_change_and_its_default_written_out_is_none() -> None:
    (change,) = between(PLAN, with_backup(deadlines_seconds={"logical": 4 * 3600}))
    assert (change.sentence, change.severe) == ("a logical backup of db may take 4h instead of 1d", False)
    assert between(PLAN, with_backup(deadlines_seconds={"logical": 24 * 3600})) == ()
