"""The page of an asset: its answer, its time line, what to type; both languages, and nothing of a node is markup."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest

from intendance.catalogue.load import load
from intendance.fleet.assets import decide
from intendance.fleet.assets.decide import Asset
from intendance.fleet.ledgers.decide import Doubt
from intendance.fleet.verdicts.standing import Standing
from intendance.language.texts import translator
from intendance.model.evidence.restore import Check
from intendance.model.verdict import Reason, Severity, State, Verdict
from intendance.web import timeline
from intendance.web.asset import POINTS, AssetPage, asset_page
from intendance.web.render import Frame, Reader, html
from intendance.web.words import kept
from tests.support.evidence import START, Log, completed, drill_failed, drilled, inspection, seen
from tests.support.page_text import readable
from tests.support.typography import french_faults
from tests.unit.fleet.test_assets_decide import held, of

DAY = timedelta(days=1)
NOW = START + 40 * DAY
PLANTED = "<script>alert(1)</script>"
Language = Literal["en", "fr"]
STANDING = Standing(
    fleet="f", organisation="ASBL", zone="Europe/Brussels", judged_at=NOW, nodes=(), rulebook=load(), verdicts=(),
    counts={},
)  # fmt: skip


def asset(nights: int = 40, *, drills: tuple[int, ...] = (30,), fail: bool = False, fault: str = "") -> Asset:
    log = Log()
    for night in range(nights):
        log.add(START + night * DAY, completed(START + night * DAY, stores=("local", "far")), "shop-db")
    log.add(NOW, inspection([seen(START + (nights - 1) * DAY, fault=fault)]), "shop-db")
    for night in drills:
        log.add(START + night * DAY, drilled(START + night * DAY), "shop-db")
    if fail:
        log.add(NOW, drill_failed(), "shop-db")
    inspected = of(log, "inspection.completed")
    return Asset(
        node="web-01", name="shop-db", engine="mariadb", subject="/run/mysqld", identity="m:1",
        schedules=(("backup.logical", "0 2 * * *"),), retention_days=90, declared_at=START, dropped_at=None,
        asked_at=NOW, sets=held(log), stores=decide.stores_seen(("local", "far"), inspected, ()),
        drills=decide.drills_told(of(log, "drill.completed"), of(log, "drill.failed")), failure="", failed_at=None,
        catalogues=("maint", "asbl"),
    )  # fmt: skip


def page(found: Asset, language: Language = "en", verdicts: tuple[Verdict, ...] = ()) -> str:
    texts = translator(language, "web")
    view = asset_page(found, verdicts, STANDING, texts)
    frame = Frame(title="t", address="/nodes/web-01/assets/shop-db", data="/x.json", typed="intendance backup list")
    reader = Reader(language=language, person="Léa")
    return html(
        "asset.html", frame, reader, texts, view=view, node=found.node, node_href="/nodes/web-01", runs_href="/runs"
    )


def view(found: Asset, *verdicts: Verdict) -> AssetPage:
    return asset_page(found, verdicts, STANDING, translator("en", "web"))


def verdict(state: State) -> Verdict:
    return Verdict(
        rule="MAINT_010", asset="shop-db", node="web-01", state=state, severity=Severity.BLOCKING, since=NOW - DAY,
        reason=Reason(code="first_uninspected", params={"made_at": NOW - DAY}), cites=(), attested_by=None,
        next_change_at=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("found", "shape", "answer"),
    [
        (asset(), "pass", "Yes: it came back whole 10 d ago."),
        (asset(drills=()), "unknown", "Nobody has tried yet."),
        (asset(drills=(2,)), "fail", "Nobody has proven it for 38 d."),
        (asset(fail=True), "fail", "The last try failed, 0 s ago."),
        (asset(1, drills=(), fault="a part is gone"), "unknown", "Nobody has tried yet."),
        (replace(asset(), sets=()), "fail", "No: there is no set of it."),
        (
            replace(asset(), sets=tuple(replace(each, stores=("far",), faults={"far": "x"}) for each in asset().sets)),
            "fail",
            "No: no set of it is without a fault.",
        ),
    ],
)
def test_the_answer(found: Asset, shape: str, answer: str) -> None:
    told = view(found)
    assert (told.shape, [each.replace("\u00a0", " ") for each in told.clauses]) == (shape, [answer])


@pytest.mark.parametrize(
    ("state", "shape", "clause"),
    [(State.FAIL, "fail", "But one rule is broken."), (State.ERROR, "unknown", "But one rule is unknown.")],
)
def test_a_yes_is_no_tick_while_a_rule_about_it_is_not_well(state: State, shape: str, clause: str) -> None:
    told = view(asset(), verdict(state))
    assert (told.shape, told.clauses[1:]) == (shape, (clause,))
    assert view(asset(), verdict(State.PASS)).shape == "pass"


def test_nobody_can_tell_of_an_asset_whose_node_contradicts_itself() -> None:
    doubt = Doubt(node="web-01", incarnation=1, kind="fork", subject="1", detail="", exhibit="", found_at=NOW)
    told = asset_page(asset(), [verdict(State.PASS)], replace(STANDING, doubts=(doubt,)), translator("en", "web"))
    assert (told.shape, told.held[0].shape) == ("unknown", "unknown")


def test_each_store_has_a_lane_and_each_set_a_stroke_on_it() -> None:
    told = view(asset(20, fault="its manifest was replaced"))
    assert [lane.name for lane in told.line.lanes] == ["local", "far", "Drills"]
    local, far, drills = (lane.marks for lane in told.line.lanes)
    assert [mark.shape for mark in far] == ["set"] * 20
    assert [mark.shape for mark in local] == ["set"] * 19 + ["faulty"]
    assert "its manifest was replaced" in local[-1].told
    assert [mark.shape for mark in drills] == ["drilled"]
    places = [float(mark.left.rstrip("%")) for mark in far]
    assert places == sorted(places)
    assert 0 <= places[0] < places[-1] <= 100


def test_the_figures_stand_against_their_bound() -> None:
    loss, product, by_hand = view(asset()).figures
    assert (loss.value, loss.shape) == ("24\u00a0h", "pass")
    assert "bound 26\u00a0h\u00a030" in loss.told
    assert loss.spark is not None
    assert len(loss.spark.points.split()) == 30
    assert (product.value, by_hand.value) == ("1\u00a0min\u00a030\u00a0s", "1\u00a0min\u00a030\u00a0s")
    late = view(asset(38)).figures[0]
    assert (late.shape, late.value) == ("fail", "3\u00a0d")
    assert view(asset(drills=())).figures[1].value == "—"


def test_every_command_is_whole_and_names_its_point() -> None:
    told = view(asset())
    assert told.do == ("intendance", "restore", "run", "shop-db", "--into /srv/restore/shop-db")
    assert len(told.points) == POINTS
    assert told.more.startswith("26 older points")
    assert f"--point {asset().sets[0].set}" in told.points[0].command
    faulty = view(asset(1, fault="gone")).points[0]
    assert (faulty.shape, faulty.stores) == ("pass", (("local", "fail"), ("far", "pass")))


class _Svg(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.styled: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.styled += [f"{tag} {name}" for name, _value in attrs if name == "style" or name.startswith("on")]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_that_a_node_says_is_markup_and_nothing_needs_a_looser_policy(language: Language) -> None:
    hostile = asset(fault=PLANTED, fail=True)
    check = Check(name=PLANTED, ok=True, found=PLANTED)
    sets = tuple(
        replace(each, set=PLANTED, kind=PLANTED, stores=(PLANTED,), faults={PLANTED: PLANTED} if at % 2 else {})
        for at, each in enumerate(hostile.sets)
    )
    drills = tuple(
        replace(each, set=PLANTED, store=PLANTED, by=PLANTED, step=PLANTED, message=PLANTED, checks=(check,))
        for each in hostile.drills
    )
    stores = tuple(replace(each, store=PLANTED, by=PLANTED, failure=PLANTED, failed_at=NOW) for each in hostile.stores)
    hostile = replace(
        hostile, node=PLANTED, name=PLANTED, engine=PLANTED, subject=PLANTED, sets=sets, drills=drills, stores=stores,
        failure=PLANTED, failed_at=NOW, dropped_at=NOW,
    )  # fmt: skip
    told = page(hostile, language, (verdict(State.FAIL),))
    assert PLANTED not in told
    assert told.count("&lt;script&gt;") > 30
    reader = _Svg()
    reader.feed(told)
    assert reader.styled == []


@pytest.mark.parametrize(
    "found", [asset(), asset(1, fault="gone", fail=True), replace(asset(), sets=(), stores=(), drills=())]
)
def test_the_page_is_french_in_french(found: Asset) -> None:
    lines = readable(page(found, "fr"))
    prose = " ".join(line for line in lines if "intendance " not in line)
    assert list(french_faults(prose)) == []
    assert "Peut-on restaurer shop-db" in prose


def test_what_a_record_says_in_english_is_french_on_a_french_page() -> None:
    found = replace(asset(), subject="shop, all databases at /run/mysqld")
    texts = translator("fr", "web")
    drawn = asset_page(found, (), STANDING, texts)
    assert "shop, all databases sur /run/mysqld" in drawn.facts
    assert {mark.told.rpartition(" · ")[2] for mark in drawn.line.lanes[0].marks} == {"logique"}
    assert kept(texts, "mariadb", "all databases at db:3306") == "toutes les bases sur db:3306"
    assert kept(texts, "files", "/srv/open at night") == "/srv/open at night"


def test_a_span_is_as_short_as_what_it_shows_and_its_axis_names_days_in_order() -> None:
    texts = translator("fr", "web")
    for age, days in ((0, 7), (6, 7), (8, 14), (29, 30), (31, 90), (400, 90)):
        shown = timeline.span(NOW - age * DAY, NOW)
        assert shown.end - shown.begin == days * DAY
        ticks = timeline.axis(shown, "Europe/Brussels", texts)
        places = [float(each.left.rstrip("%")) for each in ticks]
        assert places == sorted(places)
        assert (places[0], places[-1], ticks[-1].text) == (0, 100, "maintenant")
        assert 4 <= len(ticks) <= 9
        assert all(17 < place < 83 for place in places[1:-1])  # room for the words at both ends
        (always,) = [float(each.left.rstrip("%")) for each in ticks[1:-1] if not each.less]
        assert 35 < always < 65
    assert timeline.span(None, NOW).begin == NOW - 7 * DAY


def test_a_line_of_one_value_or_none_is_no_division_by_zero() -> None:
    assert timeline.line([], None) == ("", "")
    assert timeline.line([0], 0)[0] == "0.0,38.0"


def test_the_folder_of_templates_has_no_inline_style() -> None:
    folder = Path(timeline.__file__).parent / "templates"
    assert [each.name for each in folder.glob("*.html") if " style=" in each.read_text()] == []
