"""Pages of a fleet of ten thousand nodes: the worst first, the rest folded to a line, no page large."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from intendance.catalogue.load import load
from intendance.fleet.beats.presence import Presence
from intendance.fleet.ledgers.decide import HeldLedger
from intendance.fleet.verdicts.standing import NodeBrief, Standing, Subject
from intendance.language.texts import translator
from intendance.model.verdict import Severity, State
from intendance.web import rule
from intendance.web.ledger import ledgers_page
from intendance.web.nodes import Asked, nodes_page
from intendance.web.parts import PART, number_in, part_of
from intendance.web.wall import ROWS, wall

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
EN = translator("en", "web")
FAILING = {"backup": {State.FAIL: 2, State.PASS: 5}}
WELL = {"backup": {State.PASS: 7}}


def _fleet(count: int, *, broken: frozenset[int] = frozenset(), silent: int = -1, sited: bool = True) -> Standing:
    names = [f"node-{number:05}" for number in range(count)]
    return Standing(
        fleet="f",
        organisation="ASBL Exemple",
        zone="UTC",
        judged_at=NOW,
        nodes=tuple(
            NodeBrief(
                node=name,
                site=f"site-{at // 10:04}" if sited else None,
                presence=Presence.MISSING if at == silent else Presence.UP,
                last_seen=NOW,
            )
            for at, name in enumerate(names)
        ),
        rulebook=load(),
        verdicts=(),
        counts={name: FAILING if at in broken else WELL for at, name in enumerate(names)},
    )


def test_of_a_large_fleet_those_in_trouble_are_listed_and_the_rest_is_one_line() -> None:
    view = nodes_page(_fleet(1000, broken=frozenset({7, 400}), silent=999), Asked(), EN)
    (listing,) = view.listings
    assert [line.name for line in listing.part.lines] == ["node-00999", "node-00007", "node-00400"]
    assert view.facts == ("100 sites", "3 to look at")
    assert view.fold is not None
    assert (view.fold.told, view.fold.href) == ("997 more nodes, where nothing is broken.", "/nodes?show=well")


def test_what_is_folded_is_found_by_site_and_each_site_lists_its_nodes() -> None:
    fleet = _fleet(2000, broken=frozenset({7}))
    (first,) = nodes_page(fleet, Asked(chosen="well"), EN).listings
    assert (first.by_site, len(first.part.lines), first.part.told) == (True, PART, "1 to 100 of 200")
    assert (first.part.before, first.part.after) == ("", "/nodes?show=well&part=2")
    (second,) = nodes_page(fleet, Asked(chosen="well", part=2), EN).listings
    assert {line.name for line in (*first.part.lines, *second.part.lines)} == {f"site-{n:04}" for n in range(200)}
    assert (first.part.lines[0].href, first.part.lines[0].site) == ("/nodes?site=site-0000", "9 nodes")
    (here,) = nodes_page(fleet, Asked(site="site-0000"), EN).listings
    assert len(here.part.lines) == 10
    assert here.part.lines[0].name == "node-00007"


def test_many_in_trouble_are_told_by_site_the_worst_first() -> None:
    broken = frozenset(range(300)) - {0}
    (listing,) = nodes_page(_fleet(1000, broken=broken, silent=500), Asked(chosen="trouble"), EN).listings
    assert (listing.by_site, listing.label) == (True, "300 to look at")
    assert listing.part.lines[0].name == "site-0050", "a silent node before broken ones"
    assert listing.part.lines[0].presence == "1 silent"
    assert listing.part.lines[1].told == "18 broken, 45 hold"


def test_a_fleet_without_sites_is_listed_in_parts() -> None:
    fleet = _fleet(250, sited=False)
    seen: list[str] = []
    for number in (1, 2, 3):
        (listing,) = nodes_page(fleet, Asked(chosen="well", part=number), EN).listings
        assert not listing.by_site
        seen += [line.name for line in listing.part.lines]
    assert seen == [each.node for each in fleet.nodes]


def test_a_small_fleet_is_listed_whole() -> None:
    view = nodes_page(_fleet(12, broken=frozenset({3})), Asked(), EN)
    assert [len(each.part.lines) for each in view.listings] == [12]
    assert view.fold is None


def test_the_wall_of_a_fleet_in_which_everything_is_broken_has_an_end() -> None:
    view = wall(_fleet(10_000, broken=frozenset(range(10_000))), EN)
    assert view.grid is not None
    assert len(view.grid.rows) == ROWS
    assert view.grid.more is not None
    assert (view.grid.more.told, view.grid.more.href) == ("900 more sites to look at.", "/nodes?show=trouble")
    assert view.grid.folded is None


def _subjects(states: list[State]) -> list[Subject]:
    found = [
        Subject(node=f"node-{at:05}", asset=None, state=state, severity=Severity.BLOCKING)
        for at, state in enumerate(states)
    ]
    return sorted(found, key=Subject.rank)


def test_a_rule_shows_where_it_does_not_hold_and_folds_where_it_does() -> None:
    book = load()
    found = book.rules["ASBL_010"]
    subjects = _subjects([State.PASS] * 5000 + [State.FAIL] * 90 + [State.WAIVED])
    first = rule.chosen(found, subjects, "", 1, EN)
    assert {each.state for each in first.lines} == {State.FAIL}
    assert (first.told, first.after) == (f"1 to {rule.STRIPS} of 91", "/rules/ASBL_010?part=2")
    held = rule.chosen(found, subjects, rule.HOLDS, 2, EN)
    assert {each.state for each in held.lines} == {State.PASS}
    assert held.before == "/rules/ASBL_010?show=holds"
    view = rule.rule_page(_fleet(1), found, subjects, first.having(()), "", EN)
    assert view.answer == "Broken in 90 places."
    assert view.fold is not None
    assert view.fold.told == "It holds in 5,000 more places."


def _ledger(number: int, *, signed: int) -> HeldLedger:
    return HeldLedger(
        node=f"node-{number:05}", incarnation=1, origin="o", fingerprint="f", size=10, signed_size=signed, note="",
        received_at=NOW,
    )  # fmt: skip


def test_of_many_ledgers_those_that_are_whole_are_folded() -> None:
    ledgers = [_ledger(number, signed=9 if number < 3 else 10) for number in range(1000)]
    view = ledgers_page(ledgers, _fleet(1), EN)
    assert len(view.shown.lines) == 3
    assert view.fold is not None
    assert (view.fold.told, view.fold.href) == ("997 more ledgers, whole and signed.", "/ledger?show=well")
    well = ledgers_page(ledgers, _fleet(1), EN, show="well", part=10)
    assert (len(well.shown.lines), well.shown.told) == (97, "901 to 997 of 997")
    few = ledgers_page(ledgers[:20], _fleet(1), EN)
    assert (len(few.shown.lines), few.fold) == (20, None)


@pytest.mark.parametrize("asked", ["", "0", "-1", "x", "²", "9" * 40, "1e3", "99999"])
def test_a_part_that_is_none_is_the_first_or_the_last(asked: str) -> None:
    shown = part_of(range(250), number_in(asked), str, EN)
    assert shown.told == ("201 to 250 of 250" if asked == "99999" else "1 to 100 of 250")


def test_every_line_is_in_one_part() -> None:
    for count in (0, 1, 99, 100, 101, 250):
        seen: list[int] = []
        number = 1
        while True:
            shown = part_of(range(count), number, str, EN)
            seen += shown.lines
            if not shown.after:
                break
            number = int(shown.after)
        assert seen == list(range(count))


def test_a_fleet_without_a_node_says_how_one_joins_and_lists_nothing() -> None:
    view = nodes_page(_fleet(0), Asked(), EN)
    assert (view.heading, view.listings) == ("No node has joined yet.", ())
    commands = [" ".join(step.command) for step in view.steps]
    assert commands == [
        "intendance init",
        "intendance node enroll NAME",
        "intendance node join ADDRESS --token token.txt",
    ]
    assert view.steps == wall(_fleet(0), EN).steps
    assert nodes_page(_fleet(1), Asked(), EN).steps == ()


def test_a_site_that_is_none_lists_nothing() -> None:
    assert nodes_page(_fleet(1), Asked(site="elsewhere"), EN).listings == ()
