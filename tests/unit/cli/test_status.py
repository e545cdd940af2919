"""`intendance status` and `intendance rules` as they are typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from intendance.catalogue import load as rulebook
from intendance.cli import main
from intendance.ledger.book import Book
from intendance.system.clock import SystemClock
from tests.golden.lives import stands_elsewhere
from tests.support.clock import MovableClock
from tests.support.evidence import Log, drilled, rollup, seen, text, write
from tests.unit.catalogue.away import LEGAL
from tests.unit.catalogue.away import drilled as tried

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def _state(folder: Path, log: Log) -> Path:
    clock = MovableClock(log.facts[0].at - HOUR)
    with Book.create(
        folder, fleet="asbl", node="web-01", openpgp_fingerprint="F" * 40, software="intendance 0.1.0", clock=clock
    ) as book:
        write(book, clock, log)
    return folder


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """When `status` is typed: always the same day, for in the first hour of a year what was declared an hour ago owes
    its copy of the year that is closed."""
    clock = MovableClock(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
    monkeypatch.setattr(SystemClock, "read", lambda _: clock.read())
    return clock.at


def _well(now: datetime, *catalogues: str) -> Log:
    log = Log()
    log.begin(at=now - 3 * DAY, catalogues=catalogues)
    log.nights(now - 2 * DAY - 3 * HOUR, 3)
    log.add(now - timedelta(minutes=40), drilled(now - timedelta(minutes=40), by="self"), "shop-db")
    log.add(now - timedelta(minutes=30), rollup(now - timedelta(minutes=30)))
    log.facts = [stands_elsewhere(fact) for fact in log.facts]
    return log


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main.run([*words])
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def _well_for_long(now: datetime) -> Log:
    """Forty days of nights, and a copy of the year that is closed (the law's), locked and tried."""
    closed = datetime(now.year - 1, 12, 31, 12, tzinfo=UTC)
    begun = now - 40 * DAY
    lasting = replace(seen(closed), lock_until=text(closed + 2562 * DAY))
    log = Log()
    log.begin(at=begun, catalogues=("asbl",), first=min(closed, begun))
    log.nights(begun + DAY - 3 * HOUR, 40)
    log.add(now - 2 * HOUR, tried(lasting), "shop-db")
    log.add(now - timedelta(minutes=40), drilled(now - timedelta(minutes=40), by="self"), "shop-db")
    log.add(now - timedelta(minutes=30), rollup(now - timedelta(minutes=30)))
    last = max(fact.seq for fact in log.facts if fact.kind == "inspection.completed")
    for place, fact in enumerate(log.facts):
        if fact.kind == "asset.declared":
            log.facts[place] = replace(fact, data=replace(fact.data, **LEGAL))
        elif fact.seq == last:
            log.facts[place] = replace(fact, data=replace(fact.data, yearly=(lasting,)))
    log.facts = [stands_elsewhere(fact) for fact in log.facts]
    return log


def test_all_hold(tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    state = _state(tmp_path, _well_for_long(now))
    code, out, _ = _run(capsys, "status", "--asset", "shop-db", "--state", str(state), "--lang", "en")
    assert code == 0
    assert "Yes: the 7 rules that this version judges hold." in out, out
    assert "self-attested" in out


def test_alone_under_maint_is_unknown(tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    state = _state(tmp_path, _well(now, "maint"))
    code, out, _ = _run(capsys, "status", "--state", str(state), "--lang", "fr")
    assert code == 5
    assert "Nul ne peut le dire." in out


def test_a_broken_rule_weighs_more_than_an_unknown_one(
    tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    log.begin(at=now - 10 * DAY)
    code, out, _ = _run(capsys, "status", "--state", str(_state(tmp_path, log)), "--json")
    answer: dict[str, Any] = json.loads(out)
    assert code == 4
    assert answer["schema"] == "intendance.status/1"
    assert answer["summary"]["fail"] > 0
    assert answer["summary"]["unknown"] > 0
    performed = [verdict["state"] for verdict in answer["verdicts"] if verdict["performed"]]
    counted = {state: performed.count(state) for state in ("fail", "unknown", "pending", "pass")}
    assert {state: answer["summary"][state] for state in counted} == counted
    assert answer["summary"]["not_performed"] == sum(not rule.performed for rule in rulebook.load().rules.values()) < 74
    assert answer["verdicts"][0]["state"] == "fail"


def test_pending_is_no_trouble(tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.begin(at=now - HOUR)
    code, out, _ = _run(capsys, "status", "--state", str(_state(tmp_path, log)), "--asset", "shop-db", "--lang", "en")
    assert code == 0
    assert "Nothing is broken." in out


def test_one_rule_comes_with_its_evidence(tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    state = _state(tmp_path, _well(now, "asbl"))
    code, out, _ = _run(capsys, "status", "--rule", "asbl-010", "--state", str(state), "--lang", "en")
    assert code == 0
    assert "Yes: ASBL_010 holds." in out
    assert "intendance ledger show" in out
    assert "ASBL_012" not in out


def test_what_is_not_performed_is_listed_with_all_only(
    tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    state = str(_state(tmp_path, _well(now, "asbl")))
    assert "ASBL_074" not in _run(capsys, "status", "--state", state)[1]
    assert "ASBL_074" in _run(capsys, "status", "--state", state, "--all")[1]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--rule", "ASBL_0100"], 2, "the nearest is ASBL_010"),
        (["--rule", "MAINT_010"], 2, "follows asbl, not maint"),
        (["--asset", "shop-dp"], 2, "did you mean `shop-db`"),
    ],
)
def test_names_that_are_none_are_refused_with_the_next_step(
    tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str], words: list[str], code: int, said: str
) -> None:
    state = _state(tmp_path, _well(now, "asbl"))
    found, out, err = _run(capsys, "status", "--state", str(state), *words)
    assert (found, out) == (code, "")
    assert said in err
    assert "→" in err


def test_without_a_state_or_a_plan_it_says_to_adopt_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "status", "--state", str(tmp_path / "none"))
    assert code == 2
    assert "plan adopt" in err
    clock = MovableClock(datetime(2026, 10, 1, tzinfo=UTC))
    Book.create(tmp_path, fleet="a", node="b", openpgp_fingerprint="F" * 40, software="x", clock=clock).close()
    assert _run(capsys, "status", "--state", str(tmp_path))[0] == 2


def test_old_evidence_is_read_however_old(tmp_path: Path, now: datetime, capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.begin(at=now - 300 * DAY, catalogues=("asbl",))
    log.nights(now - 299 * DAY, 3)
    _, out, _ = _run(capsys, "status", "--rule", "ASBL_010", "--state", str(_state(tmp_path, log)), "--json")
    (verdict,) = json.loads(out)["verdicts"]
    assert verdict["reason"]["code"] == "too_old"
    assert verdict["since_at_least"] is False


def test_only_what_is_needed_is_imported(tmp_path: Path, now: datetime) -> None:
    """`status` within 400 ms: neither Typer, pydantic nor rich, nor what moves backups or makes archives."""
    state = _state(tmp_path, _well(now, "asbl"))
    probe = (
        "import sys; from intendance.cli import main\n"
        "try: main.run(['status', '--state', sys.argv[1]])\n"
        "except SystemExit: pass\n"
        "print(*[m for m in ('typer', 'pydantic', 'rich', 'shutil', 'subprocess', 'intendance.engines',"
        " 'intendance.stores', 'intendance.activities')"
        " if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, str(state)], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stderr.split() == []
    assert "ASBL_010" in done.stdout


def test_rules_are_listed_by_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "rules", "list", "--catalogue", "asbl", "--lang", "fr")
    assert code == 0
    assert "38 règles, 10 jugées par cette version" in out
    assert "MAINT_001" not in out
    everything = json.loads(_run(capsys, "rules", "list", "--json")[1])
    assert len(everything["rules"]) == 74
    assert _run(capsys, "rules", "list", "--catalogue", "iso")[0] == 2


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_rule_has_its_page(capsys: pytest.CaptureFixture[str], language: str) -> None:
    rules = json.loads(_run(capsys, "rules", "list", "--json")[1])["rules"]
    for rule in rules[:: 7 if language == "en" else 11]:
        code, out, _ = _run(capsys, "rules", "show", rule["id"], "--lang", language)
        assert code == 0
        assert out.startswith(rule["title"][language])
        assert rule["source"] in " ".join(out.split())
        shown = json.loads(_run(capsys, "rules", "show", rule["id"], "--json")[1])["rule"]
        assert shown == rule


def test_a_rule_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "rules", "show", "MAINT_10")
    assert code == 2
    assert "the nearest is MAINT_010" in err
