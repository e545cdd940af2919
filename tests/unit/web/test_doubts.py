"""A finding about a ledger: nothing of its node is green, on the wall, on its page, on a rule's, in either language."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from intendance.agent.judging import judge
from intendance.fleet.beats.presence import Presence
from intendance.fleet.ledgers.decide import Doubt, HeldLedger, RecordBrief
from intendance.fleet.verdicts.standing import NodeBrief, Standing, distrust, stand
from intendance.language.texts import translator
from intendance.model.verdict import State, Verdict
from intendance.web.ledger import ledger_page, ledgers_page
from intendance.web.node import node_page
from intendance.web.nodes import Asked, nodes_page
from intendance.web.render import Frame, Reader, html
from intendance.web.wall import wall
from tests.golden.lives import live
from tests.support.page_text import readable
from tests.support.typography import french_faults

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PLANTED = "<img src=x onerror=alert(1)>"
KINDS = ("fork", "rollback", "chain", "signature")


def doubt(kind: str = "fork", node: str = "wiki", **more: object) -> Doubt:
    told = {"subject": "41 ab", "detail": "as it was found", "exhibit": "a note", "found_at": NOW - timedelta(hours=2)}
    return Doubt(**{"node": node, "incarnation": 1, "kind": kind} | told | more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> tuple[Standing, tuple[Verdict, ...]]:
    """Two nodes of which all holds."""
    state = tmp_path_factory.mktemp("all-well")
    judged = judge(state, live("all-well", state))
    verdicts = tuple(
        replace(each, node=node)
        for node in ("web-01", "wiki")
        for each in judged.verdicts
        if each.state in (State.PASS, State.NOT_APPLICABLE)
    )
    shown, counts = stand(judged.rulebook, verdicts, judged.judged_at)
    nodes = tuple(
        NodeBrief(node=node, site="liège", presence=Presence.UP, last_seen=judged.judged_at) for node in counts
    )
    standing = Standing(
        fleet="f", organisation="ASBL", zone="UTC", judged_at=judged.judged_at, nodes=nodes, rulebook=judged.rulebook,
        verdicts=shown, counts=counts,
    )  # fmt: skip
    return standing, verdicts


def doubted(standing: Standing, *doubts: Doubt) -> Standing:
    found = replace(standing, doubts=doubts)
    return replace(found, counts=distrust(found.counts, found.doubted))


@pytest.mark.parametrize("kind", KINDS)
def test_the_wall_says_it_first_and_is_not_green(well: tuple[Standing, tuple[Verdict, ...]], kind: str) -> None:
    texts = translator("en", "web")
    assert wall(well[0], texts).shape == "pass"
    view = wall(doubted(well[0], doubt(kind)), texts)
    assert view.shape == "fail"
    assert " ".join(view.clauses).startswith("No. One node contradicts itself,")
    assert view.title.startswith("1 contradicts itself")
    (entry, *_rest) = view.sections[0].entries
    assert (entry.name, entry.href, entry.shape) == ("wiki", "/ledger/wiki", "fail")
    assert entry.command == ("intendance", "ledger", "verify")
    assert view.grid is not None
    (row,) = [each for each in view.grid.rows if each.name == "wiki"]
    assert row.hot
    assert {cell.shape for cell in row.cells if cell is not None} <= {"unknown", "na"}


def test_what_another_node_says_still_counts(well: tuple[Standing, tuple[Verdict, ...]]) -> None:
    standing = doubted(well[0], doubt())
    assert standing.summary[State.PASS] * 2 == well[0].summary[State.PASS]
    assert standing.summary[State.UNKNOWN] == standing.summary[State.PASS]


def test_its_own_page_and_the_list_say_it(well: tuple[Standing, tuple[Verdict, ...]]) -> None:
    standing, verdicts = doubted(well[0], doubt()), well[1]
    texts = translator("en", "web")
    view = node_page(standing, "wiki", [each for each in verdicts if each.node == "wiki"], (), texts)
    assert view.wall.shape == "fail"
    assert "pass" not in {line.shape for line in view.held.lines}
    other = node_page(standing, "web-01", [each for each in verdicts if each.node == "web-01"], (), texts)
    assert other.wall.shape == "pass"
    lines = nodes_page(standing, Asked(), texts).listings[0].part.lines
    assert [line.name for line in lines] == ["wiki", "web-01"]
    assert "contradicts itself" in lines[0].told


def test_a_record_that_we_do_not_know_makes_nothing_red(well: tuple[Standing, tuple[Verdict, ...]]) -> None:
    view = wall(doubted(well[0], doubt("undetermined")), translator("en", "web"))
    assert view.shape == "unknown"
    assert view.clauses[0] == "Nobody can tell."
    assert view.sections[0].entries[0].command == ("intendance", "--version")


@pytest.mark.parametrize("kind", [*KINDS, "undetermined", PLANTED])
def test_a_finding_reads_in_both_languages_and_nothing_in_it_is_markup(
    well: tuple[Standing, tuple[Verdict, ...]], kind: str
) -> None:
    found = doubt(kind, detail=PLANTED, exhibit=PLANTED, subject=PLANTED)
    former = replace(found, incarnation=7, settled_at=NOW, settled_by=PLANTED)
    held = HeldLedger(
        node=PLANTED, incarnation=1, origin=PLANTED, fingerprint="f", size=3, signed_size=2, note=PLANTED,
        received_at=NOW, doubts=(found, former),
    )  # fmt: skip
    records = [RecordBrief(seq=2, kind=PLANTED, asset=PLANTED, at="2026-11-22T09:00:00Z", covered=False)]
    standing = doubted(well[0], found)
    for language in ("en", "fr"):
        texts = translator(language, "web")
        reader = Reader(language=language, person="Léa")
        frame = Frame(title="t", address="/ledger/x", typed="intendance ledger verify")
        page = html("ledger.html", frame, reader, texts, view=ledger_page(held, records, None, "UTC", texts))
        page += html("ledgers.html", frame, reader, texts, view=ledgers_page([held], standing, texts))
        assert "<img" not in page
        assert "&lt;img" in page
        if kind != PLANTED and language == "fr":
            prose = " ".join(line for line in readable(page) if "intendance " not in line and "img" not in line)
            assert list(french_faults(prose)) == []


def test_a_ledger_without_a_finding_says_how_far_it_is_signed() -> None:
    held = HeldLedger(
        node="web-01", incarnation=2, origin="f/node/web-01/2", fingerprint="ab", size=120, signed_size=118, note="n",
        received_at=NOW, doubts=(doubt(incarnation=1),),
    )  # fmt: skip
    texts = translator("en", "web")
    view = ledger_page(held, [], None, "UTC", texts)
    assert (view.shape, view.answer) == ("pending", "Yes, but 2 records wait for a signature.")
    assert (view.findings, len(view.former), view.older) == ((), 1, "")
    whole = ledger_page(replace(held, signed_size=120), [], 60, "UTC", texts)
    assert (whole.shape, whole.answer) == ("pass", "Yes: 120 records, whole and signed.")
    assert whole.newest == "/ledger/web-01"
    assert (
        ledger_page(replace(held, size=0, signed_size=0), [], None, "UTC", texts).answer == "Nothing has arrived yet."
    )
