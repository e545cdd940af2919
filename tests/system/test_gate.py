"""`gate` as a pipeline calls it: exit codes, one sentence for what is wrong, a record only when a repair passed."""

from __future__ import annotations

import pytest

from intendance.ledger.book import Book
from intendance.system.clock import SystemClock
from tests.support.state import Site

pytestmark = pytest.mark.gnupg


def _passages(site: Site) -> int:
    with Book.open(site.state, SystemClock()) as book:
        return len(book.facts("gate.passed"))


def test_a_rule_that_nobody_can_judge_keeps_it_shut(site: Site) -> None:
    """The plan has no database, and nobody has said that the machine has none."""
    answer = site.run("gate", "--json")
    assert (answer.code, answer.json["open"], answer.json["scope"]["assets"]) == (5, False, ["site-files"])
    assert {(each["rule"], each["state"]) for each in answer.json["closed_by"]} == {("ASBL_010", "unknown")}


def test_a_damaged_set_shuts_it_and_no_repair_passes_beside_what_is_unknown(site: Site) -> None:
    assert site.run("backup", "run").code == 0
    (found,) = site.sets()
    part = next(path for path in found.iterdir() if path.name.endswith(".gpg"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.chmod(0o600)
    part.write_bytes(content)
    site.run("backup", "inspect", "--deep")
    shut = site.run("gate")
    assert shut.code == 4
    assert shut.out.startswith("✖\N{NO-BREAK SPACE}The gate of web-01 is shut: a blocking rule is broken.")
    assert "intendance " in shut.out
    broken = {each["rule"] for each in site.run("gate", "--json").json["closed_by"] if each["state"] == "fail"}
    repair = site.run("gate", "--fixes", min(broken), "--ticket", "OPS-118", "--json")
    assert repair.code in {4, 5}
    assert repair.json["evidence"] is None
    assert {each["rule"] for each in repair.json["let_through"]} == {min(broken)}
    assert _passages(site) == 0


def test_what_is_typed_wrong_is_one_sentence(site: Site) -> None:
    for words, said in (
        (("--fixes", "ASBL_011"), "under a ticket only"),
        (("--ticket", "OPS-118"), "without the rule"),
        (("--fixes", "ASBL_011", "--ticket", "OPS-118"), "is not broken"),
        (("--fixes", "ASBL_1O", "--ticket", "OPS-118"), "no rule `ASBL_1O`"),
        (("--fixes", "ASBL_011", "--ticket", ""), "it is empty"),
    ):
        refused = site.run("gate", *words)
        assert (refused.code, refused.out) == (2, ""), words
        assert said in refused.err
    assert _passages(site) == 0
