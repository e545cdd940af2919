"""The wall, word for word, in both languages, of fleets made of the lives that `status` is tested with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from intendance.agent.judging import Judgement, judge
from intendance.fleet.alerts.owner import Owner
from intendance.fleet.beats.presence import Presence
from intendance.fleet.verdicts.standing import Head, NodeBrief, Standing, stand
from intendance.language.texts import translator
from intendance.model.verdict import WORST_FIRST, Param, State
from intendance.web import words
from intendance.web.render import Frame, Reader, html
from intendance.web.wall import wall
from tests.golden.lives import live
from tests.support import golden
from tests.support.page_text import readable
from tests.support.typography import french_faults

FOLDER = Path(__file__).parent / "wall"
Language = Literal["en", "fr"]
FLEETS = {
    "trouble": {"web-01": "trouble", "db-01": "excused", "wiki": "all-well"},
    "well": {"web-01": "all-well", "wiki": "all-well"},
    "first-day": {"web-01": "first-day"},
    "nothing": {},
}
PLANTED = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def judgements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judgement]:
    found = {}
    for name in sorted({life for lives in FLEETS.values() for life in lives.values()} | {"all-well"}):
        state = tmp_path_factory.mktemp(name)
        found[name] = judge(state, live(name, state))
    return found


def _standing(judgements: dict[str, Judgement], fleet: str) -> Standing:
    lives = FLEETS[fleet]
    judged = [judgements[life] for life in lives.values()] or [judgements["all-well"]]
    now = max(each.judged_at for each in judged)
    verdicts = [replace(each, node=node) for node, life in lives.items() for each in judgements[life].verdicts]
    shown, counts = stand(judged[0].rulebook, verdicts, now)
    return Standing(
        fleet="asbl-exemple",
        organisation="ASBL Exemple",
        zone="Europe/Brussels",
        judged_at=now,
        nodes=tuple(NodeBrief(node=node, site="liège", presence=Presence.UP, last_seen=now) for node in lives),
        rulebook=judged[0].rulebook,
        verdicts=shown,
        counts=counts,
        owners={("ASBL_010", "web-01", "shop-db"): Owner(person="Léa", until=now)},
        head=Head(size=4821),
    )


def _page(standing: Standing, language: Language) -> str:
    texts = translator(language, "web")
    view = wall(standing, texts)
    frame = Frame(
        title=view.title,
        address="/",
        mark=view.mark,
        icon=view.shape,
        organisation=standing.organisation,
        zone=standing.zone,
        judged_at=standing.judged_at,
    )
    legend = [(words.SHAPES[state], words.word(texts, state)) for state in WORST_FIRST]
    return html(
        "wall.html", frame, Reader(language=language, person="Léa"), texts, wall=view, legend=legend, alerts=None
    )


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("fleet", FLEETS)
def test_what_people_read(judgements: dict[str, Judgement], fleet: str, language: Language) -> None:
    golden.expect(
        FOLDER / f"{fleet}.{language}.txt", golden.text(readable(_page(_standing(judgements, fleet), language)))
    )


@pytest.mark.parametrize("fleet", FLEETS)
def test_french_pages_keep_french_typography(judgements: dict[str, Judgement], fleet: str) -> None:
    lines = readable(_page(_standing(judgements, fleet), "fr"))
    prose = " ".join(line for line in lines if "intendance " not in line and "mariadb:" not in line)
    assert list(french_faults(prose)) == []


def test_nothing_that_a_node_says_is_markup(judgements: dict[str, Judgement]) -> None:
    standing = _standing(judgements, "trouble")
    hostile = [
        replace(each, node=PLANTED, asset=PLANTED, reason=replace(each.reason, params=_hostile(each.reason.params)))
        for each in standing.verdicts
    ]
    shown, counts = stand(standing.rulebook, hostile, standing.judged_at)
    owners: dict[tuple[str, str, str | None], Owner] = {
        (each.rule, PLANTED, PLANTED): Owner(person=PLANTED) for each in shown
    }
    page = _page(replace(standing, verdicts=shown, counts=counts, owners=owners, organisation=PLANTED), "en")
    assert PLANTED not in page
    assert page.count("&lt;script&gt;") > 20


def _hostile(params: Mapping[str, Param]) -> dict[str, Param]:
    plain = {name: value for name, value in params.items() if isinstance(value, str) and not name.endswith("_day")}
    return {**params, **dict.fromkeys(plain, PLANTED)}


def test_a_fleet_too_large_for_a_screen_shows_what_is_wrong_and_folds_the_rest(
    judgements: dict[str, Judgement],
) -> None:
    well, trouble = judgements["all-well"], judgements["trouble"]
    verdicts = [
        replace(each, node=f"node-{number:04}")
        for number in range(1000)
        for each in (trouble if number % 100 == 7 else well).verdicts
    ]
    standing = _standing(judgements, "trouble")
    shown, counts = stand(standing.rulebook, verdicts, standing.judged_at)
    nodes = tuple(NodeBrief(node=node, site=f"site-{int(node[5:]) // 10}") for node in counts)
    page = _page(replace(standing, nodes=nodes, verdicts=shown, counts=counts), "fr")
    assert page.count('<tr><th scope="row" class="hot">') == 10
    assert '<a href="/nodes?show=well">90 autres sites, où rien n’est rompu.</a>' in page
    assert len(page.encode()) < 300_000


@pytest.mark.parametrize(
    ("presence", "counted", "told"),
    [
        (Presence.MISSING, True, "Nobody can tell. One node is silent."),
        (Presence.NEVER, True, "Nobody can tell. One node is silent."),
        (Presence.UP, False, "Nobody can tell. One node is not judged."),
        (Presence.LATE, True, "Yes. All"),
    ],
)
def test_the_answer_is_no_yes_where_nobody_can_answer_for_a_node(
    judgements: dict[str, Judgement], presence: Presence, counted: bool, told: str
) -> None:
    standing = _standing(judgements, "well")
    wiki = replace(standing.nodes[1], presence=presence)
    counts = {name: found for name, found in standing.counts.items() if counted or name != "wiki"}
    well = tuple(each for each in standing.verdicts if each.state is State.PASS)
    passing = {node: {"backup": {State.PASS: 3}} for node in counts}
    view = wall(
        replace(standing, nodes=(standing.nodes[0], wiki), counts=passing, verdicts=well), translator("en", "web")
    )
    assert " ".join(view.clauses).startswith(told)
    assert view.shape == ("pass" if told.startswith("Yes") else "unknown")
