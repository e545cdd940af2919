"""The page of a plan: what is declared and what it is held to, in both languages; nothing of a node is markup."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from intendance.fleet.plans.decide import Adoption, HeldPlan, LeftAsset, PlannedAsset, Waived
from intendance.language.texts import translator
from intendance.model.evidence.lifecycle import ConfirmedChange, RecipientEntry
from intendance.web.plan import PlanPage, plan_page
from intendance.web.render import Frame, Reader, html
from tests.support.evidence import RECIPIENTS, START
from tests.support.page_text import readable
from tests.support.typography import french_faults
from tests.unit.web.test_asset import DAY, PLANTED, STANDING

ASSET = PlannedAsset(
    name="shop-db",
    engine="mariadb",
    subject="/run/mysqld",
    schedules=(("backup.logical", "0 2 * * *"), ("inspect", None)),
    stores=("local", "far"),
    retention_days=90,
    databases=(),
    exclude=("cache",),
    since=START,
    seq=2,
)
LOST = ConfirmedChange(name="old-db", change="asset-dropped", sentence="old-db is no longer maintained")
PLAN = HeldPlan(
    node="web-01",
    adoptions=(Adoption(at=START, actor="person:lea", seq=1, confirmed=(LOST,)),),
    source_sha256="0" * 64,
    plan_sha256="1" * 64,
    catalogues=("maint", "asbl"),
    timezone="Europe/Brussels",
    language="fr",
    recipients=RECIPIENTS,
    stores=("local", "far"),
    assets=(ASSET,),
    left=(LeftAsset(name="old-db", engine="mariadb", at=START, seq=3),),
    waivers=(
        Waived(
            rule="ASBL_010",
            about="mariadb:1",
            granter="Lin",
            reason="replaced soon",
            ticket="OPS-1",
            ends_at=START + 9 * DAY,
            renewal=0,
            seq=4,
        ),
    ),
)


def view(plan: HeldPlan) -> PlanPage:
    return plan_page(plan, STANDING, translator("en", "web"))


def page(plan: HeldPlan, language: Literal["en", "fr"]) -> str:
    texts = translator(language, "web")
    frame = Frame(title="t", address="/nodes/web-01/plan")
    shown = plan_page(plan, STANDING, texts)
    reader = Reader(language=language, person="Léa")
    return html("plan.html", frame, reader, texts, view=shown, node=plan.node, node_href="/nodes/web-01")


def test_what_is_declared_and_who_said_so() -> None:
    told = view(PLAN)
    assert told.answer == "1 asset, under maint, asbl."
    assert "by lea" in told.lede
    (line,) = told.assets.lines
    assert (line.href, line.kept, line.left_out) == ("/nodes/web-01/assets/shop-db", "90 days", "cache")
    assert line.schedules == (("logical backup", "0 2 * * *"), ("inspection", "by hand"))
    assert (told.left.lines[0].name, told.waivers.lines[0].reason) == ("old-db", "replaced soon (OPS-1)")
    assert told.adoptions[0].took_away == ("old-db is no longer maintained",)


def test_the_bounds_are_the_strictest_of_the_catalogues_that_were_taken() -> None:
    both = [each.replace("\u00a0", " ") for each in view(PLAN).assets.lines[0].bounds]
    assert "a backup every 26 h 30" in both
    assert "kept 90 d at least" in both
    alone = [each.replace("\u00a0", " ") for each in view(replace(PLAN, catalogues=("asbl",))).assets.lines[0].bounds]
    assert "kept 30 d at least" in alone
    assert view(replace(PLAN, catalogues=())).assets.lines[0].bounds == ()


def test_long_lists_have_an_end() -> None:
    assets = tuple(replace(ASSET, name=f"db-{number:04}") for number in range(250))
    left = tuple(replace(PLAN.left[0], name=f"old-{number}") for number in range(101))
    plan = replace(PLAN, assets=assets, left=left, waivers=PLAN.waivers * 102)
    first, last = view(plan), plan_page(plan, STANDING, translator("en", "web"), part=3)
    assert first.answer == "250 assets, under maint, asbl."
    assert (first.assets.told, first.assets.before, first.assets.after) == (
        "1 to 100 of 250", "", "/nodes/web-01/plan?part=2",
    )  # fmt: skip
    assert [each.name for each in last.assets.lines] == [f"db-{number:04}" for number in range(200, 250)]
    assert (len(first.left.lines), first.left.more) == (100, "1 more, in this page as data.")
    assert (len(first.waivers.lines), first.waivers.more) == (100, "2 more, in this page as data.")
    assert "1 to 100 of 250" in " ".join(readable(page(plan, "en")))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_that_a_node_says_is_markup(language: Literal["en", "fr"]) -> None:
    asset = replace(
        ASSET, name=PLANTED, engine=PLANTED, subject=PLANTED, schedules=((PLANTED, PLANTED),), stores=(PLANTED,),
        exclude=(PLANTED,),
    )  # fmt: skip
    hostile = replace(
        PLAN, node=PLANTED, assets=(asset,), catalogues=(PLANTED,), stores=(PLANTED,), timezone=PLANTED,
        source_sha256=PLANTED, plan_sha256=PLANTED,
        recipients=(RecipientEntry(name=PLANTED, fingerprint=PLANTED, held_by=PLANTED),),
        left=(replace(PLAN.left[0], name=PLANTED, engine=PLANTED),),
        waivers=(
            replace(PLAN.waivers[0], rule=PLANTED, about=PLANTED, granter=PLANTED, reason=PLANTED, ticket=PLANTED),
        ),
        adoptions=(
            Adoption(at=START, actor=PLANTED, seq=1, confirmed=(replace(LOST, name=PLANTED, sentence=PLANTED),)),
        ),
    )  # fmt: skip
    told = page(hostile, language)
    assert PLANTED not in told
    assert told.count("&lt;script&gt;") > 15


def test_the_page_is_french_in_french() -> None:
    lines = readable(page(PLAN, "fr"))
    assert list(french_faults(" ".join(lines))) == []
    assert "Qu’entretient-on sur web-01" in " ".join(lines)
